"""Figures of merit, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def ranking_metrics(hits: BoolArray, n_relevant: IntArray) -> dict[str, FloatArray]:
    """Per-user values of precision, recall, ndcg, hit_rate and mrr at k, with binary gain.

    hits: bool[n_users, k], whether the product at each rank is relevant; False beyond a shorter list's end.
    n_relevant: int[n_users], at least 1.
    NDCG: Järvelin and Kekäläinen 2002, discount 1 / log2(rank + 1), the ideal list having min(n_relevant, k) hits.
    MRR counts a first hit beyond k as 0.
    """
    k = hits.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(n_relevant, k)]
    found = hits.sum(axis=1)
    first = np.where(found > 0, 1 / (hits.argmax(axis=1) + 1), 0.0)
    return {
        "precision": found / k,
        "recall": found / n_relevant,
        "ndcg": hits @ discount / ideal,
        "hit_rate": (found > 0).astype(float),
        "mrr": first,
    }


def rated_precision_recall(
    user_idx: IntArray, truth: FloatArray, predicted: FloatArray, *, k: int, threshold: float
) -> tuple[FloatArray, FloatArray]:
    """Per-user (precision@k, recall@k) over rated test products only, as in Surprise's FAQ.

    A product is relevant if its true rating, and recommended if its predicted rating among the user's k highest,
    is at least the threshold. Precision is 0 for a user without recommended products, recall for one without
    relevant ones. Users in ascending order of user_idx.
    """
    # Stable, and backwards within a user, because Python's sort(reverse=True) keeps the order of equal elements.
    order = np.lexsort((-predicted, user_idx))
    user, relevant, chosen = user_idx[order], truth[order] >= threshold, predicted[order] >= threshold
    starts = np.flatnonzero(np.diff(user, prepend=-1))
    counts = np.diff(np.append(starts, len(user)))
    rank = np.arange(len(user)) - np.repeat(starts, counts)
    chosen &= rank < k
    n_relevant = np.add.reduceat(relevant.astype(int), starts)
    n_chosen = np.add.reduceat(chosen.astype(int), starts)
    n_both = np.add.reduceat((relevant & chosen).astype(int), starts)
    return n_both / np.maximum(n_chosen, 1), n_both / np.maximum(n_relevant, 1)


def novelty(item_users: IntArray, n_users: int) -> FloatArray:
    """float[n_items]: self-information -log2(share of users who have the product) in bits (Zhou et al. 2010).

    item_users: int[n_items], how many users have the product. One that nobody has counts as if a single user had it.
    """
    return -np.log2(np.maximum(item_users, 1) / max(n_users, 1))


def bootstrap_rounds(n: int) -> int:
    """How often to resample n rows: 1,000 times, less for very many rows, whose interval is narrow anyway."""
    return int(np.clip(20_000_000 // max(n, 1), 100, 1_000))


def bootstrap_means(values: FloatArray, *, seed: int = 0) -> FloatArray:
    """float[rounds, m]: means of m columns over resampled rows (Efron 1979), the same rows for all columns."""
    n = len(values)
    rng = np.random.default_rng(seed)
    means = np.empty((bootstrap_rounds(n), values.shape[1]))
    for at in range(len(means)):
        weight = np.bincount(rng.integers(0, n, n), minlength=n)
        means[at] = weight @ values / n
    return means


def estimates(columns: Mapping[str, FloatArray], *, seed: int = 0) -> dict[str, Estimate]:
    """The means of columns float[n] and their percentile intervals, over the same resampled rows for all."""
    means = bootstrap_means(np.column_stack(list(columns.values())), seed=seed)
    return {name: _estimate(columns[name].mean(), means[:, at]) for at, name in enumerate(columns)}


def estimate_rmse_mae(user_idx: IntArray, error: FloatArray, *, seed: int = 0) -> tuple[Estimate, Estimate]:
    """(RMSE, MAE) of rating errors float[n]. Whole users are resampled: errors of one user belong together."""
    _, user = np.unique(user_idx, return_inverse=True)
    sums: FloatArray = np.column_stack(
        [np.bincount(user, weights=w) for w in (error**2, np.abs(error), np.ones_like(error))]
    )
    means = bootstrap_means(sums, seed=seed)
    rmse = _estimate(np.sqrt((error**2).mean()), np.sqrt(means[:, 0] / means[:, 2]))
    return rmse, _estimate(np.abs(error).mean(), means[:, 1] / means[:, 2])


def _estimate(value: float, resampled: FloatArray) -> Estimate:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
