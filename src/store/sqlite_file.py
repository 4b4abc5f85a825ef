"""The file of a SQLite store: private, watched for replacement, copied and restored while it is in use."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from src.core.errors import InputError, StoreError

BUSY_SECONDS = 30
_PAGES_AT_ONCE = 4_096
_PAUSE_SECONDS = 0.01
_CHECK_SECONDS = 2.0
_STEPS = 100_000
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class FileIdentity(NamedTuple):
    """What tells a file from another one at the same path."""

    device: int
    inode: int


class FileState(NamedTuple):
    """What changes with every commit to a file with a rollback journal, if the clock has ticked since the last one.

    Attributes:
        identity: of the file.
        n_bytes: its size.
        written_ns: when it was last written, nanoseconds since 1970, in ticks of the file system.
    """

    identity: FileIdentity
    n_bytes: int
    written_ns: int


def state_of(path: Path) -> FileState | None:
    """Return the state of a file; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return FileState(FileIdentity(found.st_dev, found.st_ino), found.st_size, found.st_mtime_ns)


def identity_of(path: Path) -> FileIdentity | None:
    """Return the identity of a file; None if there is none."""
    state = state_of(path)
    return None if state is None else state.identity


def make_private(path: Path) -> None:
    """Create the file if it is missing, readable by its owner only, and take the rights of others away.

    A file of another owner keeps its rights. SQLite gives its journal the rights of the file.

    Raises:
        StoreError: The file cannot be created.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        if not path.exists():
            raise StoreError(
                f"the store {path} cannot be created ({error.strerror}). Expected a folder that can be written: change "
                "its permissions, or set AISLE_VAR to another folder."
            ) from None
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & 0o700)


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing file. Raises sqlite3.OperationalError if it is missing: SQLite would make an empty one."""
    # A pool hands a connection from one thread to the next.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, check_same_thread=False
    )


def is_corruption(error: Any) -> bool:
    """Return whether an error of the driver says that the contents of the file are broken."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def is_sound(path: Path) -> bool:
    """Read the whole file for at most two seconds; returns whether that sufficed and found no fault."""
    until = time.monotonic() + _CHECK_SECONDS
    try:
        with closing(connect(path)) as store:
            store.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            return bool(store.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def back_up(path: Path, target: Path) -> None:
    """Copy a store that may be in use to a new file, which is complete or absent.

    It is copied in steps, between which others write. Where they do, SQLite begins anew, so then it is copied at once.

    Args:
        path: the store's file.
        target: the backup; a file there is replaced.

    Raises:
        StoreError: The store does not answer, or the backup cannot be written.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        make_private(partial)
        with closing(connect(path)) as store, closing(sqlite3.connect(partial)) as copy:
            try:
                store.backup(copy, pages=_PAGES_AT_ONCE, sleep=_PAUSE_SECONDS, progress=_Forwards())
            except _BegunAnewError:
                store.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"the backup {target} cannot be written ({error}). Expected a store that answers and a folder with room; "
            "the store is unchanged."
        ) from None
    finally:
        partial.unlink(missing_ok=True)


class _BegunAnewError(Exception):
    """Somebody wrote, and the copy was begun anew."""


class _Forwards:
    """Watches a copy: the pages that are left get fewer."""

    def __init__(self) -> None:
        self._left = sys.maxsize

    def __call__(self, _status: int, left: int, _pages: int) -> None:
        if left > self._left:
            raise _BegunAnewError
        self._left = left


def restore(backup: Path, path: Path) -> None:
    """Put the contents of a backup into a store in one transaction, while services use it.

    They see the old contents until the end and the new ones from then on. An interrupted restore changes nothing.

    Args:
        backup: a file that `back_up` wrote, or a copy of a store that nothing had open.
        path: the store's file; it is created if it is missing.

    Raises:
        InputError: The backup is no complete SQLite database.
        StoreError: The store cannot be written.
    """
    _check(backup)
    make_private(path)
    try:
        with closing(connect(backup)) as copy, closing(connect(path)) as store:
            copy.backup(store, pages=-1)
    except sqlite3.Error as error:
        raise StoreError(
            f"the store {path} cannot be restored ({error}). Expected a store that can be written; it is unchanged. "
            "If the file is corrupt, move it away and run the command again."
        ) from None


def _check(backup: Path) -> None:
    problem = "there is no such file" if not backup.is_file() else ""
    if not problem:
        try:
            with closing(connect(backup)) as copy:
                found = str(copy.execute("PRAGMA integrity_check(1)").fetchone()[0])
                tables = {str(name) for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            problem = found if found != "ok" else "" if "events" in tables else "it has no table of events"
        except sqlite3.Error as error:
            problem = str(error)
    if problem:
        raise InputError(
            f"{backup} cannot be restored: {problem}. Expected a backup of a store, as python data_processing.py "
            "--backup FILE writes it; the store is unchanged."
        )
