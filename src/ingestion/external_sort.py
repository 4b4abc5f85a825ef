"""Sort the events of one file on disk: memory does not grow with the file.

A store orders events by user, product, kind and mark. Writing events in that order touches each of its pages once, and
equal events are adjacent, so that they can be counted.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from operator import eq
from pathlib import Path

import numpy as np

from src.core.domain import EventBatch, Product
from src.core.errors import AisleError
from src.ingestion.row_validation import ValidatedBlock

_CACHE_KIB = 65_536


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
    """Turn errors of the temporary database into AisleError."""
    try:
        yield
    except sqlite3.Error as error:
        raise AisleError(
            f"sorting on disk failed ({error}). Expected space for a copy of the data in {folder}, and again in the "
            "folder for temporary files (SQLITE_TMPDIR, TMPDIR, else /var/tmp). Make room, or name other places: "
            "AISLE_VAR, SQLITE_TMPDIR."
        ) from None


class ExternalSort:
    """A file's validated events between reading and storing; a context manager that deletes them on exit.

    Attributes:
        n_events: Events added.
    """

    def __init__(self, folder: Path) -> None:
        self._rows = work_file(folder)
        self._rows.execute("CREATE TABLE events (user_id, product_id, kind, mark, counted, value, at)")
        self._rows.execute("CREATE TABLE products (product_id PRIMARY KEY) WITHOUT ROWID")
        self.n_events = 0

    def __enter__(self) -> ExternalSort:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def add(self, block: ValidatedBlock) -> None:
        """Add the events of the next block of the file."""
        events = block.events
        columns = (events.user_id, events.product_id, events.kind, events.dedupe_key or [""] * len(events))
        numbers = (block.counted.tolist(), events.value.tolist(), events.at.tolist())
        self._rows.execute("BEGIN")
        self._rows.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", zip(*columns, *numbers, strict=True))
        self._rows.execute("COMMIT")
        self.n_events += len(events)

    def count_repeated(self, products: list[Product]) -> int:
        """Record a block's products; return how many were in an earlier block, or more than once in this one."""
        before = self._rows.total_changes
        self._rows.executemany(
            "INSERT OR IGNORE INTO products VALUES (?)", [(product.product_id,) for product in products]
        )
        return len(products) - (self._rows.total_changes - before)

    def sorted(self, started: int, size: int) -> Iterator[EventBatch]:
        """Yield all events by user, product, kind and mark.

        Of events that are equal in all of these, the latest is yielded, with the number of the first; events that are
        told apart by counting get a count into their marks instead.

        Args:
            started: Microseconds since 1970. An event's number is this plus its position in the file.
            size: Events of a batch, at most.

        Yields:
            Batches in order.
        """
        cursor = self._rows.execute(
            "SELECT user_id, product_id, kind, value, at, mark, rowid, counted FROM events "
            "ORDER BY user_id, product_id, kind, mark, at, rowid"
        )
        counter, first_seq = _OccurrenceCounter(), None
        page = cursor.fetchmany(size)
        while page:
            following = cursor.fetchmany(size)
            users, products, kinds, values, at, marks, numbers, counted = zip(*page, strict=True)
            mark = list(marks)
            batch = EventBatch(
                list(users),
                list(products),
                list(kinds),
                np.array(values),
                np.array(at),
                mark,
                np.array(numbers) + started,
            )
            if any(counted):
                counter.number_marks(batch, mark, counted)
            batch = _without_older(batch, first_seq)
            first_seq = None
            if following and not counted[-1] and _key(following[0]) == _key(page[-1]):
                assert batch.arrival_seq is not None
                first_seq = int(batch.arrival_seq[-1])  # the next batch has the latest of these
                batch = batch.take(range(len(batch) - 1))
            yield batch
            page = following


def _key(row: Sequence[object]) -> tuple[object, ...]:
    return (*row[:3], row[5])


@dataclass
class _OccurrenceCounter:
    """Number equal events, which come one after the other.

    Attributes:
        previous: User, product, kind and mark of the event before.
        occurrence: How many equal events came before the current one.
    """

    previous: tuple[str, str, str, str] | None = None
    occurrence: int = 0

    def number_marks(self, batch: EventBatch, marks: list[str], counted: Sequence[int]) -> None:
        """Append "#n" to the marks of repeated events that are told apart by counting."""
        keys = zip(batch.user_id, batch.product_id, batch.kind, marks.copy(), strict=True)
        for row, key in enumerate(keys):
            self.occurrence = self.occurrence + 1 if key == self.previous else 0
            self.previous = key
            if self.occurrence and counted[row]:
                marks[row] = f"{key[3]}#{self.occurrence}"


def _without_older(batch: EventBatch, first_seq: int | None) -> EventBatch:
    """Keep the last of adjacent equal events, which is the latest, with the smallest of their arrival numbers.

    Args:
        batch: Events in order.
        first_seq: Arrival number that the first event takes over from equal events of the batch before; None if none.

    Returns:
        The events, each once.
    """
    assert batch.arrival_seq is not None
    if first_seq is not None:
        batch.arrival_seq[0] = min(first_seq, batch.arrival_seq[0])
    equal = np.ones(max(len(batch) - 1, 0), dtype=np.bool_)
    for column in (batch.product_id, batch.user_id, batch.kind, batch.dedupe_key or []):
        equal &= np.fromiter(map(eq, column, islice(column, 1, None)), np.bool_, len(equal))
        if not equal.any():
            return batch
    last = np.flatnonzero(np.append(~equal, True))
    number = np.minimum.reduceat(batch.arrival_seq, np.append(0, last[:-1] + 1))
    return replace(batch.take(last.tolist()), arrival_seq=number)
