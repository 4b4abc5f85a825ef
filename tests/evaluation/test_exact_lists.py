"""Lists of a block of users equal the lists of single users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import NO_TIME, EventBatch, FloatArray, IntArray
from src.core.progress import Silent
from src.evaluation.exact_lists import MaskedQueries, queries_of, top_lists
from src.evaluation.factor_lists import ITEMS_AT_ONCE, ItemsByLength
from src.evaluation.task_lists import K, RankingTask, exact_lists
from src.interactions.interactions import TrainingData, training_data
from src.models import ALS, CO_OCCURRENCE, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, TRENDING
from src.models.als import Als, AlsParams
from src.models.base import QueryBlock
from src.models.compiled_top_n import BestOfRows, best_of_rows
from src.models.settings import AllSettings
from src.models.top_n import top_n
from src.recommendation.ensemble_config import fit_models
from src.recommendation.pipeline import Pipeline
from tests.recommendation.test_list_ranker import world


@dataclass
class Fixed:
    """A scorer with given scores by user row."""

    table: FloatArray
    asked: list[int] = field(default_factory=list)

    def score_all(self, queries: QueryBlock) -> FloatArray:
        self.asked.append(len(queries))
        return self.table[queries.user_idx].copy()


@dataclass
class Dense:
    """A model of which nothing is known but its scores."""

    model: Any

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        return np.asarray(self.model.score_all(queries, items))


def queries(n: int, n_items: int) -> QueryBlock:
    return QueryBlock(np.arange(n), csr_matrix((n, n_items), dtype=np.float32))


def some_pairs(rng: np.random.Generator, n: int, n_items: int, share: float) -> csr_matrix:
    return csr_matrix((rng.random((n, n_items)) < share).astype(np.float32))


def one_at_a_time(table: FloatArray, masked: csr_matrix, n: int, fill: IntArray | None) -> list[list[int]]:
    """Make lists by `top_n`, row by row, and complete them from `fill` without repetitions, as the pipeline does."""
    made = []
    for row, barred in zip(table, masked.toarray() != 0, strict=True):
        says_nothing = (row == 0) & (fill is not None)
        allowed = np.where(barred | says_nothing, np.nan, row)
        chosen = top_n(allowed, n).item_idx.tolist()
        for item in fill.tolist() if fill is not None else ():
            if len(chosen) < n and item not in chosen and not barred[item]:
                chosen.append(item)
        made.append(chosen + [-1] * (n - len(chosen)))
    return made


SCORES: dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]] = {
    "all different": lambda rng, shape: rng.normal(size=shape),
    "many ties": lambda rng, shape: rng.integers(0, 4, shape).astype(float),
    "all equal": lambda rng, shape: np.zeros(shape),
    "few above nothing": lambda rng, shape: np.where(rng.random(shape) < 0.005, rng.random(shape), 0.0),
    "opinions on few": lambda rng, shape: np.where(rng.random(shape) < 0.01, rng.normal(size=shape), np.nan),
    "no opinion": lambda rng, shape: np.full(shape, np.nan),
    "infinities": lambda rng, shape: rng.choice([np.inf, -np.inf, np.nan, 1.0, 2.0], shape),
    "ties above and below": lambda rng, shape: np.round(rng.normal(size=shape), 1),
}


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize(("n_users", "n_items", "n"), [(40, 30, 5), (9, 3_000, 20), (21, 1_100, 100), (5, 4, 10)])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.9])
def test_batched_lists_are_those_of_one_user_at_a_time(
    kind: str, n_users: int, n_items: int, n: int, share: float
) -> None:
    rng = np.random.default_rng(n_users)
    table = SCORES[kind](rng, (n_users, n_items)).astype(np.float32)
    masked = some_pairs(rng, n_users, n_items, share)
    for fill in (None, rng.permutation(n_items)):
        found = top_lists(Fixed(table), MaskedQueries(queries(n_users, n_items), masked), n, fill=fill, block_rows=7)
        assert found.dtype == np.int32
        assert found.tolist() == one_at_a_time(table, masked, n, fill)


@pytest.mark.parametrize("name", [CO_OCCURRENCE, ITEM_GRAPH])
def test_models_that_score_few_items_make_the_lists_of_whole_rows(name: str) -> None:
    rng = np.random.default_rng(3)
    data = data_of([(f"u{rng.integers(30)}", f"p{int(rng.integers(40)) ** 2 // 40}", "purchase") for _ in range(200)])
    model, fill = MODELS[name].train(data, MODELS[name].params(AllSettings()), seed=1), rng.permutation(len(data.items))
    asked = queries_of(data, np.arange(len(data.users)))
    shown = asked.masked.copy()
    shown.data[:] = 0
    shown.eliminate_zeros()

    for masked in (asked.masked, shown):  # with the products of the histories, too, whose own support does not count
        found, expected = (
            top_lists(scorer, MaskedQueries(asked.queries, masked), 6, fill=fill, block_rows=7)
            for scorer in (model, Dense(model))
        )
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("name", [ALS, SPECTRAL])
@pytest.mark.parametrize("at_once", [1, 7, 30])
def test_models_that_score_by_factors_make_the_lists_of_whole_rows(
    monkeypatch: pytest.MonkeyPatch, name: str, at_once: int
) -> None:
    monkeypatch.setattr("src.evaluation.exact_lists.ITEMS_AT_ONCE", at_once)
    monkeypatch.setattr("src.evaluation.factor_lists.ITEMS_AT_ONCE", at_once)
    rng = np.random.default_rng(4)
    data = data_of([(f"u{rng.integers(90)}", f"p{int(rng.integers(90)) ** 2 // 90}", "purchase") for _ in range(500)])
    params = replace(MODELS[name].params(AllSettings()), **{"factors" if name == ALS else "rank": 6})
    model, fill = MODELS[name].train(data, params, seed=1), rng.permutation(len(data.items))
    asked = queries_of(data, np.append(np.arange(len(data.users)), -1))
    shown = asked.masked.copy()
    shown.data[rng.random(len(shown.data)) < 0.7] = 0
    shown.eliminate_zeros()
    for masked in (asked.masked, shown):
        found, expected = (
            top_lists(scorer, MaskedQueries(asked.queries, masked), 6, fill=fill, block_rows=40)
            for scorer in (model, Dense(model))
        )
        assert found.tolist() == expected.tolist()


def test_items_with_short_vectors_are_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = []

    def best(score: FloatArray, n: int) -> BestOfRows:
        scored.append(score.shape)
        return best_of_rows(score, n)

    monkeypatch.setattr("src.evaluation.factor_lists.best_of_rows", best)
    factors = np.full((3 * ITEMS_AT_ONCE, 2), 1e-3, np.float32)
    factors[[7, 9_000], 0] = 1.0, 2.0
    model = Als(AlsParams(), factors, factors.T @ factors + np.eye(2), np.ones(len(factors)), 1.0)
    history = csr_matrix(([1.0], ([0], [7])), shape=(1, len(factors)))
    found = ItemsByLength.of(model).best(history, csr_matrix(history.shape), 2)
    assert found.tolist() == [[9_000, 7]]
    assert scored == [(1, ITEMS_AT_ONCE)]


@pytest.mark.parametrize("name", [POPULARITY, TRENDING])
def test_lists_that_are_the_same_for_all_are_those_of_whole_rows(name: str) -> None:
    data = world()
    models = fit_models(data, {each: MODELS[each].params(AllSettings()) for each in {POPULARITY, name}}, 1, Silent())
    task = RankingTask(np.arange(len(data.users)), [], [], 0)
    pipeline = Pipeline(data.users, data.items, models, POPULARITY, weighting=data.weighting)
    found = exact_lists(pipeline, data, task, name, Silent())
    asked = queries_of(data, task.user_idx, data.events)
    assert found.tolist() == top_lists(models[name], asked, K, fill=models[POPULARITY].order).tolist()


def test_the_size_of_a_block_changes_no_list() -> None:
    rng = np.random.default_rng(5)
    table = np.round(rng.normal(size=(50, 700)), 1).astype(np.float32)
    masked = some_pairs(rng, 50, 700, 0.1)
    whole = top_lists(Fixed(table), MaskedQueries(queries(50, 700), masked), 10)
    for rows in (1, 16, 17, 49, 50, 99):
        scorer = Fixed(table)
        np.testing.assert_array_equal(
            top_lists(scorer, MaskedQueries(queries(50, 700), masked), 10, block_rows=rows), whole
        )
        assert max(scorer.asked) == min(rows, 50)
        assert sum(scorer.asked) == 50


def test_the_blocks_of_scores_stay_below_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.evaluation.exact_lists.BLOCK_BYTES", 4 * 100 * 12)
    monkeypatch.setattr("src.evaluation.exact_lists._FEW_SCORES", 0)
    monkeypatch.setattr("src.evaluation.exact_lists._BLOCKS_PER_CORE", 1)
    scorer = Fixed(np.zeros((50, 100), np.float32))
    top_lists(scorer, MaskedQueries(queries(50, 100), csr_matrix((50, 100))), 3)
    assert sorted(scorer.asked) == [2, 12, 12, 12, 12]


def test_no_queries_get_no_lists_and_a_list_of_length_0_is_empty() -> None:
    scorer = Fixed(np.zeros((2, 3), np.float32))
    assert top_lists(scorer, MaskedQueries(queries(0, 3), csr_matrix((0, 3))), 5, fill=np.arange(3)).shape == (0, 5)
    assert top_lists(scorer, MaskedQueries(queries(2, 3), csr_matrix((2, 3))), 0, fill=np.arange(3)).shape == (2, 0)


def data_of(rows: list[tuple[str, str, str]]) -> TrainingData:
    users, items, kinds = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return training_data([EventBatch(users, items, kinds, np.ones(n), np.full(n, NO_TIME, np.int64))])


def test_rated_and_bought_products_are_masked_and_viewed_ones_are_not() -> None:
    data = data_of([("a", "x", "view"), ("a", "y", "purchase"), ("b", "z", "rating"), ("a", "y", "cart")])
    asked, masked = queries_of(data, np.array([1, -1, 0, 0]))
    assert asked.user_idx.tolist() == [1, -1, 0, 0]
    assert (asked.history.toarray() > 0).tolist() == [
        [False, False, True],
        [False, False, False],
        [True, True, False],
        [True, True, False],
    ]
    assert (masked.toarray() > 0).tolist() == [
        [False, False, True],
        [False, False, False],
        [False, True, False],
        [False, True, False],
    ]


def test_a_product_bought_twice_is_one_product_of_the_history() -> None:
    asked, masked = queries_of(data_of([("a", "x", "purchase")] * 3 + [("a", "y", "purchase")]), np.array([0]))
    assert np.diff(asked.history.indptr).tolist() == np.diff(masked.indptr).tolist() == [2]
