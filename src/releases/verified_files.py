"""Remember which files of a release were verified on this machine: reading gigabytes takes a worker ten seconds.

releases/.verified/<version>.json holds, for every file, what the system said of it when its bytes were found right:
device, inode, size, times of the last change of contents and of attributes, and the hash. A file of which any of this
differs is read again. The last time cannot be set back by a program, so what changes a file changes the record.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = ".verified"
_FRESH_NS = 2_000_000_000
"""A file that changed so short a time ago could change again without another time: some file systems count seconds."""

Marks = dict[str, list[int | str]]
"""Path inside a release → what is remembered of the file."""


def mark_of(path: Path, sha256: str) -> list[int | str]:
    """Return, as plain JSON, what has to be the same for a file to be the one that was verified with this hash."""
    found = path.stat()
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, sha256]


def is_old(mark: list[int | str]) -> bool:
    """Whether a file changed long enough ago for its next change to show."""
    return int(mark[4]) < time.time_ns() - _FRESH_NS


@contextmanager
def verified_files(folder: Path) -> Iterator[Marks]:
    """Lock and read what is remembered of a release; what it is changed to is remembered.

    Of several processes one verifies, and the others wait for it. Where nothing can be written nothing is remembered.

    Args:
        folder: Of the release.

    Yields:
        The marks of files that were verified; empty if nothing is remembered.
    """
    record = _record_of(folder)
    try:
        record.parent.mkdir(exist_ok=True)
        handle = os.open(record, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield {}
        return
    with os.fdopen(handle, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = _read(file.read())
        before = dict(known)
        yield known
        if known != before:
            with suppress(OSError):
                file.seek(0)
                file.truncate()
                json.dump(known, file)


def forget(folder: Path) -> None:
    """Remove what is remembered of a release."""
    with suppress(OSError):
        _record_of(folder).unlink(missing_ok=True)


def _record_of(folder: Path) -> Path:
    return folder.parent / _FOLDER / f"{folder.name}.json"


def _read(text: str) -> Marks:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
