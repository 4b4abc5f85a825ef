"""The best of many rows of scores at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray

_ROWS_AT_ONCE = 16  # some megabytes of scores, which stay near the processor while they are looked at twice
_GROUPS = 512


def top_n_of_rows(score: FloatArray, n: int) -> IntArray:
    """int32[n_rows, n]: columns of the n highest finite scores of each row, best first; equal ones in the order of
    their columns; -1 beyond the last. Scores that are not finite may be changed to -inf.
    """
    lists: IntArray = np.full((len(score), n), -1, np.int32)
    for at in range(0, len(score), _ROWS_AT_ONCE):
        _write_best(score[at : at + _ROWS_AT_ONCE], lists[at : at + _ROWS_AT_ONCE])
    return lists


def _write_best(score: FloatArray, lists: IntArray) -> None:
    """The best products of each row of scores into the row of lists; scores that are not finite are changed to -inf."""
    n = min(lists.shape[1], score.shape[1])
    if n == 0:
        return
    highest = _group_maxima(score, n)
    if not (highest < np.inf).all():  # a maximum is NaN where one of its group is
        score[~np.isfinite(score)] = -np.inf
        highest = _group_maxima(score, n)
    # n groups reach this, so n products do: few others have to be looked at.
    edge = np.partition(highest, highest.shape[1] - n, axis=1)[:, highest.shape[1] - n]
    for row, (mine, its_edge) in enumerate(zip(score, edge, strict=True)):
        chosen = _best_from(mine, its_edge, n)
        lists[row, : len(chosen)] = chosen[np.lexsort((chosen, -mine[chosen]))]


def _group_maxima(score: FloatArray, n: int) -> FloatArray:
    """The maxima of at least n groups that each row of scores is divided into, among which is the row's maximum."""
    n_rows, n_items = score.shape
    n_groups = max(_GROUPS, 8 * n)
    depth = n_items // n_groups
    if depth < 2:
        return score
    whole = depth * n_groups
    highest: FloatArray = score[:, :whole].reshape(n_rows, depth, n_groups).max(axis=1)
    return np.concatenate([highest, score[:, whole:]], axis=1)


def _best_from(score: FloatArray, edge: np.floating, n: int) -> IntArray:
    """The n best of scores of which at least n are not below the edge, in any order; fewer when fewer are finite."""
    above = np.flatnonzero(score > edge)
    if len(above) > n:
        among = score[above]
        return above[_best_from(among, np.partition(among, len(among) - n)[len(among) - n], n)]
    if len(above) == n or edge == -np.inf:
        return above
    return np.concatenate([above, np.flatnonzero(score == edge)[: n - len(above)]])


@dataclass(frozen=True)
class Candidates:
    """Products worth considering, best first: item_idx int64[m], score float[m] descending."""

    item_idx: IntArray
    score: FloatArray


def top_n(score: FloatArray, n: int) -> Candidates:
    """The n highest finite scores, best first; equal scores in the order of their row numbers."""
    usable = np.flatnonzero(np.isfinite(score))
    n = min(n, len(usable))
    if n == 0:
        return Candidates(np.zeros(0, np.int64), np.zeros(0, score.dtype))
    among = score[usable]
    if n < len(usable):
        # Everything not below the n-th best, so that ties at the edge are broken by row number, not by chance.
        edge = -np.partition(-among, n - 1)[n - 1]
        usable = usable[among >= edge]
        among = score[usable]
    chosen = np.lexsort((usable, -among))[:n]
    return Candidates(usable[chosen], among[chosen])
