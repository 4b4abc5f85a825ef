"""Connections and transactions on SQLite and PostgreSQL."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from src.core.errors import ConfigError, StoreAway, StoreError
from src.store.postgresql_network import network_arguments
from src.store.schema import is_current, upgrade_schema
from src.store.sqlite_file import (
    BUSY_SECONDS,
    FileIdentity,
    FileState,
    connect,
    identity_of,
    is_corruption,
    is_sound,
    make_private,
    state_of,
)
from src.store.tables import metadata

_log = logging.getLogger(__name__)

SYNCHRONOUS = "FULL"
"""SQLite's setting: events that were answered with 201 survive a power cut."""
_LOADING_CACHE_KIB = 32_768
_WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)  # in older versions a WAL reset can corrupt the database
_POOL_SECONDS = 3
"""Until a connection of the pool is free; a request is answered with 503 then, and may be sent again."""
_CONNECT_SECONDS = 5
_AWAY_SECONDS = 2.0
"""After a connection to PostgreSQL failed requests are refused at once for so long, and then one tries again."""
_SOUND_SECONDS = 30.0
"""Until a file that was found corrupt is read again."""
_WRITE_LOCK = 7_243_001  # an arbitrary number for PostgreSQL's advisory lock


class Database:
    """An engine whose transactions are opened for reading or for writing. Every failure is a StoreError.

    Constructing one creates the tables, or upgrades those of an earlier version.

    Attributes:
        engine: SQLAlchemy's engine.
        file: SQLite's file; None on PostgreSQL and in memory.
    """

    def __init__(self, url: str, *, loading: bool = False) -> None:
        try:
            self.file = file_of(url)
            self.engine = _engine(url, self.file)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise ConfigError(
                f"AISLE_DATABASE_URL cannot be used ({error}). Expected sqlite:///FILE or "
                "postgresql+psycopg://USER:PASSWORD@HOST/NAME."
            ) from None
        # Processes that a server forks after loading the application (--preload) must not share its connections.
        os.register_at_fork(after_in_child=partial(self.engine.dispose, close=False))
        if loading and self.is_sqlite:
            event.listen(self.engine, "connect", _take_a_large_cache)
        self._replacing = Lock()
        self._loading = loading
        self._identity: FileIdentity | None = None
        self._corruption: str | None = None
        self._check_again_at = 0.0
        self._away_until: float | None = None
        self._trying = Lock()
        try:
            if self.file is not None:
                make_private(self.file)
                self._identity = identity_of(self.file)
            self._bring_up_to_date()
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
        self._notice_replacement()
        with self._read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction for writing, one at a time: committed at the end, rolled back by an exception.

        Raises:
            StoreError: also if SQLite's file was replaced meanwhile: what was written is in the old file only.
        """
        self._notice_replacement()
        with self._write() as connection:
            yield connection
        if self.file is not None and identity_of(self.file) != self._identity:
            raise StoreError(
                f"the store {self.file} was replaced while it was written. Expected one file; send the request again."
            )

    def check(self) -> None:
        """Read from every table.

        Raises:
            StoreError: One cannot be read, or a call of this process has found the file corrupt.
        """
        with self.read() as connection:
            for table in metadata.sorted_tables:
                connection.execute(select(table).limit(1)).first()
        if self._corruption is not None and self.file is not None and time.monotonic() >= self._check_again_at:
            self._corruption = None if is_sound(self.file) else self._corruption
            self._check_again_at = time.monotonic() + _SOUND_SECONDS
        if self._corruption is not None:
            raise StoreError(
                f"the store {self.file} is corrupt ({self._corruption}). Expected a sound file: move it away and "
                "restore a backup: python data_processing.py --restore-backup FILE."
            )

    def current_identity(self) -> FileIdentity | None:
        """Return what tells SQLite's file from one that is put in its place. Raises StoreError for a missing file."""
        self._notice_replacement()
        return self._identity

    def file_state(self) -> FileState | None:
        """Return the state of SQLite's file, as `current_identity` returns its identity."""
        assert self.file is not None
        state = state_of(self.file)
        if state is None or state.identity != self._identity:
            self._notice_replacement()
            state = state_of(self.file)
        return state

    def refusal(self, error: Exception) -> StoreError:
        """Return an error of the database or its driver in words for people, and remember that the file is corrupt."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = str(cause).strip().splitlines()[0]
        if is_corruption(cause):
            self._corruption = reason
            self._check_again_at = time.monotonic() + _SOUND_SECONDS
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        kind = StoreAway if lost and not self.is_sqlite else StoreError
        return kind(
            f"the store {self._where} refused: {reason}. Expected a database that answers and can be written; check "
            "that it runs, its permissions, and the free space on its disk."
        )

    def _notice_replacement(self) -> None:
        """Open another file that was put in the place of SQLite's file; a missing one is an error."""
        if self.file is None or identity_of(self.file) == self._identity:
            return
        with self._replacing:
            found = identity_of(self.file)
            if found == self._identity:
                return
            self.engine.dispose()  # the pool's connections read the old file
            if found is None:
                raise StoreError(
                    f"the store {self.file} is gone. Expected the file that was there when the service started; "
                    "restore a backup: python data_processing.py --restore-backup FILE."
                )
            self._bring_up_to_date()
            self._identity, self._corruption = found, None
            _log.warning("the store's file was replaced; its new contents are served")

    def _bring_up_to_date(self) -> None:
        with self._read() as connection:
            current = is_current(connection)
        if not current:
            with self._write() as connection:
                upgrade_schema(connection)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Raise errors of the database and its driver as StoreError."""
        try:
            yield
        except (SQLAlchemyError, self.engine.dialect.loaded_dbapi.Error) as error:  # bulk loading uses the raw driver
            raise self.refusal(error) from error

    def _connected(self) -> Connection:
        """Return a connection. Raises StoreAway at once if none could be made a moment ago: each try takes seconds."""
        if self.is_sqlite:
            return self.engine.connect()
        with self._trying:
            now = time.monotonic()
            if self._away_until is not None:
                if now < self._away_until:
                    raise StoreAway(
                        f"the store {self._where} could not be reached a moment ago. Expected a database that answers; "
                        "check that it runs, and the network."
                    )
                self._away_until = now + _CONNECT_SECONDS + _AWAY_SECONDS  # this one tries; the others need not wait
        try:
            connection = self.engine.connect()
        except OperationalError as error:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            raise StoreAway(str(self.refusal(error))) from error
        self._away_until = None
        return connection

    @property
    def _where(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._reported(), self._connected() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._reported(), self._connected() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    # One writer at a time, as on SQLite: batches with the same rows in another order would deadlock.
                    seconds = 0 if self._loading else BUSY_SECONDS  # 0: without an end
                    connection.execute(
                        text(f"SET LOCAL lock_timeout = '{seconds}s'; SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
                    )
                yield connection


def file_of(url: str) -> Path | None:
    """SQLite's file; None for another database, one in memory, and a URL that cannot be read."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if is_file else None


def _engine(url: str, file: Path | None) -> Engine:
    try:
        parsed = make_url(url)
    except ValueError:  # its text may contain a part of the password
        raise ArgumentError("the port is not a number") from None
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
            pool_timeout=_POOL_SECONDS,
            connect_args=network_arguments(parsed, _CONNECT_SECONDS),
        )
        event.listen(engine, "connect", _limit_lock_waits)
        return engine
    if parsed.get_backend_name() != "sqlite":
        raise ArgumentError(f"found a database of the kind {parsed.get_backend_name()!r}")
    if file is None:
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    else:
        engine = create_engine(parsed, creator=partial(connect, file), hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _limit_lock_waits(connection: Any, _record: Any) -> None:
    """Let no statement wait longer for a lock than a writer on SQLite; loading waits by a setting of its own."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver sends no BEGIN; _begin_sqlite does
    connection.execute(f"PRAGMA journal_mode={'WAL' if _WAL_IS_SAFE else 'TRUNCATE'}")
    connection.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten: a person may ask to be erased


def _take_a_large_cache(connection: Any, _record: Any) -> None:
    connection.execute(f"PRAGMA cache_size=-{_LOADING_CACHE_KIB}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and writes later fails at once if there is another writer.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
