"""How sure a predicted rating is: intervals that hold nine of ten held-out ratings, by what a prediction rests on.

Split conformal prediction (Lei et al., "Distribution-free predictive inference for regression", JASA 2018, section 2.2)
for each group of predictions apart (Vovk, "Conditional validity of inductive conformal predictors", ACML 2012): with n
errors of ratings that the model did not learn from, the ⌈.95 (n + 1)⌉-th of them is not exceeded by a new one with
probability .95, whatever their distribution. A group is what a prediction rests on, the number of ratings of the user
or of the product, whichever is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray

LEVEL = 0.9
_FEWEST = (0, 1, 5, 20)
"""The fewest ratings of a group's predictions."""
_ENOUGH = 60
"""Errors of a group; one with fewer is joined with the next."""


@dataclass(frozen=True)
class RatingInterval:
    """What a rating may differ from its prediction.

    Attributes:
        at_least: ratings that the prediction rests on, up to the next group's.
        below: the rating minus the prediction is this or more, with probability .95.
        above: it is this or less, with probability .95.
        n: errors that this was found from.
        coverage: share of ratings between both, found on one half of the errors from the other half, and the reverse.
    """

    at_least: int
    below: float
    above: float
    n: int
    coverage: float


def rating_intervals(error: FloatArray, support: IntArray, *, seed: int) -> tuple[RatingInterval, ...]:
    """Find the intervals of all groups.

    Args:
        error: float[n], ratings that the model did not learn from minus their predictions.
        support: int[n], ratings that each prediction rests on.
        seed: of the halves.

    Returns:
        Intervals by `at_least`, ascending from 0; none where there are too few errors.
    """
    bounds, found = [0], []
    for fewest in _FEWEST[1:]:
        inside, rest = (support >= bounds[-1]) & (support < fewest), support >= fewest
        if inside.sum() >= _ENOUGH and rest.sum() >= _ENOUGH:
            bounds.append(fewest)
    for at, fewest in enumerate(bounds):
        last = bounds[at + 1] if at + 1 < len(bounds) else np.inf
        own = error[(support >= fewest) & (support < last)]
        if len(own) < _ENOUGH:
            return ()
        halves = np.array_split(np.random.default_rng(seed).permutation(own), 2)
        hits = [_inside(test, *_ends(learnt)) for learnt, test in (halves, halves[::-1])]
        below, above = _ends(own)
        found.append(RatingInterval(fewest, below, above, len(own), float(np.concatenate(hits).mean())))
    return tuple(found)


def interval_for(intervals: Sequence[RatingInterval], support: int) -> RatingInterval | None:
    """Look up the interval of a prediction.

    Args:
        intervals: of `rating_intervals`.
        support: ratings that the prediction rests on.

    Returns:
        The interval of its group; None without any.
    """
    return max((each for each in intervals if each.at_least <= support), key=lambda each: each.at_least, default=None)


def _ends(error: FloatArray) -> tuple[float, float]:
    tail, ordered = (1 - LEVEL) / 2, np.sort(error)
    place = min(int(np.ceil((1 - tail) * (len(ordered) + 1))), len(ordered)) - 1
    return float(ordered[len(ordered) - 1 - place]), float(ordered[place])


def _inside(error: FloatArray, below: float, above: float) -> FloatArray:
    return np.asarray((error >= below) & (error <= above), dtype=np.float64)
