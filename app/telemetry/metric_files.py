"""Counters of one process in memory-mapped files of prometheus-client's format.

This module alone uses parts of prometheus-client that its documentation does not name (`mmap_dict`, `merge`).
tests/app/telemetry/test_metric_files.py pins them: the documented collector has to read what is written here.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.utils import floatToGoString

from src.core.worker_slots import claim_slot

KINDS = ("counter", "histogram")
_FILE_BYTES = 1 << 20
_MAX_SERIES = 2_500
"""Per kind and worker; a series takes less than 400 bytes. Labels take values of short lists, so that some hundreds are
expected; series beyond the limit are not counted."""


@dataclass(frozen=True)
class Metric:
    """A counter or a histogram.

    Attributes:
        name: Its name, without the ending of a sample.
        help: What it counts.
        labels: Names of its labels; each takes values of a short list.
        kind: One of KINDS.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: str = "counter"


class Series(NamedTuple):
    """One sample of a metric.

    Attributes:
        metric: The metric.
        labels: A value for each of its labels.
        ending: What follows the metric's name in the sample's: _total, _bucket or _sum.
        upper: The upper end of a bucket; None for other samples.
    """

    metric: Metric
    labels: tuple[str, ...]
    ending: str = "_total"
    upper: float | None = None


class MetricFiles:
    """The files of one worker slot, one per kind, locked while the process lives. Not thread-safe."""

    def __init__(self, lock: int, files: dict[str, MmapedDict]) -> None:
        self._lock, self._files = lock, files
        self._keys: dict[Series, str] = {}
        self._known = {kind: {key for key, _, _ in file.read_all_values()} for kind, file in files.items()}
        self._owner = os.getpid()

    @classmethod
    def claim(cls, folder: Path) -> MetricFiles:
        """Open the files of the lowest free slot of a folder, with the counts that are in them. Raises OSError."""
        slot, lock = claim_slot(folder)
        try:
            return cls(lock, {kind: _open(folder / f"{kind}_{slot}.db") for kind in KINDS})
        except OSError:
            os.close(lock)
            raise

    def is_new(self, series: Series) -> bool:
        """Return whether this process has not added to a series yet."""
        return series not in self._keys

    def add(self, series: Series, amount: float) -> None:
        """Add an amount, 0 or more, to a series, unless it is one too many."""
        key = self._keys.get(series)
        if key is None:
            key = self._keys[series] = _key(series)
        known = self._known[series.metric.kind]
        if key not in known:
            if len(known) >= _MAX_SERIES:
                return
            known.add(key)
        file = self._files[series.metric.kind]
        file.write_value(key, file.read_value(key)[0] + amount, 0.0)

    def close(self) -> None:
        """Close the files, and give the slot back if this process claimed it. Does nothing the second time."""
        files, self._files = self._files, {}
        for file in files.values():
            file.close()
        if files and self._owner == os.getpid():
            os.close(self._lock)


def read_metrics(folder: Path) -> list[Family]:
    """Return the sums over all files of a folder; a damaged file is left out."""
    files = [str(path) for path in sorted(folder.glob("*.db")) if _is_readable(path)]
    return list(MultiProcessCollector.merge(files))


def _open(path: Path) -> MmapedDict:
    """Open a file whose blocks are allocated: a write to a mapped page without space on the disk kills the process."""
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


def _key(series: Series) -> str:
    metric = series.metric
    names, values = list(metric.labels), list(series.labels)
    if series.upper is not None:
        names, values = [*names, "le"], [*values, floatToGoString(series.upper)]
    return mmap_key(metric.name, metric.name + series.ending, names, values, metric.help)
