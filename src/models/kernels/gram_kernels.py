"""Compiled product with a Gram matrix. Serving never imports this module."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled


@compiled
def add_times_gram(
    pointers: IntArray, indices: IntArray, data: FloatArray, block: FloatArray, first: int, end: int, total: FloatArray
) -> None:
    """Add RᵀR B to a total, row by row of R, so that there is no intermediate result.

    Args:
        pointers: int[n + 1], where the rows of R begin.
        indices: int, column numbers.
        data: float32, values.
        block: float32[m, k], B.
        first: first column of B.
        end: end of the columns of B; threads divide them, so that the order of no sum depends on their number.
        total: float32[m, k], these columns of it are changed.
    """
    product = np.empty(end - first, np.float32)
    for row in range(len(pointers) - 1):
        product[:] = 0
        for at in range(pointers[row], pointers[row + 1]):
            value, own = data[at], block[indices[at], first:end]
            for column in range(end - first):
                product[column] += value * own[column]
        for at in range(pointers[row], pointers[row + 1]):
            value, sums = data[at], total[indices[at], first:end]
            for column in range(end - first):
                sums[column] += value * product[column]
