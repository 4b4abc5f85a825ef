"""Exact lists out of the whole catalogue, for many users at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from src.core.all_cores import map_on_all_cores, n_cores
from src.core.domain import IntArray
from src.core.progress import Reporter, Silent
from src.evaluation.factor_lists import ITEMS_AT_ONCE, QUERIES_AT_ONCE, ItemsByLength
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.item_groups import ItemGroups
from src.models.base import BlockScorer, QueryBlock, ScoresByFactors, ScoresByPairs
from src.models.compiled_lists import CandidateRows
from src.models.compiled_top_n import best_of_rows
from src.models.normalization import less_own, scale_columns

BLOCK_BYTES = 1 << 26
"""Memory for the scores of one block of queries; each core works on one."""
_BLOCKS_PER_CORE = 4
_FEW_SCORES = 1 << 18
"""So many take less time than threads take to begin."""


class MaskedQueries(NamedTuple):
    """Queries, and a CSR matrix [n, n_items] that is not zero for items that their lists must not hold."""

    queries: QueryBlock
    masked: csr_matrix


def queries_of(data: TrainingData, user_idx: IntArray, masked: Interactions | None = None) -> MaskedQueries:
    """Build the queries of users from the training data.

    Args:
        user_idx: int64[n], row numbers; -1 for an unknown user, who has no history.
        masked: events whose items are masked; `data.events` for lists of new items only. None for those that the user
            has rated or purchased, see TrainingData.seen.

    Returns:
        The queries and what is masked.
    """
    queries = QueryBlock(user_idx, _rows(data.histories, user_idx), _rows(data.n_seen, user_idx))
    return MaskedQueries(queries, _rows(_distinct(data.seen if masked is None else masked), user_idx))


def _distinct(events: Interactions) -> csr_matrix:
    """Return float32 CSR [n_users, n_items], 1 for every pair that occurs."""
    ones = np.ones(len(events), np.float32)
    pairs = csr_matrix((ones, (events.user_idx, events.item_idx)), shape=(events.n_users, events.n_items))
    pairs.data[:] = 1  # the constructor adds up equal pairs
    return pairs


def _rows(matrix: csr_matrix, idx: IntArray) -> csr_matrix:
    """Return these rows of the matrix; an empty row for -1."""
    (n_rows, n_columns), pointers = matrix.shape, matrix.indptr
    with_empty = csr_matrix(
        (matrix.data, matrix.indices, np.append(pointers, pointers[-1])), shape=(n_rows + 1, n_columns)
    )
    return with_empty[np.where(idx < 0, n_rows, idx)]


def top_lists(
    scorer: BlockScorer,
    masked_queries: MaskedQueries,
    n: int,
    *,
    fill: IntArray | None = None,
    groups: ItemGroups | None = None,
    block_rows: int | None = None,
    reporter: Reporter | None = None,
) -> IntArray:
    """Return the items with the highest finite scores for each query.

    Args:
        scorer: scores all items.
        masked_queries: the queries, and the items that their lists must not hold.
        n: length of the lists.
        fill: int[n_items], items by popularity. They complete lists for which the scorer has too few scores other than
            0, as in the pipeline. None to leave these short.
        groups: of each of which a list holds one item; None if it may hold any.
        block_rows: see `blocks_of`.

    Returns:
        int32[n_queries, n], best first, equal scores by row number; -1 beyond the end of a list.
    """
    queries, masked = masked_queries
    whole = fill is not None and groups is None
    by_length = None
    if whole and isinstance(scorer, ScoresByFactors) and masked.shape[1] > ITEMS_AT_ONCE:
        by_length, block_rows = ItemsByLength.of(scorer), block_rows or QUERIES_AT_ONCE
    n_items, reporter = masked.shape[1], reporter or Silent()
    lists: IntArray = np.full((len(queries), n), -1, np.int32)
    done = 0

    def write(rows: slice) -> None:
        nonlocal done
        if by_length is not None:
            lists[rows] = by_length.best(queries.history[rows], masked[rows], n)
        elif isinstance(scorer, ScoresByPairs) and whole:
            lists[rows] = _best_pairs(scorer, queries.history[rows], masked[rows], n)
        else:
            lists[rows] = best_of_all(rows)
        done += rows.stop - rows.start
        reporter.advance(done, len(queries))

    def best_of_all(rows: slice) -> IntArray:
        score = scorer.score_all(queries.take(rows))
        if fill is not None:
            score[score == 0] = -np.inf
        block_mask = masked[rows]
        score[np.repeat(np.arange(len(score)), np.diff(block_mask.indptr)), block_mask.indices] = -np.inf
        if groups is not None:
            groups.keep_best(score)
        return best_of_rows(score, n).column

    map_on_all_cores(write, blocks_of(len(queries), n_items, block_rows))
    if fill is not None:
        _complete(lists, masked, fill, groups)
    return lists


def same_lists(order: IntArray, masked: csr_matrix, n: int, groups: ItemGroups | None) -> IntArray:
    """Return lists by one order for all, less what each must not hold.

    Args:
        order: int[m], items, best first.
        masked: CSR [n_lists, n_items], other than 0 for items that a list must not hold.
        n: length of the lists.
        groups: see `top_lists`.

    Returns:
        int32[n_lists, n]; -1 beyond the end of a list.
    """
    lists = np.full((masked.shape[0], n), -1, np.int32)
    _complete(lists, masked, order, groups)
    return lists


def _best_pairs(scorer: ScoresByPairs, history: csr_matrix, masked: csr_matrix, n: int) -> IntArray:
    """Return int32[n_queries, n], the best items of those that the model scores other than 0: few of a catalogue."""
    pairs = scorer.pair_scores(history)
    pairs.sort_indices()
    rows, score = CandidateRows(pairs.indptr, pairs.indices, pairs.shape[1]), np.array(pairs.data, np.float32)
    if scorer.self_scores is not None:
        own = np.zeros_like(score)
        rows.add_pairs(scale_columns(history, scorer.self_scores), own)
        score = less_own(score, own)
    score[score == 0] = np.nan
    return rows.best(score, masked, None, n).item


def blocks_of(n_queries: int, n_items: int, block_rows: int | None = None) -> list[slice]:
    """Divide queries into blocks for all cores.

    Args:
        n_queries: number of queries.
        n_items: scores of each of them.
        block_rows: queries of a block; None for as many as have BLOCK_BYTES of scores, and fewer if not all cores had
            several blocks then; few scores are one block.

    Returns:
        Rows of queries, in order.
    """
    if block_rows is None:
        if n_queries * n_items <= _FEW_SCORES:
            return [slice(0, n_queries)]
        block_rows = max(1, min(BLOCK_BYTES // (4 * max(n_items, 1)), -(-n_queries // (_BLOCKS_PER_CORE * n_cores()))))
    return [slice(start, min(start + block_rows, n_queries)) for start in range(0, n_queries, block_rows)]


def _complete(lists: IntArray, masked: csr_matrix, fill: IntArray, groups: ItemGroups | None) -> None:
    """Write items by popularity into the open end of each list."""
    for row in np.flatnonzero(lists[:, -1] < 0) if lists.shape[1] else ():
        items = lists[row]
        n_open = int((items < 0).sum())
        n_listed = len(items) - n_open
        row_mask = masked.indices[masked.indptr[row] : masked.indptr[row + 1]]
        taken = {*row_mask.tolist(), *items[:n_listed].tolist()}
        named = fill[: len(taken) + n_open]
        if groups is not None:
            taken |= groups.with_members(items[:n_listed].tolist())
            named = fill[~np.isin(fill, list(taken))]
            named = named[groups.first_of_each(named)]
        fresh = [item for item in named.tolist() if item not in taken][:n_open]
        items[n_listed : n_listed + len(fresh)] = fresh
