"""What is read again and again from SQLite's file is never older than the last commit."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from src.store import Store
from src.store.kept_reads import KeptRead
from tests.store.rows import batch

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL has no file

LONG_AGO, WHOLE_SECOND = 1_600_000_000_123_456_789, 1_600_000_000_000_000_000


@pytest.fixture
def file(store: Store) -> Path:
    assert store.database.file is not None
    store.events.add(batch(("ann", "tea", "view", 1, 1, "")))
    return store.database.file


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs of queries."""
    runs: list[int] = []
    rows = KeptRead.rows

    def counted(self: KeptRead, **values: Any) -> Sequence[Sequence[Any]]:
        runs.append(1)
        return rows(self, **values)

    monkeypatch.setattr(KeptRead, "rows", counted)
    return runs


def written_at(file: Path, ns: int) -> None:
    os.utime(file, ns=(ns, ns))


@pytest.mark.parametrize("long_ago", [LONG_AGO, WHOLE_SECOND])
def test_the_mark_is_read_once_until_the_file_is_written(
    store: Store, file: Path, asked: list[int], long_ago: int
) -> None:
    written_at(file, long_ago)
    marks = [store.events.mark() for _ in range(3)]
    assert (len(asked), len({*marks, store.events.settled_mark()})) == (1, 1)
    store.events.add(batch(("bob", "tea", "view", 1, 1, "")))
    assert store.events.settled_mark() is None
    assert store.events.mark() == store.events.changed_at() != marks[0]


@pytest.mark.parametrize("age_ns", [0, 1_000_000_000])
def test_two_commits_of_one_tick_are_told_apart(store: Store, file: Path, age_ns: int) -> None:
    """Where times are whole seconds, a second is one tick."""
    tick = (time.time_ns() - age_ns) // 1_000_000_000 * 1_000_000_000
    written_at(file, tick)
    before = store.events.mark()
    assert store.events.settled_mark() is None
    store.events.add(batch(("bob", "tea", "view", 1, 1, "")))
    written_at(file, tick)
    assert store.events.mark() == store.events.changed_at() != before


def test_a_write_ahead_log_hides_no_commit(store: Store, file: Path) -> None:
    store.database.engine.dispose()
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        written_at(file, LONG_AGO)
        before = store.events.mark()
        assert store.events.settled_mark() is None
        other.execute("UPDATE changes SET at = at + 1 WHERE what = 'events'")
        other.commit()
        assert file.stat().st_mtime_ns == LONG_AGO
        assert before is not None
        assert store.events.mark() == before + 1


def test_another_file_in_its_place_is_read(store: Store, file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as before, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        before.backup(copy)
        copy.execute("UPDATE changes SET at = 5 WHERE what = 'events'")
        copy.commit()
    written_at(file, LONG_AGO)
    store.events.mark()
    written_at(tmp_path / "copy", LONG_AGO)
    (tmp_path / "copy").replace(file)
    assert store.events.mark() == 5
