"""Lists of many histories at once: those of `Pipeline.recommend`, without its hundred small calls for each list.

In a small catalogue a block of histories scores every item by products of matrices, and then leaves out what would not
have been a candidate. In a large one `candidate_lists` scores the candidates of each history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from src.core.all_cores import map_on_all_cores
from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.progress import Silent
from src.interactions.interactions import TrainingData
from src.models.base import NOBODY, QueryBlock
from src.models.compiled_lists import BestCandidates
from src.models.compiled_top_n import best_of_rows
from src.recommendation.candidate_index import CandidateIndex
from src.recommendation.candidate_lists import best_candidates, scores_candidates
from src.recommendation.ensemble import Ensemble, n_candidates
from src.recommendation.history_rows import RECENT
from src.recommendation.list_candidates import n_retrieved
from src.recommendation.pipeline import Pipeline

MOST_ITEMS = 4_000
"""Of a larger catalogue the candidates alone are scored in less time."""
_BLOCK_NUMBERS, _ROWS_OF_CANDIDATES = 1 << 20, 512


@dataclass(frozen=True)
class BlockLists:
    """The lists of a block of histories.

    Attributes:
        item: int32[n_histories, n], row numbers, best first.
        score: float32[n_histories, n].
        is_whole: bool[n_histories]; the others have too few candidates, or many withdrawn ones, and mean nothing.
    """

    item: IntArray
    score: FloatArray
    is_whole: BoolArray


def makes_blocks(pipeline: Pipeline) -> bool:
    """Tell whether `block_lists` can make the plain lists of a pipeline, and in less time than `recommend`."""
    ensemble = pipeline.models[pipeline.default]
    return (
        isinstance(ensemble, Ensemble)
        and ensemble.index is not None
        and pipeline.groups is None
        and (len(pipeline.items) <= MOST_ITEMS or scores_candidates(ensemble))
    )


def block_lists(pipeline: Pipeline, histories: QueryBlock, seen: csr_matrix, n: int) -> BlockLists:
    """Make the lists that `Pipeline.recommend` makes of these histories without rules, up to the rounding of scores.

    Args:
        pipeline: One that `makes_blocks`.
        histories: Of at most as many events as a request reads.
        seen: CSR [n_histories, n_items], other than 0 for what each list must not hold, each item of a row once.
        n: Length of the lists, at most the number of items.

    Returns:
        The lists.
    """
    ensemble = pipeline.models[pipeline.default]
    n_named = n_retrieved(n) + np.diff(seen.indptr)
    if len(pipeline.items) > MOST_ITEMS:
        ensemble.prepare(histories.history.indices, Silent())
        best = best_candidates(ensemble, histories, seen, pipeline.listed, n, n_candidates(n_named))
        item, score, n_reaching = best
    else:
        item, score, n_reaching = _best_of_all(pipeline, ensemble, histories, seen, n, n_candidates(n_named))
    # A request looks at so many items, which may be withdrawn, before it asks for more candidates.
    is_whole = (item[:, -1] >= 0) & (n_reaching <= n_named) & (np.diff(histories.history.indptr) > 0)
    return BlockLists(item, score, is_whole)


def lists_of_rows(pipeline: Pipeline, histories: csr_matrix, seen: csr_matrix, rows: IntArray, n: int) -> BlockLists:
    """Make the lists of some rows of a matrix of histories in blocks, on all cores.

    Args:
        pipeline: One that `makes_blocks`.
        histories: float32 CSR [n_users, n_items], weights.
        seen: CSR [n_users, n_items], other than 0 for what each list must not hold, each item of a row once.
        rows: int64[m]; -1 for a list that is not made.
        n: Length of the lists, at most the number of items.

    Returns:
        m lists; the items of those that are not whole are -1.
    """
    shape = (len(rows), n)
    lists = BlockLists(np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(len(rows), np.bool_))
    able, at_once = np.flatnonzero(rows >= 0), rows_of_block(len(pipeline.items))

    def write(at: IntArray) -> None:
        block = QueryBlock(np.full(len(at), -1), histories[rows[at]])
        made = block_lists(pipeline, block, seen[rows[at]], n)
        at, whole = at[made.is_whole], made.is_whole
        lists.item[at], lists.score[at], lists.is_whole[at] = made.item[whole], made.score[whole], True

    map_on_all_cores(write, [able[start : start + at_once] for start in range(0, len(able), at_once)])
    return lists


@dataclass(frozen=True)
class UserBlocks:
    """Makes the plain lists of users of whole data in blocks.

    Attributes:
        pipeline: One that `makes_blocks`, with the vocabularies of the data.
        data: The events of the users.
        n: Length of the lists, at most the number of items.
    """

    pipeline: Pipeline
    data: TrainingData
    n: int

    @cached_property
    def _histories(self) -> csr_matrix:
        return replace(self.data, weighting=self.pipeline.weighting).histories

    @cached_property
    def _able(self) -> BoolArray:
        events = self.data.events
        return np.bincount(events.user_idx, minlength=events.n_users) <= RECENT

    def __call__(self, users: IntArray) -> tuple[IntArray, FloatArray, BoolArray, str]:
        """Make lists as `prepared_lists.MakesBlocks` has it."""
        rows = np.where((users >= 0) & self._able[users], users, -1)
        made = lists_of_rows(self.pipeline, self._histories, self.data.n_seen, rows, self.n)
        return made.item, made.score, made.is_whole, self.pipeline.default


def _best_of_all(
    pipeline: Pipeline, ensemble: Ensemble, histories: QueryBlock, seen: csr_matrix, n: int, n_named: IntArray
) -> BestCandidates:
    """Score the whole catalogue, and choose among the candidates."""
    if ensemble.pairs is None:
        score = ensemble.score_candidates(histories, _candidates(ensemble, histories, n_named))
    else:
        score = ensemble.score_all(histories)
    hidden = seen.toarray() > 0
    if pipeline.listed is not None:
        hidden |= ~pipeline.listed
    best = best_of_rows(np.where(hidden, np.float32(np.nan), score), n)
    return BestCandidates(best.column, best.score, (score >= best.score[:, -1:]).sum(axis=1))


def rows_of_block(n_items: int) -> int:
    """Return how many histories fit into a block; 1 or more."""
    if n_items > MOST_ITEMS:
        return _ROWS_OF_CANDIDATES
    return max(1, _BLOCK_NUMBERS // max(n_items, 1))


def _candidates(ensemble: Ensemble, queries: QueryBlock, n: IntArray) -> BoolArray:
    """Return bool[n_queries, n_items], what `Ensemble.candidates` names for each query; n: int[n_queries]."""
    assert ensemble.index is not None
    named = _highest(*_sums(ensemble.index, queries), n)
    for source in ensemble.sources_for_all:
        first = ensemble.models[source].retrieve(NOBODY, int(n.max())).item_idx  # the same for every query
        place = np.full(ensemble.n_items, len(first))
        place[first] = np.arange(len(first))
        named |= place < n[:, None]
    return named


def _sums(index: CandidateIndex, queries: QueryBlock) -> tuple[FloatArray, BoolArray]:
    """Return what `CandidateIndex.retrieve` sums up, float64[n_queries, n_items], and bool: where there is a sum."""
    history, n_columns = queries.history, len(index.item) + 1  # the first column is of places beyond the last neighbour
    row = np.repeat(np.arange(len(queries)), np.diff(history.indptr))
    cell = (row[:, None] * n_columns + index.item[history.indices] + 1).ravel()
    value = (index.score[history.indices] * history.data[:, None]).ravel()
    shape = (len(queries), n_columns)
    total = np.asarray(np.bincount(cell, value, shape[0] * shape[1]), np.float64).reshape(shape)
    return total[:, 1:], np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)[:, 1:] > 0


def _highest(value: FloatArray, exists: BoolArray, n: IntArray) -> BoolArray:
    """Return bool, the n highest of the existing values of each row, of equal ones the first; n: int[n_rows]."""
    falling = np.where(exists, -value, np.inf)
    place = np.minimum(n, value.shape[1]) - 1
    limit = np.partition(falling, np.unique(place), axis=1)[np.arange(len(n)), place][:, None]
    chosen: BoolArray = exists & (falling <= limit)
    for row in np.flatnonzero(chosen.sum(axis=1) > n):
        ties = np.flatnonzero(chosen[row] & (falling[row] == limit[row]))
        n_surplus = int(chosen[row].sum() - n[row])
        chosen[row, ties[len(ties) - n_surplus :]] = False
    return chosen
