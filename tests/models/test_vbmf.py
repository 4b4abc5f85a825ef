"""VBMF recovers the factors of ratings, shrinks uncertain ones, and beats SVD on public data."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.core.domain import NO_TIME, EventBatch, EventKind, FloatArray, IntArray
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import Interactions, TrainingData, training_data
from src.interactions.vocabulary import Vocabulary
from src.models.base import QueryRows
from src.models.kernels import vbmf_trainer, vbmf_users
from src.models.kernels.vbmf_kernels import Weights
from src.models.kernels.vbmf_side import Side
from src.models.kernels.vbmf_trainer import fit
from src.models.settings import AllSettings
from src.models.vbmf import Vbmf, VbmfParams, train
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared/data"
PARAMS = VbmfParams(1.0, 5.0, factors=4)
N_USERS, N_ITEMS, N = 120, 90, 4_000


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Ratings of one strong factor, and biases; noise of deviation 0.3."""
    rng = np.random.default_rng(2)
    pairs = rng.choice(N_USERS * N_ITEMS, N, replace=False)
    user, item = pairs // N_ITEMS, pairs % N_ITEMS
    taste = rng.normal(0, 1, N_USERS)[user] * rng.normal(0, 0.8, N_ITEMS)[item]
    score = 3.2 + rng.normal(0, 0.3, N_USERS)[user] + rng.normal(0, 0.3, N_ITEMS)[item] + taste
    rating = score + rng.normal(0, 0.3, N)
    return pd.DataFrame({"user": [f"u{u}" for u in user], "item": [f"p{i}" for i in item], "rating": rating})


def data_of(frame: pd.DataFrame, extra: tuple[str, str, str] | None = None) -> TrainingData:
    users, items, kinds = frame["user"].tolist(), frame["item"].tolist(), ["rating"] * len(frame)
    values = frame["rating"].tolist()
    if extra:  # first, so that a wrong numbering of rows would show
        users, items, kinds, values = [extra[0], *users], [extra[1], *items], [extra[2], *kinds], [1.0, *values]
    at = np.full(len(users), NO_TIME, np.int64)
    return training_data([EventBatch(users, items, kinds, np.array(values), at)])


def ratings_of(user: IntArray, item: IntArray, value: FloatArray, n: tuple[int, int] | None = None) -> Interactions:
    """n: how many users and items there are, if more than are named."""
    counts = n or (int(user.max()) + 1, int(item.max()) + 1)
    users, items = (Vocabulary.of([str(at) for at in range(count)]) for count in counts)
    rows = (user.astype(np.int32), item.astype(np.int32), value.astype(np.float32))
    return Interactions(users, items, *rows, np.zeros(len(user), np.int64))


def rmse_on(model: Vbmf, test: Interactions) -> float:
    return float(np.sqrt(np.mean((model.rate(test.user_idx, test.item_idx) - test.value) ** 2)))


def query(user: int, *items: int) -> QueryRows:
    return QueryRows(user, np.array(items, np.int64), np.ones(len(items), np.float32))


