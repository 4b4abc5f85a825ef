"""Read lines of text from a file: find, unpack and decode it. Memory does not grow with the file."""

from __future__ import annotations

import codecs
import gzip
import logging
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar, cast

from src.core.errors import InputError, UnclearLayout, UnusableFile
from src.ingestion import packed_tables
from src.ingestion.legacy_encodings import detect_legacy_encoding

_SUFFIXES = (
    ".csv",
    ".tsv",
    ".txt",
    ".data",
    ".dat",
    ".item",
    ".jsonl",
    ".json",
    ".ndjson",
    ".parquet",
    ".xlsx",
    ".xls",
    ".xml",
    ".zip",
)
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_UNSUPPORTED = {
    b"BZh": "packed with bzip2. Unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz. Unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd. Unpack it, or pack it with gzip",
    b"SQLite format 3": "an SQLite database. Export the table as CSV",
    b"PGDMP": "a dump of a PostgreSQL database. Restore it, export the table as CSV (psql: \\copy … csv header)",
    b"%PDF": "a PDF document. Export the table as CSV",
    b"\x00\x01\x00\x00Standard": "an Access database. Export the table as CSV",
    b"\xd0\xcf\x11\xe0": "a workbook of Excel before 2007, or another Office document. Save it as .xlsx or CSV",
    b"\x7fELF": "a program. Give a table",
    b"\x89PNG": "a picture. Give a table",
    b"\xff\xd8\xff": "a picture. Give a table",
    b"7z\xbc\xaf\x27\x1c": "packed with 7-Zip. Unpack it",
    b"Rar!": "packed with RAR. Unpack it",
}
_SQL = re.compile(
    rb"(?im)^[^\S\n]*(create\s+table|insert\s+into|drop\s+table|copy\s+\S.*\bfrom\s+stdin|begin\s+transaction;)"
)  # no two repetitions match the same characters: the search is linear in its text, also for blank lines
_SQL_DUMP = re.compile(rb"(?i)\s*(--|/\*).{0,80}\b(dump|sql)\b")
_TEXT, _SHEET, _HTML, _FEED = "text", "sheet", "html", "feed"
_MOST_SHEET_BYTES = 1 << 28  # of the parts of a workbook, some of which are held in memory
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
MAX_LINE = 1_000_000
"""Characters. A longer line is truncated, and rejected where it becomes a row."""
MAX_COLUMNS = 10_000
"""Columns, or different names of fields in JSON; a file with more of them is refused."""
MAX_UNPACKED = 1 << 30
"""Bytes that a file packed with gzip may always unpack to; beyond it, MAX_EXPANSION times its own size."""
MAX_EXPANSION = 200
SAMPLE_CHARACTERS = 4_000_000
"""A sample of rows ends after so many characters."""
CHUNK_BYTES = 1 << 21
_HEAD_BYTES = 1 << 20

Row = TypeVar("Row")
Block = TypeVar("Block")
Chunk: TypeAlias = bytes  # the class below has a method of this name

_log = logging.getLogger(__name__)


