"""The same resampled users for everything that is estimated: intervals of many figures for the price of one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.evaluation.metrics import Estimate, bootstrap_rounds


class ResampledUsers:
    """n users, drawn anew with replacement so often as `bootstrap_rounds` says (Efron 1979).

    Kept as counts uint8[rounds, n]: each figure is then one product of matrices, and figures of one round, of whatever
    model, are of the same users.
    """

    def __init__(self, n: int, *, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._counts = np.empty((bootstrap_rounds(n), n), np.uint8)
        for row in self._counts:
            row[:] = np.bincount(rng.integers(0, n, n), minlength=n)  # nobody is drawn 256 times: they are Poisson(1)

    def estimates(self, columns: Mapping[str, FloatArray], users: IntArray | None = None) -> dict[str, Estimate]:
        """The means of columns float[n] with their 95 % percentile intervals; of these users only, if any are named.

        users: positions, not none at all. The number of them differs from round to round, as in a new sample of all.
        """
        table = np.column_stack(list(columns.values())).astype(np.float32)
        counts = self._counts
        if users is not None:
            table, counts = table[users], counts[:, users]
        counts = counts[counts.any(axis=1)]
        means = counts.astype(np.float32) @ table / counts.sum(axis=1, keepdims=True)
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        chosen = slice(None) if users is None else users
        return {
            name: Estimate(float(column[chosen].mean()), float(low[at]), float(high[at]))
            for at, (name, column) in enumerate(columns.items())
        }
