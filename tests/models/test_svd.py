"""SVD predicts the ratings of Surprise, without importing Surprise for serving."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from surprise import SVD, Dataset, Reader, Trainset

from src.core.domain import NO_TIME, EventBatch
from src.interactions.interactions import TrainingData, training_data
from src.models import factorization
from src.models.base import QueryBlock, QueryRows
from src.models.kernels.svd_trainer import Engine
from src.models.svd import Svd, SvdParams, train
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
PARAMS = SvdParams(1.0, 5.0, factors=12, epochs=40)
N_USERS, N_ITEMS, N = 60, 50, 900


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    pairs = rng.choice(N_USERS * N_ITEMS, N, replace=False)
    return pd.DataFrame(
        {
            "user": [f"u{pair // N_ITEMS}" for pair in pairs],
            "item": [f"p{pair % N_ITEMS}" for pair in pairs],
            "rating": np.where(pairs // N_ITEMS < 20, 5.0, rng.integers(1, 6, N) - 0.3).clip(1, 5),
        }
    )


def data_of(frame: pd.DataFrame, extra: tuple[str, str, str] | None = None) -> TrainingData:
    users, items, kinds = frame["user"].tolist(), frame["item"].tolist(), ["rating"] * len(frame)
    values = frame["rating"].tolist()
    if extra:  # first, so that a wrong numbering of rows would show
        users, items, kinds, values = [extra[0], *users], [extra[1], *items], [extra[2], *kinds], [1.0, *values]
    at = np.full(len(users), NO_TIME, np.int64)
    return training_data([EventBatch(users, items, kinds, np.array(values), at)])


def query(user: int, *items: int) -> QueryRows:
    return QueryRows(user, np.array(items, np.int64), np.ones(len(items), np.float32))


@pytest.fixture(scope="module")
def surprise_svd(frame: pd.DataFrame) -> SVD:
    trainset: Trainset = Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))).build_full_trainset()
    return SVD(n_factors=12, n_epochs=40, random_state=1).fit(trainset)


@pytest.mark.parametrize("engine", ["numba", "surprise"])
@pytest.mark.parametrize("extra", [None, ("clicker", "clicked", "click"), ("u1", "clicked", "purchase")])
def test_predicted_ratings_are_those_of_surprise(
    frame: pd.DataFrame, surprise_svd: SVD, extra: tuple[str, str, str] | None, engine: Engine
) -> None:
    data = data_of(frame, extra)
    model = train(data, replace(PARAMS, engine=engine), seed=1)
    users = [*(f"u{i}" for i in range(N_USERS)), "clicker", "nobody"]
    items = [*(f"p{i}" for i in range(N_ITEMS)), "clicked", "nothing"]
    pairs = [(user, item) for user in users for item in items]

    def row(idx: int | None) -> int:
        return -1 if idx is None else idx

    mine = model.rate(
        np.array([row(data.users.idx_of(user)) for user, _ in pairs]),
        np.array([row(data.items.idx_of(item)) for _, item in pairs]),
    )
    theirs = [surprise_svd.predict(user, item).est for user, item in pairs]
    np.testing.assert_allclose(mine, theirs, atol=1e-4)
    assert np.ptp(mine) > 0.5
    assert (mine == 5.0).any()  # some are clipped to the scale


@pytest.mark.parametrize("engine", ["numba", "surprise"])
def test_every_parameter_reaches_the_engine(frame: pd.DataFrame, engine: Engine) -> None:
    params = SvdParams(0.0, 6.0, factors=5, epochs=3, learning_rate=0.02, regularization=0.2, engine=engine)
    trainset = Dataset.load_from_df(frame, Reader(rating_scale=(0, 6))).build_full_trainset()
    theirs = SVD(n_factors=5, n_epochs=3, lr_all=0.02, reg_all=0.2, random_state=9).fit(trainset)
    data = data_of(frame)
    mine = train(data, params, seed=9).rate(data.events.user_idx, data.events.item_idx)
    expected = [theirs.predict(user, item).est for user, item in zip(frame["user"], frame["item"], strict=True)]
    np.testing.assert_allclose(mine, expected, atol=1e-4)


def test_another_seed_makes_another_model(frame: pd.DataFrame) -> None:
    one, two = (train(data_of(frame), PARAMS, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one.user_factors, two.user_factors)


def test_its_list_is_sorted_by_the_rating_before_it_is_clipped(frame: pd.DataFrame) -> None:
    data = data_of(frame, ("clicker", "clicked", "click"))
    model = train(data, PARAMS, seed=1)
    user = data.users.idx_of("u3")
    assert user is not None
    found = model.retrieve(query(user), 1_000)
    rated = model.rate(np.full(len(found.item_idx), user), found.item_idx)
    np.testing.assert_allclose(np.clip(found.score, 1, 5), rated, rtol=1e-5)
    assert len(set(found.score.tolist())) > len(set(rated.tolist()))
    assert "clicked" not in data.items.ids_of(found.item_idx)
    assert len(found.item_idx) == N_ITEMS


def test_a_user_who_only_clicked_is_asked_by_the_history_and_rates_as_the_average_does(frame: pd.DataFrame) -> None:
    data = data_of(frame, ("clicker", "p1", "click"))
    model = train(data, PARAMS, seed=1)
    clicker, known = data.users.idx_of("clicker"), data.items.idx_of("p1")
    assert clicker is not None
    assert known is not None
    asked = query(clicker, known)
    unseen = QueryRows(None, asked.item_idx, asked.weight)
    assert model.retrieve(asked, 10).item_idx.tolist() == model.retrieve(unseen, 10).item_idx.tolist() != []
    assert len(model.retrieve(query(clicker), 10).item_idx) == 0
    assert model.rate(np.array([clicker]), np.array([known])) == model.rate(np.array([-1]), np.array([known]))


def test_everything_is_kept_as_float32_and_params_by_their_names(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = train(data_of(frame), PARAMS, seed=1)
    model.save(tmp_path)
    loaded = Svd.load(tmp_path)
    assert {getattr(loaded, name).dtype.name for name in Svd.ARRAYS} == {"float32", "int32"}
    assert asdict(loaded.params) == asdict(PARAMS)
    assert loaded.describe() == {"n_users": N_USERS, "n_items": N_ITEMS, "n_factors": 12}


def test_no_library_that_trains_is_imported_before_training() -> None:
    # Of serving, tests/app/serving/test_serving_process.py shows it.
    trainers = ("surprise", "numba", "llvmlite", "implicit", "lightgbm")
    code = f"""
