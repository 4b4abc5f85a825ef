"""Bootstrap samples of users that are shared by all estimates, so that many intervals cost little more than one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.evaluation.metrics import Estimate, bootstrap_rounds


class ResampledUsers:
    """Samples of n users drawn with replacement, `bootstrap_rounds` times (Efron 1979).

    They are stored as counts uint8[rounds, n]. An estimate is then one product of matrices, and the figures of all
    models use the same users in each round.

    Args:
        n: number of users.
        seed: of the samples.
    """

    def __init__(self, n: int, *, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._counts = np.empty((bootstrap_rounds(n), n), np.uint8)
        for row in self._counts:
            row[:] = np.bincount(rng.integers(0, n, n), minlength=n)  # Poisson(1): 256 draws of one user do not occur

    def estimates(self, columns: Mapping[str, FloatArray], users: IntArray | None = None) -> dict[str, Estimate]:
        """Estimate means and their 95 % percentile intervals.

        Args:
            columns: name → float[n], a value per user.
            users: positions of the users to average over, at least one; their number varies between rounds, as in new
                samples of all users. None for all.

        Returns:
            Name → estimate.
        """
        table = np.column_stack(list(columns.values())).astype(np.float32)
        counts = self._counts
        if users is not None:
            table, counts = table[users], counts[:, users]
        counts = counts[counts.any(axis=1)]
        means = counts.astype(np.float32) @ table / counts.sum(axis=1, keepdims=True)
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        rows = slice(None) if users is None else users
        return {
            name: Estimate(float(column[rows].mean()), float(low[at]), float(high[at]))
            for at, (name, column) in enumerate(columns.items())
        }
