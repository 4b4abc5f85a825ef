"""Connections and transactions on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from src.core.errors import ConfigError, StoreError
from src.store.schema import is_current, upgrade_schema

BUSY_SECONDS = 30
_LOADING_CACHE_KIB = 131_072
_WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)  # in older versions a WAL reset can corrupt the database
_WRITE_LOCK = 7_243_001  # an arbitrary number for PostgreSQL's advisory lock


class Database:
    """An engine whose transactions are opened for reading or for writing. Every failure is a StoreError.

    Constructing one creates the tables, or upgrades those of an earlier version.

    Attributes:
        engine: SQLAlchemy's engine.
    """

    def __init__(self, url: str, *, loading: bool = False) -> None:
        try:
            self.engine = _engine(url)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise ConfigError(
                f"AISLE_DATABASE_URL cannot be used ({error}). Expected sqlite:///FILE or "
                "postgresql+psycopg://USER:PASSWORD@HOST/NAME."
            ) from None
        # Processes that a server forks after loading the application (--preload) must not share its connections.
        os.register_at_fork(after_in_child=partial(self.engine.dispose, close=False))
        if loading and self.is_sqlite:
            event.listen(self.engine, "connect", _take_a_large_cache)
        try:
            with self.read() as connection:
                current = is_current(connection)
            if not current:
                with self.write() as connection:
                    upgrade_schema(connection)
        except StoreError:
            self.engine.dispose()
            raise

    @property
    def is_sqlite(self) -> bool:
        """Return whether the database is SQLite; else it is PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @property
    def insert(self) -> Callable[..., Any]:
        """Return the dialect's INSERT, which supports ON CONFLICT."""
        return sqlite.insert if self.is_sqlite else postgresql.insert

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction for reading."""
        with _reported(self.engine), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction for writing, one at a time: committed at the end, rolled back by an exception."""
        connecting = self.engine.connect
        with _reported(self.engine), connecting().execution_options(writes=True) as connection, connection.begin():
            if not self.is_sqlite:
                # One writer at a time, as on SQLite: two batches with the same rows in another order would deadlock.
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"))
            yield connection


@contextmanager
def _reported(engine: Engine) -> Iterator[None]:
    """Raise errors of the database and its driver as StoreError."""
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:  # bulk loading uses the raw driver
        cause = error.orig if isinstance(error, DBAPIError) else error
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"the store {where} refused: {str(cause).strip().splitlines()[0]}. Expected a database that answers "
            "and can be written; check that it runs, its permissions, and the free space on its disk."
        ) from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ValueError:  # its text may contain a part of the password
        raise ArgumentError("the port is not a number") from None
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError(f"found a database of the kind {parsed.get_backend_name()!r}")
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver sends no BEGIN; _begin_sqlite does
    connection.execute(f"PRAGMA journal_mode={'WAL' if _WAL_IS_SAFE else 'TRUNCATE'}")
    connection.execute("PRAGMA synchronous=FULL")  # events that were answered with 201 survive a power cut


def _take_a_large_cache(connection: Any, _record: Any) -> None:
    connection.execute(f"PRAGMA cache_size=-{_LOADING_CACHE_KIB}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and writes later fails at once if there is another writer.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
