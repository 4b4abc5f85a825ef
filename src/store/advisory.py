"""Locks that PostgreSQL keeps: of all hosts that share a database, one process holds each."""

from __future__ import annotations

import threading
from contextlib import suppress

from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from src.core.errors import StoreError
from src.core.process_lock import LockOwner

_CLASS = 7_243  # any number of our own
_NUMBERS = {"leader": 1, "trainer": 2}
_SECONDS = 10
_OWNER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND "
    "l.granted AND l.classid = :class AND l.objid = :number AND l.database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


class AdvisoryLock:
    """pg_try_advisory_lock on a connection of its own: the database lets go of it when that ends, however it ends.

    Any method may raise StoreError, but for `release` and `held`. name: "leader" or "trainer".
    """

    def __init__(self, url: str, name: str) -> None:
        self._url, self._key = url, {"class": _CLASS, "number": _NUMBERS[name]}
        self._connection: Connection | None = None
        self._guard = threading.Lock()

    def acquire(self, owner: LockOwner) -> bool:
        """Whether the lock is ours now. owner: others read it as the connection's application_name, 63 bytes long."""
        with self._guard:
            if self._connection is not None:
                return self._answers()
            try:
                connection = self._engine(str(owner)).connect()  # JSON would be too long
            except SQLAlchemyError as error:
                raise StoreError(f"the lock in the database cannot be asked for: {_first_line(error)}") from None
            try:
                if connection.execute(text("SELECT pg_try_advisory_lock(:class, :number)"), self._key).scalar():
                    self._connection = connection
                    return True
            except SQLAlchemyError as error:
                connection.invalidate()
                raise StoreError(f"the lock in the database cannot be asked for: {_first_line(error)}") from None
            connection.close()
            return False

    def release(self) -> None:
        """Let go, if it is ours."""
        with self._guard:
            if self._connection is not None:
                with suppress(SQLAlchemyError):
                    self._connection.close()
                self._connection = None

    @property
    def held(self) -> bool:
        """Whether it is ours still: a database that was started anew has forgotten it."""
        with self._guard:
            return self._connection is not None and self._answers()

    def owner(self) -> LockOwner | None:
        """The process that holds it; None if nobody does."""
        try:
            with self._engine("aisle").connect() as connection:
                found = connection.execute(_OWNER, self._key).first()
        except SQLAlchemyError as error:
            raise StoreError(f"the lock in the database cannot be looked at: {_first_line(error)}") from None
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
        """One connection, closed with its owner's; no transaction stays open on it."""
        url = make_url(self._url).set(drivername="postgresql+psycopg")
        name = application_name.encode()[:63].decode(errors="ignore")
        return create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"application_name": name, "connect_timeout": _SECONDS},
        )


def _first_line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
