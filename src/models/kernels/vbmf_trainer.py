"""Training of VBMF: coordinate ascent on the variational bound. Serving never imports this module.

The model, with x = (factors, bias) of a user or product, d = f + 1 numbers:

    rating(u, i) ~ N(μ + b_u + b_i + p_u · q_i, 1 / τ)
    x_u ~ N(m + n_u^-½ Σ_{i rated by u} y_i, Λ⁻¹),    y_i ~ N(0, diag(κ)⁻¹), and the same for products

The posterior of each x_u is a normal distribution of full covariance with the precision Λ + τ Σ_i E[z_i z_i'] (Lim and
Teh 2007, section 3.3); that of each number of y_i is independent. m, Λ, κ and τ are set to maximise the bound. Time:
O(ratings · d² + (users + products) · d³) a sweep. Memory: some 6 d² bytes a user or product.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from src.core.all_cores import n_cores
from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import Interactions
from src.models.factorization import FittedFactors
from src.models.kernels.compile import map_in_threads
from src.models.kernels.svd_trainset import InnerIds, grouped_order
from src.models.kernels.vbmf_kernels import EffectPrior, Prior, RatingsByRow, explain_by_others, update_posteriors

_PARTS = 16
"""Number of parts that rows are divided into for any number of threads, so that sums do not depend on it."""
_START_PRECISION, _START_COVARIANCE, _START_DEVIATION = 20.0, 0.05, 0.3
_BIAS_SHRINKAGE = 5.0
_MIN_VARIANCE = 1e-6
"""Lower bound of every learnt variance, which equal ratings would otherwise make zero."""


@dataclass
class Side:
    """All users with their ratings, or all products with theirs. `update` changes it.

    Attributes:
        ratings: row by row; values have mean 0 and deviation 1.
        n_others: number of products (users).
        d: length of x.
        scale: float32[n], n_u^-½.
        moments: float32[n, (d + 1)(d + 2) / 2], the lower triangle, row by row, of E[z z'] with z = (factors, bias, 1).
            Its end is the mean of z.
        prior: means and precision Λ of x.
        effect: float32[n_others, d], the posterior means of y.
        effect_precision: float64[d], κ.
        parts: all row numbers, divided for threads.
    """

    ratings: RatingsByRow
    n_others: int
    d: int
    scale: FloatArray = field(init=False)
    moments: FloatArray = field(init=False)
    prior: Prior = field(init=False)
    effect: FloatArray = field(init=False)
    effect_precision: FloatArray = field(init=False)
    parts: list[IntArray] = field(init=False)

    def __post_init__(self) -> None:
        starts, other, _ = self.ratings
        d, n = self.d, len(starts) - 1
        count = np.diff(starts)
        self.scale = (1 / np.sqrt(count)).astype(np.float32)
        self.moments = np.zeros((n, (d + 1) * (d + 2) // 2), np.float32)
        self.prior = Prior(np.zeros((n, d), np.float32), np.eye(d) * _START_PRECISION)
        self.effect = np.zeros((self.n_others, d), np.float32)
        self.effect_precision = np.full(d, 10 * _START_PRECISION)
        # Rows with a single rating of the same other follow each other: see update_posteriors.
        order = grouped_order(np.where(count == 1, other[starts[:-1]], self.n_others), self.n_others + 1)
        cost = np.cumsum(count[order] + 1)  # a rating costs about as much as a row
        self.parts = np.split(order, np.searchsorted(cost, cost[-1] * np.arange(1, _PARTS) // _PARTS))

    @classmethod
    def of(cls, own: IntArray, other: IntArray, value: FloatArray, n: int, n_others: int, d: int) -> Side:
        """Group ratings by row.

        Args:
            own: int32[n_ratings], user (product) of each rating.
            other: int32[n_ratings], product (user) of each rating.
            value: float32[n_ratings].
            n: number of users (products).
            n_others: number of products (users).
            d: length of x.

        Returns:
            The side, before `start`.
        """
        order = grouped_order(own, n)
        starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=n))])
        return cls(RatingsByRow(starts, other[order], value[order]), n_others, d)

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def mean(self) -> FloatArray:
        """float32[n, d], the posterior means of x, a view."""
        return self.moments[:, -self.d - 1 : -1]

    def start(self, seed: int) -> None:
        """Set random factors, and biases to the shrunk means of the ratings."""
        starts, _, value = self.ratings
        sums = np.add.reduceat(value.astype(np.float64), starts[:-1])
        z = np.ones((len(self), self.d + 1), np.float32)
        z[:, :-2] = np.random.default_rng(seed).standard_normal((len(self), self.d - 1), np.float32) * _START_DEVIATION
        z[:, -2] = sums / (np.diff(starts) + _BIAS_SHRINKAGE)
        rows, columns = np.tril_indices(self.d + 1)
        for at, (row, column) in enumerate(zip(rows, columns, strict=True)):
            self.moments[:, at] = z[:, row] * z[:, column] + _START_COVARIANCE * (row == column < self.d)

    def update(self, others: Side, noise_precision: float, pool: ThreadPoolExecutor | None) -> float:
        """Compute new posteriors, then new priors.

        Args:
            others: the other side.
            noise_precision: τ.
            pool: threads; None for none.

        Returns:
            The expected sum of the squared errors of all ratings.
        """

        def update_part(rows: IntArray) -> tuple[float, FloatArray]:
            return update_posteriors(rows, self.ratings, others.moments, noise_precision, self.prior, self.moments)

        results = map_in_threads(update_part, self.parts, pool)
        self._learn_prior(np.sum([covariances for _, covariances in results], axis=0), others)
        return float(sum(error for error, _ in results))

    def _learn_prior(self, covariances: FloatArray, others: Side) -> None:
        """Learn m, y, κ and Λ. covariances: float64[d, d], the sum of those of the posteriors of x."""
        rest = self.mean - self.prior.mean
        prior = EffectPrior(np.diag(self.prior.precision).copy(), self.effect_precision)
        sums = explain_by_others(others.ratings.starts, others.ratings.other, self.scale, prior, rest, self.effect)
        squares = np.einsum("nd,nd->d", self.effect, self.effect, dtype=np.float64)
        self.effect_precision = self.n_others / (squares + sums.effect_variance)
        rest -= rest.mean(axis=0, dtype=np.float64).astype(np.float32)
        scatter = sum((_scatter(rest[part]) for part in self.parts), covariances + np.diag(sums.row_variance))
        precision = np.linalg.inv(scatter / len(self) + np.eye(self.d) * _MIN_VARIANCE)
        self.prior = Prior(self.mean - rest, precision)


def _scatter(rows: FloatArray) -> FloatArray:
    wide = rows.astype(np.float64)
    return wide.T @ wide


def fit(ratings: Interactions, *, factors: int, sweeps: int, seed: int, n_threads: int | None = None) -> FittedFactors:
    """Train on ratings.

    Args:
        ratings: at least one.
        factors: length of a factor vector.
        sweeps: passes over all ratings.
        seed: of the initial factors.
        n_threads: None for all cores. The result does not depend on it.

    Returns:
        The posterior means.
    """
    users = InnerIds.by_first_appearance(ratings.user_idx, ratings.users)
    items = InnerIds.by_first_appearance(ratings.item_idx, ratings.items)
    user, item = users.inner[ratings.user_idx], items.inner[ratings.item_idx]
    mean = float(ratings.value.mean(dtype=np.float64))
    # Values are divided by their deviation, so that the same starting values fit any rating scale.
    unit = max(float(ratings.value.std(dtype=np.float64)), _MIN_VARIANCE)
    value = ((ratings.value - mean) / unit).astype(np.float32)
    by_user = Side.of(user, item, value, len(users.row), len(items.row), factors + 1)
    by_item = Side.of(item, user, value, len(items.row), len(users.row), factors + 1)
    by_item.start(seed)
    noise = 1.0
    with ThreadPoolExecutor(n_threads or n_cores()) as pool:
        for _ in range(sweeps):
            by_user.update(by_item, 1 / noise, pool)
            noise = max(by_item.update(by_user, 1 / noise, pool) / len(ratings), _MIN_VARIANCE)
    of_users, of_items = _factors_and_bias(by_user.mean), _factors_and_bias(by_item.mean)
    fitted = FittedFactors(
        users.row,
        items.row,
        unit * of_users.factors,
        unit * of_users.bias,
        of_items.factors,
        unit * of_items.bias,
        mean=mean,
    )
    return _centred(fitted)


def _centred(fitted: FittedFactors) -> FittedFactors:
    """Return the same predictions with biases and factors that are zero for an average user and product."""
    user, item = fitted.user_factors.mean(axis=0), fitted.item_factors.mean(axis=0)
    user_bias = fitted.user_bias + fitted.user_factors @ item
    item_bias = fitted.item_bias + fitted.item_factors @ user
    constant = fitted.mean + user_bias.mean() + item_bias.mean() - user @ item
    return FittedFactors(
        fitted.user_idx,
        fitted.item_idx,
        fitted.user_factors - user,
        user_bias - user_bias.mean(),
        fitted.item_factors - item,
        item_bias - item_bias.mean(),
        mean=float(constant),
    )


class _FactorsAndBias(NamedTuple):
    """float64[n, f] and float64[n]."""

    factors: FloatArray
    bias: FloatArray


def _factors_and_bias(x: FloatArray) -> _FactorsAndBias:
    wide = x.astype(np.float64)
    return _FactorsAndBias(wide[:, :-1], wide[:, -1])
