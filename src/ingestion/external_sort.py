"""Events of one file, put in the store's order on disk: memory does not grow with the file.

A store keeps events by user, product, kind and mark. Events that come in that order touch each of its pages once, and
equal events come together, so that they can be counted.
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
    """A database of one's own for sorting more than fits into memory. It goes with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".work-", dir=folder)
    os.close(handle)
    connection = sqlite3.connect(name, isolation_level=None)
    # Nothing here outlives the process, so nothing need be safe from its end. A thread of its own halves a sort's time.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "threads=1", f"cache_size=-{_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE opened (at)")  # only now is it there to be unlinked
    os.unlink(name)
    return connection


@contextmanager
def work_reported(folder: Path) -> Iterator[None]:
    """Whatever goes wrong with a work file becomes an AisleError."""
    try:
        yield
    except sqlite3.Error as error:
        raise AisleError(
            f"sorting on disk failed ({error}). Expected space for a copy of the data in {folder}, and again in the "
            "folder for temporary files (SQLITE_TMPDIR, TMPDIR, else /var/tmp). Make room, or name other places: "
            "AISLE_VAR, SQLITE_TMPDIR."
        ) from None


class ExternalSort:
    """A file's cleaned events between reading and storing. A context manager: what it wrote goes with it."""

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
        """Take in a block's events, in the order of the file."""
        events = block.events
        columns = (events.user_id, events.product_id, events.kind, events.dedupe_key or [""] * len(events))
        numbers = (block.counted.tolist(), events.value.tolist(), events.at.tolist())
        self._rows.execute("BEGIN")
        self._rows.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", zip(*columns, *numbers, strict=True))
        self._rows.execute("COMMIT")
        self.n_events += len(events)

    def repeated(self, products: list[Product]) -> int:
        """How many of these products were in an earlier block already, or more than once in this one."""
        before = self._rows.total_changes
        self._rows.executemany("INSERT OR IGNORE INTO products VALUES (?)", [(each.product_id,) for each in products])
        return len(products) - (self._rows.total_changes - before)

    def sorted(self, started: int, size: int) -> Iterator[EventBatch]:
        """All events by user, product, kind and mark, at most `size` a batch.

        Of events equal in all of these the latest is handed out, in the place of the first; but those that are told
        apart by counting get a count into their marks.
        started: microseconds since 1970; the number of an event is this and its place in the file.
        """
        found = self._rows.execute(
            "SELECT user_id, product_id, kind, value, at, mark, rowid, counted FROM events "
            "ORDER BY user_id, product_id, kind, mark, at, rowid"
        )
        count, place = _Count(), None
        page = found.fetchmany(size)
        while page:
            following = found.fetchmany(size)
            users, products, kinds, values, at, marks, numbers, counted = zip(*page, strict=True)
            texts = list(marks)
            batch = EventBatch(
                list(users),
                list(products),
                list(kinds),
                np.array(values),
                np.array(at),
                texts,
                np.array(numbers) + started,
            )
            if any(counted):
                count.put_into(batch, texts, counted)
            batch = _without_older(batch, place)
            place = None
            if following and not counted[-1] and _key(following[0]) == _key(page[-1]):
                assert batch.arrival_seq is not None
                place = int(batch.arrival_seq[-1])  # the latest of these is in the next batch
                batch = batch.take(range(len(batch) - 1))
            yield batch
            page = following


def _key(row: Sequence[object]) -> tuple[object, ...]:
    return (*row[:3], row[5])


@dataclass
class _Count:
    """Goes through events in order and numbers those that are equal."""

    previous: tuple[str, str, str, str] | None = None
    occurrence: int = 0

    def put_into(self, batch: EventBatch, marks: list[str], counted: Sequence[int]) -> None:
        keys = zip(batch.user_id, batch.product_id, batch.kind, marks.copy(), strict=True)
        for row, key in enumerate(keys):
            self.occurrence = self.occurrence + 1 if key == self.previous else 0
            self.previous = key
            if self.occurrence and counted[row]:
                marks[row] = f"{key[3]}#{self.occurrence}"


def _without_older(batch: EventBatch, place: int | None) -> EventBatch:
    """Of equal events that stand together the last, which is the latest one, with the smallest number of them.

    place: the number that the first event takes over from those before it.
    """
    assert batch.arrival_seq is not None
    if place is not None:
        batch.arrival_seq[0] = min(place, batch.arrival_seq[0])
    equal = np.ones(max(len(batch) - 1, 0), dtype=np.bool_)
    for column in (batch.product_id, batch.user_id, batch.kind, batch.dedupe_key or []):
        equal &= np.fromiter(map(eq, column, islice(column, 1, None)), np.bool_, len(equal))
        if not equal.any():
            return batch
    last = np.flatnonzero(np.append(~equal, True))
    number = np.minimum.reduceat(batch.arrival_seq, np.append(0, last[:-1] + 1))
    return replace(batch.take(last.tolist()), arrival_seq=number)
