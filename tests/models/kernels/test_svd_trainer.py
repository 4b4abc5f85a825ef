"""The compiled loop is Surprise's: the same factors in its order, the same error in blocks, the same uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from surprise import SVD, Dataset, KNNBasic, Reader, Trainset, accuracy
from surprise.model_selection import GridSearchCV, KFold, cross_validate, train_test_split

from src.interactions.interactions import Interactions
from src.interactions.vocabulary import Vocabulary
from src.models.kernels import svd_trainer
from src.models.kernels.svd_blocks import N_STRIPES, Blocks
from src.models.kernels.svd_trainer import CompiledSVD, Engine, SgdOptions, fit
from src.models.kernels.svd_trainset import ArrayTrainset, RatingRows

MOVIELENS = Path(__file__).resolve().parents[4] / "shared/data/movielens-100k/u.data"
READER = Reader(rating_scale=(1, 5))
N_USERS, N_ITEMS, N = 150, 80, 4_000


def random_frame() -> pd.DataFrame:
    """Ratings with something to learn in them, in no order; most users have few."""
    rng = np.random.default_rng(5)
    pairs = np.unique(rng.integers(0, N_USERS, N) ** 2 // N_USERS * N_ITEMS + rng.integers(0, N_ITEMS, N))
    rng.shuffle(pairs)
    user, item = pairs // N_ITEMS, pairs % N_ITEMS
    score = 3.5 + rng.normal(0, 0.7, N_USERS)[user] + rng.normal(0, 0.7, N_ITEMS)[item]
    rating = (score + rng.normal(0, 0.5, len(pairs))).round().clip(1, 5)
    return pd.DataFrame({"user": [f"u{u}" for u in user], "item": [f"p{i}" for i in item], "rating": rating})


def movielens_frame() -> pd.DataFrame:
    if not MOVIELENS.is_file():
        pytest.skip(f"{MOVIELENS} is not here: the public data set to compare on")
    return pd.read_csv(MOVIELENS, sep="\t", header=None, usecols=[0, 1, 2], names=["user", "item", "rating"])


FRAMES = {"random": random_frame, "movielens": movielens_frame}


@pytest.fixture(scope="module", params=FRAMES)
def frame(request: pytest.FixtureRequest) -> pd.DataFrame:
    return FRAMES[request.param]()


def trainset_of(frame: pd.DataFrame) -> Trainset:
    return Dataset.load_from_df(frame, READER).build_full_trainset()


def interactions_of(frame: pd.DataFrame, extra: int = 0) -> Interactions:
    """Return interactions whose vocabularies begin with `extra` ids without ratings; others are not in row order."""
    columns = [frame[name].astype(str) for name in ("user", "item")]
    ids = [[*(f"none{at}" for at in range(extra)), *sorted(column.unique())] for column in columns]
    rows = [pd.Index(names).get_indexer(column).astype(np.int32) for names, column in zip(ids, columns, strict=True)]
    value = frame["rating"].to_numpy(np.float32)
    return Interactions(
        Vocabulary.of(ids[0]), Vocabulary.of(ids[1]), rows[0], rows[1], value, np.zeros(len(frame), np.int64)
    )


def assert_same_factors(mine: Any, theirs: Any, tolerance: float) -> None:
    for name in ("pu", "qi", "bu", "bi"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=0, atol=tolerance, err_msg=name)


def test_in_surprises_order_the_factors_are_surprises(frame: pd.DataFrame) -> None:
    trainset = trainset_of(frame)
    theirs = SVD(random_state=3).fit(trainset)
    for precision, tolerance in (("float64", 1e-9), ("float32", 1e-4)):
        mine = CompiledSVD(random_state=3, precision=precision, order="surprise").fit(trainset)
        assert_same_factors(mine, theirs, tolerance)
        assert mine.pu.dtype == mine.bi.dtype == precision


@pytest.mark.parametrize(
    "options",
    [
        {"n_factors": 7, "n_epochs": 3, "init_mean": 0.1, "init_std_dev": 0.3},
        {"n_epochs": 4, "lr_bu": 0.01, "lr_bi": 0.02, "lr_pu": 0.03, "lr_qi": 0.04},
        {"n_epochs": 4, "reg_bu": 0.1, "reg_bi": 0.2, "reg_pu": 0.3, "reg_qi": 0.4},
        {"n_epochs": 4, "biased": False},
        {"n_epochs": 0},
        {"n_epochs": 2, "random_state": np.random.RandomState},
    ],
)
def test_every_argument_means_what_it_means_to_surprise(options: dict[str, Any]) -> None:
    trainset = trainset_of(random_frame())
    shared = {"random_state": 1} | options
    if callable(shared["random_state"]):
        theirs, mine = (kind(**shared | {"random_state": np.random.RandomState(8)}) for kind in (SVD, CompiledSVD))
    else:
        theirs, mine = SVD(**shared), CompiledSVD(**shared)
    mine.precision = "float64"
    assert_same_factors(mine.fit(trainset), theirs.fit(trainset), 1e-9)
    for pair in (("u149", "p1"), ("u149", "nothing"), ("nobody", "p1"), ("nobody", "nothing")):
        assert mine.predict(*pair).est == pytest.approx(theirs.predict(*pair).est, abs=1e-9)


def test_in_blocks_the_error_stays_surprises(frame: pd.DataFrame) -> None:
    data = Dataset.load_from_df(frame, READER)
    trainset, testset = train_test_split(data, test_size=0.2, random_state=0)
    # The starting values alone change a small set's error by more than what is allowed: few factors, and a mean.
    seeds, n_factors = (range(1), 100) if len(frame) > N else (range(8), 10)
    found = []
    for algorithm, options in ((SVD, {}), (CompiledSVD, {"order": "blocks"})):
        models = [algorithm(n_factors, random_state=seed, **options).fit(trainset) for seed in seeds]
        found.append(np.mean([accuracy.rmse(model.test(testset), verbose=False) for model in models]))
    assert found[1] == pytest.approx(found[0], abs=0.002)


def test_the_number_of_threads_does_not_change_the_factors_and_the_seed_does() -> None:
    trainset = trainset_of(random_frame())
    one, same, other = (
        CompiledSVD(order="blocks", n_threads=n, n_epochs=3, random_state=seed).fit(trainset)
        for n, seed in ((1, 1), (5, 1), (1, 2))
    )
    assert_same_factors(one, same, 0)
    assert not np.array_equal(one.pu, other.pu)


def test_blocks_hold_every_rating_once_and_those_of_a_turn_share_neither_user_nor_item() -> None:
    rows = RatingRows.of(trainset_of(random_frame()))
    blocks = Blocks.of(rows, "float32")
    turns = list(blocks.turns())
    seen = np.concatenate([np.arange(part.start, part.stop) for turn in turns for part in turn])
    np.testing.assert_array_equal(np.sort(seen), np.arange(len(rows)))
    given = sorted(zip(rows.user.tolist(), blocks.item_place[rows.item].tolist(), rows.rating.tolist(), strict=True))
    assert sorted(zip(blocks.user.tolist(), blocks.item.tolist(), blocks.rating.tolist(), strict=True)) == given
    for turn in turns:
        assert len(turn) == N_STRIPES
        for ids in (blocks.user, blocks.item):
            sets = [set(ids[part].tolist()) for part in turn]
            assert len(set().union(*sets)) == sum(len(ids_of_block) for ids_of_block in sets)


def test_starting_values_in_blocks_are_normal_with_the_mean_and_deviation_asked_for() -> None:
    trainset = trainset_of(random_frame())
    options: dict[str, Any] = {"n_factors": 1_000, "n_epochs": 0, "init_mean": 0.5, "init_std_dev": 0.2}
    start = CompiledSVD(**options, random_state=1, order="blocks").fit(trainset)
    drawn = (np.concatenate([start.pu, start.qi]).ravel() - 0.5) / 0.2
    moments = [(drawn**power).mean() for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.08)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.02


def test_many_ratings_are_learnt_in_blocks_and_few_in_surprises_order(monkeypatch: pytest.MonkeyPatch) -> None:
    trainset = trainset_of(random_frame())
    by_order = {order: CompiledSVD(order=order, random_state=1).fit(trainset) for order in ("surprise", "blocks")}
    assert_same_factors(CompiledSVD(random_state=1).fit(trainset), by_order["surprise"], 0)
    monkeypatch.setattr(svd_trainer, "BLOCKS_FROM", 10)
    assert_same_factors(CompiledSVD(random_state=1).fit(trainset), by_order["blocks"], 0)


@pytest.mark.parametrize("n", [1, 2, 9])
@pytest.mark.parametrize("order", ["surprise", "blocks"])
def test_a_handful_of_ratings_is_enough(n: int, order: Any) -> None:
    frame = random_frame().head(n)
    fitted = CompiledSVD(n_epochs=2, order=order, random_state=1).fit(ArrayTrainset(interactions_of(frame), (1, 5)))
    assert np.isfinite(fitted.pu).all()
    assert fitted.predict(frame["user"][0], frame["item"][0]).est == pytest.approx(frame["rating"].mean(), abs=1.0)


def test_cross_validation_and_grid_search_take_it_for_surprises() -> None:
    data, cv = Dataset.load_from_df(random_frame(), READER), KFold(3, random_state=0)
    mine, theirs = (
        cross_validate(kind(random_state=1), data, cv=cv, return_train_measures=True) for kind in (CompiledSVD, SVD)
    )
    for measure in ("test_rmse", "train_mae"):
        np.testing.assert_allclose(mine[measure], theirs[measure], atol=1e-5)
    grid = {"n_epochs": [2, 8], "reg_all": [0.02, 0.4], "random_state": [1], "precision": ["float64"]}
    search = GridSearchCV(CompiledSVD, grid, measures=["rmse"], cv=cv, refit=True)
    search.fit(data)
    of_surprise = GridSearchCV(SVD, {key: grid[key] for key in list(grid)[:3]}, measures=["rmse"], cv=cv)
    of_surprise.fit(data)
    assert search.best_score["rmse"] == pytest.approx(of_surprise.best_score["rmse"], abs=1e-6)
    assert search.best_params["rmse"].items() >= of_surprise.best_params["rmse"].items()
    assert isinstance(search.predict("u149", "p1").est, float)


def test_the_array_trainset_answers_as_surprises_does(frame: pd.DataFrame) -> None:
    frame = frame.head(2_000).astype({"user": str, "item": str})
    mine, theirs = ArrayTrainset(interactions_of(frame, extra=3), (1, 5)), trainset_of(frame)
    assert list(mine.all_ratings()) == list(theirs.all_ratings())
    assert mine.global_mean == theirs.global_mean
    assert mine.ur == theirs.ur
    assert {item: sorted(of_item) for item, of_item in theirs.ir.items()} == mine.ir
    for name in ("n_users", "n_items", "n_ratings", "rating_scale"):
        assert getattr(mine, name) == getattr(theirs, name)
    for ids, to_inner, to_raw in (("user", "to_inner_uid", "to_raw_uid"), ("item", "to_inner_iid", "to_raw_iid")):
        for raw in frame[ids].unique():
            inner = getattr(theirs, to_inner)(raw)
            assert (getattr(mine, to_inner)(raw), getattr(mine, to_raw)(inner)) == (inner, raw)
        for unknown in ("nobody", "none0", 12, None):
            with pytest.raises(ValueError, match="is not part of the trainset"):
                getattr(mine, to_inner)(unknown)
        with pytest.raises(ValueError, match="is not a valid inner id"):
            getattr(mine, to_raw)(-1)
    assert [mine.knows_user(u) for u in (0, mine.n_users, -1, "UKN__x")] == [True, False, False, False]
    assert [mine.knows_item(i) for i in (0, mine.n_items, -1, "UKN__x")] == [True, False, False, False]
    assert mine.build_testset() == theirs.build_testset()


def test_surprises_own_algorithms_learn_from_the_array_trainset() -> None:
    frame = random_frame()
    mine, theirs = ArrayTrainset(interactions_of(frame), (1, 5)), trainset_of(frame)
    for algorithm in (SVD(random_state=1), KNNBasic(verbose=False)):
        by_mine, by_theirs = (algorithm.fit(trainset).predict("u149", "p1").est for trainset in (mine, theirs))
        assert by_mine == pytest.approx(by_theirs, abs=1e-12)


@pytest.mark.parametrize("order", ["surprise", "blocks"])
def test_unknown_users_get_the_mean_of_ratings_as_their_prediction(order: Any) -> None:
    frame = random_frame()
    model = CompiledSVD(order=order).fit(ArrayTrainset(interactions_of(frame), (1, 5)))
    assert model.predict("nobody", "nothing").est == pytest.approx(frame["rating"].mean())


def test_verbose_says_each_epoch_as_surprise_does(capsys: pytest.CaptureFixture[str]) -> None:
    for order in ("surprise", "blocks"):
        CompiledSVD(n_epochs=2, verbose=True, order=order).fit(trainset_of(random_frame()))
        assert capsys.readouterr().out == "Processing epoch 0\nProcessing epoch 1\n"


def test_both_engines_fit_the_same(frame: pd.DataFrame) -> None:
    ratings = interactions_of(frame.head(3_000), extra=2)
    engines: tuple[Engine, Engine] = ("numba", "surprise")
    compiled, plain = (fit(ratings, (1, 5), SgdOptions(10, 5, 0.01, 0.1, engine), seed=4) for engine in engines)
    np.testing.assert_array_equal(compiled.user_idx, plain.user_idx)
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        np.testing.assert_allclose(getattr(compiled, name), getattr(plain, name), atol=1e-4)


@pytest.mark.parametrize(("n_rows", "n_placed"), [(9, 9), (9, 4), (200, 70), (5, 0)])
def test_rows_are_placed_without_a_second_table(n_rows: int, n_placed: int) -> None:
    rng = np.random.default_rng(n_rows)
    table, place = rng.random((n_rows, 3), np.float32), rng.permutation(n_rows)[:n_placed]
    expected = np.zeros_like(table)
    expected[place] = table[:n_placed]
    svd_trainer.place_rows(table, place)
    assert np.array_equal(table, expected)


def test_in_blocks_the_factors_of_users_lie_where_they_were_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    ratings = interactions_of(random_frame(), extra=7)
    trainset = ArrayTrainset(ratings, (1, 5))
    algorithm = CompiledSVD(n_factors=5, n_epochs=2, random_state=1, order="blocks").fit(trainset)
    monkeypatch.setattr(svd_trainer, "BLOCKS_FROM", 1)
    fitted = fit(ratings, (1, 5), SgdOptions(5, 2, 0.005, 0.02), seed=1)
    assert fitted.user_idx.tolist() == list(range(ratings.n_users))
    for found, trained in ((fitted.user_factors, algorithm.pu), (fitted.user_bias, algorithm.bu)):
        assert np.array_equal(found[trainset.users.row], trained)
        assert not found[:7].any()
