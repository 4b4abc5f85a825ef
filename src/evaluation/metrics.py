"""Evaluation metrics as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.read_ahead import read_ahead

AGAINST_POPULARITY = "against popularity"
"""Header of the column of verdicts on the difference to the lists of popularity."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Return value and interval, each by the spec: .4f, or +.4f for a difference."""
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def verdict(self) -> str:
        """Return "better" or "worse" if the whole interval of this difference says so, else "not clear"."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "not clear"


def ranking_metrics(hits: BoolArray, n_relevant: IntArray) -> dict[str, FloatArray]:
    """Compute ranking metrics at k per user, with binary gain.

    NDCG: Järvelin and Kekäläinen 2002, discount 1 / log2(rank + 1); the ideal list has min(n_relevant, k) hits. MRR
    counts a first hit beyond k as 0.

    Args:
        hits: bool[n_users, k], whether the product at each rank is relevant; False beyond the end of a shorter list.
        n_relevant: int[n_users], at least 1.

    Returns:
        float[n_users] for each of precision, recall, ndcg, hit_rate and mrr.
    """
    k = hits.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(n_relevant, k)]
    n_hits = hits.sum(axis=1)
    reciprocal_rank = np.where(n_hits > 0, 1 / (hits.argmax(axis=1) + 1), 0.0)
    return {
        "precision": n_hits / k,
        "recall": n_hits / n_relevant,
        "ndcg": hits @ discount / ideal,
        "hit_rate": (n_hits > 0).astype(float),
        "mrr": reciprocal_rank,
    }


def rated_precision_recall(
    user_idx: IntArray, truth: FloatArray, predicted: FloatArray, *, k: int, threshold: float
) -> tuple[FloatArray, FloatArray]:
    """Compute precision@k and recall@k per user over rated test products only, as in Surprise's FAQ.

    A product is relevant if its true rating is at least the threshold. It is recommended if its predicted rating is,
    and is among the user's k highest.

    Args:
        user_idx: int[n], the user of each rating.
        truth: float[n], true ratings.
        predicted: float[n], predicted ratings.
        k: cut-off.
        threshold: lowest rating that counts.

    Returns:
        (precision, recall), float[n_users] by ascending user_idx. Precision is 0 for a user without recommended
        products, recall for one without relevant products.
    """
    # A stable sort, as Surprise uses sort(reverse=True), which keeps the order of equal elements.
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
    """Return the self-information of products, -log2(share of users who have the product) (Zhou et al. 2010).

    Args:
        item_users: int[n_items], number of users who have the product; 0 counts as 1.
        n_users: number of users.

    Returns:
        float[n_items], bits.
    """
    return -np.log2(np.maximum(item_users, 1) / max(n_users, 1))


_DRAWS_TOGETHER = 32_768
"""Rows that are drawn at once, so that few rows are no loop of Python and many fill no memory."""


def bootstrap_rounds(n: int) -> int:
    """Return the number of bootstrap samples of n rows: 1,000, fewer for many rows, whose interval is narrow anyway."""
    return int(np.clip(20_000_000 // max(n, 1), 100, 1_000))


def bootstrap_means(values: FloatArray, *, seed: int = 0) -> FloatArray:
    """Resample rows and average the columns over them (Efron 1979).

    Args:
        values: float[n, m].
        seed: of the samples.

    Returns:
        float[rounds, m]; the rows of a round are the same for all columns.
    """
    n, n_rounds = len(values), bootstrap_rounds(len(values))
    rng = np.random.default_rng(seed)
    means = np.empty((n_rounds, values.shape[1]))
    n_together = int(np.clip(_DRAWS_TOGETHER // n, 1, n_rounds))
    starts = range(0, n_rounds, n_together)
    draws = (rng.integers(0, n, (min(n_together, n_rounds - at), n)) for at in starts)
    for at, drawn in zip(starts, read_ahead(draws), strict=True):
        n_here = len(drawn)
        drawn += n * np.arange(n_here)[:, np.newaxis]
        weights = np.bincount(drawn.ravel(), minlength=n_here * n).reshape(n_here, n)
        means[at : at + n_here] = weights @ values / n
    return means


def estimates(columns: Mapping[str, FloatArray], *, seed: int = 0) -> dict[str, Estimate]:
    """Estimate means and their 95 % percentile intervals, from the same resampled rows for all columns.

    Args:
        columns: name → float[n].
        seed: of the samples.

    Returns:
        Name → estimate.
    """
    means = bootstrap_means(np.column_stack(list(columns.values())), seed=seed)
    return estimates_of(columns, means)


def estimates_of(columns: Mapping[str, FloatArray], means: FloatArray) -> dict[str, Estimate]:
    """Estimate means; see `estimates`.

    Args:
        columns: name → float[n].
        means: float64[rounds, number of columns], their `bootstrap_means`.

    Returns:
        Name → estimate.
    """
    return {name: _estimate(columns[name].mean(), means[:, at]) for at, name in enumerate(columns)}


def estimate_rmse_mae(user_idx: IntArray, error: FloatArray) -> tuple[Estimate, Estimate]:
    """Estimate RMSE and MAE. Whole users are resampled, as the errors of one user depend on each other.

    Args:
        user_idx: int[n], the user of each rating.
        error: float[n], predicted minus true rating.

    Returns:
        (RMSE, MAE).
    """
    sums = error_sums(user_idx, error)
    return rmse_mae_of(sums, bootstrap_means(sums))


def error_sums(user_idx: IntArray, error: FloatArray) -> FloatArray:
    """Add up the errors of each user.

    Args:
        user_idx: int[n], the user of each rating.
        error: float[n], predicted minus true rating.

    Returns:
        float64[n_users, 3] by ascending user_idx: squares, absolute values, number.
    """
    _, user = np.unique(user_idx, return_inverse=True)
    return np.column_stack([np.bincount(user, weights=w) for w in (error**2, np.abs(error), np.ones_like(error))])


def rmse_mae_of(sums: FloatArray, means: FloatArray) -> tuple[Estimate, Estimate]:
    """Estimate RMSE and MAE.

    Args:
        sums: of `error_sums`.
        means: float64[rounds, 3], its `bootstrap_means`.

    Returns:
        (RMSE, MAE).
    """
    squares, absolute, n = sums.sum(axis=0)
    rmse = _estimate(np.sqrt(squares / n), np.sqrt(means[:, 0] / means[:, 2]))
    return rmse, _estimate(absolute / n, means[:, 1] / means[:, 2])


def _estimate(value: float, resampled: FloatArray) -> Estimate:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))
