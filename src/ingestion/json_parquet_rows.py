"""Rows of files whose cells have names: JSON lines and parquet."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from src.core.errors import UnusableFile
from src.ingestion.input_files import MAX_LINE, UNREADABLE, InputFile, with_last
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

_SAMPLE = 200
_NAMED_ROWS = 20_000  # among which fields are looked for: a rare one may come late
_BATCH = 20_000
_SHOWN = 500
_PART = 4_000_000


@dataclass(frozen=True)
class JsonLinesRows:
    """One JSON object a line. names: the fields that are wanted; a row has one cell for each, None where it is missing.

    Python's notation is read as well, in which some public catalogues come.
    """

    file: InputFile
    names: tuple[str, ...] = ()

    def describe(self) -> str:
        return "JSON lines"

    def is_one_a_line(self) -> bool:
        """Whether the first line is an object."""
        return any(_object(line) is not None for _, line in itertools.islice(self._lines(), 1))

    def field_names(self) -> list[str]:
        """The fields of the first objects, each once, in the order met."""
        objects = (_object(line) for _, line in self._lines())
        first = itertools.islice((found for found in objects if found is not None), _NAMED_ROWS)
        return list(dict.fromkeys(name for found in first for name in found if isinstance(name, str)))

    def sample(self) -> list[list[Any]]:
        """The wanted cells of the first rows."""
        objects = (_object(line) for _, line in self._lines())
        first = itertools.islice((found for found in objects if found is not None), _SAMPLE)
        return [[found.get(name) for name in self.names] for found in first]

    def blocks(self) -> Iterator[RawBlock]:
        """All lines that hold something."""
        for part in _parts(self._lines()):
            lines, texts, broken = [], [], []
            rows: list[Sequence[object]] = []
            for number, line in part:
                found = _object(line)
                if found is None:
                    code = RejectionCode.LINE_TOO_LONG if len(line) > MAX_LINE else RejectionCode.NO_JSON_OBJECT
                    broken.append(
                        RejectedRow(number, Rejection(code), [line[:_SHOWN] if len(line) > MAX_LINE else line])
                    )
                    continue
                lines.append(number)
                rows.append([found.get(name) for name in self.names])
                texts.append(line)
            yield RawBlock(lines, rows, broken, texts)

    def _lines(self) -> Iterator[tuple[int, str]]:
        number = 0
        for block in self.file.line_blocks():
            for line in block:
                number += 1
                text = line.strip()
                if text:
                    yield number, text


def _parts(numbered: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Up to _BATCH lines, and no more than one beyond _PART characters."""
    part, size = [], 0
    for number, line in numbered:
        part.append((number, line))
        size += len(line)
        if len(part) >= _BATCH or size > _PART:
            yield part
            part, size = [], 0
    if part:
        yield part


class JsonDocumentRows(JsonLinesRows):
    """JSON whose objects are written over several lines, one after the other or in a list."""

    def _lines(self) -> Iterator[tuple[int, str]]:
        """(line number, text) of each object; of what is none, line by line."""
        decoder = json.JSONDecoder()
        text, number = "", 1
        for block, last in with_last(self.file.line_blocks()):
            text += "".join(f"{line}\n" for line in block)
            at = 0
            while (start := _BETWEEN.match(text, at).end()) < len(text):  # type: ignore[union-attr]
                try:
                    end = decoder.raw_decode(text, start)[1]
                except (ValueError, RecursionError):
                    if not last and len(text) - start <= MAX_LINE:
                        break  # the next block may have the rest of it
                    end = text.find("\n", start)
                number += text.count("\n", at, start)
                yield number, text[start:end]
                number += text.count("\n", start, end)
                at = end
            text = text[at:]


_BETWEEN = re.compile(r"[\s,\[\]]*")


def _object(line: str) -> dict[str, Any] | None:
    if len(line) > MAX_LINE:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(line)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return found if isinstance(found, dict) else None
    return None


@dataclass(frozen=True)
class ParquetRows:
    """A parquet file. names: the columns that are wanted, in the order of a row's cells."""

    file: InputFile
    names: tuple[str, ...] = field(default=())

    def describe(self) -> str:
        return "parquet"

    def field_names(self) -> list[str]:
        """The columns."""
        with self._open() as table:
            return [str(name) for name in table.schema_arrow.names]

    def sample(self) -> list[list[Any]]:
        """The wanted cells of the first rows."""
        return [list(row) for row in next(self._batches(_SAMPLE), [])]

    def blocks(self) -> Iterator[RawBlock]:
        """All rows; a time becomes UTC seconds."""
        first = 1
        for rows in self._batches(_BATCH):
            yield RawBlock(list(range(first, first + len(rows))), rows)
            first += len(rows)

    def _batches(self, size: int) -> Iterator[list[Sequence[object]]]:
        with self._open() as table:
            for batch in table.iter_batches(batch_size=size, columns=list(self.names)):
                columns = {name: _cells(batch.column(at)) for at, name in enumerate(batch.schema.names)}
                yield list(zip(*(columns[name] for name in self.names), strict=True))

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import pyarrow as pa  # not on top: a process that only serves does not need it
        import pyarrow.parquet as pq

        try:
            with self.file.bytes() as binary, _seekable(binary, self.file.packed) as source:
                yield pq.ParquetFile(source)
        except (pa.ArrowException, *UNREADABLE) as error:
            raise UnusableFile(
                f"{self.file.path}: it is no whole parquet file ({error}). Expected one that other programs can read; "
                "fetch it again."
            ) from None


@contextmanager
def _seekable(binary: IO[bytes], packed: bool) -> Iterator[IO[bytes]]:
    """ParquetRows is read from its end: a gzipped one is unpacked to disk first."""
    if not packed:
        yield binary
        return
    with tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(binary, unpacked)
        unpacked.seek(0)
        yield unpacked


def _cells(column: Any) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        seconds = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())  # unsafe: nanoseconds may go
        return [None if micro is None else micro // 1_000_000 for micro in seconds.to_pylist()]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            return list(column.to_pylist())
        except UnicodeDecodeError:  # some writers do not look at what they call UTF-8
            column = column.cast(pa.large_binary())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in column.to_pylist()]
    return list(column.to_pylist())
