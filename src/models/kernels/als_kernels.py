"""Compiled loops of ALS, with the symbols of `als_trainer`. Serving never imports this module."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled

_LONGEST_EXACT = 32
"""A longer row is solved by conjugate gradients, whose steps cost its length and not the square of it."""
_MAX_STEPS, _TOLERANCE = 8, 1e-3


class SparseRows(NamedTuple):
    """A sparse matrix, row by row.

    The pairs of row r are those from starts[r] to starts[r + 1]. other: int32[n], column of each pair; extra:
    float32[n], c - 1, what each adds to the confidence of 1.
    """

    starts: IntArray
    other: IntArray
    extra: FloatArray


@compiled
def solve_rows(pairs: SparseRows, first: int, last: int, others: FloatArray, solved: FloatArray) -> None:
    """Solve (I + VᵀDV) x = Vᵀ(1 + D)1 for some rows, V being the whitened factors of a row's columns, D its `extra`.

    A row of m pairs needs a system of m equations, by the Woodbury identity: x = Vᵀz, z = (1 + d) - √d r,
    (I + √D VVᵀ √D) r = √D VVᵀ (1 + d).

    Args:
        pairs: of all rows.
        first: the first row.
        last: the row after the last.
        others: float32[n_columns, f], V.
        solved: float32[n_rows, f], receives x.
    """
    n_factors = others.shape[1]
    gram = np.empty((_LONGEST_EXACT, _LONGEST_EXACT))
    right, root = np.empty(_LONGEST_EXACT), np.empty(_LONGEST_EXACT)
    residual, direction, product = np.empty(n_factors), np.empty(n_factors), np.empty(n_factors)
    for row in range(first, last):
        part = slice(pairs.starts[row], pairs.starts[row + 1])
        other, extra = pairs.other[part], pairs.extra[part]
        if len(other) <= _LONGEST_EXACT:
            _solve_exactly(other, extra, others, gram, right, root, solved[row])
        else:
            _approximate(other, extra, others, residual, direction, product, solved[row])


@compiled
def _solve_exactly(
    other: IntArray,
    extra: FloatArray,
    others: FloatArray,
    gram: FloatArray,
    right: FloatArray,
    root: FloatArray,
    x: FloatArray,
) -> None:
    """Write x by Cholesky's method on the m equations; gram, right and root are overwritten."""
    m = len(other)
    for a in range(m):
        root[a] = np.sqrt(max(extra[a], np.float32(0)))
        right[a] = 0.0
    for a in range(m):
        for c in range(a + 1):
            dot = np.float32(0)
            own, its = others[other[a]], others[other[c]]
            for k in range(len(own)):
                dot += own[k] * its[k]
            gram[a, c] = dot * root[a] * root[c]
            right[a] += root[a] * dot * (1 + extra[c])
            if c < a:
                right[c] += root[c] * dot * (1 + extra[a])
        gram[a, a] += 1.0
    for a in range(m):  # L Lᵀ = gram, and L⁻¹ right
        for c in range(a + 1):
            rest = gram[a, c]
            for k in range(c):
                rest -= gram[a, k] * gram[c, k]
            gram[a, c] = np.sqrt(rest) if a == c else rest / gram[c, c]
        for k in range(a):
            right[a] -= gram[a, k] * right[k]
        right[a] /= gram[a, a]
    x[:] = 0.0
    for a in range(m - 1, -1, -1):
        for k in range(a + 1, m):
            right[a] -= gram[k, a] * right[k]
        right[a] /= gram[a, a]
        z, its = np.float32(1 + extra[a] - root[a] * right[a]), others[other[a]]
        for k in range(len(x)):
            x[k] += z * its[k]


@compiled
def _approximate(
    other: IntArray,
    extra: FloatArray,
    others: FloatArray,
    residual: FloatArray,
    direction: FloatArray,
    product: FloatArray,
    x: FloatArray,
) -> None:
    """Write x by conjugate gradients from zero (Hestenes and Stiefel 1952); the three vectors are overwritten."""
    n_factors = len(x)
    residual[:] = 0.0
    x[:] = 0.0
    for at in range(len(other)):
        its, confidence = others[other[at]], 1 + extra[at]
        for k in range(n_factors):
            residual[k] += confidence * its[k]
    squares = 0.0
    for k in range(n_factors):
        direction[k] = residual[k]
        squares += residual[k] * residual[k]
    enough = squares * _TOLERANCE * _TOLERANCE
    for _ in range(_MAX_STEPS):
        if squares <= enough:
            break
        product[:] = direction
        for at in range(len(other)):
            its, dot = others[other[at]], 0.0
            for k in range(n_factors):
                dot += its[k] * direction[k]
            dot *= extra[at]
            for k in range(n_factors):
                product[k] += dot * its[k]
        curvature = 0.0
        for k in range(n_factors):
            curvature += direction[k] * product[k]
        length, before = squares / curvature, squares
        squares = 0.0
        for k in range(n_factors):
            x[k] += length * direction[k]
            residual[k] -= length * product[k]
            squares += residual[k] * residual[k]
        for k in range(n_factors):
            direction[k] = residual[k] + squares / before * direction[k]