import sys, src.workflows.train, src.workflows.evaluate
print([name for name in sys.modules if name.split('.')[0] in {trainers}])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.stdout.strip() == "[]", done.stderr


# somebody whom training did not see


def test_who_never_rated_gets_a_list_from_what_is_in_the_history(frame: pd.DataFrame) -> None:
    data = data_of(frame)
    model = train(data, PARAMS, seed=1)
    everything = np.arange(len(data.items))
    one, other = (
        model.score(QueryRows(None, np.array(items), np.ones(2, np.float32)), everything) for items in ([1, 2], [3, 4])
    )
    assert np.isfinite(one).all()
    assert not np.allclose(one, other, atol=0.05)
    assert len(model.retrieve(QueryRows(None, np.array([1, 2]), np.ones(2, np.float32)), 10).item_idx) == 10


def test_folded_in_factors_are_those_of_a_ridge_regression(frame: pd.DataFrame) -> None:
    model = train(data_of(frame), PARAMS, seed=1)
    items, weight = np.array([5, 7, 9]), np.array([1, 0.3, 0.05], np.float32)
    score = model.score(QueryRows(None, items, weight), np.arange(20))
    root = np.sqrt(weight.astype(np.float64))
    factors = model.item_factors[items].astype(np.float64)
    wanted = (5 - model.mean - model.item_bias[items]) * root
    rows = np.vstack([factors * root[:, None], np.sqrt(0.1 * weight.sum()) * np.eye(factors.shape[1])])
    user = np.linalg.lstsq(rows, np.concatenate([wanted, np.zeros(factors.shape[1])]), rcond=None)[0]
    expected = model.mean + model.item_bias[:20] + model.item_factors[:20] @ user
    np.testing.assert_allclose(score, expected, rtol=1e-4)


def test_svd_ignores_a_history_of_unrated_products(frame: pd.DataFrame) -> None:
    data = data_of(frame, ("u1", "clicked", "purchase"))
    model = train(data, PARAMS, seed=1)
    asked = QueryRows(None, np.array([data.items.idx_of("clicked")]), np.ones(1, np.float32))
    assert np.isnan(model.score(asked, np.arange(5))).all()
    assert len(model.retrieve(asked, 5).item_idx) == 0


def test_scores_do_not_depend_on_how_many_products_are_scored_at_once(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train(data_of(frame, ("clicker", "clicked", "click")), PARAMS, seed=1)
    asked = QueryBlock.of(query(3, 4, 7), model.n_items)
    some = np.array([30, 2, 9, 0])
    whole, of_some = model.score_all(asked), model.score_all(asked, some)
    assert np.isnan(whole).sum() == 1
    monkeypatch.setattr(factorization, "_ITEMS_AT_ONCE", 3)
    np.testing.assert_allclose(model.score_all(asked), whole, rtol=1e-6)
    np.testing.assert_allclose(model.score_all(asked, some), of_some, rtol=1e-6)
