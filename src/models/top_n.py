"""Select the highest scores, of one row or of many rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray

_ROWS_AT_ONCE = 16  # a few megabytes of scores, which stay in the processor's cache for two passes
_GROUPS = 512


def top_n_of_rows(score: FloatArray, n: int) -> IntArray:
    """Return the columns of the highest finite scores of each row.

    Args:
        score: float[n_rows, n_items]; scores that are not finite may be overwritten with -inf.
        n: number of columns to return for each row.

    Returns:
        int32[n_rows, n], best first, equal scores by column; -1 where a row has fewer finite scores.
    """
    lists: IntArray = np.full((len(score), n), -1, np.int32)
    for at in range(0, len(score), _ROWS_AT_ONCE):
        _write_best(score[at : at + _ROWS_AT_ONCE], lists[at : at + _ROWS_AT_ONCE])
    return lists


def _write_best(score: FloatArray, lists: IntArray) -> None:
    """Write the best columns of each row of scores into `lists`; overwrites scores that are not finite with -inf."""
    n = min(lists.shape[1], score.shape[1])
    if n == 0:
        return
    maxima = _group_maxima(score, n)
    if not (maxima < np.inf).all():  # the maximum of a group with a NaN is NaN
        score[~np.isfinite(score)] = -np.inf
        maxima = _group_maxima(score, n)
    # n groups reach this threshold, so at least n columns do, and few others must be compared.
    threshold = np.partition(maxima, maxima.shape[1] - n, axis=1)[:, maxima.shape[1] - n]
    for row, (scores, row_threshold) in enumerate(zip(score, threshold, strict=True)):
        chosen = _best_from(scores, row_threshold, n)
        lists[row, : len(chosen)] = chosen[np.lexsort((chosen, -scores[chosen]))]


def _group_maxima(score: FloatArray, n: int) -> FloatArray:
    """Return the maxima of at least n groups of columns for each row; one of them is the maximum of the row."""
    n_rows, n_items = score.shape
    n_groups = max(_GROUPS, 8 * n)
    depth = n_items // n_groups
    if depth < 2:
        return score
    n_grouped = depth * n_groups
    maxima: FloatArray = score[:, :n_grouped].reshape(n_rows, depth, n_groups).max(axis=1)
    return np.concatenate([maxima, score[:, n_grouped:]], axis=1)


def _best_from(score: FloatArray, threshold: np.floating, n: int) -> IntArray:
    """Return the n best columns, in any order, of scores of which at least n reach the threshold.

    Returns fewer columns where fewer scores are finite.
    """
    above = np.flatnonzero(score > threshold)
    if len(above) > n:
        candidates = score[above]
        return above[_best_from(candidates, np.partition(candidates, len(candidates) - n)[len(candidates) - n], n)]
    if len(above) == n or threshold == -np.inf:
        return above
    return np.concatenate([above, np.flatnonzero(score == threshold)[: n - len(above)]])


@dataclass(frozen=True)
class Candidates:
    """Items worth considering, best first.

    Attributes:
        item_idx: int64[m].
        score: float[m], descending.
    """

    item_idx: IntArray
    score: FloatArray


def top_n(score: FloatArray, n: int) -> Candidates:
    """Return the highest finite scores.

    Args:
        score: float[n_items].
        n: highest number of items.

    Returns:
        At most n items, best first, equal scores by row number.
    """
    finite = np.flatnonzero(np.isfinite(score))
    n = min(n, len(finite))
    if n == 0:
        return Candidates(np.zeros(0, np.int64), np.zeros(0, score.dtype))
    scores = score[finite]
    if n < len(finite):
        # Keep everything that reaches the n-th best, so that ties are broken by row number.
        threshold = -np.partition(-scores, n - 1)[n - 1]
        finite = finite[scores >= threshold]
        scores = score[finite]
    chosen = np.lexsort((finite, -scores))[:n]
    return Candidates(finite[chosen], scores[chosen])
