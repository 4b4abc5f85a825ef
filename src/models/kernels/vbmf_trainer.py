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
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from src.core.all_cores import n_cores
from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import Interactions
from src.models.factorization import FittedFactors
from src.models.kernels.svd_trainset import InnerIds
from src.models.kernels.vbmf_kernels import Weights
from src.models.kernels.vbmf_side import MIN_VARIANCE, LearntPrior, Side
from src.models.kernels.vbmf_users import distinct_users


class Posteriors(NamedTuple):
    """What a training can continue from; the users' posteriors follow from it.

    Attributes:
        of_items: float32[n_items, (d + 1)(d + 2) / 2], packed moments; zeros for a product without a rating.
        user_prior: effects of all products.
        item_prior: effects of all users.
        noise: 1 / τ.
    """

    of_items: FloatArray
    user_prior: LearntPrior
    item_prior: LearntPrior
    noise: float


@dataclass(frozen=True)
class FittedVbmf(FittedFactors):
    """Fitted factors, and what another training can continue from."""

    posteriors: Posteriors


def fit(
    ratings: Interactions,
    *,
    factors: int,
    sweeps: int,
    seed: int,
    n_threads: int | None = None,
    start: Posteriors | None = None,
) -> FittedVbmf:
    """Train on ratings.

    Args:
        ratings: at least one.
        factors: length of a factor vector.
        sweeps: passes over all ratings.
        seed: of the initial factors.
        n_threads: None for all cores. The result does not depend on it.
        start: of other ratings of the same vocabularies, to continue from; None to begin at random.

    Returns:
        The posterior means, and what to continue from.
    """
    users = InnerIds.by_first_appearance(ratings.user_idx, ratings.users)
    items = InnerIds.by_first_appearance(ratings.item_idx, ratings.items)
    user, item = users.inner[ratings.user_idx], items.inner[ratings.item_idx]
    mean = float(ratings.value.mean(dtype=np.float64))
    # Values are divided by their deviation, so that the same starting values fit any rating scale.
    unit = max(float(ratings.value.std(dtype=np.float64)), MIN_VARIANCE)
    value = ((ratings.value - mean) / unit).astype(np.float32)
    distinct = distinct_users(user, item, value, len(users.row))
    user, item, value = distinct.user, item[distinct.rating], value[distinct.rating]
    weights = Weights(distinct.weight, np.ones(len(items.row), np.float32))
    by_user = Side.of(user, item, value, weights, factors + 1)
    by_item = Side.of(item, user, value, Weights(weights.other, weights.row), factors + 1)
    by_item.start(seed)
    noise, user_of_row = 1.0, users.row[_first_of_each(distinct.row)]
    if start is not None:
        noise = start.noise
        by_user.continue_from(start.user_prior.of_rows(items.row))
        by_item.continue_from(start.item_prior.of_rows(user_of_row))
        is_known = start.of_items[items.row, -1] > 0
        by_item.moments[is_known] = start.of_items[items.row[is_known]]
    with ThreadPoolExecutor(n_threads or n_cores()) as pool:
        for _ in range(sweeps):
            by_user.update(by_item, 1 / noise, pool)
            noise = max(by_item.update(by_user, 1 / noise, pool) / len(ratings), MIN_VARIANCE)
    of_users, of_items = _factors_and_bias(by_user.mean), _factors_and_bias(by_item.mean)
    moments = np.zeros((ratings.n_items, by_item.moments.shape[1]), np.float32)
    moments[items.row] = by_item.moments
    by_each = by_item.learnt.of_rows(distinct.row).in_rows(users.row, ratings.n_users)
    fitted = FittedVbmf(
        user_of_row,
        items.row,
        unit * of_users.factors,
        unit * of_users.bias,
        of_items.factors,
        unit * of_items.bias,
        mean=mean,
        posteriors=Posteriors(moments, by_user.learnt.in_rows(items.row, ratings.n_items), by_each, noise),
    )
    centred = _centred(fitted, distinct.weight)
    each = distinct.row  # equal users become many rows last, as float32
    return replace(
        centred,
        user_idx=users.row,
        user_factors=centred.user_factors.astype(np.float32)[each],
        user_bias=centred.user_bias.astype(np.float32)[each],
    )


def _first_of_each(row: IntArray) -> IntArray:
    """Return int64[n_rows], where each row number occurs first; all of them occur."""
    return np.unique(row, return_index=True)[1]


def _centred(fitted: FittedVbmf, n_users: FloatArray) -> FittedVbmf:
    """Return the same predictions with biases and factors that are zero for an average user and product.

    Args:
        fitted: The predictions.
        n_users: float32[n_rows], how many users each row of users stands for.

    Returns:
        They, with other biases and factors.
    """
    weight = n_users / n_users.sum(dtype=np.float64)
    user, item = weight @ fitted.user_factors, fitted.item_factors.mean(axis=0)
    user_bias = fitted.user_bias + fitted.user_factors @ item
    item_bias = fitted.item_bias + fitted.item_factors @ user
    constant = fitted.mean + weight @ user_bias + item_bias.mean() - user @ item
    return replace(
        fitted,
        user_factors=fitted.user_factors - user,
        user_bias=user_bias - weight @ user_bias,
        item_factors=fitted.item_factors - item,
        item_bias=item_bias - item_bias.mean(),
        mean=float(constant),
    )


class _FactorsAndBias(NamedTuple):
    """float64[n, f] and float64[n]."""

    factors: FloatArray
    bias: FloatArray


def _factors_and_bias(x: FloatArray) -> _FactorsAndBias:
    wide = x.astype(np.float64)
    return _FactorsAndBias(wide[:, :-1], wide[:, -1])
