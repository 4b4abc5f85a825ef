"""Read files of events, block by block: memory does not grow with the file, and no line is lost unseen."""

from __future__ import annotations

import csv
import gzip
import itertools
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from src.dataset.columns import Layout, detect_layout, is_filled
from src.errors import UnusableFile

BLOCK_ROWS = 50_000
_SNIFFED_ROWS = 50
_GZIP_MAGIC = b"\x1f\x8b"
_SUFFIXES = (".csv", ".csv.gz")
_UNREADABLE = (OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class RawBlock:
    """Consecutive rows of a file, as text. lines: 1-based line number of each row's first line."""

    lines: list[int]
    rows: list[list[str]]


def find_event_files(folders: Iterable[Path], except_for: Iterable[Path] = ()) -> list[Path]:
    """Files directly in the folders that look like tables, sorted; `except_for` (our own exports) left out."""
    left_out = {path.resolve() for path in except_for}
    found = {
        path.resolve(): path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name.lower().endswith(_SUFFIXES) and path.resolve() not in left_out
    }
    return list(found.values())


class EventFile:
    """One delimited file of events: its layout, and its rows as blocks of text.

    Raises UnusableFile when it is missing, unreadable, empty, or of no known layout.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise UnusableFile(f"{path}: no such file. Expected a ratings file; check the path and its quotes.")
        with self._lines() as lines:
            rows = [row for _, row in itertools.islice(_rows(lines), _SNIFFED_ROWS)]
        self.layout: Layout = detect_layout(rows, str(path))

    def blocks(self, size: int = BLOCK_ROWS) -> Iterator[RawBlock]:
        """All rows but the header, at most `size` a block. Blank lines are no rows.

        Raises UnusableFile when the file breaks off (a damaged gzip); the blocks before it are good.
        """
        with self._lines() as lines:
            numbered = _rows(lines)
            if self.layout.header:
                next((row for _, row in numbered if is_filled(row)), None)
            while block := list(itertools.islice(numbered, size)):
                yield RawBlock([line for line, _ in block], [row for _, row in block])

    @contextmanager
    def _lines(self) -> Iterator[Iterator[str]]:
        try:
            with open(self.path, "rb") as raw:
                packed = raw.read(2) == _GZIP_MAGIC
            with _open_text(self.path, packed) as text:
                yield self._guarded(text)
        except PermissionError as error:
            raise UnusableFile(f"{self.path}: {error.strerror}. Expected a readable file; mend its rights.") from None

    def _guarded(self, text: IO[str]) -> Iterator[str]:
        number = 0
        try:
            for line in text:
                number += 1
                yield line
        except _UNREADABLE as error:
            raise UnusableFile(
                f"{self.path}: cannot be read after line {number} ({error}). Expected a whole file; fetch it again "
                "and load it again: what was stored before stays single."
            ) from None


def _open_text(path: Path, packed: bool) -> IO[str]:
    # surrogateescape keeps bytes that are not UTF-8, so that cleaning can reject just those rows.
    how = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
    return gzip.open(path, "rt", **how) if packed else open(path, **how)  # type: ignore[call-overload,no-any-return]


class _Rewindable:
    """Lines, numbered, that can be handed back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def hand_back(self, lines: list[str]) -> None:
        self._returned.extendleft(reversed(lines))


def _rows(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of each row. A quote that is never closed costs its own line, not the rest of the file."""
    source = _Rewindable(lines)
    reader = csv.reader(source)
    line = 1
    while True:
        source.taken.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = None
        if row is None or len(source.taken) > 1:
            # An id or a number never spans lines: take the first line alone and read on behind it.
            source.hand_back(source.taken[1:])
            row = [source.taken[0].rstrip("\r\n")]
        if source.taken[0].strip():
            yield line, row
        line += 1
