"""Collect the lists that a request is answered with, and write them to the store in a thread."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from flask import g, has_request_context

from app.telemetry.metrics import LISTS_DROPPED, Metrics
from src.core.domain import DAY, Recommendation
from src.core.errors import StoreError
from src.core.experiments import InterleavedList
from src.core.records import ServedList
from src.core.settings import Settings
from src.store import Store

USER, TEXT, PRODUCT = "user", "text", "product"
SEARCH = "search"
_QUEUE_LENGTH = 10_000
_BATCH = 500
_PAUSE_SECONDS = 0.5
_STOP_SECONDS = 5.0
_FORGET_BATCH = 1_000
_FORGET_SECONDS, _FORGET_SECONDS_MORE = 3_600.0, 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownList:
    """A list that a request is answered with.

    Attributes:
        release: The release that made it.
        made_for: USER, TEXT or PRODUCT.
        asked: The text or the product; None for a user.
        source: The model that named most of its products.
        places: Products and their sources, best first; whatever made them.
        cached: Whether it came from the cache; None where no cache is used.
        placement: Where the shop shows it; "" if the request did not say.
        experiments: The arms of experiments that it was made for, as the answer names them; "" for none.
        drafted: Which arm of an interleaving named what, still without the request; None for other lists.
    """

    release: str
    made_for: str
    asked: str | None
    source: str
    places: Sequence[Recommendation]
    cached: bool | None = None
    placement: str = ""
    experiments: str = ""
    drafted: InterleavedList | None = None


def note(shown: ShownList) -> None:
    """Add a list to those of the current request; does nothing outside of a request."""
    if has_request_context():
        g.setdefault("shown", []).append(shown)


class ServedListLog:
    """Write served lists to the store: a bounded queue and a thread per worker. Idle with AISLE_LOG_SERVED=off."""

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        self._settings, self._store, self._metrics = settings, store, metrics
        self._queue: queue.Queue[ServedList] = queue.Queue(_QUEUE_LENGTH)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_forget = 0.0
        self._has_warned = False

    def put(self, request_id: str, shown: Sequence[ShownList]) -> None:
        """Queue the lists of a request; those that do not fit in the queue are dropped and counted.

        Args:
            request_id: The request.
            shown: Its lists, in their order.
        """
        if self._settings.log_served == "off":
            return
        now = time.time_ns()
        for index, answered in enumerate(shown):
            products = tuple((place.product_id, place.source) for place in answered.places)
            number, at = now // 1_000 + index, now // 1_000_000_000
            try:
                shown_for = (answered.made_for, answered.asked, products, answered.placement)
                self._queue.put_nowait(ServedList(request_id, number, at, answered.release, *shown_for))
            except queue.Full:
                self._metrics.add(LISTS_DROPPED)

    def run(self) -> None:
        """Start the thread that writes, until `stop`."""
        if self._settings.log_served == "on" and self._thread is None:
            self._thread = threading.Thread(target=self._write_until_stopped, name="served lists", daemon=True)
            self._thread.start()
            atexit.register(self.stop)  # for servers that do not read gunicorn.conf.py

    def stop(self) -> None:
        """Write the queued lists, and end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if not self.flush():
            lost = self._queue.qsize()
            self._metrics.add(LISTS_DROPPED, amount=lost)
            _log.warning("%d served lists were not kept, as the store does not answer", lost)

    def flush(self) -> bool:
        """Write the queued lists; return False if the store does not answer and lists stay queued."""
        while True:
            lists = self._take()
            if not lists:
                return True
            try:
                self._store.served_lists.add(lists)
                self._has_warned = False
            except StoreError as error:
                if not self._has_warned:  # once, not at every try
                    _log.warning("served lists cannot be kept at the moment: %s", error)
                    self._has_warned = True
                self._put_back(lists)
                return False

    def _take(self) -> list[ServedList]:
        lists: list[ServedList] = []
        while len(lists) < _BATCH:
            try:
                lists.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return lists

    def _put_back(self, lists: Sequence[ServedList]) -> None:
        for served in lists:
            try:
                self._queue.put_nowait(served)
            except queue.Full:
                self._metrics.add(LISTS_DROPPED)

    def _write_until_stopped(self) -> None:
        owner = os.getpid()
        while not self._stop.wait(_PAUSE_SECONDS) and os.getpid() == owner:
            try:
                if self.flush():
                    self._forget()
            except Exception:  # the thread must survive every error of the store
                _log.exception("keeping served lists failed")

    def _forget(self) -> None:
        """Delete some of the lists older than AISLE_SERVED_DAYS, if it is time to."""
        if time.monotonic() < self._next_forget:
            return
        before = int(time.time()) - self._settings.served_days * DAY
        try:
            removed = self._store.served_lists.delete_before(before, _FORGET_BATCH)
        except StoreError:
            removed = 0
        pause = _FORGET_SECONDS_MORE if removed >= _FORGET_BATCH else _FORGET_SECONDS
        self._next_forget = time.monotonic() + pause
