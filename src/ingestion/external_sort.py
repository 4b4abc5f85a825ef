"""Sort the events of one file on disk: memory does not grow with the file.

A store orders events by user, product, kind and mark. Writing events in that order touches each of its pages once, and
equal events are adjacent, so that they can be counted.

Every block of the file becomes a sorted run in a temporary file. Keys that are sampled from all runs divide the order
into parts of about equal size; a part is taken from all runs, sorted, and given out.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from src.core.domain import EventBatch, Product
from src.core.errors import AisleError
from src.ingestion.event_columns import ColumnBlock, EventColumns

_CACHE_KIB = 65_536
_SAMPLE_EVERY = 500  # events of a run


def work_file(folder: Path) -> sqlite3.Connection:
    """Open a temporary database for sorting; it is unlinked after opening, so the system frees it on exit."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".work-", dir=folder)
    os.close(handle)
    connection = sqlite3.connect(name, isolation_level=None)
    # The data does not outlive the process, so nothing protects it from a crash. One extra thread halves the time.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "threads=1", f"cache_size=-{_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE opened (at)")  # creates the file, which can then be unlinked
    os.unlink(name)
    return connection


@contextmanager
def sorting_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the temporary files into AisleError."""
    try:
        yield
    except (sqlite3.Error, _SortingError) as error:
        raise AisleError(
            f"sorting on disk failed ({error}). Expected space for a copy of the data in {folder}, and again in the "
            "folder for temporary files (SQLITE_TMPDIR, TMPDIR, else /var/tmp). Make room, or name other places: "
            "AISLE_VAR, SQLITE_TMPDIR."
        ) from None


class _SortingError(Exception):
    """The temporary file of runs could not be written."""


@dataclass(frozen=True)
class _Run:
    """Sorted events in the temporary file: where they begin there, and how many bytes they take."""

    begin: int
    size: int


class ExternalSort:
    """A file's validated events between reading and storing; a context manager that deletes them on exit.

    Attributes:
        n_events: Events added.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with _disk_errors():
            self._file = tempfile.TemporaryFile(prefix=".work-", dir=folder)  # noqa: SIM115 - closed by __exit__
        self._products: sqlite3.Connection | None = None
        self._runs: list[_Run] = []
        self._sample: list[bytes] = []
        self.n_events = 0

    def __enter__(self) -> ExternalSort:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._products is not None:
            self._products.close()

    def add(self, block: ColumnBlock) -> None:
        """Add the events of the next block of the file, which are in order."""
        events = block.events
        if not len(events):
            return
        self._sample += events.key.take(pa.array(np.arange(0, len(events), _SAMPLE_EVERY))).to_pylist()
        arrays = (events.value, events.at, events.counted, events.place + self.n_events)
        batch = pa.record_batch([events.key, *map(pa.array, arrays)], ["key", "value", "at", "counted", "place"])
        with _disk_errors():
            begin = self._file.tell()
            with pa.ipc.new_stream(self._file, batch.schema) as stream:
                stream.write_batch(batch)
            self._runs.append(_Run(begin, self._file.tell() - begin))
        self.n_events += len(events)

    def count_repeated(self, products: list[Product]) -> int:
        """Record a block's products; return how many were in an earlier block, or more than once in this one."""
        if self._products is None:
            self._products = work_file(self._folder)
            self._products.execute("CREATE TABLE products (product_id PRIMARY KEY) WITHOUT ROWID")
        before = self._products.total_changes
        self._products.executemany(
            "INSERT OR IGNORE INTO products VALUES (?)", [(product.product_id,) for product in products]
        )
        return len(products) - (self._products.total_changes - before)

    def sorted(self, started: int, size: int) -> Iterator[EventBatch]:
        """Yield all events by user, product, kind and mark.

        Of events that are equal in all of these, the latest is yielded, with the number of the first; events that are
        told apart by counting get a count into their marks instead.

        Args:
            started: Microseconds since 1970. An event's number is this plus its position in the file, from 1.
            size: Events of a batch, about; equal events are in one batch.

        Yields:
            Batches in order.
        """
        if not self._runs:
            return
        with _disk_errors():
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        data = pa.py_buffer(mapped)
        runs = [pa.ipc.open_stream(data.slice(run.begin, run.size)).read_next_batch() for run in self._runs]
        limits = sorted(set(sorted(self._sample)[:: max(size // _SAMPLE_EVERY, 1)][1:]))
        cuts = [[0, *_places_of(limits, run.column(0)), len(run)] for run in runs]
        for part in zip(*map(pairwise, cuts), strict=True):
            pieces = [
                run.slice(begin, end - begin) for run, (begin, end) in zip(runs, part, strict=True) if begin < end
            ]
            if pieces:
                yield _batch(_columns(pieces).in_order(), started + 1)
            mapped.madvise(mmap.MADV_DONTNEED)  # else the whole file would count as memory of this process


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _SortingError(error.strerror or error) from None


def _places_of(limits: list[bytes], keys: Any) -> Iterator[int]:
    """Yield how many of the sorted keys lie below each of the ascending limits."""
    place = 0
    for limit in limits:
        place = bisect_left(range(len(keys)), limit, lo=place, key=lambda at: keys[at].as_py())
        yield place


def _columns(pieces: list[Any]) -> EventColumns:
    """Return the events of record batches."""
    table = pa.Table.from_batches(pieces).combine_chunks()
    key, *arrays = (column.chunk(0) for column in table.columns)
    return EventColumns(key, *(array.to_numpy(zero_copy_only=False) for array in arrays))


def _batch(events: EventColumns, first_seq: int) -> EventBatch:
    """Return events in order as a batch, each once."""
    group = events.group()
    arrival_seq = events.place + first_seq
    if group[-1] == len(group) - 1:
        users, products, kinds, marks = events.texts(0, 1, 2, 3)
        return EventBatch(users, products, kinds, events.value, events.at, marks, arrival_seq)
    begin = np.flatnonzero(np.diff(group, prepend=-1))
    occurrence = np.arange(len(group)) - begin[group]
    numbered = events.counted & (occurrence > 0)
    # The last of equal events is the latest; events with a count of their own are equal to no other.
    is_last = np.append((group[1:] != group[:-1]) | numbered[1:] | numbered[:-1], True)
    last = np.flatnonzero(is_last)
    arrival_seq = np.minimum.reduceat(arrival_seq, np.append(0, last[:-1] + 1))
    kept, count = events.take(last), np.where(numbered, occurrence, 0)[last]
    users, products, kinds, marks = kept.texts(0, 1, 2, 3)
    for at in np.flatnonzero(count).tolist():
        marks[at] = f"{marks[at]}#{count[at]}"
    return EventBatch(users, products, kinds, kept.value, kept.at, marks, arrival_seq)
