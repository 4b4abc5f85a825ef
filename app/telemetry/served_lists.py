"""Lists on their way out: noted where they are made, and kept, if wanted, off the way of the request."""

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
from src.core.records import ServedList
from src.core.settings import Settings
from src.store import Store

USER, TEXT, PRODUCT = "user", "text", "product"
SEARCH = "search"
_WAITING = 10_000
_WRITTEN_AT_ONCE = 500
_PAUSE_SECONDS = 0.5
_STOP_SECONDS = 5.0
_FORGOTTEN_AT_ONCE = 1_000
_FORGET_SECONDS, _FORGET_SECONDS_MORE = 3_600.0, 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownList:
    """A list that a request was given. made_for: USER, TEXT or PRODUCT; asked: the text or the product.

    source: what named most of it. places: best first. cached: None where no cache was asked.
    """

    release: str
    made_for: str
    asked: str | None
    source: str
    places: Sequence[Recommendation]
    cached: bool | None = None


def note(shown: ShownList) -> None:
    """Remember a list until its request is answered; outside of requests nobody is shown any."""
    if has_request_context():
        g.setdefault("shown", []).append(shown)


class ServedListLog:
    """One per worker: a bounded queue, and a thread that empties it into the store. Idle with AISLE_LOG_SERVED=off."""

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        self._settings, self._store, self._metrics = settings, store, metrics
        self._queue: queue.Queue[ServedList] = queue.Queue(_WAITING)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._forgets_at = 0.0
        self._said = False

    def put(self, request_id: str, shown: Sequence[ShownList]) -> None:
        """Keep the lists that a request was answered with; where that takes too long for the queue, they are dropped
        and counted.
        """
        if self._settings.log_served == "off":
            return
        now = time.time_ns()
        for place, each in enumerate(shown):
            products = tuple((place.product_id, place.source) for place in each.places)
            number, at = now // 1_000 + place, now // 1_000_000_000
            try:
                self._queue.put_nowait(
                    ServedList(request_id, number, at, each.release, each.made_for, each.asked, products)
                )
            except queue.Full:
                self._metrics.add(LISTS_DROPPED)

    def run(self) -> None:
        """Write, in a thread of this process, until `stop`."""
        if self._settings.log_served == "on" and self._thread is None:
            self._thread = threading.Thread(target=self._write_on, name="served lists", daemon=True)
            self._thread.start()
            atexit.register(self.stop)  # for servers that do not read gunicorn.conf.py

    def stop(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if not self.flush():
            lost = self._queue.qsize()
            self._metrics.add(LISTS_DROPPED, amount=lost)
            _log.warning("%d served lists were not kept, as the store does not answer", lost)

    def flush(self) -> bool:
        """Write what waits; whether all of it was written. What was not waits on."""
        while True:
            lists = self._taken()
            if not lists:
                return True
            try:
                self._store.served_lists.add(lists)
                self._said = False
            except StoreError as error:
                if not self._said:  # once, not at every try
                    _log.warning("served lists cannot be kept at the moment: %s", error)
                    self._said = True
                self._put_back(lists)
                return False

    def _taken(self) -> list[ServedList]:
        lists: list[ServedList] = []
        while len(lists) < _WRITTEN_AT_ONCE:
            try:
                lists.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return lists

    def _put_back(self, lists: Sequence[ServedList]) -> None:
        for each in lists:
            try:
                self._queue.put_nowait(each)
            except queue.Full:
                self._metrics.add(LISTS_DROPPED)

    def _write_on(self) -> None:
        owner = os.getpid()
        while not self._stop.wait(_PAUSE_SECONDS) and os.getpid() == owner:
            try:
                if self.flush():
                    self._forget()
            except Exception:  # the thread must outlive whatever a store can do
                _log.exception("keeping served lists failed")

    def _forget(self) -> None:
        """Some of what is older than AISLE_SERVED_DAYS, now and then."""
        if time.monotonic() < self._forgets_at:
            return
        before = int(time.time()) - self._settings.served_days * DAY
        try:
            removed = self._store.served_lists.delete_before(before, _FORGOTTEN_AT_ONCE)
        except StoreError:
            removed = 0
        pause = _FORGET_SECONDS_MORE if removed >= _FORGOTTEN_AT_ONCE else _FORGET_SECONDS
        self._forgets_at = time.monotonic() + pause
