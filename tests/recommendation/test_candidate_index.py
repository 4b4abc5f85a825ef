"""The candidate index: neighbours equal those of the whole catalogue, and sums over a history are exact."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.domain import FloatArray, IntArray
from src.core.progress import Silent
from src.models.base import QueryRows
from src.models.top_n import top_n
from src.recommendation import candidate_index
from src.recommendation.candidate_index import BlockScores, CandidateIndex, GrowingIndex, Neighbourhoods

N_ITEMS = 60
ScorerOf = Callable[[IntArray], BlockScores]


def linear(matrix: FloatArray) -> ScorerOf:
    """Scorers that sum the rows of a matrix over a history."""

    def scorer_of(items: IntArray) -> BlockScores:
        return lambda queries: np.asarray(queries.history @ matrix, dtype=np.float32)[:, items]

    return scorer_of


def some_matrix(seed: int = 0, n_items: int = N_ITEMS) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(n_items, n_items)).astype(np.float32)


def history(items: list[int], weight: list[float] | None = None) -> QueryRows:
    return QueryRows(None, np.array(items, np.int64), np.array(weight or [1.0] * len(items), np.float32))


def index_of(matrix: FloatArray, n: int, popularity: IntArray | None = None) -> CandidateIndex:
    users = np.arange(len(matrix), 0, -1) if popularity is None else popularity
    return Neighbourhoods.of(linear(matrix), users, users > 0, n).whole(Silent())


def test_the_neighbours_of_a_product_head_the_list_of_a_user_with_it_alone() -> None:
    matrix = some_matrix()
    index = index_of(matrix, 7)
    assert (index.item.dtype, index.score.dtype) == (np.int32, np.float32)
    for item in range(N_ITEMS):
        row = matrix[item].copy()
        row[item] = np.nan
        expected = top_n(row, 7)
        assert index.item[item].tolist() == expected.item_idx.tolist()
        np.testing.assert_array_equal(index.score[item], expected.score)


def test_a_product_is_no_neighbour_of_itself_and_more_than_all_others_there_are_not() -> None:
    index = index_of(some_matrix() + 99 * np.eye(N_ITEMS, dtype=np.float32), 1_000)
    assert index.item.shape == (N_ITEMS, N_ITEMS)
    for item, row in enumerate(index.item.tolist()):
        assert sorted(row[:-1]) == [each for each in range(N_ITEMS) if each != item]
        assert row[-1] == -1
    assert index.score[:, -1].tolist() == [0] * N_ITEMS


def test_a_product_without_users_has_no_neighbours_and_is_no_neighbour() -> None:
    popularity = np.arange(N_ITEMS) % 3
    index = index_of(some_matrix(), 50, popularity)
    nobodys = np.flatnonzero(popularity == 0)
    assert (index.item[nobodys] == -1).all()
    assert (index.score[nobodys] == 0).all()
    assert not np.isin(index.item[popularity > 0], nobodys).any()
    assert (index.item[popularity > 0] >= 0).sum(axis=1).tolist() == [39] * 40


@pytest.mark.parametrize(("pairs", "fewest"), [(0, 10), (10 * (N_ITEMS - 1), 3), (11 * (N_ITEMS - 1) - 1, 3)])
def test_in_a_large_catalogue_popular_products_are_neighbours_and_all_with_users_have_some(
    monkeypatch: pytest.MonkeyPatch, pairs: int, fewest: int
) -> None:
    monkeypatch.setattr(candidate_index, "_MOST_PAIRS", pairs)
    monkeypatch.setattr(candidate_index, "_FEWEST_NAMED", fewest)
    popularity = np.random.default_rng(1).permutation(N_ITEMS)  # one of them is nobody's
    index = index_of(some_matrix(), 20, popularity)
    named = set(np.argsort(-popularity)[:10].tolist())
    assert set(index.item[index.item >= 0].tolist()) == named
    for item in np.flatnonzero(popularity > 0).tolist():
        assert set(index.item[item].tolist()) - {-1} == named - {item}


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = index_of(some_matrix(), 9)
    for rows in (1, 7, 59):
        monkeypatch.setattr(candidate_index, "_BLOCK_BYTES", 4 * N_ITEMS * rows)
        part = index_of(some_matrix(), 9)
        np.testing.assert_array_equal(part.item, whole.item)
        np.testing.assert_array_equal(part.score, whole.score)


def test_without_a_score_there_is_no_neighbour() -> None:
    matrix = some_matrix()
    matrix[3] = np.nan
    matrix[5, 10:] = np.nan

    def scorer_of(items: IntArray) -> BlockScores:
        return lambda queries: matrix[queries.history.indices][:, items]

    index = Neighbourhoods.of(scorer_of, np.ones(N_ITEMS, int), np.ones(N_ITEMS, bool), 20).whole(Silent())
    assert index.item[3].tolist() == [-1] * 20
    assert set(index.item[5].tolist()) == {*range(10)} - {5} | {-1}
    assert np.isfinite(index.score).all()


def test_an_index_that_grows_retrieves_what_a_whole_one_does() -> None:
    matrix, popularity = some_matrix(), np.arange(N_ITEMS) % 3
    neighbourhoods = Neighbourhoods.of(linear(matrix), popularity, popularity > 0, 9)
    whole, growing = neighbourhoods.whole(Silent()), GrowingIndex.of(neighbourhoods)
    growing.find(np.array([7, 8, 8]), Silent())
    for items in ([8], [7, 11], [3], [8, 40, 41], []):  # 3 has no users
        expected, found = whole.retrieve(history(items), 12), growing.retrieve(history(items), 12)
        np.testing.assert_array_equal(found.item_idx, expected.item_idx)
        np.testing.assert_array_equal(found.score, expected.score)
    assert set(np.flatnonzero((growing.item >= 0).any(axis=1)).tolist()) == {7, 8, 11, 40, 41}


HISTORIES = st.lists(
    st.tuples(st.integers(0, N_ITEMS - 1), st.floats(0.01, 1)), max_size=12, unique_by=lambda each: each[0]
)


@given(HISTORIES, st.integers(0, 70))
def test_what_the_index_retrieves_has_the_highest_sums_over_the_history(told: list[tuple[int, float]], n: int) -> None:
    items, weight = [item for item, _ in told], [weight for _, weight in told]
    found = whole().retrieve(history(items, weight), n)
    others = MATRIX.astype(np.float64) * (1 - np.eye(N_ITEMS))  # a product of the history counts for the others only
    sums = np.array(weight) @ others[items] if told else np.zeros(N_ITEMS)
    named = sums if len(told) > 1 else np.delete(sums, items)
    expected = np.sort(named)[::-1][:n] if told else []
    np.testing.assert_allclose(found.score, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sums[found.item_idx], found.score, rtol=1e-4, atol=1e-5)
    assert found.item_idx.dtype == np.int64
    assert len(set(found.item_idx.tolist())) == len(found.item_idx)


MATRIX = some_matrix(8)


@cache
def whole() -> CandidateIndex:
    return index_of(MATRIX, N_ITEMS)


def test_a_short_index_sums_up_the_neighbours_that_it_holds() -> None:
    matrix = np.array([[9, 5, 1, 3], [1, 9, 2, 8], [1, 1, 9, 1], [4, 3, 2, 9]], np.float32)
    found = index_of(matrix, 2).retrieve(history([0, 1], [1.0, 0.5]), 9)
    # 0 names 1 and 3; 1 names 3 and 2.
    assert found.item_idx.tolist() == [3, 1, 2]
    assert found.score.tolist() == [3 + 0.5 * 8, 5, 0.5 * 2]


def test_equal_sums_are_in_the_order_of_their_rows() -> None:
    found = index_of(np.ones((6, 6), np.float32), 5).retrieve(history([2]), 9)
    assert found.item_idx.tolist() == [0, 1, 3, 4, 5]


def test_an_empty_history_retrieves_nothing() -> None:
    found = whole().retrieve(history([]), 10)
    assert (found.item_idx.tolist(), found.score.tolist()) == ([], [])


def test_a_history_of_products_without_neighbours_retrieves_nothing() -> None:
    index = index_of(some_matrix(), 5, np.zeros(N_ITEMS, np.int64))
    assert index.item.shape == (N_ITEMS, 1)
    assert index.retrieve(history([1, 2]), 10).item_idx.tolist() == []


def test_saved_and_loaded_it_retrieves_the_same_from_mapped_arrays(tmp_path: Path) -> None:
    whole().save(tmp_path / "index")
    loaded = CandidateIndex.load(tmp_path / "index")
    assert isinstance(loaded.item.base, np.memmap)
    assert not loaded.score.flags.writeable
    one, other = (each.retrieve(history([3, 9, 27]), 15) for each in (whole(), loaded))
    np.testing.assert_array_equal(one.item_idx, other.item_idx)
    np.testing.assert_array_equal(one.score, other.score)
