"""Which files in data/ were loaded, by their contents: a copy, another name or another time is nothing new."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from src.releases.release import sha256

_Stat = tuple[int, int, int, int]


class SeenFiles:
    """Remembers the contents of files that were loaded, in a file of AISLE_VAR.

    Args:
        record: The file.
    """

    def __init__(self, record: Path) -> None:
        self._record = record
        self._read: dict[Path, tuple[_Stat, str]] = {}
        self._before: dict[Path, _Stat] = {}

    def contents(self, files: Iterable[Path]) -> frozenset[str]:
        """Return the hashes of files; one that has not changed since the last call is not read again."""
        found = {}
        for path in files:
            with suppress(OSError):  # it disappeared
                stat = _stat_of(path)
                known = self._read.get(path)
                found[path] = known if known and known[0] == stat else (stat, sha256(path))
        self._read = found
        return frozenset(digest for _, digest in found.values())

    def is_settled(self, files: Iterable[Path]) -> bool:
        """Whether nothing was written to files, and none came or went, since this was asked before."""
        now = {}
        for path in files:
            with suppress(OSError):
                now[path] = _stat_of(path)
        settled, self._before = now == self._before, now
        return settled

    def has_new(self, contents: frozenset[str]) -> bool:
        """Whether some of these contents were not loaded."""
        return not contents <= self._seen()

    def note(self, contents: frozenset[str]) -> None:
        """Remember that these contents were loaded, or were refused and are not to be tried again."""
        self._record.parent.mkdir(parents=True, exist_ok=True)
        draft = self._record.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(sorted(self._seen() | contents), indent=0), encoding="utf-8")
        os.replace(draft, self._record)

    def _seen(self) -> frozenset[str]:
        try:
            return frozenset(map(str, json.loads(self._record.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            return frozenset()


def _stat_of(path: Path) -> _Stat:
    found = path.stat()
    # No program can set the last time back, so what changes a file changes this.
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
