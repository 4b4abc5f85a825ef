"""Select the highest scores of one row; `compiled_top_n` does so for many rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray


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
    finite = np.isfinite(score).nonzero()[0]
    n = min(n, len(finite))
    if n == 0:
        return Candidates(np.zeros(0, np.int64), np.zeros(0, score.dtype))
    scores = score if len(finite) == len(score) else score[finite]
    if n < len(finite):
        # Keep everything that reaches the n-th best, so that ties are broken by row number.
        threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
        reaches = (scores >= threshold).nonzero()[0]
        finite, scores = finite[reaches], scores[reaches]
    chosen = (-scores).argsort(kind="stable")[:n]  # rows ascend
    return Candidates(finite[chosen], scores[chosen])
