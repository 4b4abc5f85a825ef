"""One side of VBMF, its users or its products, with the symbols of `vbmf_trainer`. Serving never imports it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import map_in_threads
from src.models.kernels.svd_trainset import grouped_order
from src.models.kernels.vbmf_kernels import (
    EffectPrior,
    Others,
    Prior,
    RatingsByRow,
    Weights,
    explain_by_others,
    settle_prior,
    update_posteriors,
    weighted_sum,
)

_PARTS = 16
"""Number of parts that rows are divided into for any number of threads, so that sums do not depend on it."""
_START_PRECISION, _START_COVARIANCE, _START_DEVIATION = 20.0, 0.05, 0.3
_BIAS_SHRINKAGE = 5.0
_RATINGS_PER_ROW = 20
"""A row costs as much as so many ratings."""
MIN_VARIANCE = 1e-6
"""Lower bound of every learnt variance, which equal ratings would otherwise make zero."""


class LearntPrior(NamedTuple):
    """What one side's prior is made of.

    Attributes:
        constant: float32[d], m.
        precision: float64[d, d], Λ.
        effect: float32[n_others, d], the posterior means of y.
        effect_precision: float64[d], κ.
    """

    constant: FloatArray
    precision: FloatArray
    effect: FloatArray
    effect_precision: FloatArray

    def of_rows(self, rows: IntArray) -> LearntPrior:
        """Return the same with the effects of these others."""
        return self._replace(effect=self.effect[rows])

    def in_rows(self, rows: IntArray, n_rows: int) -> LearntPrior:
        """Return the same with the effects in other rows.

        Args:
            rows: int[n_others], the new row of each.
            n_rows: number of rows; those without an effect are zeros.
        """
        effect = np.zeros((n_rows, self.effect.shape[1]), np.float32)
        effect[rows] = self.effect
        return self._replace(effect=effect)


@dataclass
class Side:
    """All users with their ratings, or all products with theirs. `update` changes it.

    Attributes:
        ratings: row by row; values have mean 0 and deviation 1.
        weight: float32[n], how many equal rows each stands for.
        other_weight: float32[n_others], the same of the products (users).
        d: length of x.
        count: float64[n], number of ratings of a row, for each of the others that one stands for.
        scale: float32[n], count^-½.
        moments: float32[n, (d + 1)(d + 2) / 2], the lower triangle, row by row, of E[z z'] with z = (factors, bias, 1).
            Its end is the mean of z.
        constant: float32[d], m.
        prior_mean: float32[n, d], m + n^-½ Σ y.
        precision: float64[d, d], Λ.
        effect: float32[n_others, d], the posterior means of y.
        effect_precision: float64[d], κ.
        parts: all row numbers, divided for threads.
    """

    ratings: RatingsByRow
    weight: FloatArray
    other_weight: FloatArray
    d: int
    count: FloatArray = field(init=False)
    scale: FloatArray = field(init=False)
    moments: FloatArray = field(init=False)
    constant: FloatArray = field(init=False)
    prior_mean: FloatArray = field(init=False)
    precision: FloatArray = field(init=False)
    effect: FloatArray = field(init=False)
    effect_precision: FloatArray = field(init=False)
    parts: list[IntArray] = field(init=False)

    def __post_init__(self) -> None:
        starts, other, _ = self.ratings
        d, n = self.d, len(starts) - 1
        self.count = np.add.reduceat(self.other_weight[other].astype(np.float64), starts[:-1])
        self.scale = (1 / np.sqrt(self.count)).astype(np.float32)
        self.moments = np.zeros((n, (d + 1) * (d + 2) // 2), np.float32)
        self.constant = np.zeros(d, np.float32)
        self.prior_mean, self.precision = np.zeros((n, d), np.float32), np.eye(d) * _START_PRECISION
        self.effect = np.zeros((len(self.other_weight), d), np.float32)
        self.effect_precision = np.full(d, 10 * _START_PRECISION)
        cost = np.cumsum(np.diff(starts) + _RATINGS_PER_ROW)
        self.parts = np.split(np.arange(n), np.searchsorted(cost, cost[-1] * np.arange(1, _PARTS) // _PARTS))

    @classmethod
    def of(cls, own: IntArray, other: IntArray, value: FloatArray, weights: Weights, d: int) -> Side:
        """Group ratings by row.

        Args:
            own: int32[n_ratings], user (product) of each rating; each has one at least.
            other: int32[n_ratings], product (user) of each rating.
            value: float32[n_ratings].
            weights: of users (products), and of products (users).
            d: length of x.

        Returns:
            The side, before `start`.
        """
        n = len(weights.row)
        order = grouped_order(own, n)
        starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=n))])
        return cls(RatingsByRow(starts, other[order], value[order]), weights.row, weights.other, d)

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def mean(self) -> FloatArray:
        """float32[n, d], the posterior means of x, a view."""
        return self.moments[:, -self.d - 1 : -1]

    def start(self, seed: int) -> None:
        """Set random factors, and biases to the shrunk means of the ratings."""
        starts, other, value = self.ratings
        sums = np.add.reduceat(value.astype(np.float64) * self.other_weight[other], starts[:-1])
        z = np.ones((len(self), self.d + 1), np.float32)
        z[:, :-2] = np.random.default_rng(seed).standard_normal((len(self), self.d - 1), np.float32) * _START_DEVIATION
        z[:, -2] = sums / (self.count + _BIAS_SHRINKAGE)
        rows, columns = np.tril_indices(self.d + 1)
        for at, (row, column) in enumerate(zip(rows, columns, strict=True)):
            self.moments[:, at] = z[:, row] * z[:, column] + _START_COVARIANCE * (row == column < self.d)

    @property
    def learnt(self) -> LearntPrior:
        """What the prior is made of."""
        return LearntPrior(self.constant, self.precision, self.effect, self.effect_precision)

    def continue_from(self, learnt: LearntPrior) -> None:
        """Take over the prior of an earlier training."""
        self.constant, self.precision, self.effect, self.effect_precision = learnt
        starts, other, _ = self.ratings
        pairs = csr_matrix((self.other_weight[other], other, starts), shape=(len(self), len(self.other_weight)))
        self.prior_mean = self.constant + self.scale[:, None] * (pairs @ self.effect)

    def update(self, others: Side, noise_precision: float, pool: ThreadPoolExecutor | None) -> float:
        """Compute new posteriors, then new priors.

        Args:
            others: the other side.
            noise_precision: τ.
            pool: threads; None for none.

        Returns:
            The expected sum of the squared errors of all ratings.
        """
        prior = Prior(self.prior_mean, self.precision)
        known = Others(others.moments, others.weight)

        def update_part(rows: IntArray) -> tuple[float, FloatArray]:
            return update_posteriors(rows, self.ratings, known, noise_precision, prior, self.weight, self.moments)

        results = map_in_threads(update_part, self.parts, pool)
        self._learn_prior(np.sum([covariances for _, covariances in results], axis=0), others, pool)
        return float(sum(error for error, _ in results))

    def _learn_prior(self, covariances: FloatArray, others: Side, pool: ThreadPoolExecutor | None) -> None:
        """Learn m, y, κ and Λ. covariances: float64[d, d], the sum of those of the posteriors of x."""
        rest = self.mean - self.prior_mean
        prior = EffectPrior(np.diag(self.precision).copy(), self.effect_precision)
        by_other, weights = others.ratings, Weights(self.weight, self.other_weight)
        sums = explain_by_others(by_other.starts, by_other.other, self.scale, prior, weights, rest, self.effect)
        squares = self.other_weight.astype(np.float64) @ np.square(self.effect)
        self.effect_precision = self.other_weight.sum(dtype=np.float64) / (squares + sums.effect_variance)
        n = self.weight.sum(dtype=np.float64)
        unexplained = map_in_threads(lambda rows: weighted_sum(rows, rest, self.weight), self.parts, pool)
        change = (np.sum(unexplained, axis=0) / n).astype(np.float32)
        self.constant = self.constant + change

        def settle(rows: IntArray) -> FloatArray:
            return settle_prior(rows, self.mean, rest, change, self.weight, self.prior_mean)

        scatter = np.sum(map_in_threads(settle, self.parts, pool), axis=0) + covariances + np.diag(sums.row_variance)
        self.precision = np.linalg.inv(scatter / n + np.eye(self.d) * MIN_VARIANCE)
