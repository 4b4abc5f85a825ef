"""From a file to lines of text: found, unpacked, decoded, bounded. Memory does not grow with the file."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from src.core.errors import InputError, UnclearLayout, UnusableFile

_SUFFIXES = (".csv", ".tsv", ".txt", ".data", ".dat", ".item", ".jsonl", ".json", ".ndjson", ".parquet")
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook. Unpack it, or save the sheet as CSV",
    b"BZh": "packed with bzip2. Unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz. Unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd. Unpack it, or pack it with gzip",
    b"SQLite format 3": "an SQLite database. Export the table as CSV",
}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UNREADABLE = (OSError, EOFError, zlib.error)
MAX_LINE = 1_000_000
"""Characters. A longer line is no row: it is cut, and refused where rows are made of lines."""
_CHUNK = 1 << 21
_HEAD = 1 << 20


def find_event_files(folders: Iterable[Path], except_for: Iterable[Path] = ()) -> list[Path]:
    """Files in the folders, and one folder below them, that look like tables; sorted, without `except_for`."""
    left_out = {path.resolve() for path in except_for}
    found = {
        path.resolve(): path
        for folder in folders
        if folder.is_dir()
        for path in sorted([*folder.glob("*"), *folder.glob("*/*")])
        if path.is_file() and _is_table(path.relative_to(folder)) and path.resolve() not in left_out
    }
    return list(found.values())


def _is_table(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_SUFFIXES) and not any(part.startswith(".") for part in path.parts)


class InputFile:
    """A file that holds a table: what its first bytes say, and its lines.

    Raises UnusableFile when it is missing, cannot be read, or is of a kind that Aisle does not unpack.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        if not path.is_file():
            raise UnusableFile(f"{path}: no such file. Expected a table of events or products; check the path.")
        with self._guarded(), open(path, "rb") as raw:
            self.packed = raw.read(2) == _GZIP_MAGIC
        with self.bytes() as binary, self._guarded():
            head = next(_chunks(binary, _HEAD), b"")
        for magic, what in _OTHERS.items():
            if head.startswith(magic):
                raise UnusableFile(f"{path}: it is {what}, and load that.")
        self.is_parquet = head.startswith(_PARQUET_MAGIC)
        self.encoding = _known(encoding) if encoding else _encoding_of(head)
        self._lone_returns = b"\r" in head and b"\n" not in head

    @contextmanager
    def bytes(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes, from the start."""
        with self._guarded(), _open(self.path, self.packed) as binary:
            yield binary

    def line_blocks(self) -> Iterator[list[str]]:
        """All lines in blocks of some megabytes, without their ends. A line is cut after MAX_LINE characters and one.

        Raises UnusableFile when the file breaks off (a damaged gzip); all whole lines before that are handed out first.
        """
        # surrogateescape keeps bytes that are not of the encoding, so that cleaning can refuse just those rows.
        decoder = codecs.getincrementaldecoder(self.encoding)("surrogateescape")
        ending = "\r" if self._lone_returns else "\n"
        rest, done = "", 0
        with self.bytes() as binary:
            chunks = _chunks(binary, _CHUNK)
            while True:
                with self._guarded(done):
                    chunk = next(chunks, b"")
                    text = rest + decoder.decode(chunk, final=not chunk)
                lines = text.split(ending)
                # Cut while it grows: one endless line must not fill the memory.
                rest = lines.pop()[: MAX_LINE + 1] if chunk else ""
                if lines and not chunk and not lines[-1]:
                    lines.pop()
                if lines:
                    done += len(lines)
                    yield [line[: MAX_LINE + 1].removesuffix("\r") for line in lines] if "\r" in text else lines
                if not chunk:
                    return

    @contextmanager
    def _guarded(self, lines: int = 0) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise UnusableFile(f"{self.path}: {error.strerror}. Expected a readable file; mend its rights.") from None
        except UnicodeError as error:  # where surrogateescape has no way out, as in UTF-16
            raise UnclearLayout(
                f"{self.path}: after line {lines} it is no text in {self.encoding} ({error}).",
                "Expected a whole file; fetch it again, or name its encoding: --encoding cp1252",
            ) from None
        except UNREADABLE as error:
            raise UnusableFile(
                f"{self.path}: cannot be read after line {lines} ({error}). Expected a whole file; fetch it again "
                "and load it again: what was stored before stays single."
            ) from None


def with_last(blocks: Iterator[list[str]]) -> Iterator[tuple[list[str], bool]]:
    """Each block, and whether it is the last one; an empty one comes at the end."""
    for block in blocks:
        yield block, False
    yield [], True


def _open(path: Path, packed: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else open(path, "rb")


def _chunks(binary: IO[bytes], size: int) -> Iterator[bytes]:
    """All bytes, `size` at a time; whatever can be read before a damaged place comes before its error."""
    source = cast("Any", binary)  # read1: read loses what it has when an error comes
    broken: Exception | None = None
    while broken is None:
        parts, left = [], size
        while left:
            try:
                part = source.read1(left)
            except UNREADABLE as error:
                broken = error
                break
            if not part:
                break
            parts.append(part)
            left -= len(part)
        if parts:
            yield b"".join(parts)
        elif broken is None:
            return
    raise broken


def _known(encoding: str) -> str:
    """The encoding, if Python can read text in it. Raises InputError."""
    try:
        b"a".decode(encoding, "ignore")
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding: {encoding!r} is not known; expected a name such as utf-8, cp1252, utf-16 or latin-1"
        ) from None
    return encoding


def _encoding_of(head: bytes) -> str:
    """By the byte-order mark, else UTF-8, unless most of the lines beyond ASCII are none: then Windows' Latin 1."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    foreign = [line for line in head.split(b"\n")[:-1] or [head] if not line.isascii()]
    broken = sum(not _is_utf8(line) for line in foreign)
    return "cp1252" if broken * 2 > len(foreign) else "utf-8"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
