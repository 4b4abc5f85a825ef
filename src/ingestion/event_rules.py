"""The rules that every event keeps, whether it comes in a file or over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from src.core.domain import CLOCK_TOLERANCE, MAX_VALUE, BoolArray, Event, EventKind, FloatArray, IntArray


class EventFault(Enum):
    """The rule that an event breaks."""

    RATING_OUT_OF_RANGE = auto()
    VALUE_NOT_POSITIVE = auto()
    VALUE_TOO_LARGE = auto()
    TIME_BEFORE_1970 = auto()
    TIME_IN_FUTURE = auto()


@dataclass(frozen=True)
class EventRules:
    """The range of ratings, of other values and of times.

    Attributes:
        rating_min: Lowest rating.
        rating_max: Highest rating.
        count_pending: Whether orders that are not paid yet count as purchases.
        now: UTC seconds. An event may be later by CLOCK_TOLERANCE: clocks go wrong, and some write local time.
    """

    rating_min: float
    rating_max: float
    now: int
    count_pending: bool = False

    def check(
        self, is_rating: BoolArray, value: FloatArray, at: IntArray, has_time: BoolArray
    ) -> Iterator[tuple[EventFault, BoolArray]]:
        """Apply all rules to n events.

        Args:
            is_rating: bool[n], whether the event is a rating.
            value: float64[n], the rating, or how many were bought or returned.
            at: int64[n], UTC seconds.
            has_time: bool[n], whether `at` is known.

        Yields:
            Each fault with bool[n], the events that have it.
        """
        yield from self.check_values(is_rating, value)
        yield from self.check_times(at, has_time)

    def check_values(self, is_rating: BoolArray, value: FloatArray) -> Iterator[tuple[EventFault, BoolArray]]:
        """Apply the rules of values alone.

        Args:
            is_rating: bool[n], whether the event is a rating.
            value: float64[n], the rating, or how many were bought or returned.

        Yields:
            Each fault with bool[n], the events that have it.
        """
        in_range = (value >= self.rating_min) & (value <= self.rating_max)
        yield EventFault.RATING_OUT_OF_RANGE, is_rating & ~in_range
        yield EventFault.VALUE_NOT_POSITIVE, ~is_rating & ~(value > 0)
        yield EventFault.VALUE_TOO_LARGE, ~is_rating & (value > MAX_VALUE)

    def check_times(self, at: IntArray, has_time: BoolArray) -> Iterator[tuple[EventFault, BoolArray]]:
        """Apply the rules of times alone.

        Args:
            at: int64[n], UTC seconds.
            has_time: bool[n], whether `at` is known.

        Yields:
            Each fault with bool[n], the events that have it.
        """
        yield EventFault.TIME_BEFORE_1970, has_time & (at < 0)
        yield EventFault.TIME_IN_FUTURE, has_time & (at > self.now + CLOCK_TOLERANCE)

    def first_fault(self, event: Event) -> EventFault | None:
        """Return the first rule that one event breaks, None if it breaks none."""
        is_rating, has_time = np.array([event.kind is EventKind.RATING]), np.array([event.at is not None])
        at = np.array([0 if event.at is None else event.at])
        faults = self.check(is_rating, np.array([event.value]), at, has_time)
        return next((fault for fault, where in faults if where[0]), None)
