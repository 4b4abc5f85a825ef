"""What the workers of a host count, together: in files that a worker's end, however it ends, takes nothing from.

Every worker writes to a numbered pair of files of its own, in the format of prometheus-client, under a lock that the
kernel lets go of when the worker ends. The next worker takes the lowest number that is free, with all that is counted
there, and counts on: so there are as many files as ever were workers at once, and no counter goes back.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.utils import floatToGoString

from src.core.worker_slots import claim_slot, host_folder

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
"""Seconds, upper ends."""
_FILE_BYTES = 1 << 20
_MOST_SERIES = 2_500
"""Of one kind and worker; a series takes less than 400 bytes. Labels come from short lists, so there are some hundreds;
should there ever be more, those that come last are not counted."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metric:
    """What is counted. kind: counter or histogram. labels: each takes values of a short list only."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: str = "counter"


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
    """The counts of one host's workers. Nothing here ever fails a request; what cannot be written is not counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = host_folder(folder)
        self._lock = threading.Lock()
        self._files: _Files | None = None
        self._pid: int | None = None

    def add(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """Count something. labels: one value for each label of the metric."""
        with self._lock:
            if (files := self._mine()) is not None:
                files.add(metric.kind, (metric, labels, "_total", None), amount)

    def observe(self, metric: Metric, *labels: str, seconds: float) -> None:
        """Count a duration in its bucket of the histogram."""
        upper = next(bound for bound in BUCKETS if seconds <= bound)
        with self._lock:
            if (files := self._mine()) is not None:
                for bound in BUCKETS if files.is_new((metric, labels, "_sum", None)) else ():
                    files.add(metric.kind, (metric, labels, "_bucket", bound), 0.0)  # Prometheus wants all of them
                files.add(metric.kind, (metric, labels, "_bucket", upper), 1.0)
                files.add(metric.kind, (metric, labels, "_sum", None), seconds)

    def text(self, more: Iterable[Family] = ()) -> bytes:
        """Everything that all workers counted, and `more`, as Prometheus reads it."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector([*_merged(self.folder), *more]))
        return generate_latest(registry)

    def close(self) -> None:
        """Let go of this process's files; what is counted stays."""
        with self._lock:
            if self._files is not None and self._pid == os.getpid():
                self._files.close()
            self._files = self._pid = None

    def _mine(self) -> _Files | None:
        """This process's files; after a fork other ones than the parent's. None where there can be none."""
        pid = os.getpid()
        if self._pid != pid:
            self._pid = pid
            try:
                self._files = _Files.claimed(self.folder)
                weakref.finalize(self, self._files.close)
            except OSError as error:
                _log.warning("nothing is counted for /metrics (%s); see the disk's space and rights", error.strerror)
                self._files = None
        return self._files


_Series = tuple[Metric, tuple[str, ...], str, float | None]


class _Files:
    """One number's files, locked."""

    def __init__(self, lock: int, kinds: dict[str, MmapedDict]) -> None:
        self._lock, self._kinds = lock, kinds
        self._keys: dict[_Series, str] = {}
        self._known = {kind: {key for key, _, _ in held.read_all_values()} for kind, held in kinds.items()}
        self._owner = os.getpid()

    @classmethod
    def claimed(cls, folder: Path) -> _Files:
        """Those of the lowest number that nobody holds. Raises OSError."""
        number, lock = claim_slot(folder)
        try:
            return cls(lock, {kind: _opened(folder / f"{kind}_{number}.db") for kind in ("counter", "histogram")})
        except OSError:
            os.close(lock)
            raise

    def is_new(self, series: _Series) -> bool:
        return series not in self._keys

    def add(self, kind: str, series: _Series, amount: float) -> None:
        key = self._keys.get(series)
        if key is None:
            key = self._keys[series] = _key(*series)
        known = self._known[kind]
        if key not in known:
            if len(known) >= _MOST_SERIES:
                return
            known.add(key)
        held = self._kinds[kind]
        held.write_value(key, held.read_value(key)[0] + amount, 0.0)

    def close(self) -> None:
        kinds, self._kinds = self._kinds, {}
        for held in kinds.values():
            held.close()
        if kinds and self._owner == os.getpid():
            os.close(self._lock)


def _opened(path: Path) -> MmapedDict:
    """The file, with all its room on the disk: to write to a mapped page that finds none kills the process."""
    if path.exists() and not _is_readable(path):
        path.unlink()
    with open(path, "ab") as file:
        if file.tell() < _FILE_BYTES:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
            else:
                file.truncate(_FILE_BYTES)
    return MmapedDict(str(path))


def _is_readable(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            (used,) = struct.unpack("i", file.read(4))
        if not 0 <= used <= path.stat().st_size:
            return False
        for key, *_ in MmapedDict.read_all_values_from_file(str(path)):
            _name, _sample, labels, _help = json.loads(key)
            dict(labels)
    except (OSError, RuntimeError, TypeError, ValueError, struct.error):
        return False
    return True


def _key(metric: Metric, labels: tuple[str, ...], ending: str, upper: float | None) -> str:
    names, values = list(metric.labels), list(labels)
    if upper is not None:
        names, values = [*names, "le"], [*values, floatToGoString(upper)]
    return mmap_key(metric.name, metric.name + ending, names, values, metric.help)


def _merged(folder: Path) -> list[Family]:
    files = [str(path) for path in sorted(folder.glob("*.db")) if _is_readable(path)]
    return list(MultiProcessCollector.merge(files))


class _Collector:
    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        yield from self._families
