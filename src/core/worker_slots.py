"""Numbered places in a folder, each held by one process at a time and free again when that ends, however it ends.

Needs nothing but the standard library, as Gunicorn's master reads it before it forks.
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

_GONE_SECONDS = 86_400


def of_this_host(folder: Path) -> Path:
    """Where the processes of this host have their places: no lock is shared with others for sure."""
    return folder / socket.gethostname()


def claim_slot(folder: Path) -> tuple[int, int]:
    """(the lowest number that nobody holds, the open descriptor that holds it now). Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in count():
        handle = _locked(folder, number)
        if handle is not None:
            return number, handle
    raise AssertionError("numbers do not end")


def _locked(folder: Path, number: int) -> int | None:
    """None if somebody else holds it."""
    handle = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def start_afresh(folder: Path) -> None:
    """Remove what lies at places that nobody holds, and the folders of hosts (containers) unused for a day."""
    with suppress(OSError):
        for host in folder.iterdir():
            if host == of_this_host(folder):
                _empty(host)
            elif max((path.stat().st_mtime for path in host.iterdir()), default=0.0) < time.time() - _GONE_SECONDS:
                shutil.rmtree(host, ignore_errors=True)


def _empty(folder: Path) -> None:
    for lock in folder.glob("*.lock"):
        handle = _locked(folder, int(lock.stem))
        if handle is not None:
            for path in folder.glob(f"*_{lock.stem}.*"):
                path.unlink(missing_ok=True)
            os.close(handle)
