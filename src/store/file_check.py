"""Read the whole file of a SQLite store now and then: requests meet a broken page only when they need it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from src.core.errors import StoreError
from src.store.sqlite_file import back_up, connect

_LEAST_FREE = 2**29


@dataclass(frozen=True)
class FileCheck:
    """What the last check found.

    Attributes:
        at: When, in UTC seconds.
        fault: What SQLite says of the first fault; "" for a sound file.
    """

    at: int
    fault: str


def check_file(file: Path, record: Path) -> FileCheck:
    """Check a copy of a store: it may be in use, and a check holds a lock for as long as it reads.

    Args:
        file: The store.
        record: Where what was found is kept for `last_check`.

    Returns:
        What was found.

    Raises:
        StoreError: The store cannot be copied, or the result cannot be kept.
    """
    try:
        n_bytes, free = file.stat().st_size, shutil.disk_usage(file.parent).free
        if free < n_bytes + _LEAST_FREE:
            raise StoreError(
                f"the store's file was not checked: {free / 1e6:,.0f} MB of the disk are free. Expected "
                f"{(n_bytes + _LEAST_FREE) / 1e6:,.0f} MB, as a copy is checked; make room."
            )
        with TemporaryDirectory(prefix=".check-", dir=file.parent) as folder:
            copy = Path(folder) / "store"
            back_up(file, copy)
            check = FileCheck(int(time.time()), _fault_of(copy))
        temporary = record.with_name(f".{record.name}.tmp")
        temporary.write_text(json.dumps(asdict(check)), encoding="utf-8")
        os.replace(temporary, record)
    except OSError as error:
        raise StoreError(
            f"the store's file was not checked ({error.strerror}). Expected a folder that can be written."
        ) from None
    return check


def last_check(record: Path) -> FileCheck | None:
    """Return the last check that was kept in this file; None without one, or if it cannot be read."""
    try:
        return FileCheck(**json.loads(record.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _fault_of(copy: Path) -> str:
    """Return the first fault that SQLite finds; "" without one."""
    try:
        with closing(connect(copy)) as store:
            found = str(store.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    return "" if found == "ok" else " ".join(found.replace("*** in database main ***", "").split())
