"""How much an event speaks for its product: the rule that makes weights of ratings, purchases, carts, views, clicks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from src.core.domain import DAY, EVENT_WEIGHTS, NO_TIME, Event, EventKind, FloatArray, IntArray

KIND_ORDER: tuple[EventKind, ...] = tuple(EventKind)
KIND_NUMBER: dict[str, int] = {kind: at for at, kind in enumerate(KIND_ORDER)}


@dataclass(frozen=True)
class Weighting:
    """Weights of events, and of all that a user did to a product taken together; every one is between 0 and 1.

    kinds: weight of one event of each kind. lowest_rating: what share of it the lowest possible rating gets, growing
    linearly to 1 for the highest. half_life_days: after so many days before the user's newest event an event weighs
    half; 0 means that time changes nothing. Events without a time never decay.
    Several events of one user with one product add up like independent evidence, 1 - Π(1 - w): twenty views come
    near a purchase, and never above it.
    """

    rating_min: float = 1.0
    rating_max: float = 5.0
    kinds: dict[str, float] = field(default_factory=lambda: dict(EVENT_WEIGHTS))
    lowest_rating: float = 1.0
    half_life_days: float = 0.0

    def of_events(self, kind: IntArray, value: FloatArray, age: IntArray) -> FloatArray:
        """float64[n] of n events. kind: index into KIND_ORDER. age: seconds before the user's newest event; NO_TIME."""
        weight = np.array([self.kinds.get(kind.value, 0.0) for kind in KIND_ORDER])[kind]
        if self.lowest_rating != 1:
            height = np.clip((value - self.rating_min) / (self.rating_max - self.rating_min), 0, 1)
            share = self.lowest_rating + (1 - self.lowest_rating) * height
            weight = np.where(kind == KIND_NUMBER[EventKind.RATING], weight * share, weight)
        return np.asarray(weight * halved(age, self.half_life_days), dtype=np.float64)

    def of_history(self, events: Sequence[Event], item_idx: Sequence[int]) -> tuple[IntArray, FloatArray]:
        """Weigh the items of one user's history, as in the training data.

        Args:
            events: of the user, in any order.
            item_idx: the row number of each event's product.

        Returns:
            int64[m], the items, ascending, each once; float32[m], their weights. Items without weight are left out.
        """
        at = np.array([NO_TIME if event.at is None else event.at for event in events], dtype=np.int64)
        weight = self.of_events(
            np.array([KIND_NUMBER[event.kind] for event in events], dtype=np.int8),
            np.array([event.value for event in events]),
            ages(np.zeros(len(events), np.int64), at, 1),
        )
        return together(np.array(item_idx, dtype=np.int64), weight)


def halved(age: IntArray, half_life_days: float) -> FloatArray:
    """float64[n]: 1 halved every half_life_days of age (seconds); 1 where the age is NO_TIME, or the half-life 0."""
    if not half_life_days:
        return np.ones(len(age))
    return np.where(age == NO_TIME, 1.0, 0.5 ** (age / (half_life_days * DAY)))


def together(pair: IntArray, weight: FloatArray) -> tuple[IntArray, FloatArray]:
    """(different pairs ascending, float32 weights of all their events taken together); pairs that weigh nothing go.

    pair: int64[n], equal for events of one user with one product.
    """
    pair, weight = pair[weight > 0], weight[weight > 0]
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    if not len(starts):
        return pair, weight.astype(np.float32)
    with np.errstate(divide="ignore"):  # log 0 of a sure event; the sum stays -inf, and the weight 1
        doubt = np.add.reduceat(np.log1p(-np.minimum(weight[order], 1.0)), starts)
    taken = (-np.expm1(doubt)).astype(np.float32)  # not 1 - exp: that makes nothing of what decayed long ago
    return pair[starts][taken > 0], taken[taken > 0]


def ages(group: IntArray, at: IntArray, n_groups: int) -> IntArray:
    """int64[n]: seconds before the newest event of the same group (a user); NO_TIME for events without a time."""
    newest = np.full(n_groups, NO_TIME, np.int64)
    np.maximum.at(newest, group, at)
    return np.where(at == NO_TIME, NO_TIME, newest[group] - at)
