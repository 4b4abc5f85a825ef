"""Locks between processes of one host: the kernel lets go of them when their owner dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url

from src.core.settings import Settings
from src.store.advisory import AdvisoryLock

# Somebody who asks for the owner holds the lock for an instant: that is no reason to go away.
_ATTEMPTS, _PAUSE_SECONDS = 25, 0.01


class Lock(Protocol):
    """Held by at most one process, which is let go of when it dies."""

    def acquire(self, owner: str) -> bool:
        """Whether the lock is ours now, or was already. owner: for others to read."""
        ...

    def release(self) -> None:
        """Let go, if it is ours."""
        ...

    @property
    def held(self) -> bool:
        """Whether it is ours; asked of whoever keeps the lock, where it may have been lost."""
        ...

    def owner(self) -> str | None:
        """What the holder said of itself; None if nobody holds it."""
        ...


class FileLock:
    """An exclusive flock on a file, which says who holds it. Not inherited by programs started meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self, owner: str) -> bool:
        """Whether the lock is ours now; waits a quarter of a second at most.

        owner: is written into the file for others to read.
        """
        if self.held:
            return True
        self.release()  # of a file that somebody removed: whoever asks now locks another one
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_there(handle):  # not if it was removed since it was opened
                    self._handle = handle
                    break
            os.close(handle)
            time.sleep(_PAUSE_SECONDS)
        else:
            return False
        with suppress(OSError):  # a full disk must not cost us the lock; only its owner's name is missing then
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, owner.encode(), 0)
        return True

    def release(self) -> None:
        """Let go, if it is ours."""
        if self._handle is not None:
            with suppress(OSError):
                os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    @property
    def held(self) -> bool:
        """Whether it is ours still: not if somebody removed the file, for the next one locks another."""
        return self._handle is not None and self._is_there(self._handle)

    def _is_there(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path))
        except OSError:
            return False

    def owner(self) -> str | None:
        """What the holder wrote; None if nobody holds it."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds it exclusively: what is written there is of somebody who died
        except BlockingIOError:
            return os.read(handle, 200).decode(errors="replace") or "unknown"
        finally:
            os.close(handle)


def trainer_lock(settings: Settings) -> Lock:
    """Held by whoever trains: two trainings at once would fight for the machine and for CURRENT."""
    return _lock(settings, "trainer")


def leader_lock(settings: Settings) -> Lock:
    """Held by the one worker that sees to the night."""
    return _lock(settings, "leader")


def _lock(settings: Settings, name: str) -> Lock:
    """Of one host by a file; on PostgreSQL, which several hosts may share, by the database itself."""
    if make_url(settings.store_url).get_backend_name() == "postgresql":
        return AdvisoryLock(settings.store_url, name)
    return FileLock(settings.var / f"{name}.lock")
