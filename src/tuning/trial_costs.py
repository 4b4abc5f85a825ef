"""What a trial will cost, predicted from the trials before it, so that a search ends in time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

_FIRST_GROWTH, _LEAST_GROWTH, _MOST_GROWTH = 1.5, 1.0, 2.0
"""Exponent of the cost of a model by its size: before two sizes were seen, and its limits."""


@dataclass
class TrialCosts:
    """Seconds of the trials of one model by its size, such as the number of factors.

    Attributes:
        preparing: size → seconds of the slowest preparation.
        running: size → seconds of the slowest training and measurement of a prepared trial.
    """

    preparing: dict[int, float] = field(default_factory=dict)
    running: dict[int, float] = field(default_factory=dict)

    def prepared(self, size: int, seconds: float) -> None:
        """Record a preparation.

        Args:
            size: of the preparation.
            seconds: that it took.
        """
        self.preparing[size] = max(seconds, self.preparing.get(size, 0.0))

    def ran(self, size: int, seconds: float) -> None:
        """Record a trial without its preparation.

        Args:
            size: of its model.
            seconds: that it took.
        """
        self.running[size] = max(seconds, self.running.get(size, 0.0))

    def predicted(self, size: int, prepared_size: int | None) -> float:
        """Predict a trial.

        Args:
            size: of its model.
            prepared_size: size of the preparation that it needs; None if that is made.

        Returns:
            Seconds; 0 before the first trial.
        """
        preparation = 0.0 if prepared_size is None else _predicted(self.preparing, prepared_size)
        return preparation + _predicted(self.running, size)


def _predicted(seen: dict[int, float], size: int) -> float:
    """Return what is seen of this size; else a power law through the two sizes next below it, or from the one."""
    if size in seen or not seen:
        return seen.get(size, 0.0)
    sizes = sorted(seen)
    known = [each for each in sizes if each < size][-2:] or sizes[:1]
    growth = _FIRST_GROWTH
    if len(known) == 2 and min(seen[each] for each in known) > 0:
        growth = float(np.log(seen[known[1]] / seen[known[0]]) / np.log(known[1] / known[0]))
    return float(seen[known[-1]] * (size / known[-1]) ** np.clip(growth, _LEAST_GROWTH, _MOST_GROWTH))
