"""Exact lists out of the whole catalogue, for many users at once."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import IntArray
from src.core.progress import Reporter, Silent
from src.interactions.interactions import Interactions, TrainingData
from src.models.base import BlockScorer, QueryBlock
from src.models.top_n import top_n_of_rows

BLOCK_BYTES = 1 << 28
"""Of the scores of one block of queries."""


def queries_of(data: TrainingData, user_idx: IntArray) -> tuple[QueryBlock, csr_matrix]:
    """(what lists for these users are made from, the products that must not be on them).

    user_idx: int64[n], -1 for a user that was not learnt from, who has no history. The second is CSR [n, n_items], not
    zero where the user has rated or purchased the product, see TrainingData.seen.
    """
    return QueryBlock(user_idx, _rows(data.histories, user_idx)), _rows(_distinct(data.seen), user_idx)


def _distinct(events: Interactions) -> csr_matrix:
    """float32 CSR [n_users, n_items]: 1 for every pair there is."""
    ones = np.ones(len(events), np.float32)
    found = csr_matrix((ones, (events.user_idx, events.item_idx)), shape=(events.n_users, events.n_items))
    found.data[:] = 1  # equal pairs were summed up
    return found


def _rows(matrix: csr_matrix, idx: IntArray) -> csr_matrix:
    """These rows of the matrix; an empty one for -1."""
    (n_rows, n_columns), pointers = matrix.shape, matrix.indptr
    with_empty = csr_matrix(
        (matrix.data, matrix.indices, np.append(pointers, pointers[-1])), shape=(n_rows + 1, n_columns)
    )
    return with_empty[np.where(idx < 0, n_rows, idx)]


def top_lists(
    scorer: BlockScorer,
    queries: QueryBlock,
    masked: csr_matrix,
    n: int,
    *,
    fill: IntArray | None = None,
    block_rows: int | None = None,
    reporter: Reporter | None = None,
) -> IntArray:
    """int32[len(queries), n]: the products of the highest finite scores, best first, those of `masked` left out.

    Equal scores stand in the order of their row numbers, as in `best`; -1 beyond a list's end. masked: CSR
    [len(queries), n_items]. fill: int[n_items], products by popularity; where the scorer has nothing to say (no score,
    or 0) of enough products, these complete the list, as in the pipeline. block_rows: queries that are scored at once;
    by default as many as have scores of BLOCK_BYTES, the memory that this takes beside the scorer's own.
    """
    n_items, reporter = masked.shape[1], reporter or Silent()
    block_rows = block_rows or max(1, BLOCK_BYTES // (4 * max(n_items, 1)))
    lists: IntArray = np.full((len(queries), n), -1, np.int32)
    for start in range(0, len(queries), block_rows):
        rows = slice(start, min(start + block_rows, len(queries)))
        score = scorer.score_all(QueryBlock(queries.user_idx[rows], queries.history[rows]))
        if fill is not None:
            score[score == 0] = -np.inf
        barred = masked[rows]
        score[np.repeat(np.arange(len(score)), np.diff(barred.indptr)), barred.indices] = -np.inf
        lists[rows] = top_n_of_rows(score, n)
        reporter.advance(rows.stop, len(queries))
    if fill is not None:
        _complete(lists, masked, fill)
    return lists


def _complete(lists: IntArray, masked: csr_matrix, fill: IntArray) -> None:
    """Products by popularity into what is open at the end of each list."""
    for row in np.flatnonzero(lists[:, -1] < 0) if lists.shape[1] else ():
        mine = lists[row]
        n_open = int((mine < 0).sum())
        barred = masked.indices[masked.indptr[row] : masked.indptr[row + 1]]
        taken = {*barred.tolist(), *mine[: len(mine) - n_open].tolist()}
        fresh = [item for item in fill[: len(taken) + n_open].tolist() if item not in taken][:n_open]
        mine[len(mine) - n_open : len(mine) - n_open + len(fresh)] = fresh
