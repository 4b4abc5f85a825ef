"""Read rows of files with named cells: JSON lines and parquet."""

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

from typing_extensions import override

from src.core.errors import UnusableFile
from src.ingestion.input_files import MAX_LINE, UNREADABLE, InputFile, with_last
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

_SAMPLE_ROWS = 200
_NAME_SAMPLE_ROWS = 20_000  # rows searched for fields, since a rare one may come late
BATCH_ROWS = 20_000
_MAX_SHOWN = 500  # characters of a line that is too long, in the file of rejected rows
_BATCH_CHARACTERS = 4_000_000


@dataclass(frozen=True)
class JsonLinesRows:
    """A file of one JSON object a line; Python's notation, in which some public catalogues come, is read too.

    Attributes:
        file: The file.
        names: Fields to read: a row has one cell for each, None where it is missing.
    """

    file: InputFile
    names: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the format for people."""
        return "JSON lines"

    def is_one_a_line(self) -> bool:
        """Whether the first line is an object."""
        return any(_parse_object(line) is not None for _, line in itertools.islice(self._lines(), 1))

    def field_names(self) -> list[str]:
        """Return the fields of the first objects, each once, in order of appearance."""
        objects = (_parse_object(line) for _, line in self._lines())
        first = itertools.islice((value for value in objects if value is not None), _NAME_SAMPLE_ROWS)
        return list(dict.fromkeys(name for value in first for name in value if isinstance(name, str)))

    def sample(self) -> list[list[Any]]:
        """Return the cells of `names` in the first rows."""
        objects = (_parse_object(line) for _, line in self._lines())
        first = itertools.islice((value for value in objects if value is not None), _SAMPLE_ROWS)
        return [[value.get(name) for name in self.names] for value in first]

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all lines that are not blank."""
        for part in _batches(self._lines()):
            lines, texts, broken = [], [], []
            rows: list[Sequence[object]] = []
            for number, line in part:
                value = _parse_object(line)
                if value is None:
                    code = RejectionCode.LINE_TOO_LONG if len(line) > MAX_LINE else RejectionCode.NO_JSON_OBJECT
                    broken.append(
                        RejectedRow(number, Rejection(code), [line[:_MAX_SHOWN] if len(line) > MAX_LINE else line])
                    )
                    continue
                lines.append(number)
                rows.append([value.get(name) for name in self.names])
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


def _batches(numbered: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield up to BATCH_ROWS lines at a time, at most one of them beyond _BATCH_CHARACTERS."""
    part, size = [], 0
    for number, line in numbered:
        part.append((number, line))
        size += len(line)
        if len(part) >= BATCH_ROWS or size > _BATCH_CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part


class JsonDocumentRows(JsonLinesRows):
    """A file of JSON objects over several lines, one after the other or in a list."""

    @override
    def _lines(self) -> Iterator[tuple[int, str]]:
        """Yield line number and text of each object; text that is no object comes line by line."""
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
                        break  # the next block may complete it
                    end = text.find("\n", start)
                number += text.count("\n", at, start)
                yield number, text[start:end]
                number += text.count("\n", start, end)
                at = end
            text = text[at:]


_BETWEEN = re.compile(r"[\s,\[\]]*")


def _parse_object(line: str) -> dict[str, Any] | None:
    """Return the object; None if the line is none."""
    if len(line) > MAX_LINE:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(line)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        return value if isinstance(value, dict) else None
    return None


@dataclass(frozen=True)
class ParquetRows:
    """A parquet file.

    Attributes:
        file: The file.
        names: Columns to read, in the order of a row's cells.
    """

    file: InputFile
    names: tuple[str, ...] = field(default=())

    def describe(self) -> str:
        """Return the format for people."""
        return "parquet"

    def field_names(self) -> list[str]:
        """Return the names of the columns."""
        with self._open() as table:
            return [str(name) for name in table.schema_arrow.names]

    def sample(self) -> list[list[Any]]:
        """Return the cells of `names` in the first rows."""
        return [list(row) for row in next(self._batches(_SAMPLE_ROWS), [])]

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all rows; times become UTC seconds."""
        first = 1
        for rows in self._batches(BATCH_ROWS):
            yield RawBlock(list(range(first, first + len(rows))), rows)
            first += len(rows)

    def _batches(self, size: int) -> Iterator[list[Sequence[object]]]:
        with self._open() as table:
            for batch in table.iter_batches(batch_size=size, columns=list(self.names)):
                columns = {name: _cells(batch.column(at)) for at, name in enumerate(batch.schema.names)}
                yield list(zip(*(columns[name] for name in self.names), strict=True))

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import pyarrow as pa  # imported here: a serving process does not need it
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
    """Open a parquet file, which is read from its end: a gzipped one is unpacked to disk first."""
    if not packed:
        yield binary
        return
    with tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(binary, unpacked)
        unpacked.seek(0)
        yield unpacked


def _cells(column: Any) -> list[Any]:
    """Return the cells of an Arrow column as Python values."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        seconds = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())  # unsafe: nanoseconds are dropped
        return [None if micro is None else micro // 1_000_000 for micro in seconds.to_pylist()]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            return list(column.to_pylist())
        except UnicodeDecodeError:  # some writers mislabel other encodings as UTF-8
            column = column.cast(pa.large_binary())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [None if cell is None else cell.decode("utf-8", "surrogateescape") for cell in column.to_pylist()]
    return list(column.to_pylist())
