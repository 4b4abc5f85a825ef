"""The compiled loops of VBMF; symbols and layouts are those of `vbmf_engine`. Imported while training only."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled


@compiled
def update_posteriors(
    rows: IntArray,
    starts: IntArray,
    other: IntArray,
    value: FloatArray,
    other_moments: FloatArray,
    noise_precision: float,
    prior: FloatArray,
    precision: FloatArray,
    moments: FloatArray,
    covariance: FloatArray,
) -> float:
    """Write the moments of these rows, and add their posterior covariances to covariance[d, d].

    Returns the expected sum of squared errors of their ratings. Rows that have one rating, of the same other, have the
    same covariance: where they follow each other it is worked out once, which saves most of the time, as most users of
    a shop have one rating.
    """
    d = prior.shape[1]
    total, weighted = np.empty(moments.shape[1]), np.empty(d + 1)
    gram, root, own = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    right, information, x = np.empty(d), np.empty(d), np.empty(d)
    squared_error, only_before = 0.0, -1
    for row in rows:
        ratings = slice(starts[row], starts[row + 1])
        only = other[starts[row]] if starts[row + 1] - starts[row] == 1 else -1
        is_new = only < 0 or only != only_before
        only_before = only
        if is_new:
            _sum_moments(other[ratings], other_moments, total)
            _fill_gram(total, gram)
            for a in range(d):
                for c in range(d):
                    root[a, c] = precision[a, c] + noise_precision * gram[a, c]
            _factor(root)
            _invert(root, own)
        squared_error += _sum_values(other[ratings], value[ratings], other_moments, weighted)
        _fill_right(total, weighted, right)
        for a in range(d):
            information[a] = noise_precision * right[a]
            for c in range(d):
                information[a] += precision[a, c] * prior[row, c]
        for a in range(d):
            x[a] = 0.0
            for c in range(d):
                x[a] += own[a, c] * information[c]
        squared_error += total[d * (d - 1) // 2 + d - 1] - 2 * weighted[d - 1]
        for a in range(d):
            squared_error -= 2 * x[a] * right[a]
            for c in range(d):
                squared_error += (x[a] * x[c] + own[a, c]) * gram[a, c]
                covariance[a, c] += own[a, c]
        _store(x, own, moments[row])
    return squared_error


@compiled
def _sum_moments(other: IntArray, other_moments: FloatArray, total: FloatArray) -> None:
    """Total = Σ E[z z'], packed, over the others of one row."""
    total[:] = 0.0
    for one in other:
        theirs = other_moments[one]
        for k in range(len(total)):
            total[k] += theirs[k]


@compiled
def _sum_values(other: IntArray, value: FloatArray, other_moments: FloatArray, weighted: FloatArray) -> float:
    """Weighted = Σ value · E[z] over the others of one row. Returns Σ value²."""
    weighted[:] = 0.0
    squares, first = 0.0, other_moments.shape[1] - len(weighted)
    for at in range(len(other)):
        theirs, rating = other_moments[other[at]], np.float64(value[at])
        squares += rating * rating
        for k in range(len(weighted)):
            weighted[k] += rating * theirs[first + k]
    return squares


@compiled
def _fill_gram(total: FloatArray, gram: FloatArray) -> None:
    """gram[d, d] of the least squares for one row: its bias meets the others' 1, not their bias."""
    d = len(gram)
    one = d * (d + 1) // 2  # where the last row of the packed triangle begins
    for a in range(d - 1):
        gram[d - 1, a] = gram[a, d - 1] = total[one + a]
        for c in range(a + 1):
            gram[a, c] = gram[c, a] = total[a * (a + 1) // 2 + c]
    gram[d - 1, d - 1] = total[one + d]


@compiled
def _fill_right(total: FloatArray, weighted: FloatArray, right: FloatArray) -> None:
    """right[d] of the same least squares: the others' bias is taken off the ratings."""
    d = len(right)
    bias, one = d * (d - 1) // 2, d * (d + 1) // 2
    for a in range(d - 1):
        right[a] = weighted[a] - total[bias + a]
    right[d - 1] = weighted[d] - total[one + d - 1]


@compiled
def _factor(matrix: FloatArray) -> None:
    """Cholesky: the lower triangle of the matrix becomes L with L L' = matrix."""
    for a in range(len(matrix)):
        for c in range(a + 1):
            rest = matrix[a, c]
            for k in range(c):
                rest -= matrix[a, k] * matrix[c, k]
            matrix[a, c] = np.sqrt(rest) if a == c else rest / matrix[c, c]


@compiled
def _invert(root: FloatArray, inverse: FloatArray) -> None:
    """Inverse = (L L')⁻¹; L becomes L⁻¹."""
    d = len(root)
    for c in range(d):
        root[c, c] = 1 / root[c, c]
        for a in range(c + 1, d):
            rest = 0.0
            for k in range(c, a):
                rest -= root[a, k] * root[k, c]
            root[a, c] = rest / root[a, a]
    for a in range(d):
        for c in range(a + 1):
            product = 0.0
            for k in range(a, d):
                product += root[k, a] * root[k, c]
            inverse[a, c] = inverse[c, a] = product


@compiled
def _store(x: FloatArray, own: FloatArray, moments: FloatArray) -> None:
    """The packed E[z z'] of z = (x, 1), x having this mean and covariance."""
    d = len(x)
    for a in range(d):
        moments[d * (d + 1) // 2 + a] = x[a]
        for c in range(a + 1):
            moments[a * (a + 1) // 2 + c] = x[a] * x[c] + own[a, c]
    moments[len(moments) - 1] = 1.0


@compiled
def explain_by_others(
    starts: IntArray,
    rows: IntArray,
    scale: FloatArray,
    precision: FloatArray,
    told_precision: FloatArray,
    rest: FloatArray,
    told: FloatArray,
    spread: FloatArray,
    told_variance: FloatArray,
) -> None:
    """Update told[n_others, d] one by one, and rest[n, d], what they leave unexplained of the rows' means.

    The rows of other j are rows[starts[j]:starts[j + 1]]. precision: the diagonal of Λ. Added up are the posterior
    variances of y, in told_variance[d], and of the rows' sums of y, in spread[d].
    """
    d = rest.shape[1]
    change = np.empty(d)
    for other in range(len(starts) - 1):
        mine = rows[starts[other] : starts[other + 1]]
        squares = 0.0
        change[:] = 0.0
        for row in mine:
            squares += scale[row] * scale[row]
            for k in range(d):
                change[k] += scale[row] * rest[row, k]
        for k in range(d):
            posterior_precision = precision[k] * squares + told_precision[k]
            new = precision[k] * (change[k] + squares * told[other, k]) / posterior_precision
            change[k] = new - told[other, k]
            told[other, k] = new
            told_variance[k] += 1 / posterior_precision
            spread[k] += squares / posterior_precision
        for row in mine:
            for k in range(d):
                rest[row, k] -= scale[row] * change[k]
