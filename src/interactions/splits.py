"""Split events into a training part and a test part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from src.core.domain import NO_TIME, IntArray
from src.core.errors import NoData
from src.core.sorted_sets import distinct
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
    event without a time among others with one counts as old. Only pairs that are new after the time are measured as
    new; a random split keeps all events of a pair together.

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
    """Split at random; all events of one user with one product are on one side.

    A click on one side would name the purchase on the other. Where every pair occurs once, the split is that of
    Surprise's train_test_split(random_state=seed) on the same rows.

    Args:
        data: the events.
        test_share: share of the pairs in the test part, rounded up.
        seed: of the permutation.

    Returns:
        The split; of two or more pairs at least one is in each part. Events of a single pair are split one by one:
        no list is measured on them, as nothing in the test part is new.
    """
    pair = _numbered_pairs(data)
    n_pairs = int(pair.max()) + 1
    if n_pairs == 1:
        pair, n_pairs = np.arange(len(data)), len(data)
    n_train = n_pairs - min(int(np.ceil(test_share * n_pairs)), n_pairs - 1)
    place = np.empty(n_pairs, np.int64)
    place[np.random.RandomState(seed).permutation(n_pairs)] = np.arange(n_pairs)
    rows = np.argsort(place[pair], kind="stable")
    n_train_rows = int((place[pair] < n_train).sum())
    return Split(data.take(rows[:n_train_rows]), data.take(rows[n_train_rows:]), "random", None)


def _numbered_pairs(data: TrainingData) -> IntArray:
    """Return int64[n], the number of each event's pair of user and product, by first appearance."""
    _, first, pair = np.unique(data.events.pairs, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[pair]


def held_out(data: TrainingData) -> Split:
    """Split off a validation part for tuning, by `split`.

    Its share is 10 to 25 %, larger for fewer events: on a few hundred users the luckiest choice looks best.
    """
    return split(data, held_out_share(len(data)))


def held_out_share(n_events: int) -> float:
    """Return the share of so many events that `held_out` splits off."""
    return float(np.clip(_ENOUGH_VALID_EVENTS / max(n_events, 1), _MIN_VALID_SHARE, _MAX_VALID_SHARE))


def users_drawn(data: TrainingData, share: float, seed: int) -> TrainingData:
    """Draw users at random.

    Args:
        data: the events.
        share: of the users that have an event, between 0 and 1.
        seed: of the draw.

    Returns:
        All events of one user or more, over the same vocabularies.
    """
    users = distinct(data.events.user_idx)
    is_drawn = np.zeros(data.events.n_users, np.bool_)
    n = max(1, math.ceil(share * len(users))) if len(users) else 0
    is_drawn[np.random.default_rng(seed).choice(users, n, replace=False)] = True
    return data.take(np.flatnonzero(is_drawn[data.events.user_idx]))
