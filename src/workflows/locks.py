"""The locks that keep two trainings, and two leading workers, apart."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import filelock
from sqlalchemy import make_url
from typing_extensions import override

from src.core.process_lock import Lock, LockOwner
from src.core.settings import Settings
from src.store.database_lock import DatabaseLock

_WAIT_SECONDS, _POLL_SECONDS = 0.25, 0.01  # `owner` holds the lock for an instant: that is no reason to give up
_TURN_SECONDS = 1.0


class FileLock(Lock):
    """An exclusive flock on a file that names its owner; programs started meanwhile do not inherit it.

    filelock locks the file. It neither writes nor reads an owner, takes no shared lock to look whether a lock is free,
    and does not notice that a held file was removed or replaced; these three are added here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: filelock.BaseFileLock | None = None
        self._locked_file: os.stat_result | None = None

    @override
    def acquire(self, owner: LockOwner) -> bool:
        if self.held:
            return True
        self.release()  # of a file that was removed: other processes lock the one that replaced it
        self._lock = filelock.FileLock(  # made here, as it must not be inherited by a worker that is forked later
            self.path,
            thread_local=False,
            fallback_to_soft=False,
            preserve_lock_file=True,
            on_acquired=partial(self._name_owner, owner),
        )
        with suppress(filelock.Timeout):
            self._lock.acquire(timeout=_WAIT_SECONDS, poll_interval=_POLL_SECONDS)
        return self.held

    def _name_owner(self, owner: LockOwner, descriptor: int) -> None:
        self._locked_file = os.fstat(descriptor)
        with suppress(OSError):  # a full disk costs the owner's name, not the lock
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, owner.to_json().encode(), 0)

    @override
    def release(self) -> None:
        if self.held:
            with suppress(OSError):
                os.truncate(self.path, 0)
        if self._lock is not None:
            self._lock.release()
        self._lock = self._locked_file = None

    @property
    @override
    def held(self) -> bool:
        try:
            return self._locked_file is not None and os.path.samestat(self._locked_file, os.stat(self.path))
        except OSError:
            return False

    @override
    def owner(self) -> LockOwner | None:
        until = time.monotonic() + _WAIT_SECONDS
        while (name := self._name()) == "" and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)  # its holder takes or releases it at this moment
        return None if name is None else LockOwner.parse(name)

    def _name(self) -> str | None:
        """Read the name in the locked file; None if it is not locked."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # free: a process that was killed left the name in it
        except BlockingIOError:
            return os.read(descriptor, 1_000).decode(errors="replace")
        finally:
            os.close(descriptor)


def trainer_lock(settings: Settings) -> Lock:
    """Return the lock of the process that trains: two at once would compete for the machine and for CURRENT."""
    return _lock(settings, "trainer")


@contextmanager
def in_turn(settings: Settings, wait: Callable[[], None]) -> Iterator[None]:
    """Keep the other shops of a service from training inside of the `with` block, however each was asked to.

    Where there is one shop nothing is waited for; else `wait` is called before this one waits for another to end.

    Yields:
        Nothing.
    """
    if not settings.tenant:
        yield
        return
    lock, pause = FileLock(settings.var.parent.parent / "turn.lock"), threading.Event()
    if not lock.acquire(LockOwner.this_process()):
        wait()
        while not lock.acquire(LockOwner.this_process()):
            pause.wait(_TURN_SECONDS)
    try:
        yield
    finally:
        lock.release()


def leader_lock(settings: Settings) -> Lock:
    """Return the lock of the worker that starts the scheduled trainings; of several shops there is one on a host."""
    if settings.tenant:
        return FileLock(settings.var.parent.parent / "leader.lock")
    return _lock(settings, "leader")


def _lock(settings: Settings, name: str) -> Lock:
    """Return a lock of this host; with PostgreSQL, one of all hosts that share the database."""
    if make_url(settings.store_url).get_backend_name() == "postgresql":
        return DatabaseLock(settings.store_url, name)
    return FileLock(settings.var / f"{name}.lock")
