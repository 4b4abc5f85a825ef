"""Split events into a training part and a test part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import NO_TIME
from src.core.errors import NoData
from src.interactions.interactions import TrainingData

SPLIT_SEED = 42
_MIN_VALID_SHARE, _MAX_VALID_SHARE = 0.1, 0.25
_ENOUGH_VALID_EVENTS = 20_000


@dataclass(frozen=True)
class Split:
    """Two parts that share vocabularies and no event.

    Attributes:
        train: the training part.
        test: the test part.
        how: "time" or "random".
        cut: first second of the test part, UTC; None if random.
    """

    train: TrainingData
    test: TrainingData
    how: str
    cut: int | None


def split(data: TrainingData, test_share: float) -> Split:
    """Split by one time for all users; at random where times are missing or equal.

    One time for all: a model trained on later events of other users would know what is unknown in the shop. The split
    is random where at most half of the events have a time, or where no time leaves the larger part for training. An
    event without a time among others with one counts as old.

    Args:
        data: the events.
        test_share: share of the events in the test part, between 0 and 1.

    Returns:
        The split.

    Raises:
        NoData: there are fewer than two events.
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
    """Put the newest events into the test part.

    Args:
        data: the events.
        test_share: share of the test part; the cut is the time that comes closest to it.

    Returns:
        The split. All events of one second are on one side; train is empty only when all events have the same time.
    """
    at = data.events.at
    cut = int(np.quantile(at, 1 - test_share, method="lower"))
    later = at[at > cut]
    is_closer = abs((at > cut).mean() - test_share) < abs((at >= cut).mean() - test_share)
    if len(later) and (is_closer or not (at < cut).any()):
        cut = int(later.min())
    return Split(data.take(np.flatnonzero(at < cut)), data.take(np.flatnonzero(at >= cut)), "time", cut)


def split_at_random(data: TrainingData, test_share: float, seed: int = SPLIT_SEED) -> Split:
    """Split at random, like Surprise's train_test_split(random_state=seed) on the same rows.

    Args:
        data: the events.
        test_share: share of the test part, rounded up.
        seed: of the permutation.

    Returns:
        The split; of two or more events at least one is in the training part.
    """
    n_test = min(int(np.ceil(test_share * len(data))), len(data) - 1)
    permutation = np.random.RandomState(seed).permutation(len(data))
    n_train = len(data) - n_test
    return Split(data.take(permutation[:n_train]), data.take(permutation[n_train:]), "random", None)


def held_out(data: TrainingData) -> Split:
    """Split off a validation part for tuning, by `split`.

    Its share is 10 to 25 %, larger for fewer events: on a few hundred users the luckiest choice looks best.
    """
    share = float(np.clip(_ENOUGH_VALID_EVENTS / max(len(data), 1), _MIN_VALID_SHARE, _MAX_VALID_SHARE))
    return split(data, share)