def test_it_predicts_ratings_it_has_not_seen_nearly_as_well_as_their_noise_allows(frame: pd.DataFrame) -> None:
    data = data_of(frame)
    params = replace(PARAMS, rating_min=-10.0, rating_max=20.0)
    model = train(data.take(np.arange(N * 4 // 5)), params, seed=1)
    assert rmse_on(model, data.take(np.arange(N * 4 // 5, N)).ratings) < 0.37


def test_factors_that_the_ratings_do_not_support_are_zero(frame: pd.DataFrame) -> None:
    model = train(data_of(frame), replace(PARAMS, factors=6, sweeps=60), seed=1)
    strength = np.linalg.svd(model.user_factors @ model.item_factors.T, compute_uv=False)
    assert strength[1] < 0.02 * strength[0]


def test_ratings_that_are_noise_are_predicted_by_their_mean() -> None:
    rng = np.random.default_rng(4)
    noise = ratings_of(rng.integers(0, 50, 600), rng.integers(0, 40, 600), rng.normal(3, 1, 600))
    model = Vbmf.of(fit(noise, factors=4, sweeps=30, seed=1), PARAMS, noise)
    predicted = model.rate(noise.user_idx, noise.item_idx)
    assert np.abs(predicted - noise.value.mean()).max() < 0.45
    assert np.abs(model.user_factors @ model.item_factors.T).max() < 0.05


def test_few_ratings_move_a_user_less_than_many() -> None:
    """The last users give every product one star more than the others do: one of them 30 times, one of them once."""
    rng = np.random.default_rng(6)
    user = np.concatenate([np.repeat(np.arange(60), 30), np.full(30, 60), [61]])
    item = np.concatenate([*(rng.permutation(50)[:30] for _ in range(61)), [0]])
    bias = np.append(rng.normal(0, 0.5, 60), [1.0, 1.0])
    ratings = ratings_of(user, item, 3 + bias[user] + rng.normal(0, 0.7, len(user)))
    model = Vbmf.of(fit(ratings, factors=2, sweeps=30, seed=1), PARAMS, ratings)
    everything = np.arange(50)
    often, once, unknown = (
        model.rate(np.full(50, row), everything).mean() - model.rate(np.full(50, -1), everything).mean()
        for row in (60, 61, -1)
    )
    assert often == pytest.approx(1.0, abs=0.35)
    assert abs(once) < 0.7 * often
    assert unknown == 0


def test_which_products_were_rated_tells_something_of_the_users_taste() -> None:
    """Two groups of users rate, each, products of its own, and judge the products that all rate oppositely."""
    rng = np.random.default_rng(8)
    rows = []
    for user in range(200):
        group = user % 2
        rows += [(user, 20 + group * 20 + at, 3.0) for at in rng.permutation(20)[:8]]
        shared = rng.permutation(20)[: 0 if user >= 180 else 6]
        rows += [(user, at, 4.0 if (at % 2 == group) else 2.0) for at in shared]
    user, item, value = (np.array(column) for column in zip(*rows, strict=True))
    ratings = ratings_of(user, item, value + rng.normal(0, 0.3, len(value)))
    model = Vbmf.of(fit(ratings, factors=2, sweeps=60, seed=1), PARAMS, ratings)
    silent, everything = np.arange(180, 200), np.arange(20)
    for user_idx in silent.tolist():
        predicted = model.rate(np.full(20, user_idx), everything)
        assert predicted[user_idx % 2 :: 2].mean() > predicted[1 - user_idx % 2 :: 2].mean() + 0.8


def test_an_unknown_user_and_a_new_product_count_as_average_ones(frame: pd.DataFrame) -> None:
    model = train(data_of(frame, ("clicker", "clicked", "click")), PARAMS, seed=1)
    users, items = np.arange(1, N_USERS + 1), np.arange(1, N_ITEMS + 1)
    np.testing.assert_allclose(model.user_factors[users].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose([model.user_bias[users].mean(), model.item_bias[items].mean()], 0, atol=1e-5)
    assert model.plain_rate(np.array([-1]), np.array([-1])) == pytest.approx(model.mean)
    assert model.rate(np.array([0]), np.array([5])) == model.rate(np.array([-1]), np.array([5]))
    assert model.rate(np.array([5]), np.array([0])) == model.rate(np.array([5]), np.array([-1]))


def test_a_user_with_clicks_only_gets_no_list_and_others_get_rated_products(frame: pd.DataFrame) -> None:
    data = data_of(frame, ("clicker", "clicked", "click"))
    model = train(data, PARAMS, seed=1)
    assert len(model.retrieve(query(0, 0), 10).item_idx) == 0
    found = model.retrieve(query(7), 1_000)
    assert set(found.item_idx.tolist()) == set(range(1, N_ITEMS + 1))
    rated = model.plain_rate(np.full(len(found.item_idx), 7), found.item_idx)
    np.testing.assert_allclose(np.clip(found.score, 1, 5), rated, rtol=1e-5)


def test_ratings_in_another_unit_are_predicted_in_that_unit(frame: pd.DataFrame) -> None:
    wide = frame.assign(rating=frame["rating"] * 20 - 7)
    one = train(data_of(frame), replace(PARAMS, rating_min=-100, rating_max=100), seed=1)
    other = train(data_of(wide), replace(PARAMS, rating_min=-1000, rating_max=1000), seed=1)
    pairs = np.arange(60), np.arange(60)
    np.testing.assert_allclose(other.rate(*pairs), one.rate(*pairs) * 20 - 7, atol=1.0)


@pytest.mark.parametrize("value", [[4.0], [4.0, 4.0, 4.0], [1.0, 5.0]])
def test_a_handful_of_ratings_is_enough(value: list[float]) -> None:
    ratings = ratings_of(np.arange(len(value)) // 2, np.arange(len(value)), np.array(value))
    model = Vbmf.of(fit(ratings, factors=8, sweeps=30, seed=1), PARAMS, ratings)
    predicted = model.rate(np.array([0, -1]), np.array([0, -1]))
    assert np.all((predicted >= min(value) - 1e-3) & (predicted <= max(value) + 1e-3))


def test_the_number_of_threads_does_not_change_the_model_and_the_seed_does(frame: pd.DataFrame) -> None:
    ratings = data_of(frame).ratings
    one, same, other = (fit(ratings, factors=3, sweeps=5, seed=s, n_threads=n) for s, n in ((1, 1), (1, 3), (2, 1)))
    np.testing.assert_array_equal(one.user_factors, same.user_factors)
    assert not np.array_equal(one.user_factors, other.user_factors)


def test_users_with_the_same_one_rating_are_trained_once_and_the_model_stays_the_same(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratings = data_of(frame).ratings
    rng = np.random.default_rng(3)
    single = np.arange(N_USERS, N_USERS + 300)
    user, item = np.append(ratings.user_idx, single), np.append(ratings.item_idx, rng.integers(0, 5, 300))
    more = ratings_of(user, item, np.append(ratings.value, rng.integers(1, 6, 300)))
    once = fit(more, factors=3, sweeps=40, seed=1)

    def each(user: IntArray, item: IntArray, value: FloatArray, n_users: int) -> vbmf_users.DistinctUsers:
        return vbmf_users.DistinctUsers(
            np.arange(len(user)), user, np.arange(n_users, dtype=np.int32), np.ones(n_users, np.float32)
        )

    assert vbmf_users.distinct_users(more.user_idx, more.item_idx, more.value, more.n_users).weight.max() > 5
    monkeypatch.setattr(vbmf_trainer, "distinct_users", each)
    all_users = fit(more, factors=3, sweeps=40, seed=1)
    one, other = (Vbmf.of(fitted, PARAMS, more).rate(more.user_idx, more.item_idx) for fitted in (once, all_users))
    np.testing.assert_allclose(one, other, atol=0.02)
    assert np.sqrt(np.mean((one - other) ** 2)) < 0.003


def test_a_training_that_continues_is_as_good_after_few_sweeps(frame: pd.DataFrame) -> None:
    data, params = data_of(frame), replace(PARAMS, rating_min=-10.0, rating_max=20.0)
    test, learn = data.take(np.arange(N * 4 // 5, N)).ratings, data.take(np.arange(N * 4 // 5))
    before = train(data.take(np.arange(N * 3 // 5)), params, seed=1)
    anew, continued = train(learn, params, seed=1), train(learn, params, seed=1, start=before)
    assert rmse_on(continued, test) < rmse_on(anew, test) + 0.003
    assert not np.array_equal(continued.item_factors, anew.item_factors)


def test_every_sweep_lowers_the_expected_error_at_the_beginning(frame: pd.DataFrame) -> None:
    ratings = data_of(frame).ratings
    value = ratings.value - ratings.value.mean()
    of_users, of_items = np.ones(N_USERS, np.float32), np.ones(N_ITEMS, np.float32)
    by_user = Side.of(ratings.user_idx, ratings.item_idx, value, Weights(of_users, of_items), 5)
    by_item = Side.of(ratings.item_idx, ratings.user_idx, value, Weights(of_items, of_users), 5)
    by_item.start(1)
    errors = [float((value**2).sum())]
    for _ in range(5):
        by_user.update(by_item, N / errors[-1], None)
        errors.append(by_item.update(by_user, N / errors[-1], None))
    assert np.all(np.diff(errors) < 0)


def test_everything_is_kept_as_float32_and_params_by_their_names(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = train(data_of(frame), PARAMS, seed=1)
    model.save(tmp_path)
    loaded = Vbmf.load(tmp_path)
    assert {getattr(loaded, name).dtype.name for name in Vbmf.ARRAYS} == {"float32", "int32"}
    assert asdict(loaded.params) == asdict(PARAMS)
    assert loaded.describe() == {"n_users": N_USERS, "n_items": N_ITEMS, "n_factors": 4}


def test_its_parameters_take_the_scale_from_the_settings() -> None:
    params = VbmfParams.of(AllSettings(rating_min=0, rating_max=10))
    assert (params.rating_min, params.rating_max) == (0, 10)


def test_numba_is_not_imported_before_training() -> None:
    check = "import sys, src.models.vbmf; print([name for name in sys.modules if name.split('.')[0] == 'numba'])"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.stdout.strip() == "[]", done.stderr


def of_public_rows(frame: pd.DataFrame, rows: IntArray) -> TrainingData:
    (user, users), (item, items) = (pd.factorize(frame.iloc[:, at]) for at in (0, 1))
    ratings = ratings_of(user[rows], item[rows], frame.iloc[rows, 2].to_numpy(), (len(users), len(items)))
    return TrainingData(ratings, np.full(len(rows), KIND_ORDER.index(EventKind.RATING), np.int8))


def test_on_public_electronics_its_error_is_below_that_of_tuned_svd() -> None:
    path = SHARED / "amazon-electronics-50x5/df_final.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not here: the public data set to compare on")
    frame = pd.read_csv(path)
    order, n_test = np.random.RandomState(42).permutation(len(frame)), int(np.ceil(0.2 * len(frame)))
    model = train(of_public_rows(frame, order[:-n_test]), VbmfParams(1, 5), seed=1)
    assert rmse_on(model, of_public_rows(frame, order[-n_test:]).ratings) == pytest.approx(0.8759, abs=5e-4)


def test_on_movielens_its_error_is_below_that_of_svdpp() -> None:
    path = SHARED / "movielens-100k/u.data"
    if not path.is_file():
        pytest.skip(f"{path} is not here: the public data set to compare on")
    frame = pd.read_csv(path, sep="\t", header=None)
    shuffled = np.arange(len(frame))
    np.random.RandomState(0).shuffle(shuffled)
    found = []
    for test in np.array_split(shuffled, 5):
        model = train(of_public_rows(frame, shuffled[~np.isin(shuffled, test)]), VbmfParams(1, 5), seed=1)
        found.append(rmse_on(model, of_public_rows(frame, test).ratings))
    assert np.mean(found) < 0.894
