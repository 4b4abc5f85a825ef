"""Sort the events of one file on disk: memory does not grow with the file.

A store orders events by user, product, kind and mark. Writing events in that order touches each of its pages once, and
equal events are adjacent, so that they can be counted.

Every block of the file becomes a sorted run in a temporary file, in slices of equal length. Keys that are sampled from
all runs divide the order into parts of about equal size; a part is taken from all runs, sorted, and given out. Of each
run one slice is in memory at a time.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from src.core.domain import EventBatch, Product
from src.core.errors import AisleError
from src.ingestion.event_columns import ColumnBlock, EventColumns

_CACHE_KIB = 65_536
_SAMPLE_EVERY = 500  # events of a run
_SLICE = 1_000  # events
_BLOCKS_OF_PRODUCTS = 64  # of which a product is kept once each
_COLUMNS = ("key", "value", "at", "counted", "place")


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


class _Run:
    """Sorted events in the temporary file, read from their begin to their end, a slice at a time."""

    def __init__(self, schema: Any) -> None:
        """Begin without events. schema: pyarrow's, of the columns."""
        self._schema, self._places = schema, deque[tuple[int, int]]()
        self._slice: Any = None

    def append(self, file: BinaryIO, batch: Any) -> None:
        """Write the next slice of a record batch into the file."""
        self._places.append((file.tell(), file.write(batch.serialize())))

    def below(self, file: BinaryIO, limit: bytes | None) -> Iterator[Any]:
        """Take out the events whose keys lie below a limit, all of them if it is None, as record batches."""
        while self._slice is not None or self._places:
            if self._slice is None:
                begin, size = self._places.popleft()
                self._slice = pa.ipc.read_record_batch(pa.py_buffer(_read_at(file, begin, size)), self._schema)
            keys = self._slice.column(0)
            if limit is None or keys[-1].as_py() < limit:
                yield self._slice
                self._slice = None
                continue
            place = bisect_left(range(len(keys)), limit, key=lambda at: keys[at].as_py())
            yield self._slice.slice(0, place)
            self._slice = self._slice.slice(place)
            return


def _read_at(file: BinaryIO, begin: int, size: int) -> bytes:
    """Read bytes without a mapping, whose pages would count as memory of this process."""
    data = os.pread(file.fileno(), size, begin)
    if len(data) < size:
        raise _SortingError("the temporary file ended early")
    return data


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
        self._named: list[Any] = []
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
        batch = pa.record_batch([events.key, *map(pa.array, arrays)], _COLUMNS)
        run = _Run(batch.schema)
        with _disk_errors():
            for begin in range(0, len(events), _SLICE):
                run.append(self._file, batch.slice(begin, _SLICE))
        self._runs.append(run)
        self._named.append(events.products())
        if len(self._named) > _BLOCKS_OF_PRODUCTS:
            self._named = [self._distinct()]
        self.n_events += len(events)

    def _distinct(self) -> Any:
        return pc.unique(pa.concat_arrays(self._named)) if self._named else pa.array([], pa.binary())

    def products(self, size: int) -> Iterator[list[str]]:
        """Yield the products of all events, each once, sorted, in lists of `size`."""
        named = self._distinct()
        order = pc.sort_indices(named)
        for start in range(0, len(named), size):
            yield named.take(order[start : start + size]).cast(pa.string()).to_pylist()

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
        """Yield all events by user, product, kind and mark, once.

        Of events that are equal in all of these, the latest is yielded, with the number of the first; events that are
        told apart by counting get a count into their marks instead.

        Args:
            started: Microseconds since 1970. An event's number is this plus its position in the file, from 1.
            size: Events of a batch, about; equal events are in one batch.

        Yields:
            Batches in order.
        """
        with _disk_errors():
            self._file.flush()
        limits = sorted(set(sorted(self._sample)[:: max(size // _SAMPLE_EVERY, 1)][1:]))
        for limit in (*limits, None):
            with _disk_errors():
                pieces = [piece for run in self._runs for piece in run.below(self._file, limit) if len(piece)]
            if pieces:
                yield _batch(_columns(pieces).in_order(), started + 1)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _SortingError(error.strerror or error) from None


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
