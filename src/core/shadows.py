"""A release that answers a share of the requests beside the one that serves, seen by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

ALL = "all"
"""The slice of all lists."""
_HISTORIES = ((0, "new"), (3, "few"), (19, "some"))
"""Highest number of events in a history → its slice; what is longer is MANY."""
MANY = "many"
CATEGORY = "category:"
"""Begin of the slice of lists whose first product is in a category."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A shadow.

    Attributes:
        release: Version of the release that answers unseen.
        share: Share of the requests that it answers.
        started_at: UTC seconds.
        ended_at: UTC seconds; None while it runs.
        who: Name of the key that began it.
    """

    release: str
    share: float
    started_at: int
    ended_at: int | None
    who: str


class ShadowTally(NamedTuple):
    """Sums over the lists of a slice.

    Attributes:
        lists: Number of lists that both releases made.
        overlap: Sum of the shares of places in common.
        agreement: Sum of the rank-biased overlaps.
        seconds: Time that the shadow took.
        served_seconds: Time that the serving release took for the same lists, in the background, too.
        dropped: Number of lists that were not made as the queue was full.
        failed: Number of lists that the shadow could not make.
    """

    lists: int = 0
    overlap: float = 0.0
    agreement: float = 0.0
    seconds: float = 0.0
    served_seconds: float = 0.0
    dropped: int = 0
    failed: int = 0

    def plus(self, other: ShadowTally) -> ShadowTally:
        """Return the sums over both."""
        return ShadowTally._make(a + b for a, b in zip(self, other, strict=True))


def slices_of(n_events: int, category: str | None) -> Iterator[str]:
    """Yield the slices of a list.

    Args:
        n_events: Length of the history.
        category: The widest category of its first product; None if it has none.

    Yields:
        ALL, that of the history, and that of the category.
    """
    yield ALL
    yield next((name for most, name in _HISTORIES if n_events <= most), MANY)
    if category is not None:
        yield f"{CATEGORY}{category}"
