"""Locks in PostgreSQL: one process holds each among all hosts that share the database.

Locks on one host are files (src/workflows/locks.py).
"""

from __future__ import annotations

import threading
from contextlib import suppress

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from src.core.errors import StoreError
from src.core.process_lock import Lock, LockOwner
from src.store.postgresql_network import network_arguments

_CLASS = 7_243  # an arbitrary number
_NUMBERS = {"leader": 1, "trainer": 2}
_SECONDS = 5
_OWNER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND "
    "l.granted AND l.classid = :class AND l.objid = :number AND l.database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


class DatabaseLock(Lock):
    """An advisory lock of PostgreSQL on a connection of its own; the database releases it when the connection ends.

    Any method except `release` and `held` may raise StoreError.
    """

    def __init__(self, url: str, name: str) -> None:
        """Make a lock that is not held.

        Args:
            url: The URL of the database.
            name: "leader" or "trainer".
        """
        self._url, self._key = url, {"class": _CLASS, "number": _NUMBERS[name]}
        self._connection: Connection | None = None
        self._guard = threading.Lock()

    @override
    def acquire(self, owner: LockOwner) -> bool:
        with self._guard:
            if self._connection is not None:
                return self._answers()
            try:
                connection = self._engine(str(owner)).connect()  # 63 bytes at most: JSON is too long
            except SQLAlchemyError as error:
                raise _lock_error("taken", error) from None
            try:
                if connection.execute(text("SELECT pg_try_advisory_lock(:class, :number)"), self._key).scalar():
                    self._connection = connection
                    return True
            except SQLAlchemyError as error:
                connection.invalidate()
                raise _lock_error("taken", error) from None
            connection.close()
            return False

    @override
    def release(self) -> None:
        with self._guard:
            if self._connection is not None:
                with suppress(SQLAlchemyError):
                    self._connection.close()
                self._connection = None

    @property
    @override
    def held(self) -> bool:
        with self._guard:
            return self._connection is not None and self._answers()

    @override
    def owner(self) -> LockOwner | None:
        try:
            with self._engine("aisle").connect() as connection:
                found = connection.execute(_OWNER, self._key).first()
        except SQLAlchemyError as error:
            raise _lock_error("read", error) from None
        return None if found is None else LockOwner.parse(found[0] or "")

    def _answers(self) -> bool:
        assert self._connection is not None
        try:
            self._connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            with suppress(SQLAlchemyError):
                self._connection.invalidate()
            self._connection = None
            return False
        return True

    def _engine(self, application_name: str) -> Engine:
        """Return an engine whose connections end when closed, and hold no transaction open."""
        url = make_url(self._url).set(drivername="postgresql+psycopg")
        name = application_name.encode()[:63].decode(errors="ignore")
        return create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"application_name": name, **network_arguments(url, _SECONDS)},
        )


def _lock_error(action: str, error: SQLAlchemyError) -> StoreError:
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return StoreError(
        f"the lock in the database cannot be {action}: {cause}. Expected a PostgreSQL that answers; check that it runs."
    )
