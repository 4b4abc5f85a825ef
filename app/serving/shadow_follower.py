"""Let a release that nobody sees answer a share of the requests, in a thread beside them, and compare."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from app.serving.serving_snapshot import ServingSnapshot
from src.core.domain import Query, category_names
from src.core.errors import AisleError, StoreError
from src.core.log_format import background_thread
from src.core.shadows import ALL, Shadow, ShadowTally, slices_of
from src.evaluation.list_difference import overlap, rank_biased_overlap
from src.store import Store
from src.store.shadow_store import ShadowSlice

_WAITING = 200
"""Lists that wait to be made; further ones are dropped."""
_PAUSE_SECONDS = 0.2
_NICENESS = 10

_log = logging.getLogger(__name__)


class ShadowPair(NamedTuple):
    """The release that serves and the one that is its shadow."""

    served: ServingSnapshot
    shadow: ServingSnapshot


class ShadowFollower:
    """The shadow of one worker. Without a running one a request pays a look at None.

    Args:
        store: The events, and the sums.
        pair_of: Version of the shadow → both releases; None while the shadow is not loaded.
    """

    def __init__(self, store: Store, pair_of: Callable[[str], ShadowPair | None]) -> None:
        self._store, self._pair_of = store, pair_of
        self._shadow: Shadow | None = None
        self._stamp: int | None = None
        self._waiting: deque[Query] = deque()
        self._tallies: dict[ShadowSlice, ShadowTally] = {}
        self._dropped = 0
        self._adding = threading.Lock()
        self._draw = random.Random()  # nosec B311: which lists are sampled is no secret
        self._thread: threading.Thread | None = None

    @property
    def releases(self) -> set[str]:
        """The version of the shadow, if one runs."""
        return set() if self._shadow is None else {self._shadow.release}

    def refresh(self) -> None:
        """Read the shadow if it has changed. If the store does not answer, it stays as it was."""
        try:
            stamp = self._store.shadows.changed_at()
            if stamp != self._stamp:
                newest = self._store.shadows.newest()
                self._shadow = None if newest is None or newest.ended_at is not None else newest
                self._stamp = stamp
        except StoreError as error:
            _log.warning("the shadow stays as it was: %s", error)

    def offer(self, query: Query) -> None:
        """Take a query to be answered by the shadow, too, or not; never waits.

        Args:
            query: Without the stored history, with all rules that hold.
        """
        shadow = self._shadow
        if shadow is None or self._draw.random() >= shadow.share:
            return
        if len(self._waiting) >= _WAITING:
            self._dropped += 1
        else:
            self._waiting.append(query)

    def run(self) -> None:
        """Start the thread that answers; it lives as long as the process."""
        if self._thread is None:
            self._thread = background_thread(self._answer_for_ever, "shadow")
            self._thread.start()

    def _answer_for_ever(self) -> None:
        pause = threading.Event()
        with suppress(OSError, AttributeError):  # Linux knows priorities of threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while not pause.wait(_PAUSE_SECONDS):
            try:
                self.answer_waiting()
            except Exception:  # the thread must survive every error of a release
                _log.exception("answering in the shadow failed")

    def answer_waiting(self) -> None:
        """Let both releases answer what waits, and compare."""
        shadow = self._shadow
        pair = None if shadow is None else self._pair_of(shadow.release)
        if pair is None:
            self._waiting.clear()
            return
        if (dropped := self._dropped) > 0:
            self._dropped -= dropped
            self._add(pair, ALL, ShadowTally(dropped=dropped))
        while self._waiting:
            query = self._waiting.popleft()
            try:
                self._compare(pair, query)
            except StoreError:
                return
            except AisleError:
                self._add(pair, ALL, ShadowTally(failed=1))

    def _compare(self, pair: ShadowPair, query: Query) -> None:
        stored = [] if query.user_id is None else self._store.events.history(query.user_id)
        complete = Query(
            query.user_id, (*stored, *query.history), query.n, query.exclude, query.model, False, query.rules
        )
        lists, times = [], []
        for snapshot in pair:
            began = time.perf_counter()
            lists.append([place.product_id for place in snapshot.pipeline.recommend(complete)])
            times.append(time.perf_counter() - began)
        served, shadow = lists
        tally = ShadowTally(
            1, overlap(served, shadow, query.n), rank_biased_overlap(served, shadow), times[1], times[0]
        )
        for name in slices_of(len(complete.history), self._category(served)):
            self._add(pair, name, tally)

    def _category(self, listed: list[str]) -> str | None:
        product = self._store.products.get(listed[:1]).get(listed[0]) if listed else None
        names = [] if product is None or product.category is None else category_names(product.category)
        return names[0] if names else None

    def _add(self, pair: ShadowPair, slice_name: str, tally: ShadowTally) -> None:
        key = ShadowSlice(pair.shadow.release.version, pair.served.release.version, slice_name)
        with self._adding:
            self._tallies[key] = self._tallies.get(key, ShadowTally()).plus(tally)

    def flush(self) -> None:
        """Write the sums. If the store does not answer, they wait."""
        with self._adding:
            tallies, self._tallies = self._tallies, {}
        if not tallies:
            return
        try:
            self._store.shadows.add(tallies)
        except StoreError as error:
            _log.warning("sums of the shadow wait to be kept: %s", error)
            with self._adding:
                for key, tally in tallies.items():
                    self._tallies[key] = self._tallies.get(key, ShadowTally()).plus(tally)
