"""Collect the lists that a request is answered with, and write them to the store in a thread."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from flask import g, has_request_context

from app.telemetry.metrics import LISTS_DROPPED, Metrics
from src.core.domain import DAY, Event, Query, Recommendation
from src.core.errors import StoreError
from src.core.experiments import InterleavedList
from src.core.list_recipes import AskedList, DraftedWith, DrawnPlaces, ListRecipe, digest_of
from src.core.log_format import background_thread
from src.core.records import ServedList
from src.core.settings import Settings
from src.core.shared_erasures import open_erasures
from src.store import Store
from src.store.late_rows import LateRows

USER, TEXT, PRODUCT = "user", "text", "product"
SEARCH = "search"
_QUEUE_LENGTH = 10_000
_BATCH = 500
_PAUSE_SECONDS = 0.5
_STOP_SECONDS = 5.0
_FORGET_BATCH = 1_000
_FORGET_SECONDS, _FORGET_SECONDS_MORE = 3_600.0, 10.0

_log = logging.getLogger(__name__)


class AskedFor(NamedTuple):
    """What a list was made of.

    Attributes:
        query: What was asked, with the rules that held, without the stored history.
        history: The stored history of the user, and that of the request.
        pins: (place from 1, id) of the rules that held.
        marks: Hash of the withdrawn products, time of the last change of products, hash of the groups.
        drawn: What its places were drawn from; None for a list without chance.
        drafted: The other list of an interleaving; None for a list of one arm.
    """

    query: Query
    history: Sequence[Event]
    pins: tuple[tuple[int, str], ...]
    marks: tuple[str, int | None, str]
    drawn: DrawnPlaces | None = None
    drafted: DraftedWith | None = None

    @property
    def recipe(self) -> ListRecipe:
        """What is kept of it."""
        return ListRecipe(self.query, self.pins, *self.marks, self.drafted)


class ShownList(NamedTuple):
    """A list that a request is answered with; a tuple, as one is made for every request.

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
        recipe: What it was made of, with AISLE_LOG_REQUESTS=on; else None.
    """

    release: str
    made_for: str
    asked: str | None
    source: str
    places: Sequence[Recommendation]
    cached: bool | None = None
    placement: str = ""
    experiments: str = ""
    recipe: AskedFor | None = None
    drafted: InterleavedList | None = None


class _Shown(NamedTuple):
    """A list of a request, as it waits."""

    request_id: str
    seq: int
    at: int
    shown: ShownList

    @property
    def served(self) -> ServedList:
        shown, key = self.shown, (self.request_id, self.seq, self.at)
        products = tuple((place.product_id, place.source) for place in shown.places)
        made_for = (shown.release, shown.made_for, shown.asked)
        return ServedList(*key, *made_for, products, shown.placement, shown.experiments)

    def as_asked(self, asked: AskedFor) -> AskedList:
        shown, n_stored = self.shown, len(asked.history) - len(asked.query.history)
        return AskedList(
            self.request_id,
            self.seq,
            self.at,
            asked.query.user_id,
            shown.release,
            shown.placement,
            shown.experiments,
            n_stored,
            digest_of(asked.history[:n_stored]),
            asked.recipe,
            tuple(place._replace(explanation=None) for place in shown.places),
            asked.drawn,
        )


def note(shown: ShownList) -> None:
    """Add a list to those of the current request; does nothing outside of a request."""
    if has_request_context():
        g.setdefault("shown", []).append(shown)


class ServedListLog:
    """Write served lists, and requests, to the store: a bounded queue and a thread per worker.

    Idle with AISLE_LOG_SERVED=off and AISLE_LOG_REQUESTS=off.
    """

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        self._settings, self._store, self._metrics = settings, store, metrics
        self._keeps_lists, self._keeps_requests = settings.log_served == "on", settings.keeps_requests
        self._queue: queue.Queue[_Shown] = queue.Queue(_QUEUE_LENGTH)
        self._late = LateRows(open_erasures(settings), store.database)
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
        if not self._keeps_lists and not self._keeps_requests:
            return
        now = time.time_ns()
        for index, answered in enumerate(shown):
            try:
                self._queue.put_nowait(_Shown(request_id, now // 1_000 + index, now // 1_000_000_000, answered))
            except queue.Full:
                self._metrics.add(LISTS_DROPPED)

    def run(self) -> None:
        """Start the thread that writes, until `stop`."""
        if (self._keeps_lists or self._keeps_requests) and self._thread is None:
            self._thread = background_thread(self._write_until_stopped, "served lists")
            self._thread.start()
            self._metrics.add(LISTS_DROPPED, amount=0.0)  # Prometheus sees an increase from the first one on
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
                if self._keeps_requests:
                    self._keep_requests(lists)
                if self._keeps_lists:  # last, as it counts: it must not be done twice
                    self._store.served_lists.add((each.served for each in lists), self._settings.zone)
                self._has_warned = False
            except StoreError as error:
                if not self._has_warned:  # once, not at every try
                    _log.warning("served lists cannot be kept at the moment: %s", error)
                    self._has_warned = True
                self._put_back(lists)
                return False

    def _keep_requests(self, lists: Sequence[_Shown]) -> None:
        asked = [each.as_asked(recipe) for each in lists if (recipe := each.shown.recipe)]
        self._store.requests.add(asked)
        of_users = ((each.user_id, each.at) for each in asked if each.user_id is not None)
        self._late.written(of_users)

    def _take(self) -> list[_Shown]:
        lists: list[_Shown] = []
        while len(lists) < _BATCH:
            try:
                lists.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return lists

    def _put_back(self, lists: Sequence[_Shown]) -> None:
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
            removed = self._store.served_lists.delete_before(before, _FORGET_BATCH, self._settings.zone)
            removed += self._store.requests.delete_before(before, _FORGET_BATCH)
        except StoreError:
            removed = 0
        pause = _FORGET_SECONDS_MORE if removed >= _FORGET_BATCH else _FORGET_SECONDS
        self._next_forget = time.monotonic() + pause
