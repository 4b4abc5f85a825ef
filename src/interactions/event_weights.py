"""Weights of events: how strongly ratings, purchases, carts, views and clicks count as feedback for a product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from src.core.domain import (
    DAY,
    EVENT_WEIGHTS,
    NO_TIME,
    SEEN_KINDS,
    BoolArray,
    Event,
    EventKind,
    FloatArray,
    IntArray,
)

KIND_ORDER: tuple[EventKind, ...] = tuple(EventKind)
KIND_NUMBER: dict[str, int] = {kind: at for at, kind in enumerate(KIND_ORDER)}


@dataclass(frozen=True)
class Weighting:
    """The rule that weights single events; every weight is between 0 and 1.

    Several events of one user with one product combine like independent evidence, 1 - Π(1 - w): twenty views come
    near a purchase, and never above it.

    Attributes:
        rating_min: lowest rating of the scale.
        rating_max: highest rating of the scale.
        kinds: weight of one event of each kind.
        lowest_rating: share of a rating's weight that the lowest rating gets, growing linearly to 1 for the highest.
        half_life_days: an event this many days before the user's newest event weighs half; events without a time keep
            their weight. 0: no decay.
    """

    rating_min: float = 1.0
    rating_max: float = 5.0
    kinds: dict[str, float] = field(default_factory=lambda: dict(EVENT_WEIGHTS))
    lowest_rating: float = 1.0
    half_life_days: float = 0.0

    @cached_property
    def alike(self) -> dict[EventKind, EventKind]:
        """Each kind, and the first kind whose events shape lists in the same way: by weight, and as seen or not."""
        first: dict[tuple[float, bool, bool], EventKind] = {}
        return {
            kind: first.setdefault((self.kinds.get(kind.value, 0.0), kind in SEEN_KINDS, self.rates(kind)), kind)
            for kind in KIND_ORDER
        }

    @property
    def by_kind_alone(self) -> bool:
        """Whether neither the value nor the age of an event shapes its weight."""
        return self.lowest_rating == 1 and not self.half_life_days

    def rates(self, kind: EventKind) -> bool:
        """Whether the value of an event of this kind shapes its weight."""
        return kind is EventKind.RATING and self.lowest_rating != 1

    def of_events(self, kind: IntArray, value: FloatArray, age: IntArray) -> FloatArray:
        """Return the weights of single events.

        Args:
            kind: int[n], indices into KIND_ORDER.
            value: float[n], ratings; not read where every rating weighs the same.
            age: int[n], seconds before the user's newest event; NO_TIME where unknown; not read without a half-life.

        Returns:
            float64[n].
        """
        weight = self._of_kinds[kind]
        if self.lowest_rating != 1:
            height = np.clip((value - self.rating_min) / (self.rating_max - self.rating_min), 0, 1)
            share = self.lowest_rating + (1 - self.lowest_rating) * height
            weight = np.where(kind == KIND_NUMBER[EventKind.RATING], weight * share, weight)
        return np.asarray(weight * decay(age, self.half_life_days) if self.half_life_days else weight)

    @cached_property
    def _of_kinds(self) -> FloatArray:
        """float64[n_kinds], in the order of KIND_ORDER."""
        return np.array([self.kinds.get(kind.value, 0.0) for kind in KIND_ORDER])

    @cached_property
    def log_rests(self) -> dict[EventKind, float]:
        """log(1 - w) of one event of each kind: what an event adds to the logarithm of what evidence leaves open."""
        with np.errstate(divide="ignore"):  # log(0) where a weight is 1
            return dict(zip(KIND_ORDER, np.log1p(-np.minimum(self._of_kinds, 1.0)).tolist(), strict=True))

    def of_history(self, events: Sequence[Event], item_idx: IntArray, kind: IntArray) -> PairWeights:
        """Weigh the items of one user's history, as in the training data.

        Args:
            events: of the user, in any order.
            item_idx: int64[n], the row number of each event's product; -1 for one that does not count.
            kind: int8[n], of each event, see `kinds_of`.

        Returns:
            int64[m], the items, ascending, each once; float32[m], their weights. Items without weight are left out.
        """
        age: IntArray = np.zeros(0, np.int64)
        if self.half_life_days:
            at = np.array([NO_TIME if event.at is None else event.at for event in events], dtype=np.int64)
            at[item_idx < 0] = NO_TIME
            age = ages_by_group(np.zeros(len(events), np.int64), at, 1)
        value = np.zeros(0) if self.lowest_rating == 1 else np.array([event.value for event in events])
        return combine_events(item_idx, np.where(item_idx < 0, 0.0, self.of_events(kind, value, age)))


def kinds_of(events: Collection[Event]) -> IntArray:
    """Return int8[n], the kinds of events as indices into KIND_ORDER."""
    return np.array([KIND_NUMBER[event.kind] for event in events], np.int8)


def is_of(kind: IntArray, kinds: frozenset[EventKind]) -> BoolArray:
    """Tell which events are of these kinds.

    Args:
        kind: int8[n], of each event, see `kinds_of`.
        kinds: the kinds.

    Returns:
        bool[n].
    """
    return np.asarray(_table_of(kinds)[kind])


@lru_cache(maxsize=64)
def _table_of(kinds: frozenset[EventKind]) -> BoolArray:
    """Return bool[n_kinds], in the order of KIND_ORDER."""
    return np.array([each in kinds for each in KIND_ORDER])


def decay(age: IntArray, half_life_days: float) -> FloatArray:
    """Return the exponential decay of events.

    Args:
        age: int[n], seconds; NO_TIME where unknown.
        half_life_days: after this many days 1/2 is left; 0: no decay.

    Returns:
        float64[n], 0.5^(age / half-life); 1 where the age is unknown.
    """
    if not half_life_days:
        return np.ones(len(age))
    return np.where(age == NO_TIME, 1.0, 0.5 ** (age / (half_life_days * DAY)))


class PairWeights(NamedTuple):
    """Distinct pairs, ascending, and the float32 weight of each."""

    pair: IntArray
    weight: FloatArray


def combine_events(pair: IntArray, weight: FloatArray) -> PairWeights:
    """Combine the weights of all events of a pair by 1 - Π(1 - w).

    Args:
        pair: int64[n], equal for events of one user with one product.
        weight: float[n] from 0 to 1.

    Returns:
        The pairs whose weight is above 0.
    """
    counts = weight > 0
    pair, weight = pair[counts], weight[counts]
    order = pair.argsort(kind="stable")
    pair = pair[order]
    starts = starts_of_runs(pair)
    if not len(starts):
        return PairWeights(pair, weight.astype(np.float32))
    with np.errstate(divide="ignore"):  # log(0) where a weight is 1: the sum stays -inf, and the result 1
        log_rest = np.add.reduceat(np.log1p(-np.minimum(weight[order], 1.0)), starts)
    combined = (-np.expm1(log_rest)).astype(np.float32)  # 1 - exp(…) would round tiny, long decayed weights to 0
    counts = combined > 0
    return PairWeights(pair[starts][counts], combined[counts])


def starts_of_runs(ordered: IntArray) -> IntArray:
    """Return int64[m], where runs of equal numbers begin; in a fifth of the time that np.diff takes for short arrays.

    Args:
        ordered: int[n], equal numbers side by side.

    Returns:
        The positions, ascending; empty for an empty array.
    """
    is_start = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_start[1:])
    return is_start.nonzero()[0]


def ages_by_group(group: IntArray, at: IntArray, n_groups: int) -> IntArray:
    """Return the age of events relative to the newest event of their group.

    Args:
        group: int[n], number of the group (a user).
        at: int64[n], UTC seconds; NO_TIME where unknown.
        n_groups: number of groups.

    Returns:
        int64[n], seconds; NO_TIME for events without a time.
    """
    newest = np.full(n_groups, NO_TIME, np.int64)
    np.maximum.at(newest, group, at)
    return np.where(at == NO_TIME, NO_TIME, newest[group] - at)
