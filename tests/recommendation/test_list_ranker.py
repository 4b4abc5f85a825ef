"""The ranker orders the head of a list by trees and leaves the rest."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import DAY, NO_TIME, EventBatch, FloatArray
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.models import ALS, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, TRENDING
from src.models.base import QueryBlock, QueryRows
from src.models.kernels.lambdarank import train_list_trees
from src.models.settings import AllSettings
from src.recommendation import list_ranker
from src.recommendation.ensemble import Ensemble, build_ensemble
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble, fit_models
from src.recommendation.list_ranker import LearnedOrder, ListRanker, ages_of, head_of, list_features

SETTINGS = AllSettings(als_factors=6, als_iterations=3, spectral_rank=12, item_graph_neighbours=15)
NAMES = (POPULARITY, TRENDING, SPECTRAL)
WEIGHTS = {SPECTRAL: 1.0, ITEM_GRAPH: 0.5}
N_USERS, N_ITEMS = 80, 60


@dataclass(frozen=True)
class Reversed:
    """Trees that reverse the order of the sum."""

    def predict(self, features: FloatArray) -> FloatArray:
        return -features[:, 0]


@pytest.fixture
def three_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ranker, "RANKED", 3)


def contrary(n_items: int) -> ListRanker:
    order: Any = LearnedOrder((), Reversed())  # type: ignore[arg-type]
    return ListRanker(order, np.zeros(n_items, np.float32))


def ranked(total: list[list[float]], history: list[list[int]] | None = None) -> FloatArray:
    table = np.array(total, np.float32)
    in_history = np.zeros(table.shape, np.bool_) if history is None else np.array(history) > 0
    return contrary(table.shape[1]).ranked(table, in_history, in_history.sum(axis=1), lambda name: table)


def order_of(scores: FloatArray) -> list[list[int]]:
    return [[at for at in np.argsort(-row, kind="stable").tolist() if np.isfinite(row[at])] for row in scores]


@pytest.mark.usefixtures("three_ranked")
def test_products_without_events_keep_their_rank_by_the_sum() -> None:
    order: Any = LearnedOrder((), Reversed())  # type: ignore[arg-type]
    total = np.array([[5.0, 4.0, 3.0, 2.0, 1.0]], np.float32)
    age = np.array([10, -1, 10, 10, 10], np.float32)
    nothing = np.zeros(total.shape, np.bool_)
    found = ListRanker(order, age).ranked(total, nothing, nothing.sum(axis=1), lambda name: total)
    assert order_of(found) == [[3, 1, 2, 0, 4]]


@pytest.mark.usefixtures("three_ranked")
def test_the_head_is_in_the_order_of_the_trees_and_the_rest_below_it_as_it_was() -> None:
    assert order_of(ranked([[6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]])) == [[2, 1, 0, 3, 4, 5], [3, 4, 5, 2, 1, 0]]


@pytest.mark.usefixtures("three_ranked")
def test_products_of_the_history_keep_their_places_and_do_not_count() -> None:
    found = ranked([[6, 5, 4, 3, 2, 1]], [[1, 0, 0, 0, 0, 1]])
    assert found.tolist() == [[6, 3, 4, 5, 2, 1]]
    assert ranked([[1, 6, 5, 4]], [[0, 0, 1, 0]]).tolist() == [[6, 1, 5, 4]]


@pytest.mark.usefixtures("three_ranked")
def test_scores_are_those_of_the_sum_dealt_out_anew() -> None:
    total = np.random.default_rng(2).normal(0, 1, (5, 40)).astype(np.float32)
    found = ranked(total.tolist())
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(total, axis=1))
    assert ((found != total).sum(axis=1) == 2).all()  # of three that are turned round the middle one stays


@pytest.mark.usefixtures("three_ranked")
def test_products_without_a_score_stay_without_one() -> None:
    nan = np.nan
    found = ranked([[nan, 5, nan, 3, 2, 1], [nan] * 6])
    assert order_of(found) == [[4, 3, 1, 5], []]


def test_a_short_list_is_ranked_whole() -> None:
    assert order_of(ranked([[3, 2, 1]])) == [[2, 1, 0]]
    assert ranked([[]]).shape == (1, 0)


def test_the_head_is_as_long_with_a_history_as_without() -> None:
    total = np.random.default_rng(1).normal(0, 1, (4, 900)).astype(np.float32)
    history = np.zeros(total.shape, np.bool_)
    history[1:, :50] = True
    head = head_of(total, history)
    assert head.sum(axis=1).tolist() == [200] * 4
    assert not (head & history).any()


# the real thing


def world() -> TrainingData:
    rng = np.random.default_rng(2)
    user = np.repeat(np.arange(N_USERS), 12)
    item = (rng.integers(0, N_ITEMS // 2, len(user)) * 2 + user % 2) % N_ITEMS
    at = np.sort(rng.integers(0, 90 * DAY, len(user)))
    users, items = [f"u{each}" for each in user], [f"p{each}" for each in item]
    return training_data([EventBatch(users, items, ["purchase"] * len(user), np.ones(len(user)), at)])


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return world()


@pytest.fixture(scope="module")
def models(data: TrainingData) -> dict[str, Any]:
    names = (*NAMES, ITEM_GRAPH, ALS)
    return fit_models(data, {name: MODELS[name].params(SETTINGS) for name in names}, 1, Silent())


def order(names: tuple[str, ...] = NAMES) -> LearnedOrder:
    """A ranker trained on random data; all paths must agree with it."""
    rng = np.random.default_rng(3)
    features = rng.normal(0, 1, (4_000, 3 + len(names)))
    return LearnedOrder(names, train_list_trees(features, rng.random(4_000) < 0.2, np.full(40, 100), k=10, seed=1))


@pytest.fixture(scope="module")
def blend(models: dict[str, Any], data: TrainingData) -> Ensemble:
    return build_ensemble(models, WEIGHTS, data, seed=1, order=order())


def query(data: TrainingData, user: int) -> QueryRows:
    history = data.histories[user]
    return QueryRows(user, history.indices.astype(np.int64), history.data)


@pytest.mark.parametrize("with_index", [False, True])
@pytest.mark.usefixtures("three_ranked")
def test_one_list_is_what_all_at_once_says(blend: Ensemble, data: TrainingData, with_index: bool) -> None:
    served = blend.indexed(data, Silent()) if with_index else blend
    users = np.arange(0, N_USERS, 7)
    together = blend.score_all(QueryBlock(users, data.histories[users]))
    for user, row in zip(users.tolist(), together, strict=True):
        found = served.retrieve(query(data, user), 10)
        np.testing.assert_allclose(found.score, np.sort(row[np.isfinite(row)])[::-1][:10], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(row[found.item_idx], found.score, rtol=1e-3, atol=1e-4)


def test_trees_make_another_list_than_the_sum(blend: Ensemble, data: TrainingData) -> None:
    of_sum = replace(blend, ranker=None)
    differ = [
        blend.retrieve(query(data, user), 10).item_idx.tolist()
        != of_sum.retrieve(query(data, user), 10).item_idx.tolist()
        for user in range(20)
    ]
    assert all(differ)
    np.testing.assert_array_equal(blend.score(query(data, 3), np.arange(9)), of_sum.score(query(data, 3), np.arange(9)))


def test_a_subset_of_products_is_ranked_among_themselves(blend: Ensemble, data: TrainingData) -> None:
    users, items = np.arange(5), np.array([0, 3, 7, 11])
    part = blend.score_all(QueryBlock(users, data.histories[users]), items)
    whole = blend.score_all(QueryBlock(users, data.histories[users]))[:, items]
    history = data.histories[users][:, items].toarray() > 0
    for row in range(len(users)):  # all of so few products are ranked
        outside = ~history[row]
        assert np.argsort(part[row, outside]).tolist() == np.argsort(whole[row, outside]).tolist()
    np.testing.assert_allclose(part[history], whole[history], rtol=1e-3, atol=1e-4)


def test_a_user_without_a_history_has_no_list_if_no_model_has_scores(blend: Ensemble) -> None:
    nobody = QueryRows(None, np.zeros(0, np.int64), np.zeros(0, np.float32))
    assert len(blend.retrieve(nobody, 5).item_idx) == 0
    assert np.isnan(blend.score_all(QueryBlock(np.array([-1]), csr_matrix((1, blend.n_items), dtype="f4")))).all()


def test_saved_and_loaded_it_ranks_the_same(blend: Ensemble, models: dict[str, Any], tmp_path: Path) -> None:
    blend.save(tmp_path / "blend")
    again = Ensemble.load(tmp_path / "blend", models)
    asked = QueryBlock(np.array([-1]), csr_matrix(np.eye(1, blend.n_items, 4, dtype=np.float32)))
    np.testing.assert_array_equal(again.score_all(asked), blend.score_all(asked))
    assert isinstance(again.ranker.age.base, np.memmap)  # type: ignore[union-attr]
    assert again.describe() == blend.describe()
    assert blend.describe()["n_trees"] == 100


def test_the_index_is_made_of_the_sum(blend: Ensemble) -> None:
    assert blend.personal().ranker is None  # type: ignore[union-attr]


def test_a_recipe_with_an_order_comes_back_from_json_and_trains_what_the_order_asks(data: TrainingData) -> None:
    recipe = replace(EnsembleConfig.of(SETTINGS), weights={SPECTRAL: 1.0}, order=order((POPULARITY, TRENDING)))
    again = EnsembleConfig.from_json(json.loads(json.dumps(recipe.to_json())), SETTINGS)
    one, other = (fit_ensemble(data, each, 1, Silent()) for each in (recipe, again))
    assert set(one.models) == {POPULARITY, TRENDING, SPECTRAL}
    assert one.weights == {SPECTRAL: 1.0}
    users = np.arange(10)
    asked = QueryBlock(users, data.histories[users])
    np.testing.assert_array_equal(one.score_all(asked), other.score_all(asked))


# features


def test_features_are_the_sum_the_model_scores_the_history_and_the_age() -> None:
    opinions = [np.array([3.0, 4.0]), np.array([5.0, 6.0])]
    found = list_features(np.array([1.0, 2.0]), opinions, np.array([7, 8]), np.array([9.0, 10.0]))
    assert found.tolist() == [[1, 3, 5, 7, 9], [2, 4, 6, 8, 10]]


def test_the_age_of_a_product_counts_from_its_first_event_to_the_newest_of_all() -> None:
    at = np.array([10 * DAY, 2 * DAY, 12 * DAY, NO_TIME], np.int64)
    products = ["x", "x", "y", "z"]
    data = training_data([EventBatch(list("abcd"), products, ["view"] * 4, np.ones(4), at)])
    assert ages_of(data).tolist() == [10, 0, 0]
    timeless = training_data([EventBatch(["a"], ["x"], ["view"], np.ones(1), np.array([NO_TIME]))])
    assert ages_of(timeless).tolist() == [0]
    assert ages_of(training_data([])).shape == (0,)
