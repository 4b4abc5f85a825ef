"""A user's history as counts: how often each product was rated, bought, looked at.

Where neither the value nor the age of an event shapes its weight, the counts say everything that a list depends on.
Histories name the same products again and again, so that there are far fewer counts than events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Self

from src.core.domain import Event, EventKind

Act = tuple[str, EventKind]
"""The id of a product, and what was done to it."""
_ACT_OF = attrgetter("product_id", "kind")


class CountedHistory(tuple[Event, ...]):
    """The events of a user, oldest first, which are counted once."""

    @classmethod
    def of_purchases(cls, product_ids: Sequence[str]) -> Self:
        """Return a history of one purchase for each of the ids, in their order."""
        counts = Counter(product_ids)
        events = {id_: _bought(id_) for id_ in counts}
        made = cls(map(events.__getitem__, product_ids))
        made.counts = {(id_, EventKind.PURCHASE): n for id_, n in counts.items()}
        return made

    @cached_property
    def counts(self) -> Mapping[Act, int]:
        """How often each thing was done."""
        return Counter(map(_ACT_OF, self))


def counts_of(history: Sequence[Event]) -> Mapping[Act, int]:
    """Return how often each thing was done; without counting again what is counted."""
    return history.counts if isinstance(history, CountedHistory) else Counter(map(_ACT_OF, history))


@lru_cache(maxsize=4_096)
def _bought(product_id: str) -> Event:
    """Return the purchase of a product; it is never changed, and making one takes several times as long."""
    return Event("", product_id, EventKind.PURCHASE)
