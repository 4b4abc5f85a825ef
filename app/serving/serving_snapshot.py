"""What a worker serves: a release, and what the store knows of its products by now, kept as a shelf."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

from src.core.domain import Query
from src.core.errors import StoreError
from src.interactions.item_attributes import ItemAttributes
from src.recommendation.pipeline import Pipeline
from src.releases.release import Release
from src.store import Store

_REST_PER_COST, _QUICK_SECONDS = 20.0, 0.1
"""A catalogue that changes all the time is read anew at every look if that is quick; else after so many times as long
as reading it takes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stocked:
    """A shelf over the items of a release. mark: the same for equal ones in every worker, and another for others."""

    version: str
    mark: int | None
    shelf: ItemAttributes


@dataclass(frozen=True)
class ServingSnapshot:
    """What lists are made with, swapped as one: a release, and its pipeline without the withdrawn products.

    withdrawn: ids. mark: the same for the same ids in every worker, and another for others. stocked: what is known of
    the products.
    """

    release: Release
    pipeline: Pipeline
    withdrawn: frozenset[str]
    mark: str
    stocked: Stocked

    @classmethod
    def of(cls, release: Release, withdrawn: frozenset[str], stocked: Stocked) -> ServingSnapshot:
        mark = hashlib.sha256("\0".join(sorted(withdrawn)).encode()).hexdigest() if withdrawn else ""
        pipeline = replace(release.pipeline.without(withdrawn), shelf=stocked.shelf)
        return cls(release, pipeline, withdrawn, mark, stocked)

    def is_of(self, release: Release, withdrawn: frozenset[str], stocked: Stocked) -> bool:
        """Whether it would be made of just these."""
        return self.release is release and self.withdrawn == withdrawn and self.stocked is stocked

    def shapes(self, query: Query) -> dict[str, Any]:
        """What of it shapes a list beside the release."""
        asks = query.rules is not None and query.rules.asks_facts
        return {"withdrawn": self.mark, **({"facts": self.stocked.mark} if asks else {})}


class Shelves:
    """One per worker; asked by one thread at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: Stocked | None = None
        self._rests_until = 0.0

    def of(self, release: Release) -> Stocked:
        """The shelf of a release, as the store has its products by now, or had them a moment ago.

        A store that does not answer leaves it as it was; nothing is known of a release that comes meanwhile.
        """
        kept = self._kept if self._kept and self._kept.version == release.version else None
        items = release.pipeline.items
        try:
            # Before reading: what changes meanwhile is seen at the next look.
            mark = self._store.products.changed_at()
            if kept is None or (mark != kept.mark and time.monotonic() >= self._rests_until):
                started = time.monotonic()
                kept = Stocked(release.version, mark, ItemAttributes.of(self._store.products.read_attributes(), items))
                ended = time.monotonic()
                cost = ended - started
                self._rests_until = ended + (_REST_PER_COST * cost if cost > _QUICK_SECONDS else 0)
            self._kept = kept
        except StoreError as error:
            _log.warning("what products are like by now cannot be seen: %s", type(error).__name__)
        return kept or Stocked(release.version, -1, ItemAttributes.empty(len(items)))
