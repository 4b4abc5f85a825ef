"""The item graph: kernels equal plain numpy, and long histories do not make it too large."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.models import item_graph
from src.models.base import QueryBlock
from src.models.item_graph import ItemGraph, ItemGraphParams, fit_item_graph, pairs_once, ranks_of, strongest_pairs
from src.models.kernels.item_graph_kernels import ridge_of_columns, strongest_of_rows
from src.models.normalization import LONGEST_HISTORY, NormalizedHistories, normalize_histories
from src.models.sparse_rows import Pairs

PLAIN = ItemGraphParams(user_exponent=0, item_exponent=0, input_exponent=0, output_exponent=0)


def histories_of(n_users: int, n_items: int, share: float, seed: int = 0) -> csr_matrix:
    """Random histories with popular products and different weights."""
    rng = np.random.default_rng(seed)
    there = rng.random((n_users, n_items)) < 2 * share * rng.random(n_items) ** 2
    return csr_matrix((there * rng.choice([0.05, 0.3, 1.0], there.shape)).astype(np.float32))


def graph_of(histories: csr_matrix, params: ItemGraphParams) -> ItemGraph:
    matrix = normalize_histories(histories, params.user_exponent, params.item_exponent)
    return fit_item_graph(matrix, strongest_pairs(matrix), params)


def strongest(table: FloatArray, kept: int, first: int = 0) -> list[list[tuple[int, float]]]:
    """Return the entries that the kernel keeps of each row, by column."""
    sparse = csr_matrix(table.astype(np.float32))
    item, value = np.full((len(table), kept), -1, np.int32), np.zeros((len(table), kept), np.float32)
    strongest_of_rows(sparse.indptr, sparse.indices, sparse.data, first, item, value)
    for row in item >= 0:
        assert not np.any(np.diff(row.astype(int)) > 0)  # -1 at the end only
    return [
        [(i, v) for i, v in zip(*row, strict=True) if i >= 0] for row in zip(item.tolist(), value.tolist(), strict=True)
    ]


def sorted_out(table: FloatArray, kept: int, first: int = 0) -> list[list[tuple[int, float]]]:
    """Compute the same by sorting: the largest entries, of equal ones the lower columns; ordered by column."""
    found = []
    for at, row in enumerate(table.astype(np.float32).tolist()):
        entries = [(-v, i) for i, v in enumerate(row) if v > 0 and i != at + first]
        found.append(sorted((i, -v) for v, i in sorted(entries)[:kept]))
    return found


# strongest_of_rows


@pytest.mark.parametrize("kept", [1, 3, 20, 60, 100])
@pytest.mark.parametrize("first", [0, 7])
def test_the_strongest_of_each_row_are_those_that_sorting_finds(kept: int, first: int) -> None:
    rng = np.random.default_rng(kept)
    table = rng.random((50, 60)) * (rng.random((50, 60)) < 0.6)
    assert strongest(table, kept, first) == sorted_out(table, kept, first)


@pytest.mark.parametrize("kept", [1, 2, 5, 30])
def test_of_equal_ones_those_that_the_row_names_first_stay(kept: int) -> None:
    rng = np.random.default_rng(2)
    table = rng.integers(0, 4, (40, 40)).astype(float)
    assert strongest(table, kept) == sorted_out(table, kept)
    assert strongest(np.ones((6, 6)), kept) == sorted_out(np.ones((6, 6)), kept)


def test_the_diagonal_takes_no_place() -> None:
    table = np.full((4, 4), 0.5) + 9 * np.eye(4)
    assert strongest(table, 3)[1] == [(0, 0.5), (2, 0.5), (3, 0.5)]
    assert strongest(table[2:], 3, first=2)[0] == [(0, 0.5), (1, 0.5), (3, 0.5)]


def test_an_empty_row_and_one_with_nothing_positive_keep_nothing() -> None:
    assert strongest(np.array([[0.0, 0, 0], [0, 5, 0], [-1, -2, 0]]), 2) == [[], [], []]


# ridge_of_columns


def pairs_of(gram: FloatArray, kept: int) -> Pairs:
    """The pairs of a dense matrix, as the kernel finds them."""
    sparse = csr_matrix(gram.astype(np.float32))
    item, value = np.full((len(gram), kept), -1, np.int32), np.zeros((len(gram), kept), np.float32)
    strongest_of_rows(sparse.indptr, sparse.indices, sparse.data, 0, item, value)
    return Pairs.of_table(item, value)


def in_a_matrix(pairs: Pairs) -> csr_matrix:
    n = len(pairs.pointers) - 1
    return csr_matrix((pairs.value, pairs.item, pairs.pointers), shape=(n, n))


def columns_of(
    pairs: Pairs, diagonal: FloatArray, ridge: float, neighbours: int, start: int = 0, stop: int | None = None
) -> tuple[IntArray, FloatArray]:
    n_rows = (len(diagonal) if stop is None else stop) - start
    chosen, weight = np.full((n_rows, neighbours), -1, np.int32), np.zeros((n_rows, neighbours), np.float32)
    with_ridge = diagonal.astype(np.float32) + np.float32(ridge)
    rank = ranks_of(pairs)
    ridge_of_columns(pairs, rank, pairs_once(pairs, rank), with_ridge, start, chosen, weight)
    return chosen, weight


def solved(pairs: Pairs, diagonal: FloatArray, ridge: float, target: int, near: IntArray) -> FloatArray:
    """The regression of one column on these neighbours, of what the pairs hold."""
    gram = in_a_matrix(pairs).toarray().astype(float)
    gram = np.maximum(gram, gram.T)
    among = gram[np.ix_(near, near)] + np.diag(diagonal[near] + ridge)
    return np.linalg.solve(among, gram[near, target])


@pytest.mark.parametrize("kept", [60, 15, 5])
def test_each_pair_is_once_in_the_row_of_the_item_that_fewer_rows_hold(kept: int) -> None:
    matrix = normalize_histories(histories_of(300, 60, 0.2), 0.35, 0.4)
    pairs = pairs_of((matrix.matrix.T @ matrix.matrix).toarray(), kept)
    rank = ranks_of(pairs)
    n_rows = np.bincount(pairs.item, minlength=60)
    assert (np.diff(n_rows[np.argsort(rank)]) <= 0).all()
    once = pairs_once(pairs, rank)
    held = np.zeros((60, 60))
    held[np.repeat(np.arange(60), np.diff(once.pointers)), once.item] = once.value
    both = in_a_matrix(pairs).toarray()
    expected = np.maximum(both, both.T)[np.argsort(rank)][:, np.argsort(rank)]
    np.testing.assert_allclose(held, np.tril(expected), rtol=1e-6)
    assert len(once.item) <= np.count_nonzero(held) + 60  # a pair at the edge of both items may be there twice


@pytest.mark.parametrize("ridge", [0.5, 5.0, 15.0, 100.0])
@pytest.mark.parametrize(("kept", "neighbours"), [(60, 60), (60, 20), (15, 10), (5, 5)])
def test_the_regression_of_a_column_is_the_one_that_numpy_solves(ridge: float, kept: int, neighbours: int) -> None:
    matrix = normalize_histories(histories_of(300, 60, 0.2), 0.35, 0.4)
    pairs = pairs_of((matrix.matrix.T @ matrix.matrix).toarray(), kept)
    ridge *= matrix.mean_diagonal
    chosen, weight = columns_of(pairs, matrix.diagonal, ridge, neighbours)
    for target in range(60):
        near = chosen[target][chosen[target] >= 0]
        assert target not in near
        expected = solved(pairs, matrix.diagonal.astype(float), ridge, target, near)
        np.testing.assert_allclose(weight[target, : len(near)], expected, atol=1e-4 * np.abs(expected).max(initial=0))


@pytest.mark.parametrize("neighbours", [1, 4, 12])
def test_a_column_rests_on_its_strongest_neighbours(neighbours: int) -> None:
    rng = np.random.default_rng(5)
    gram = rng.random((30, 30))
    gram += gram.T
    chosen, _ = columns_of(pairs_of(gram, 12), np.ones(30), 3.0, neighbours)
    np.fill_diagonal(gram, 0)
    for target in range(30):
        assert set(chosen[target].tolist()) == set(np.argsort(-gram[target])[:neighbours].tolist())


def test_a_part_of_the_columns_is_a_part_of_all() -> None:
    matrix = normalize_histories(histories_of(100, 40, 0.2), 0.35, 0.4)
    pairs = pairs_of((matrix.matrix.T @ matrix.matrix).toarray(), 20)
    whole = columns_of(pairs, matrix.diagonal, 1.0, 10)
    part = columns_of(pairs, matrix.diagonal, 1.0, 10, start=13, stop=29)
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(one[13:29], other)


def test_a_product_without_a_neighbour_rests_on_nothing() -> None:
    chosen, weight = columns_of(pairs_of(np.diag([2.0, 3.0, 4.0]), 2), np.array([2.0, 3.0, 4.0]), 1.0, 2)
    assert (chosen == -1).all()
    assert (weight == 0).all()


# the whole model


def test_with_all_pairs_it_is_the_ridge_regression_on_all_other_products() -> None:
    histories = histories_of(200, 30, 0.25)
    params = ItemGraphParams(neighbours=30, ridge=2.0)
    matrix = normalize_histories(histories, params.user_exponent, params.item_exponent)
    gram = (matrix.matrix.T @ matrix.matrix).toarray().astype(float)
    np.fill_diagonal(gram, matrix.diagonal)
    expected = np.zeros((30, 30))
    for target in range(30):
        others = np.flatnonzero(np.arange(30) != target)
        near = others[gram[others, target] > 0]
        among = gram[np.ix_(near, near)] + params.ridge * matrix.mean_diagonal * np.eye(len(near))
        expected[near, target] = np.linalg.solve(among, gram[near, target])
    expected *= matrix.degree[:, None] ** -params.input_exponent * matrix.degree**params.output_exponent
    found = graph_of(histories, params).matrix.toarray()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max(initial=0))


def test_for_a_large_ridge_it_is_the_co_occurrence() -> None:
    histories = histories_of(150, 40, 0.2)
    histories.data[:] = 1
    found = graph_of(histories, replace(PLAIN, neighbours=40, ridge=1e6)).matrix.toarray()
    together = (histories.T @ histories).toarray().astype(float)
    np.fill_diagonal(together, 0)
    np.testing.assert_allclose(found / found.max(), together / together.max(), atol=1e-4)


def test_its_diagonal_is_empty_and_no_column_rests_on_more_than_the_neighbours() -> None:
    graph = graph_of(histories_of(200, 50, 0.3), ItemGraphParams(neighbours=7)).matrix
    assert graph.diagonal().tolist() == [0] * 50
    assert np.diff(graph.tocsc().indptr).max() == 7


def test_products_without_common_users_are_not_neighbours() -> None:
    two_shops = csr_matrix(np.kron(np.eye(2), np.ones((5, 4))).astype(np.float32))
    graph = graph_of(two_shops, ItemGraphParams(neighbours=8, ridge=1.0))
    scores = graph.score_all(QueryBlock(np.array([-1]), csr_matrix(np.eye(8)[[1]].astype(np.float32))))[0]
    assert (scores[[0, 2, 3]] > 0).all()
    assert scores[4:].tolist() == [0, 0, 0, 0]


def test_the_number_of_threads_and_the_size_of_a_part_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = histories_of(200, 90, 0.15)
    params = ItemGraphParams(neighbours=12)
    whole = graph_of(histories, params)
    monkeypatch.setattr(item_graph, "_ROWS_PER_TASK", 13)
    monkeypatch.setattr("src.models.item_graph.n_cores", lambda: 3)
    parts = graph_of(histories, params)
    for name in ItemGraph.ARRAYS:
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


# memory


@pytest.mark.parametrize(
    ("a_row", "at_most", "kept"),
    [(1_000, 100_000_000, 80), (10, 100_000_000, 10), (1_000, 80 * 70, 70), (1_000, 80, 64)],
)
def test_so_many_pairs_are_kept_as_memory_allows_and_some_in_any_case(
    monkeypatch: pytest.MonkeyPatch, a_row: int, at_most: int, kept: int
) -> None:
    monkeypatch.setattr(item_graph, "_MAX_PAIRS_PER_ROW", a_row)
    monkeypatch.setattr(item_graph, "_MAX_PAIRS", at_most)
    pairs = strongest_pairs(normalize_histories(histories_of(60, 80, 0.2), 0.35, 0.4))
    assert np.diff(pairs.pointers).max() <= kept
    assert len(pairs.item) == len(pairs.value) == pairs.pointers[-1]
    assert (pairs.item.dtype, pairs.value.dtype) == (np.int32, np.float32)


def test_pairs_that_are_not_kept_are_the_weakest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_graph, "_MAX_PAIRS_PER_ROW", 5)
    matrix = normalize_histories(histories_of(500, 40, 0.3), 0.35, 0.4)
    pairs = strongest_pairs(matrix)
    gram = (matrix.matrix.T @ matrix.matrix).toarray()
    np.fill_diagonal(gram, 0)
    expected = -np.sort(-gram, axis=1)[:, :5]
    kept = in_a_matrix(pairs).toarray()
    np.testing.assert_allclose(-np.sort(-kept, axis=1)[:, :5], expected, rtol=1e-5)
    np.testing.assert_allclose(kept[kept > 0], gram[kept > 0], rtol=1e-5)


@pytest.fixture(scope="module")
def with_robot() -> tuple[csr_matrix, csr_matrix]:
    """(people, the same and a robot that has nearly everything)."""
    n_items = LONGEST_HISTORY + 1_000
    rng = np.random.default_rng(1)
    people = csr_matrix(
        (np.ones(900, np.float32), (np.repeat(np.arange(90), 10), rng.integers(0, n_items, 900))), shape=(90, n_items)
    )
    people.data[:] = 1  # equal pairs were summed up
    robot = csr_matrix((np.arange(n_items) < LONGEST_HISTORY + 1).astype(np.float32)[None])
    with_it: csr_matrix = csr_matrix(np.vstack([people.toarray(), robot.toarray()]))
    return people, with_it


def test_a_robot_that_has_nearly_everything_tells_of_no_pair(with_robot: tuple[csr_matrix, csr_matrix]) -> None:
    people, everybody = with_robot
    alone, together = (strongest_pairs(normalize_histories(each, 0.35, 0.0)) for each in (people, everybody))
    for name in ("pointers", "item", "value"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(together, name))
    assert graph_of(everybody, PLAIN).matrix.nnz == graph_of(people, PLAIN).matrix.nnz <= 90 * 10 * 9


def test_events_of_a_robot_still_raise_popularity(with_robot: tuple[csr_matrix, csr_matrix]) -> None:
    people, everybody = (normalize_histories(each, 0.35, 0.4) for each in with_robot)
    its = everybody.diagonal[:LONGEST_HISTORY]
    assert (its > 0).all()
    assert (people.diagonal[:LONGEST_HISTORY] == 0).any()
    assert everybody.degree.sum() > people.degree.sum()


def test_the_longest_history_still_counts() -> None:
    histories = csr_matrix(np.ones((1, LONGEST_HISTORY), np.float32))
    assert normalize_histories(histories, 0.5, 0.5).matrix.shape == (1, LONGEST_HISTORY)


# normalisation


def test_histories_are_divided_by_powers_of_the_degrees_and_a_degree_below_one_counts_as_one() -> None:
    table = np.array([[1, 1, 0, 0.3], [0, 1, 0.05, 0], [1, 1, 1, 0], [0, 0, 0.05, 0]], dtype=np.float32)
    found = normalize_histories(csr_matrix(table), 0.35, 0.4)
    users, items = np.maximum(table.sum(axis=1), 1), np.maximum(table.sum(axis=0), 1)
    expected = users[:, None] ** -0.35 * table * items**-0.4
    np.testing.assert_allclose(found.matrix.toarray(), expected[:3], rtol=1e-6)  # the last user tells of no pair
    np.testing.assert_allclose(found.diagonal, (expected**2).sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.degree, items, rtol=1e-6)
    assert found.mean_diagonal == pytest.approx(found.diagonal.mean())


def test_the_level_is_the_mean_over_products_with_users() -> None:
    table = np.zeros((2, 4), np.float32)
    assert normalize_histories(csr_matrix(table), 0.5, 0.5).mean_diagonal == 1.0
    table[:, :2] = 1
    assert normalize_histories(csr_matrix(table), 0, 0).mean_diagonal == 2.0


def test_normalising_leaves_the_histories_as_they_are() -> None:
    histories = histories_of(20, 10, 0.4)
    before = histories.copy()
    normalize_histories(histories, 0.5, 0.5)
    assert (histories != before).nnz == 0


def test_it_is_float32_over_int32_and_int64() -> None:
    graph = graph_of(histories_of(30, 20, 0.3), ItemGraphParams())
    assert [getattr(graph, name).dtype for name in ItemGraph.ARRAYS] == [np.float32, np.int32, np.int64]
    assert graph.describe() == {"n_items": 20, "n_edges": graph.matrix.nnz}
    assert isinstance(normalize_histories(histories_of(3, 3, 0.9), 0, 0), NormalizedHistories)
