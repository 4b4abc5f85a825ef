"""Compiled loops of VBMF, with the symbols and array layouts of `vbmf_trainer`. Serving never imports this module."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled


class RatingsByRow(NamedTuple):
    """The ratings of all rows (users, or products), row by row.

    The ratings of row r are those from starts[r] to starts[r + 1]. other: int32[n], product (user) of each rating;
    value: float32[n].
    """

    starts: IntArray
    other: IntArray
    value: FloatArray


class Prior(NamedTuple):
    """Normal prior of the rows: means float32[n_rows, d] and precision float64[d, d]."""

    mean: FloatArray
    precision: FloatArray


class Unexplained(NamedTuple):
    """Sums that `explain_by_others` adds to: posterior variances of the rows' sums of y, and of y; float64[d] each."""

    row_variance: FloatArray
    effect_variance: FloatArray


@compiled
def update_posteriors(
    rows: IntArray,
    ratings: RatingsByRow,
    other_moments: FloatArray,
    noise_precision: float,
    prior: Prior,
    moments: FloatArray,
) -> tuple[float, FloatArray]:
    """Compute the posteriors of some rows.

    Consecutive rows with a single rating of the same other have the same covariance, which is computed once. That saves
    most of the time: most users of a shop have one rating.

    Args:
        rows: int[m], row numbers.
        ratings: of all rows.
        other_moments: float32[n_others, (d + 1)(d + 2) / 2], packed moments of the others.
        noise_precision: τ.
        prior: of all rows.
        moments: float32[n_rows, (d + 1)(d + 2) / 2], receives the packed moments of these rows.

    Returns:
        (expected sum of the squared errors of their ratings, sum float64[d, d] of their posterior covariances).
    """
    d = prior.mean.shape[1]
    covariances = np.zeros((d, d))
    total, weighted = np.empty(moments.shape[1]), np.empty(d + 1)
    gram, root, covariance = np.empty((d, d)), np.empty((d, d)), np.zeros((d, d))
    right, x = np.empty(d), np.empty(d)
    squared_error, spread, single_before, n_alike = 0.0, 0.0, -1, 0
    for row in rows:
        part = slice(ratings.starts[row], ratings.starts[row + 1])
        is_single = ratings.starts[row + 1] - ratings.starts[row] == 1
        single = ratings.other[ratings.starts[row]] if is_single else -1
        if single < 0 or single != single_before:
            _sum_moments(ratings.other[part], other_moments, total)
            _fill_gram(total, gram)
            for a in range(d):
                for c in range(d):
                    root[a, c] = prior.precision[a, c] + noise_precision * gram[a, c]
            covariances += n_alike * covariance
            n_alike = 0
            _factor(root)
            _invert(root, covariance)
            spread = (covariance * gram).sum()
        single_before = single
        n_alike += 1
        squared_error += _sum_values(ratings.other[part], ratings.value[part], other_moments, weighted)
        squared_error += total[d * (d - 1) // 2 + d - 1] - 2 * weighted[d - 1]
        _fill_right(total, weighted, right)
        _posterior_mean(covariance, noise_precision, right, prior.precision, prior.mean[row], x)
        squared_error += spread
        for a in range(d):
            explained = 0.0
            for c in range(d):
                explained += gram[a, c] * x[c]
            squared_error += x[a] * (explained - 2 * right[a])
        _store(x, covariance, moments[row])
    covariances += n_alike * covariance
    return squared_error, covariances


@compiled
def _posterior_mean(
    covariance: FloatArray,
    noise_precision: float,
    right: FloatArray,
    precision: FloatArray,
    prior_mean: FloatArray,
    x: FloatArray,
) -> None:
    """Write x = covariance (τ right + Λ m)."""
    d = len(x)
    information = np.empty(d)
    for a in range(d):
        information[a] = noise_precision * right[a]
        for c in range(d):
            information[a] += precision[a, c] * prior_mean[c]
    for a in range(d):
        x[a] = 0.0
        for c in range(d):
            x[a] += covariance[a, c] * information[c]


@compiled
def _sum_moments(other: IntArray, other_moments: FloatArray, total: FloatArray) -> None:
    """Write total = Σ E[z z'], packed, over the others of one row."""
    total[:] = 0.0
    for one in other:
        packed = other_moments[one]
        for k in range(len(total)):
            total[k] += packed[k]


@compiled
def _sum_values(other: IntArray, value: FloatArray, other_moments: FloatArray, weighted: FloatArray) -> float:
    """Write weighted = Σ value · E[z] over the others of one row. Return Σ value²."""
    weighted[:] = 0.0
    squares, first = 0.0, other_moments.shape[1] - len(weighted)
    for at in range(len(other)):
        packed, rating = other_moments[other[at]], np.float64(value[at])
        squares += rating * rating
        for k in range(len(weighted)):
            weighted[k] += rating * packed[first + k]
    return squares


@compiled
def _fill_gram(total: FloatArray, gram: FloatArray) -> None:
    """Write gram[d, d] of the least squares of one row. Its bias pairs with the others' 1, not with their bias."""
    d = len(gram)
    one = d * (d + 1) // 2  # where the last row of the packed triangle begins
    for a in range(d - 1):
        gram[d - 1, a] = gram[a, d - 1] = total[one + a]
        for c in range(a + 1):
            gram[a, c] = gram[c, a] = total[a * (a + 1) // 2 + c]
    gram[d - 1, d - 1] = total[one + d]


@compiled
def _fill_right(total: FloatArray, weighted: FloatArray, right: FloatArray) -> None:
    """Write right[d] of the same least squares; the others' bias is subtracted from the ratings."""
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
    """Write inverse = (L L')⁻¹; L becomes L⁻¹."""
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
def _store(x: FloatArray, covariance: FloatArray, moments: FloatArray) -> None:
    """Write the packed E[z z'] of z = (x, 1), where x has this mean and covariance."""
    d = len(x)
    for a in range(d):
        moments[d * (d + 1) // 2 + a] = x[a]
        for c in range(a + 1):
            moments[a * (a + 1) // 2 + c] = x[a] * x[c] + covariance[a, c]
    moments[len(moments) - 1] = 1.0


class EffectPrior(NamedTuple):
    """Diagonals of the precisions in the model of the row means: Λ of the rows, κ of the effects y; float64[d] each."""

    row_precision: FloatArray
    effect_precision: FloatArray


@compiled
def explain_by_others(
    starts: IntArray,
    rows: IntArray,
    scale: FloatArray,
    prior: EffectPrior,
    rest: FloatArray,
    effect: FloatArray,
) -> Unexplained:
    """Update the effects y of the others one by one, and what they leave unexplained of the rows' means.

    Args:
        starts: int64[n_others + 1]; the rows of other j are rows[starts[j]:starts[j + 1]].
        rows: int32[n_ratings].
        scale: float32[n_rows], n_u^-½.
        prior: precisions.
        rest: float32[n_rows, d], the unexplained rest of the means, changed.
        effect: float32[n_others, d], the posterior means of y, changed.

    Returns:
        Sums of posterior variances.
    """
    d = rest.shape[1]
    row_variance, effect_variance = np.zeros(d), np.zeros(d)
    change = np.empty(d)
    for other in range(len(starts) - 1):
        own_rows = rows[starts[other] : starts[other + 1]]
        squares = 0.0
        change[:] = 0.0
        for row in own_rows:
            squares += scale[row] * scale[row]
            for k in range(d):
                change[k] += scale[row] * rest[row, k]
        for k in range(d):
            posterior_precision = prior.row_precision[k] * squares + prior.effect_precision[k]
            new = prior.row_precision[k] * (change[k] + squares * effect[other, k]) / posterior_precision
            change[k] = new - effect[other, k]
            effect[other, k] = new
            effect_variance[k] += 1 / posterior_precision
            row_variance[k] += squares / posterior_precision
        for row in own_rows:
            for k in range(d):
                rest[row, k] -= scale[row] * change[k]
    return Unexplained(row_variance, effect_variance)
