"""Reads on a connection that each thread keeps: opening a transaction for one small read costs more than the read."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from threading import local
from typing import Any

from sqlalchemy import Select

from src.store.database import Database
from src.store.sqlite_file import FileState, connect, state_of

_CACHE_KIB = 512
"""Of a kept connection: the upper pages of the trees. The system keeps the others for all connections."""
_TICK_NS, _COARSE_TICK_NS = 100_000_000, 3_000_000_000
"""Longer than a tick of the clock that file systems take times from, and of those that keep whole seconds alone."""


class KeptConnections:
    """A connection to SQLite's file for each thread.

    Args:
        database: The database; on PostgreSQL, whose pool keeps connections, there are none.
    """

    def __init__(self, database: Database) -> None:
        self.database, self._kept = database, local()

    def get(self) -> sqlite3.Connection:
        """Return this thread's connection; a new one after a fork, and for another file in the place of the old one."""
        held = getattr(self._kept, "held", None)
        opened_for = (os.getpid(), self.database.current_identity())
        if held is not None and held[0] == opened_for:
            kept: sqlite3.Connection = held[1]
            return kept
        assert self.database.file is not None
        made = connect(self.database.file)
        made.isolation_level = None
        made.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._kept.held = (opened_for, made)
        return made

    def forget(self) -> None:
        """Close this thread's connection, which keeps pages in memory that may be broken."""
        held, self._kept.held = getattr(self._kept, "held", None), None
        if held is not None:
            held[1].close()


class KeptRead:
    """One query that is run again and again; every run sees all that was committed before it.

    On SQLite a thread keeps a connection, on which the statement stays prepared. On PostgreSQL the pool keeps
    connections and statements.

    Args:
        connections: To the database; several queries may share them.
        query: A query with bound parameters.
    """

    def __init__(self, connections: KeptConnections, query: Select[Any]) -> None:
        self._connections, self._database, self._query = connections, connections.database, query
        compiled = query.compile(dialect=self._database.engine.dialect)
        self._statement, self._names = str(compiled), compiled.positiontup or []
        self._constants = compiled.params

    def rows(self, **parameters: Any) -> Sequence[Sequence[Any]]:
        """Return the rows of the query.

        Args:
            **parameters: A value for each parameter without a value of its own.

        Returns:
            The rows as the driver gives them.

        Raises:
            StoreError: The database does not answer.
        """
        if self._database.file is None:
            with self._database.read() as connection:
                return connection.execute(self._query, parameters).fetchall()
        values = {**self._constants, **parameters}
        bound = [values[name] for name in self._names]
        try:
            rows: list[tuple[Any, ...]] = self._connections.get().execute(self._statement, bound).fetchall()
        except sqlite3.Error as error:
            self._connections.forget()
            raise self._database.refusal(error) from error
        return rows


class SettledRead(KeptRead):
    """A query without parameters, which is not run again while SQLite's file stays as it was.

    A commit with a rollback journal writes into the file, under a lock that a reader waits for. So the rows hold as
    long as the file has the state from before they were read, once that is older than a tick of its file system. A
    write-ahead log leaves the file alone.
    """

    _held: tuple[FileState, Sequence[Sequence[Any]]] | None = None

    def rows(self, **_: Any) -> Sequence[Sequence[Any]]:
        """Return the rows of the query, as `KeptRead.rows` does."""
        if self._database.file is None:
            return super().rows()
        state, held = self._database.file_state(), self._held
        if held is not None and held[0] == state:
            return held[1]
        rows = super().rows()
        if state is not None and _is_settled(state.written_ns) and not self._is_logged_ahead():
            self._held = state, rows
        return rows

    def settled(self) -> Sequence[Sequence[Any]] | None:
        """Return the rows if the file is still as it was when they were read; None if the query has to be run."""
        held, file = self._held, self._database.file
        return held[1] if held is not None and file is not None and state_of(file) == held[0] else None

    def _is_logged_ahead(self) -> bool:
        """Whether commits go to a write-ahead log; a change of that is written into the file."""
        try:
            return bool(self._connections.get().execute("PRAGMA journal_mode").fetchone()[0] == "wal")
        except sqlite3.Error:
            return True


def _is_settled(written_ns: int) -> bool:
    """Whether what is written to a file from now on gets a later time than this one."""
    tick = _TICK_NS if written_ns % 1_000_000 else _COARSE_TICK_NS
    return time.time_ns() - written_ns > tick
