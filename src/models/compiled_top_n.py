"""Select the highest scores of many rows by compiled code, as training needs it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray


class BestOfRows(NamedTuple):
    """Columns int32[n_rows, n], -1 beyond the last, and their scores float32[n_rows, n], 0 beyond the last."""

    column: IntArray
    score: FloatArray


def best_of_rows(score: FloatArray, n: int) -> BestOfRows:
    """Return the columns of the highest finite scores of each row, by code that leaves other threads running.

    Args:
        score: float32[n_rows, n_items], not changed.
        n: number of columns to return for each row.

    Returns:
        The columns and their scores, best first, equal scores by column.
    """
    from src.models.kernels.top_n_kernels import write_best  # not at the top: serving must not import Numba

    best = BestOfRows(np.empty((len(score), n), np.int32), np.empty((len(score), n), np.float32))
    if n:
        write_best(np.asarray(score, np.float32), best.column, best.score)
    return best
