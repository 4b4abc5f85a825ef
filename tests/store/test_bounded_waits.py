"""PostgreSQL that has no connection left, or stops a statement: an error soon, and service again afterwards."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from sqlalchemy import create_engine, make_url, text

from src.core.errors import StoreError
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
