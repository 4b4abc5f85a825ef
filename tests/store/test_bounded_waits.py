"""PostgreSQL that has no connection left, or stops a statement: an error soon, and service again afterwards."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, make_url, text

from src.core.errors import StoreAway, StoreError
from src.store import open_store
from src.store.database import Database

MOST_SECONDS = 8.0
"""The pool is given three seconds; the rest is the machine's."""


def test_a_pool_without_a_free_connection_is_an_error_within_seconds(postgresql: str) -> None:
    database = Database(postgresql)
    with ExitStack() as held:
        for _ in range(15):  # SQLAlchemy's pool and its overflow
            held.enter_context(database.engine.connect())
        started = time.monotonic()
        with pytest.raises(StoreError, match="Expected a database that answers"), database.read():
            pass
        assert time.monotonic() - started < MOST_SECONDS
    with database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    database.engine.dispose()


def test_a_statement_that_the_server_times_out_is_an_error_and_the_next_one_is_answered(postgresql: str) -> None:
    url = make_url(postgresql).update_query_dict({"options": "-c statement_timeout=300"})
    database = Database(url.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match="statement timeout"), database.read() as connection:
        connection.execute(text("SELECT pg_sleep(20)"))
    database.check()
    database.engine.dispose()


def test_a_reader_waits_for_a_locked_table_only_so_long(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.store.database.BUSY_SECONDS", 1)
    store, other = open_store(postgresql), create_engine(postgresql)
    with other.connect() as connection:
        connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        started = time.monotonic()
        with pytest.raises(StoreError, match="lock timeout"):
            store.events.history("ann")
        assert time.monotonic() - started < MOST_SECONDS
    other.dispose()
    assert store.events.history("ann") == []
    store.close()


def test_a_writer_waits_for_another_one_only_so_long(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.store.database.BUSY_SECONDS", 1)
    store = open_store(postgresql)
    other = create_engine(postgresql)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(7243001)"))
        started = time.monotonic()
        with pytest.raises(StoreError, match="lock timeout"):
            store.runs.note_progress("none", "x")
        assert time.monotonic() - started < MOST_SECONDS
    other.dispose()
    store.runs.note_progress("none", "x")
    store.close()


class Away:
    """Stands in for Database: it cannot be reached until it was tried often enough."""

    def __init__(self, until: int) -> None:
        self.until, self.tries = until, 0

    def __call__(self, url: str, *, loading: bool) -> Database:
        self.tries += 1
        if self.tries < self.until:
            raise StoreAway("the store refused: connection refused")
        return Database("sqlite://", loading=loading)


def test_a_database_that_is_not_there_yet_is_tried_again_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = Away(until=4)
    monkeypatch.setattr("src.store.Database", away)
    monkeypatch.setattr("src.store._TRY_AGAIN_SECONDS", 0.001)
    open_store("postgresql://host/name", wait_seconds=60).close()
    assert away.tries == 4
    assert [record.getMessage() for record in caplog.records] == [
        "trying again for 60 seconds, as the store refused: connection refused",
        "the store answers now",
    ]


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_a_database_that_stays_away_is_an_error_after_the_time_that_is_given(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    away = Away(until=1_000)
    monkeypatch.setattr("src.store.Database", away)
    with pytest.raises(StoreAway):
        open_store("postgresql://host/name", wait_seconds=seconds)
    assert away.tries == (2 if seconds else 1)
