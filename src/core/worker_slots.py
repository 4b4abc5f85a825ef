"""Numbered slots in a folder, each locked by one process and released when that process ends, even if it is killed.

Imports the standard library only, because Gunicorn's master imports it before it forks.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

_UNUSED_SECONDS = 86_400


def host_folder(folder: Path) -> Path:
    """Return the folder of this host's slots: file locks are not reliable between hosts."""
    return folder / socket.gethostname()


def claim_slot(folder: Path) -> tuple[int, int]:
    """Lock the lowest free slot.

    Returns:
        The slot's number, and the open file descriptor that holds its lock.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in count():
        handle = _try_lock(folder, number)
        if handle is not None:
            return number, handle
    raise AssertionError("numbers do not end")


def _try_lock(folder: Path, number: int) -> int | None:
    """Return the descriptor that holds the lock; None if another process holds it."""
    handle = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def remove_stale_slots(folder: Path) -> None:
    """Remove files of unlocked slots, and folders of hosts (containers) that were unused for a day."""
    with suppress(OSError):
        for host in folder.iterdir():
            if host == host_folder(folder):
                _remove_unlocked(host)
            elif max((path.stat().st_mtime for path in host.iterdir()), default=0.0) < time.time() - _UNUSED_SECONDS:
                shutil.rmtree(host, ignore_errors=True)


def _remove_unlocked(folder: Path) -> None:
    for lock in folder.glob("*.lock"):
        handle = _try_lock(folder, int(lock.stem))
        if handle is not None:
            for path in folder.glob(f"*_{lock.stem}.*"):
                path.unlink(missing_ok=True)
            os.close(handle)
