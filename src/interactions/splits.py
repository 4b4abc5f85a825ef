"""Divide what is known into what a model may learn from and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import NO_TIME
from src.core.errors import NoData
from src.interactions.interactions import TrainingData

SPLIT_SEED = 42


@dataclass(frozen=True)
class Split:
    """train and test share vocabularies and no event. how: "time" or "random". cut: UTC seconds, None if random."""

    train: TrainingData
    test: TrainingData
    how: str
    cut: int | None


def split(data: TrainingData, test_share: float) -> Split:
    """By one global time; at random where few events have times, or so few different ones that no time divides them.

    One time for everybody: a model that has seen what others did later knows what nobody can know in the shop.
    An event without a time among others that have one is taken for an old one. Raises NoData when nothing can be
    divided: fewer than two events.
    """
    if len(data) < 2:
        raise NoData(
            f"there are {len(data)} events, too few to learn from some and measure on others. "
            "Expected at least 2: load more with python data_processing.py FILE."
        )
    if (data.events.at != NO_TIME).mean() > 0.5:
        by_time = split_by_time(data, test_share)
        if len(by_time.train) >= len(by_time.test):
            return by_time
    return split_at_random(data, test_share)


def split_by_time(data: TrainingData, test_share: float) -> Split:
    """The newest events are the test, as near to `test_share` of them as a time can cut.

    All events of one second fall on one side; train is empty only when all have one and the same time.
    """
    at = data.events.at
    cut = int(np.quantile(at, 1 - test_share, method="lower"))
    later = at[at > cut]
    nearer = abs((at > cut).mean() - test_share) < abs((at >= cut).mean() - test_share)
    if len(later) and (nearer or not (at < cut).any()):
        cut = int(later.min())
    return Split(data.take(np.flatnonzero(at < cut)), data.take(np.flatnonzero(at >= cut)), "time", cut)


def split_at_random(data: TrainingData, test_share: float, seed: int = SPLIT_SEED) -> Split:
    """A random part, and for the same rows the very one of Surprise's train_test_split(random_state=seed).

    Of two or more events at least one is left to learn from.
    """
    n_test = min(int(np.ceil(test_share * len(data))), len(data) - 1)
    permutation = np.random.RandomState(seed).permutation(len(data))
    n_train = len(data) - n_test
    return Split(data.take(permutation[:n_train]), data.take(permutation[n_train:]), "random", None)


_VALID_SHARES, _ENOUGH_TO_JUDGE = (0.1, 0.25), 20_000
"""So much is held out for tuning where nobody names a file for it, the larger share of few events: by a few hundred
users whichever choice is lucky looks best."""


def held_out(data: TrainingData) -> Split:
    """Data without a part to tune on, and that part: the newest events where times divide them, else a random part."""
    return split(data, float(np.clip(_ENOUGH_TO_JUDGE / max(len(data), 1), *_VALID_SHARES)))
