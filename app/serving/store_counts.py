"""Counts over the whole store, cached: expensive ones for longer."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple
from typing import Any

from app.serving.list_cache import ListCache
from src.core.domain import DAY, SEEN_KINDS, CategoryCount, EventKind, ProductCount
from src.core.settings import Settings
from src.store import Store

_KEPT_PER_COST = 50.0
"""Seconds that a count is cached for each second it took."""

OneOfEach = Callable[[Sequence[ProductCount]], list[ProductCount]]


class StoreCounts:
    """Counts of one worker; one thread at a time counts."""

    def __init__(self, settings: Settings, store: Store, cache: ListCache) -> None:
        self._settings, self._store, self._cache = settings, store, cache
        self._counting = threading.RLock()  # popular products of some days need the summary

    def popular(
        self, n: int, days: int | None, kind: EventKind | None, key: dict[str, Any], one_of_each: OneOfEach | None
    ) -> list[ProductCount]:
        """Count the events of products.

        Args:
            n: number of products.
            days: only the last days before the newest event, so that an old file has popular products too; None for
                all.
            kind: count events of this kind; None for ratings and purchases.
            key: what else the counts depend on, `one_of_each` included.
            one_of_each: makes one count of those of variants; None to count each by itself.

        Returns:
            The n products with the most events, most first.
        """
        counts = self._counted(
            {"popular": n, "days": days, "kind": kind, **key}, lambda: self._count_popular(n, days, kind, one_of_each)
        )
        return [ProductCount(*item) for item in counts]

    def _count_popular(
        self, n: int, days: int | None, kind: EventKind | None, one_of_each: OneOfEach | None
    ) -> list[list[Any]]:
        since = None
        if days is not None:
            newest = self.summary()["newest_at"]
            since = None if newest is None else int(newest) - days * DAY
        kinds: Sequence[EventKind] = SEEN_KINDS if kind is None else (kind,)
        counts = self._store.events.popular(kinds, since, n if one_of_each is None else sys.maxsize)
        if one_of_each is not None:
            counts = one_of_each(counts)[:n]
        return [[item.product_id, item.count] for item in counts]

    def categories(self) -> list[CategoryCount]:
        """Return how many products each category has, most first."""
        counts = self._counted(
            {"categories": True}, lambda: [astuple(row) for row in self._store.products.categories()]
        )
        return [CategoryCount(*row) for row in counts]

    def summary(self) -> dict[str, Any]:
        """Return the store's summary as plain JSON."""
        return dict(self._counted({"summary": True}, lambda: asdict(self._store.summary())))

    def _counted(self, key: dict[str, Any], count: Callable[[], Any]) -> Any:
        """Return the cached result of `count`, or call it."""
        if (cached := self._cache.get(key)) is not None:
            return cached
        with self._counting:
            if (cached := self._cache.get(key)) is not None:
                return cached
            started = time.monotonic()
            counted = count()
            cost = time.monotonic() - started
            self._cache.set(key, counted, max(self._settings.cache_seconds, _KEPT_PER_COST * cost))
            return counted
