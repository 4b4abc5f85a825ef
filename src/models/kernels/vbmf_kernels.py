"""Compiled loops of VBMF, with the symbols and array layouts of `vbmf_trainer`. Serving never imports this module."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled

_LANES = 16


class RatingsByRow(NamedTuple):
    """The ratings of all rows (users, or products), row by row.

    The ratings of row r are those from starts[r] to starts[r + 1]. other: int32[n], product (user) of each rating;
    value: float32[n].
    """

    starts: IntArray
    other: IntArray
    value: FloatArray


class Prior(NamedTuple):
    """Normal prior of the rows: their means, float32[n_rows, d], and the precision Λ, float64[d, d]."""

    mean: FloatArray
    precision: FloatArray


class Unexplained(NamedTuple):
    """Sums that `explain_by_others` adds to: posterior variances of the rows' sums of y, and of y; float64[d] each."""

    row_variance: FloatArray
    effect_variance: FloatArray


class Others(NamedTuple):
    """The side that rows were rated by, or rate.

    moments: float32[n_others, (d + 1)(d + 2) / 2], packed; weight: float32[n_others], how many equal ones each stands
    for.
    """

    moments: FloatArray
    weight: FloatArray


@compiled
def update_posteriors(
    rows: IntArray,
    ratings: RatingsByRow,
    others: Others,
    noise_precision: float,
    prior: Prior,
    weight: FloatArray,
    moments: FloatArray,
) -> tuple[float, FloatArray]:
    """Compute the posteriors of some rows, _LANES of them at a time, so that one instruction serves several rows.

    Args:
        rows: int[m], row numbers.
        ratings: of all rows.
        others: whose moments they depend on.
        noise_precision: τ.
        prior: of all rows.
        weight: float32[n_rows], how many equal rows each stands for.
        moments: float32[n_rows, (d + 1)(d + 2) / 2], receives the packed moments of these rows.

    Returns:
        (expected sum of the squared errors of their ratings, sum float64[d, d] of their posterior covariances).
    """
    d, n_moments = prior.mean.shape[1], moments.shape[1]
    covariances, squared_error = np.zeros((d, d)), 0.0
    total, weighted = np.empty(n_moments), np.empty(d + 1)
    gram = np.zeros((d, d, _LANES), np.float32)
    root, covariance = np.zeros((d, d, _LANES), np.float32), np.zeros((d, d, _LANES), np.float32)
    right, x = np.zeros((d, _LANES), np.float32), np.zeros((d, _LANES), np.float32)
    information = np.zeros((d, _LANES), np.float32)
    precision, tau = prior.precision.astype(np.float32), np.float32(noise_precision)
    errors, lane_weight = np.zeros(_LANES), np.zeros(_LANES, np.float32)
    for first in range(0, len(rows), _LANES):
        n = min(_LANES, len(rows) - first)
        lane_weight[:] = 0.0
        for lane in range(n):
            row = rows[first + lane]
            part = slice(ratings.starts[row], ratings.starts[row + 1])
            errors[lane] = _sum_ratings(ratings.other[part], ratings.value[part], others, total, weighted)
            errors[lane] += total[d * (d - 1) // 2 + d - 1] - 2 * weighted[d - 1]
            _fill_lane(total, weighted, gram, right, lane)
            lane_weight[lane] = weight[row]
            for a in range(d):
                information[a, lane] = tau * right[a, lane]
                for c in range(d):
                    information[a, lane] += precision[a, c] * prior.mean[row, c]
        for a in range(d):
            for c in range(d):
                for lane in range(_LANES):
                    root[a, c, lane] = precision[a, c] + tau * gram[a, c, lane]
        _factor(root)
        _invert(root, covariance)
        _multiply(covariance, information, x)
        _add_errors(gram, covariance, right, x, errors)
        for lane in range(n):
            squared_error += lane_weight[lane] * errors[lane]
            _store(x, covariance, lane, moments[rows[first + lane]])
        for a in range(d):
            for c in range(d):
                for lane in range(_LANES):
                    covariances[a, c] += lane_weight[lane] * covariance[a, c, lane]
    return squared_error, covariances


@compiled
def _sum_ratings(other: IntArray, value: FloatArray, others: Others, total: FloatArray, weighted: FloatArray) -> float:
    """Write total = Σ E[z z'], packed, and weighted = Σ value · E[z] over the others of one row; return Σ value²."""
    total[:] = 0.0
    weighted[:] = 0.0
    squares, first = 0.0, len(total) - len(weighted)
    for at in range(len(other)):
        packed, times, rating = others.moments[other[at]], np.float64(others.weight[other[at]]), np.float64(value[at])
        squares += times * rating * rating
        for k in range(len(total)):
            total[k] += times * packed[k]
        for k in range(len(weighted)):
            weighted[k] += times * rating * packed[first + k]
    return squares


@compiled
def _fill_lane(total: FloatArray, weighted: FloatArray, gram: FloatArray, right: FloatArray, lane: int) -> None:
    """Write gram[d, d] and right[d] of the least squares of one row.

    Its bias pairs with the others' 1, not with their bias, which is subtracted from the ratings.
    """
    d = len(gram)
    bias, one = d * (d - 1) // 2, d * (d + 1) // 2  # where the last two rows of the packed triangle begin
    for a in range(d - 1):
        gram[d - 1, a, lane] = gram[a, d - 1, lane] = total[one + a]
        right[a, lane] = weighted[a] - total[bias + a]
        for c in range(a + 1):
            gram[a, c, lane] = gram[c, a, lane] = total[a * (a + 1) // 2 + c]
    gram[d - 1, d - 1, lane] = total[one + d]
    right[d - 1, lane] = weighted[d] - total[one + d - 1]


@compiled
def _multiply(matrix: FloatArray, vector: FloatArray, product: FloatArray) -> None:
    """Write product = matrix · vector in every lane."""
    product[:] = 0.0
    for a in range(len(matrix)):
        for c in range(len(matrix)):
            for lane in range(_LANES):
                product[a, lane] += matrix[a, c, lane] * vector[c, lane]


@compiled
def _add_errors(gram: FloatArray, covariance: FloatArray, right: FloatArray, x: FloatArray, errors: FloatArray) -> None:
    """Add the expected tr(gram · E[x x']) - 2 right · x in every lane."""
    for a in range(len(gram)):
        for lane in range(_LANES):
            errors[lane] -= np.float64(2 * x[a, lane]) * np.float64(right[a, lane])
        for c in range(len(gram)):
            for lane in range(_LANES):
                moment = covariance[a, c, lane] + x[a, lane] * x[c, lane]
                errors[lane] += np.float64(gram[a, c, lane] * moment)


@compiled
def _factor(matrix: FloatArray) -> None:
    """Cholesky: the lower triangles become L with L L' = matrix, in every lane."""
    for a in range(len(matrix)):
        for c in range(a + 1):
            for k in range(c):
                for lane in range(_LANES):
                    matrix[a, c, lane] -= matrix[a, k, lane] * matrix[c, k, lane]
            for lane in range(_LANES):
                value = matrix[a, c, lane]
                matrix[a, c, lane] = np.float32(1) / np.sqrt(value) if a == c else value * matrix[c, c, lane]


@compiled
def _invert(root: FloatArray, inverse: FloatArray) -> None:
    """Write inverse = (L L')⁻¹ in every lane; L, with the inverse of its diagonal, becomes L⁻¹."""
    d, rest = len(root), np.empty(_LANES, np.float32)
    for c in range(d):
        for a in range(c + 1, d):
            rest[:] = 0.0
            for k in range(c, a):
                for lane in range(_LANES):
                    rest[lane] -= root[a, k, lane] * root[k, c, lane]
            for lane in range(_LANES):
                root[a, c, lane] = rest[lane] * root[a, a, lane]
    for a in range(d):
        for c in range(a + 1):
            inverse[a, c] = 0.0
            for k in range(a, d):
                for lane in range(_LANES):
                    inverse[a, c, lane] += root[k, a, lane] * root[k, c, lane]
            inverse[c, a] = inverse[a, c]


@compiled
def _store(x: FloatArray, covariance: FloatArray, lane: int, moments: FloatArray) -> None:
    """Write the packed E[z z'] of z = (x, 1), where x has this mean and covariance."""
    d = len(x)
    for a in range(d):
        moments[d * (d + 1) // 2 + a] = x[a, lane]
        for c in range(a + 1):
            moments[a * (a + 1) // 2 + c] = x[a, lane] * x[c, lane] + covariance[a, c, lane]
    moments[len(moments) - 1] = 1.0


class EffectPrior(NamedTuple):
    """Diagonals of the precisions in the model of the row means: Λ of the rows, κ of the effects y; float64[d] each."""

    row_precision: FloatArray
    effect_precision: FloatArray


class Weights(NamedTuple):
    """How many equal rows each row stands for, float32[n_rows]; and how many equal others each other, float32[n]."""

    row: FloatArray
    other: FloatArray


@compiled
def explain_by_others(
    starts: IntArray,
    rows: IntArray,
    scale: FloatArray,
    prior: EffectPrior,
    weights: Weights,
    rest: FloatArray,
    effect: FloatArray,
) -> Unexplained:
    """Update the effects y of the others one by one, and what they leave unexplained of the rows' means.

    The effects of equal others are equal, and are updated together.

    Args:
        starts: int64[n_others + 1]; the rows of other j are rows[starts[j]:starts[j + 1]].
        rows: int32[n_ratings].
        scale: float32[n_rows], n_u^-½.
        prior: precisions.
        weights: of rows and others.
        rest: float32[n_rows, d], the unexplained rest of the means, changed.
        effect: float32[n_others, d], the posterior means of y, changed.

    Returns:
        Sums of posterior variances.
    """
    d = rest.shape[1]
    row_variance, effect_variance = np.zeros(d), np.zeros(d)
    change = np.empty(d)
    for other in range(len(starts) - 1):
        own_rows, times = rows[starts[other] : starts[other + 1]], weights.other[other]
        squares = 0.0
        change[:] = 0.0
        for row in own_rows:
            share = scale[row] * weights.row[row]
            squares += share * scale[row]
            for k in range(d):
                change[k] += share * rest[row, k]
        for k in range(d):
            own = prior.row_precision[k]
            new = own * (change[k] + squares * times * effect[other, k])
            new /= own * squares * times + prior.effect_precision[k]
            change[k] = times * (new - effect[other, k])
            effect[other, k] = new
            variance = times / (own * squares + prior.effect_precision[k])
            effect_variance[k] += variance
            row_variance[k] += squares * variance
        for row in own_rows:
            for k in range(d):
                rest[row, k] -= scale[row] * change[k]
    return Unexplained(row_variance, effect_variance)


@compiled
def weighted_sum(rows: IntArray, values: FloatArray, weight: FloatArray) -> FloatArray:
    """Add up some rows of values, each times its weight.

    Args:
        rows: int[m], row numbers.
        values: float32[n_rows, d].
        weight: float32[n_rows].

    Returns:
        float64[d].
    """
    total = np.zeros(values.shape[1])
    for row in rows:
        for k in range(len(total)):
            total[k] += weight[row] * values[row, k]
    return total


@compiled
def settle_prior(
    rows: IntArray, mean: FloatArray, rest: FloatArray, change: FloatArray, weight: FloatArray, prior_mean: FloatArray
) -> FloatArray:
    """Write the prior means of some rows, and add up the squares of what they leave of the posterior means.

    Args:
        rows: int[m], row numbers.
        mean: float32[n_rows, d], the posterior means.
        rest: float32[n_rows, d], what the effects leave of them.
        change: float32[d], of the constant, which the rest is less by.
        weight: float32[n_rows], how many equal rows each stands for.
        prior_mean: float32[n_rows, d], receives the prior means.

    Returns:
        float64[d, d], Σ weight · rest restᵀ.
    """
    d = rest.shape[1]
    scatter, left = np.zeros((d, d)), np.zeros(d)
    for row in rows:
        for a in range(d):
            unexplained = rest[row, a] - change[a]
            prior_mean[row, a] = mean[row, a] - unexplained
            left[a] = unexplained
            for c in range(a + 1):
                scatter[a, c] += weight[row] * left[a] * left[c]
    for a in range(d):
        for c in range(a):
            scatter[c, a] = scatter[a, c]
    return scatter
