"""The trainer of VBMF: coordinate ascent on the variational bound. Imported while training only.

The model, with x = (factors, bias) of a user or product, d = f + 1 numbers:

    rating(u, i) ~ N(μ + b_u + b_i + p_u · q_i, 1 / τ)
    x_u ~ N(m + n_u^-½ Σ_{i rated by u} y_i, Λ⁻¹),    y_i ~ N(0, diag(κ)⁻¹), and the same for products

The posterior of each x_u is a normal distribution of full covariance, its precision Λ + τ Σ_i E[z_i z_i'] (Lim and Teh
2007, section 3.3); that of each number of y_i is one by itself. m, Λ, κ and τ are set to what makes the bound highest.
Time: O(ratings · d² + (users + products) · d³) a sweep. Memory: some 6 d² bytes a user or product.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import Interactions
from src.models.factorization import FittedFactors
from src.models.kernels.compile import in_threads, n_cores
from src.models.kernels.svd_trainset import InnerIds, grouped_order
from src.models.kernels.vbmf_kernels import explain_by_others, update_posteriors

_PARTS = 16
"""Rows are worked on in so many parts, whatever the number of threads: a sum of parts then never depends on it."""
_START_PRECISION, _START_COVARIANCE, _START_DEVIATION = 20.0, 0.05, 0.3
_BIAS_SHRINKAGE = 5.0
_LEAST_VARIANCE = 1e-6
"""No variance is learnt to be less: ratings that are all equal would make it zero."""


@dataclass
class Side:
    """All users, with their ratings user by user, or all products, product by product; changed by `update`.

    other: int32[n_ratings], the product (user) of a rating; value: float32[n_ratings], of mean 0 and deviation 1.
    starts: int64[n + 1], where the ratings of each begin. scale: float32[n], n_u^-½.
    moments: float32[n, (d + 1)(d + 2) / 2], the lower triangle, row by row, of E[z z'] with z = (factors, bias, 1); its
    end is the mean of z. prior: float32[n, d], the prior mean of x. precision: Λ, float64[d, d].
    told: float32[n_others, d], the posterior means of y. told_precision: κ, float64[d]. parts: all row numbers.
    """

    starts: IntArray
    other: IntArray
    value: FloatArray
    n_others: int
    d: int
    scale: FloatArray = field(init=False)
    moments: FloatArray = field(init=False)
    prior: FloatArray = field(init=False)
    precision: FloatArray = field(init=False)
    told: FloatArray = field(init=False)
    told_precision: FloatArray = field(init=False)
    parts: list[IntArray] = field(init=False)

    def __post_init__(self) -> None:
        d, n = self.d, len(self.starts) - 1
        self.scale = (1 / np.sqrt(np.diff(self.starts))).astype(np.float32)
        self.moments = np.zeros((n, (d + 1) * (d + 2) // 2), np.float32)
        self.prior = np.zeros((n, d), np.float32)
        self.precision = np.eye(d) * _START_PRECISION
        self.told = np.zeros((self.n_others, d), np.float32)
        self.told_precision = np.full(d, 10 * _START_PRECISION)
        count = np.diff(self.starts)
        # Rows with one rating side by side with those that have the same: see update_posteriors.
        order = grouped_order(np.where(count == 1, self.other[self.starts[:-1]], self.n_others), self.n_others + 1)
        cost = np.cumsum(count[order] + 1)  # a rating costs about as much as a row that has none
        self.parts = np.split(order, np.searchsorted(cost, cost[-1] * np.arange(1, _PARTS) // _PARTS))

    @classmethod
    def of(cls, own: IntArray, other: IntArray, value: FloatArray, n: int, n_others: int, d: int) -> Side:
        order = grouped_order(own, n)
        starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=n))])
        return cls(starts, other[order], value[order], n_others, d)

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def mean(self) -> FloatArray:
        """float32[n, d]: the posterior means of x, a view."""
        return self.moments[:, -self.d - 1 : -1]

    def start(self, seed: int) -> None:
        """Random factors, and biases that are the mean of the ratings, drawn towards zero."""
        sums = np.add.reduceat(self.value.astype(np.float64), self.starts[:-1])
        z = np.ones((len(self), self.d + 1), np.float32)
        z[:, :-2] = np.random.default_rng(seed).standard_normal((len(self), self.d - 1), np.float32) * _START_DEVIATION
        z[:, -2] = sums / (np.diff(self.starts) + _BIAS_SHRINKAGE)
        rows, columns = np.tril_indices(self.d + 1)
        for at, (row, column) in enumerate(zip(rows, columns, strict=True)):
            self.moments[:, at] = z[:, row] * z[:, column] + _START_COVARIANCE * (row == column < self.d)

    def update(self, others: Side, noise_precision: float, pool: ThreadPoolExecutor | None) -> float:
        """New posteriors, then new priors. Returns the expected sum of squared errors of all ratings."""

        def of_part(rows: IntArray) -> tuple[FloatArray, float]:
            covariance = np.zeros((self.d, self.d))
            error = update_posteriors(
                rows,
                self.starts,
                self.other,
                self.value,
                others.moments,
                noise_precision,
                self.prior,
                self.precision,
                self.moments,
                covariance,
            )
            return covariance, error

        done = in_threads(of_part, self.parts, pool)
        self._learn_prior(np.sum([covariance for covariance, _ in done], axis=0), others)
        return float(sum(error for _, error in done))

    def _learn_prior(self, covariance: FloatArray, others: Side) -> None:
        """covariance: the sum of those of the posteriors of x."""
        rest = self.mean - self.prior
        spread = np.zeros(self.d)  # what the posterior variance of y makes of the prior's, summed over the rows
        told_variance = np.zeros(self.d)
        explain_by_others(
            others.starts,
            others.other,
            self.scale,
            np.diag(self.precision).copy(),
            self.told_precision,
            rest,
            self.told,
            spread,
            told_variance,
        )
        squares = np.einsum("nd,nd->d", self.told, self.told, dtype=np.float64)
        self.told_precision = self.n_others / (squares + told_variance)
        rest -= rest.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.prior = self.mean - rest
        scatter = sum((_scatter(rest[part]) for part in self.parts), covariance + np.diag(spread))
        self.precision = np.linalg.inv(scatter / len(self) + np.eye(self.d) * _LEAST_VARIANCE)


def _scatter(rows: FloatArray) -> FloatArray:
    wide = rows.astype(np.float64)
    return wide.T @ wide


def fit(ratings: Interactions, *, factors: int, sweeps: int, seed: int, n_threads: int | None = None) -> FittedFactors:
    """Train on at least one rating; n_threads: None means all cores, and the result does not depend on it."""
    users = InnerIds.by_first_appearance(ratings.user_idx, ratings.users)
    items = InnerIds.by_first_appearance(ratings.item_idx, ratings.items)
    user, item = users.inner[ratings.user_idx], items.inner[ratings.item_idx]
    mean = float(ratings.value.mean(dtype=np.float64))
    # In units of their deviation, as the starting values are the same for stars and for points out of a hundred.
    unit = max(float(ratings.value.std(dtype=np.float64)), _LEAST_VARIANCE)
    value = ((ratings.value - mean) / unit).astype(np.float32)
    by_user = Side.of(user, item, value, len(users.row), len(items.row), factors + 1)
    by_item = Side.of(item, user, value, len(items.row), len(users.row), factors + 1)
    by_item.start(seed)
    noise = 1.0
    with ThreadPoolExecutor(n_threads or n_cores()) as pool:
        for _ in range(sweeps):
            by_user.update(by_item, 1 / noise, pool)
            noise = max(by_item.update(by_user, 1 / noise, pool) / len(ratings), _LEAST_VARIANCE)
    user_factors, user_bias = _split(by_user.mean)
    item_factors, item_bias = _split(by_item.mean)
    fitted = FittedFactors(
        users.row, items.row, unit * user_factors, unit * user_bias, item_factors, unit * item_bias, mean=mean
    )
    return _centred(fitted)


def _centred(fitted: FittedFactors) -> FittedFactors:
    """The same predictions, with biases and factors that are zero for an average user and an average product."""
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


def _split(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(factors, bias), as float64."""
    wide = x.astype(np.float64)
    return wide[:, :-1], wide[:, -1]