def find_event_files(folders: Iterable[Path], except_for: Iterable[Path] = ()) -> list[Path]:
    """Find files that look like tables, by their names.

    A link that leads out of its folder is left out with a warning; give its path to load it.

    Args:
        folders: Where to look; their direct subfolders are searched too.
        except_for: Files to leave out.

    Returns:
        Paths, sorted within each folder, each file once.
    """
    excluded = {path.resolve() for path in except_for}
    tables = {
        path.resolve(): path
        for folder in folders
        if folder.is_dir()
        for path in sorted([*folder.glob("*"), *folder.glob("*/*")])
        if path.is_file() and _is_table(path.relative_to(folder)) and path.resolve() not in excluded
        if _is_inside(path, folder)
    }
    return list(tables.values())


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether a file is in the folder once links are followed; log a warning if not."""
    target = path.resolve()
    if target.is_relative_to(folder.resolve()):
        return True
    _log.warning(
        "%s is left out: it is a link to %s, outside of %s. Expected files in the folder; copy it there, or load it "
        "by its path.",
        *(path, target, folder),
    )
    return False


def _is_table(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_SUFFIXES) and not any(part.startswith(".") for part in path.parts)


class InputFile:
    """A file that holds a table: its format by its first bytes, and its lines.

    Attributes:
        path: The file.
        packed: Whether it is packed with gzip, or is the only file of a zip archive.
        is_parquet: Whether it is a parquet file.
        encoding: Encoding of its text.

    Raises:
        UnusableFile: It is missing, cannot be read, or has a format that Aisle does not unpack.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self._disk, self._member = packed_tables.archive_of(path)
        if not self._disk.is_file():
            raise UnusableFile(f"{path}: no such file. Expected a table of events or products; check the path.")
        with self._guarded(), open(self._disk, "rb") as raw:
            start = raw.read(4)
        is_zip = packed_tables.is_zip(start)
        if is_zip and self._member is None:
            self._member = packed_tables.zip_member(path)
        self.packed = start[:2] == _GZIP_MAGIC or self._member is not None
        with self.bytes() as binary, self._guarded():
            head = next(_chunks(binary, _HEAD_BYTES), b"")
        for magic, format_name in _UNSUPPORTED.items():
            if head.startswith(magic):
                raise UnusableFile(f"{path}: it is {format_name}, and load that. Expected a table.")
        if not is_zip and packed_tables.is_zip(head):
            raise UnusableFile(
                f"{path}: it is an Excel workbook or a zip archive, packed again. Unpack it with gunzip."
            )
        if _SQL_DUMP.match(head[:500]) or _SQL.search(head[:20_000]):
            raise UnusableFile(
                f"{path}: it is a dump of a database in SQL. Expected a table; restore it in a database, export the "
                "table of orders or products as CSV, and load that."
            )
        self.format = _format_of(head, is_workbook=is_zip and self._member is None)
        self.is_parquet = head.startswith(_PARQUET_MAGIC)
        found = "utf-8" if self.format == _SHEET else _detect_encoding(head)
        self.encoding = _checked_encoding(encoding) if encoding else found
        self._ending = "\r" if b"\r" in head and b"\n" not in head else "\n"

    @property
    def is_text(self) -> bool:
        """Whether its lines are those of its text, not made of a workbook or another format."""
        return self.format == _TEXT

    def notes(self) -> list[str]:
        """Return what is said of parts of the file that are not read, for people."""
        return packed_tables.sheet_notes(self.path) if self.format == _SHEET else []

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._disk.stat().st_size

    @contextmanager
    def bytes(self) -> Iterator[IO[bytes]]:
        """Open the unpacked bytes, from the start."""
        with self._guarded(), _open(self._disk, self.packed, self._member) as binary:
            yield binary

    @property
    def _max_bytes(self) -> float:
        """Return how many bytes the file may unpack to: text packs to a tenth, a file of zeros to a thousandth."""
        return max(MAX_UNPACKED, MAX_EXPANSION * self.size) if self.packed else math.inf

    def chunks(self, binary: IO[Any]) -> Iterator[Chunk]:
        """Yield all unpacked bytes, some megabytes at a time.

        Args:
            binary: The open file.

        Yields:
            The bytes.

        Raises:
            UnusableFile: They are more than a file of this size holds.
        """
        n_bytes, most = 0, self._max_bytes
        for chunk in _chunks(binary, CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > most:
                raise UnusableFile(
                    f"{self.path}: it unpacks to more than {most:,.0f} bytes. Expected at most {MAX_EXPANSION} times "
                    "its size; if it is right, unpack it with gunzip, and load that."
                )
            yield chunk

    def line_blocks(self) -> Iterator[list[str]]:
        """Yield all lines, without their ends, in blocks of some megabytes.

        A line is truncated to MAX_LINE + 1 characters.

        Raises:
            UnusableFile: The file is damaged; all whole lines before the damage are yielded first.
        """
        if self.format == _SHEET:
            yield from packed_tables.sheet_lines(self.path, _MOST_SHEET_BYTES)
        elif self.format == _FEED:
            with self.bytes() as binary:
                yield from packed_tables.feed_lines(binary, self.path)
        elif self.format == _HTML:
            yield from packed_tables.html_lines("\n".join(self.lines_of(text)) + "\n" for text in self.text_blocks())
        else:
            yield from map(self.lines_of, self.text_blocks())

    def lines_of(self, text: str) -> list[str]:
        """Return the lines of a block of text, without their ends."""
        lines = text.split(self._ending)
        if not lines[-1]:
            lines.pop()
        return [line[: MAX_LINE + 1].removesuffix("\r") for line in lines] if "\r" in text else lines

    def text_blocks(self) -> Iterator[str]:
        """Yield blocks of whole lines of the text itself, with their ends; the last line may have none. None is empty.

        Raises:
            UnusableFile: The file is damaged; all whole lines before the damage are yielded first.
        """
        # surrogateescape keeps undecodable bytes, so that validation rejects only the rows that have them.
        decoder = codecs.getincrementaldecoder(self.encoding)("surrogateescape")
        rest, n_lines = "", 0
        with self.bytes() as binary:
            chunks = self.chunks(binary)
            while True:
                with self._guarded(n_lines):
                    chunk = next(chunks, b"")
                    text = rest + decoder.decode(chunk, final=not chunk)
                end = text.rfind(self._ending) + 1 if chunk else len(text)
                # Truncated while it grows: one endless line must not fill the memory.
                rest = text[end:][: MAX_LINE + 1]
                if end:
                    n_lines += text.count(self._ending)
                    yield text[:end]
                if not chunk:
                    return

    @contextmanager
    def _guarded(self, n_lines: int = 0) -> Iterator[None]:
        """Turn errors of reading into UnusableFile; n_lines: lines read before."""
        try:
            yield
        except PermissionError as error:
            raise UnusableFile(f"{self.path}: {error.strerror}. Expected a readable file; mend its rights.") from None
        except UnicodeError as error:  # surrogateescape does not help with UTF-16
            raise UnclearLayout(
                f"{self.path}: after line {n_lines} it is no text in {self.encoding} ({error}).",
                "Expected a whole file; fetch it again, or name its encoding: --encoding cp1252",
            ) from None
        except UNREADABLE as error:
            raise UnusableFile(
                f"{self.path}: cannot be read after line {n_lines} ({error}). Expected a whole file; fetch it again "
                "and load it again: what was stored before stays single."
            ) from None


def sampled(lengths: Iterable[tuple[Row, int]], n: int) -> Iterator[Row]:
    """Yield at most n rows, and none after SAMPLE_CHARACTERS.

    Args:
        lengths: Each row, and how many characters or cells it has.
        n: The most rows.

    Yields:
        The first rows.
    """
    size = 0
    for row, length in islice(lengths, n):
        yield row
        size += length
        if size > SAMPLE_CHARACTERS:
            return


def refuse_many_columns(path: Path, n: int) -> None:
    """Refuse a file with too many columns.

    Args:
        path: The file.
        n: Its number of columns.

    Raises:
        UnusableFile: It has more than MAX_COLUMNS.
    """
    if n > MAX_COLUMNS:
        raise UnusableFile(
            f"{path}: it has {n:,} columns or more. Expected at most {MAX_COLUMNS:,}; give a table with one event or "
            "product a row."
        )


def with_last(blocks: Iterator[Block]) -> Iterator[tuple[Block | list[str], bool]]:
    """Yield each block with False, and at the end an empty block with True: it is the last one."""
    for block in blocks:
        yield block, False
    yield [], True


def _format_of(head: bytes, *, is_workbook: bool) -> str:
    if is_workbook:
        return _SHEET
    return _HTML if packed_tables.is_html(head) else _FEED if packed_tables.is_xml(head) else _TEXT


def _open(path: Path, packed: bool, member: str | None = None) -> IO[bytes]:
    if member is not None:
        return zipfile.ZipFile(path).open(member)
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else open(path, "rb")


def _chunks(binary: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield all bytes, `size` at a time; readable bytes before a damaged place come before its error."""
    source = cast("Any", binary)  # read1, because read loses its buffer when an error occurs
    broken: Exception | None = None
    while broken is None:
        parts, n_missing = [], size
        while n_missing:
            try:
                part = source.read1(n_missing)
            except UNREADABLE as error:
                broken = error
                break
            if not part:
                break
            parts.append(part)
            n_missing -= len(part)
        if parts:
            yield b"".join(parts)
        elif broken is None:
            return
    raise broken


def _checked_encoding(encoding: str) -> str:
    """Return the encoding. Raises InputError if Python cannot decode text with it."""
    try:
        b"a".decode(encoding, "ignore")
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding: {encoding!r} is not known; expected a name such as utf-8, cp1252, utf-16 or latin-1"
        ) from None
    return encoding


def _detect_encoding(head: bytes) -> str:
    """Detect the encoding by the byte-order mark, else UTF-8, or another one if most non-ASCII lines are no UTF-8."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    non_ascii = [line for line in head.split(b"\n")[:-1] or [head] if not line.isascii()]
    broken = sum(not _is_utf8(line) for line in non_ascii)
    return detect_legacy_encoding(non_ascii) if broken * 2 > len(non_ascii) else "utf-8"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
