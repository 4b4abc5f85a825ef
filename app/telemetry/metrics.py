"""Metrics of all workers of a host, kept in files that outlive a worker.

Each worker writes to the pair of files of its slot, under a lock that the kernel frees when the worker ends. The next
worker takes the lowest free slot and adds to the counts that it finds there. So there are as many files as there ever
were workers at once, and no counter goes back.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

from app.telemetry.metric_files import Metric, MetricFiles, Series, read_metrics
from src.core.worker_slots import host_folder

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
"""Upper ends, seconds."""

_log = logging.getLogger(__name__)

REQUESTS = Metric("aisle_requests", "Requests answered.", ("route", "method", "status"))
SECONDS = Metric("aisle_request_seconds", "How long requests took.", ("route",), "histogram")
CACHE = Metric("aisle_cache", "Lists of users looked for in the cache.", ("result",))
LISTS = Metric("aisle_lists", "Lists answered, by what named most of the list.", ("made_for", "source"))
PLACES = Metric("aisle_places", "Places of the lists answered, by what filled them.", ("made_for", "source"))
EMPTY_LISTS = Metric("aisle_empty_lists", "Lists answered without a product.", ("made_for",))
EVENTS_TOLD = Metric("aisle_events", "Events that were told.", ("result",))
EVENTS_TAKEN = Metric("aisle_events_taken", "Events that were told and right, repetitions included.", ("kind",))
LISTS_DROPPED = Metric("aisle_served_lists_dropped", "Served lists that could not be kept.")


class Metrics:
    """Count in this process, and read the counts of one host's workers.

    Counting never fails a request: what cannot be written is not counted.
    """

    def __init__(self, folder: Path, tenant: str = "") -> None:
        self._tenant = tenant
        self.folder = host_folder(folder)
        self._lock = threading.Lock()
        self._files: MetricFiles | None = None
        self._pid: int | None = None

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """Add to a counter.

        Args:
            metric: A counter.
            *labels: A value for each label of the metric.
            amount: What is added.
        """
        with self._lock:
            if (files := self._own_files()) is not None:
                files.add(Series(metric, labels), amount)

    def observe(self, metric: Metric, *labels: str, seconds: Iterable[float]) -> None:
        """Count durations in their buckets of a histogram.

        Args:
            metric: A histogram.
            *labels: A value for each label of the metric.
            seconds: The durations.
        """
        durations = list(seconds)
        counts = Counter(BUCKETS[bisect_left(BUCKETS, duration)] for duration in durations)
        total = Series(metric, labels, "_sum")
        with self._lock:
            if (files := self._own_files()) is not None:
                for upper in BUCKETS if files.is_new(total) else ():
                    files.add(Series(metric, labels, "_bucket", upper), 0.0)  # Prometheus wants the empty ones too
                for upper, count in counts.items():
                    files.add(Series(metric, labels, "_bucket", upper), float(count))
                files.add(total, sum(durations))

    def text(self, more: Iterable[Family] = ()) -> bytes:
        """Return the sums over all workers, and `more`, in Prometheus' text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families([*read_metrics(self.folder), *more], self._tenant))
        return generate_latest(registry)

    def close(self) -> None:
        """Give this process's files back; the counts in them stay."""
        with self._lock:
            if self._files is not None and self._pid == os.getpid():
                self._files.close()
            self._files = self._pid = None

    def _own_files(self) -> MetricFiles | None:
        """Return this process's files, after a fork others than the parent's; None if none can be written."""
        pid = os.getpid()
        if self._pid != pid:
            self._pid = pid
            try:
                self._files = MetricFiles.claim(self.folder)
                weakref.finalize(self, self._files.close)
            except OSError as error:
                _log.warning("nothing is counted for /metrics (%s); see the disk's space and rights", error.strerror)
                self._files = None
        return self._files


class _Families(Collector):
    def __init__(self, families: list[Family], tenant: str) -> None:
        self._families = families
        for family in families if tenant else ():
            family.samples = [each._replace(labels={**each.labels, "tenant": tenant}) for each in family.samples]

    @override
    def collect(self) -> Iterator[Family]:
        yield from self._families
