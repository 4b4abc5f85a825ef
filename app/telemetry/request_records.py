"""Record answered requests beside them: metrics, a log line and served lists, in batches by a thread."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from app.telemetry.metric_files import Metric
from app.telemetry.metrics import CACHE, EMPTY_LISTS, LISTS, PLACES, REQUESTS, SECONDS, Metrics
from app.telemetry.served_lists import ServedListLog, ShownList
from src.core.experiments import InterleavedList
from src.core.log_format import FIELDS, REQUEST_ID, background_thread, log_all

_PAUSE_SECONDS = 0.1
_AT_ONCE = 32
"""Records of a second's tenth in one piece would keep the interpreter from answers for some milliseconds."""
_STOP_SECONDS = 5.0

_log = logging.getLogger("app.routes.request_log")
"""The name by which operators know the lines."""


class RequestRecord(NamedTuple):
    """One answered request.

    Attributes:
        at: When it was answered, UTC seconds.
        method: Of HTTP.
        route: The rule of its route, which holds no id.
        status: Of the answer.
        seconds: How long it took.
        request_id: Its id.
        release: The release that the answer names; None without one.
        shown: The lists that it was answered with.
        more: Further fields of its log line.
    """

    at: float
    method: str
    route: str
    status: int
    seconds: float
    request_id: str
    release: str | None
    shown: Sequence[ShownList] = ()
    more: dict[str, Any] | None = None


class RequestRecords:
    """Takes records off the request's path. Before `run` and after `stop` they are written at once."""

    def __init__(
        self, metrics: Metrics, served_list_log: ServedListLog, keep: Callable[[InterleavedList], None]
    ) -> None:
        self._metrics, self._served, self._keep = metrics, served_list_log, keep
        self._waiting: deque[RequestRecord] = deque()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, record: RequestRecord) -> None:
        """Record a request, at the latest a moment later."""
        self._waiting.append(record)
        if record.shown:
            self._served.put(record.request_id, record.shown)
            for each in record.shown:
                if each.drafted is not None:
                    self._keep(each.drafted._replace(request_id=record.request_id))
        if self._thread is None:
            self.flush()

    def run(self) -> None:
        """Start the thread that writes, until `stop`."""
        if self._thread is None:
            self._stop.clear()
            self._thread = background_thread(self._write_until_stopped, "request records")
            self._thread.start()
            atexit.register(self.stop)  # for servers that do not read gunicorn.conf.py

    def stop(self) -> None:
        """Write what waits, and end the thread."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_SECONDS)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        while records := self._take():
            self._count(records)
            log_all(_log, map(_line_of, records))  # writing lets the threads run that answer requests

    def _take(self) -> list[RequestRecord]:
        records: list[RequestRecord] = []
        while self._waiting and len(records) < _AT_ONCE:
            try:
                records.append(self._waiting.popleft())
            except IndexError:  # another thread was quicker
                break
        return records

    def _count(self, records: Iterable[RequestRecord]) -> None:
        answers: Counter[tuple[str, str, int]] = Counter()
        lists: Counter[tuple[str, str, bool | None, tuple[str, ...]]] = Counter()
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        for record in records:
            answers[record.route, record.method, record.status] += 1
            seconds[record.route].append(record.seconds)
            for shown in record.shown:
                lists[shown.made_for, shown.source, shown.cached, tuple([place.source for place in shown.places])] += 1
        counts: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
        for (route, method, status), amount in answers.items():
            counts[REQUESTS, (route, method, str(status))] += amount
        for (made_for, source, cached, sources), amount in lists.items():
            counts[LISTS, (made_for, source)] += amount
            for each in sources:
                counts[PLACES, (made_for, each)] += amount
            if not sources:
                counts[EMPTY_LISTS, (made_for,)] += amount
            if cached is not None:
                counts[CACHE, ("hit" if cached else "miss",)] += amount
        for (metric, labels), amount in counts.items():
            self._metrics.add(metric, *labels, amount=amount)
        for route, durations in seconds.items():
            self._metrics.observe(SECONDS, route, seconds=durations)

    def _write_until_stopped(self) -> None:
        owner = os.getpid()
        while not self._stop.wait(_PAUSE_SECONDS) and os.getpid() == owner:
            try:
                self.flush()
            except Exception:  # the thread must survive every error of the disk
                logging.getLogger(__name__).exception("recording requests failed")


_ANSWERED, _FAULTY = (
    vars(logging.LogRecord(_log.name, level, __file__, 0, "answered", (), None))
    for level in (logging.INFO, logging.WARNING)
)


def _line_of(record: RequestRecord) -> logging.LogRecord:
    """Return the log line of a request, with the route instead of the path, as paths contain ids."""
    fields = {
        "method": record.method,
        "route": record.route,
        "status": record.status,
        "duration_ms": round(record.seconds * 1_000, 2),
        "release": record.release,
        "source": record.shown[0].source if record.shown else None,
        **({"experiments": record.shown[0].experiments} if record.shown and record.shown[0].experiments else {}),
        **(record.more or {}),
    }
    # Without the constructor, which looks up the thread, the process and the file of the caller.
    line = logging.LogRecord.__new__(logging.LogRecord)
    line.__dict__.update(_FAULTY if record.status >= 500 else _ANSWERED)
    times = {"created": record.at, "msecs": record.at % 1 * 1_000, "process": os.getpid()}
    line.__dict__.update(times, **{FIELDS: fields, REQUEST_ID: record.request_id})
    return line
