"""Lists of many histories at once: those of `Pipeline.recommend`, by products of matrices over the whole catalogue.

One request scores some hundred candidates with a hundred small calls. A block of histories scores every item with a few
large ones, and then leaves out what would not have been a candidate. This pays where the catalogue is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models import MODELS, POPULARITY
from src.models.base import QueryBlock, QueryRows
from src.models.compiled_top_n import best_of_rows
from src.recommendation.candidate_index import CandidateIndex
from src.recommendation.ensemble import Ensemble, n_candidates
from src.recommendation.list_candidates import n_retrieved
from src.recommendation.pipeline import Pipeline

MOST_ITEMS = 30_000
"""Of a larger catalogue the candidates alone are scored in less time."""
_BLOCK_NUMBERS = 1 << 20
_NOBODY = QueryRows(None, np.zeros(0, np.int64), np.zeros(0, np.float32))


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
        and len(pipeline.items) <= MOST_ITEMS
    )


def block_lists(pipeline: Pipeline, histories: QueryBlock, seen: BoolArray, n: int) -> BlockLists:
    """Make the lists that `Pipeline.recommend` makes of these histories without rules, up to the rounding of scores.

    Args:
        pipeline: One that `makes_blocks`.
        histories: Of at most as many events as a request reads.
        seen: bool[n_histories, n_items], what each list must not hold.
        n: Length of the lists, at most the number of items.

    Returns:
        The lists.
    """
    ensemble = pipeline.models[pipeline.default]
    n_named = n_retrieved(n) + seen.sum(axis=1)
    candidates = _candidates(ensemble, histories, n_candidates(n_named))
    score = ensemble.score_candidates(histories, candidates)
    hidden = seen if pipeline.listed is None else seen | ~pipeline.listed
    best = best_of_rows(np.where(hidden, np.float32(np.nan), score), n)
    last = best.score[:, -1:]
    # A request looks at so many items, which may be withdrawn, before it asks for more candidates.
    is_whole = (best.column[:, -1] >= 0) & ((score >= last).sum(axis=1) <= n_named)
    return BlockLists(best.column, best.score, is_whole)


def rows_of_block(n_items: int) -> int:
    """Return how many histories fit into a block; 1 or more."""
    return max(1, _BLOCK_NUMBERS // max(n_items, 1))


def _candidates(ensemble: Ensemble, queries: QueryBlock, n: IntArray) -> BoolArray:
    """Return bool[n_queries, n_items], what `Ensemble.candidates` names for each query; n: int[n_queries]."""
    assert ensemble.index is not None
    named = _highest(*_sums(ensemble.index, queries), n)
    for source in (*(name for name in ensemble.weights if MODELS[name].scores_cold_users), POPULARITY):
        first = ensemble.models[source].retrieve(_NOBODY, int(n.max())).item_idx  # the same for every query
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
