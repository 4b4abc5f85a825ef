"""What the store knows of the products of the release, kept as a shelf in every worker and read anew when it changes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from src.errors import StoreError
from src.release import Release
from src.shelf import Shelf
from src.store import Store

_REST_PER_COST = 20.0
"""A large catalogue that changes all the time is read anew after so many times as long as reading it takes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stocked:
    """A shelf over the items of a release. mark: the same for equal ones in every worker, and another for others."""

    version: str
    mark: int | None
    shelf: Shelf


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
            mark = self._store.products_changed_at()
            if kept is None or (mark != kept.mark and time.monotonic() >= self._rests_until):
                started = time.monotonic()
                kept = Stocked(release.version, mark, Shelf.of(self._store.read_facts(), items))
                ended = time.monotonic()
                self._rests_until = ended + _REST_PER_COST * (ended - started)
            self._kept = kept
        except StoreError as error:
            _log.warning("what products are like by now cannot be seen: %s", type(error).__name__)
        return kept or Stocked(release.version, -1, Shelf.empty(len(items)))
