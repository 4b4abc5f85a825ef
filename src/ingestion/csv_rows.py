"""Read rows of delimited text, also with quotes and multi-line fields; a broken row never affects another one."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from src.core.errors import InputError
from src.ingestion.column_names import candidates, is_filled
from src.ingestion.input_files import MAX_LINE, InputFile, refuse_many_columns, sampled, with_last
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", "::": "double colons", " ": "blanks"}
_MAX_FIELD_LINES = 500  # lines that a quoted field may span
_SAMPLE_ROWS = 200
_SAMPLE_LINES = 1_000  # lines parsed at once for a sample, which rarely needs a whole block
HEADER_ROWS = 20
"""First rows that are searched for the names of the columns."""
_MAX_SHOWN = 500  # characters of a line that is too long, in the file of rejected rows
_NUMBERS = re.compile(r"\d+( \d+)* ?")


@dataclass(frozen=True)
class PlainText:
    """Whole lines without quotes, in UTF-8; undecodable bytes are as they were in the file.

    Attributes:
        first: Number of the first line.
        data: The lines, each with its end.
    """

    first: int
    data: bytes


@dataclass(frozen=True)
class CsvRows:
    """A delimited file.

    Attributes:
        file: The file.
        separator: What stands between fields.
        width: Fields of a row; None where rows differ (a user and all their products).
        header: Number of the row that names the columns, counted from 1 without empty rows; 0 without a header.
        single: Positions of columns whose cells have no line breaks.
    """

    file: InputFile
    separator: str
    width: int | None
    header: int = 0
    single: tuple[int, ...] = ()

    def describe(self) -> str:
        """Return the format for people."""
        return f"text with {describe_separator(self.separator)}"

    def sample(self) -> list[list[str]]:
        """Return the first rows of any width, including the header."""
        rows = ((row, sum(map(len, row)) + len(row)) for _, row in self._numbered() if isinstance(row, list))
        return list(sampled(rows, _SAMPLE_ROWS))

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number and the fields of each row that can be parsed, of any width, from the first line on."""
        return ((line, row) for line, row in self._numbered() if isinstance(row, list))

    def blocks(self) -> Iterator[RawBlock]:
        """Yield all rows below the header. Blank lines are no rows."""
        return (block for block in self._parts(plain=False) if isinstance(block, RawBlock))

    def plain_texts_and_blocks(self) -> Iterator[PlainText | RawBlock]:
        """Yield all rows below the header; blocks of lines without quotes as texts that are not divided yet."""
        return self._parts(plain=True)

    def _parts(self, *, plain: bool) -> Iterator[PlainText | RawBlock]:
        number, header = 1, self.header
        carried: list[str] = []
        source: Iterator[str | list[str]] = self.file.text_blocks() if plain else self.file.line_blocks()
        for lines, last in with_last(source):
            if isinstance(lines, str):
                if not carried and not header and (undivided := _plain_text(lines, number)) is not None:
                    number += undivided.data.count(b"\n")
                    yield undivided
                    continue
                lines = self.file.lines_of(lines)
            if not carried and not header and (block := self._split(lines, number)) is not None:
                number += len(lines)
                yield block
                continue
            lines = carried + lines
            numbered, carried = self._parse(lines, number, last)
            number += len(lines) - len(carried)
            numbered, above, header = _below_header(numbered, header) if header else (numbered, [], 0)
            block = self._block(numbered)
            block.broken.extend(above)
            yield block

    def _split(self, lines: list[str], first: int) -> RawBlock | None:
        """Split lines without quotes, the fast path for most of a file; None if they need parsing.

        Args:
            lines: Whole lines.
            first: Number of the first line.

        Returns:
            The rows; None if lines have quotes, or too many differ in width.
        """
        if self.separator == " " or self.width in (None, 1) or '"' in "".join(lines):
            return None
        if self.separator == "\t" and any(map(str.isspace, lines)):
            return None  # a line of tabs is blank, but would become a row
        separator, width = self.separator, self.width
        rows: list[Sequence[object]] = [line.split(separator) for line in lines]
        misfits = [at for at, row in enumerate(rows) if len(row) != width]
        if len(misfits) * 10 > len(rows) or max(map(len, lines), default=0) > MAX_LINE:
            return None
        if not misfits:
            return RawBlock(list(range(first, first + len(rows))), rows)
        numbered: list[tuple[int, list[str] | str]] = [
            (first + at, lines[at].split(separator)) for at in misfits if lines[at].strip()
        ]
        repaired = self._block(numbered)  # surplus fields may be empty
        rejected = set(misfits) - {line - first for line in repaired.lines}
        for at, row in zip(repaired.lines, repaired.rows, strict=True):
            rows[at - first] = row
        good = [at for at in range(len(rows)) if at not in rejected]
        return RawBlock([first + at for at in good], [rows[at] for at in good], repaired.broken)

    def rows_of(self, lines: list[tuple[int, str]]) -> RawBlock:
        """Return the rows of some numbered lines of a PlainText. Blank lines are no rows."""
        return self._block([(number, line.split(self.separator)) for number, line in lines if line.strip()])

    def _block(self, numbered: list[tuple[int, list[str] | str]]) -> RawBlock:
        """Return rows of the right width as rows, all others as broken ones."""
        lines: list[int] = []
        rows: list[Sequence[object]] = []
        broken = []
        width = self.width
        for line, row in numbered:
            if isinstance(row, str):
                code = RejectionCode.LINE_TOO_LONG if len(row) > MAX_LINE else RejectionCode.UNCLOSED_QUOTE
                broken.append(RejectedRow(line, Rejection(code), [row[:_MAX_SHOWN] if len(row) > MAX_LINE else row]))
                continue
            if width is not None and len(row) != width:
                row = self.padded(row, width)
                if len(row) < width or any(cell.strip() for cell in row[width:]):
                    code = RejectionCode.MISSING_FIELD if len(row) < width else RejectionCode.TOO_MANY_FIELDS
                    broken.append(RejectedRow(line, Rejection(code), row))
                    continue
                row = row[:width]
            lines.append(line)
            rows.append(row)
        return RawBlock(lines, rows, broken)

    def padded(self, row: list[str], width: int) -> list[str]:
        """Return a row of a workbook with the empty cells at its end; one of text may be torn, and stays as it is.

        Args:
            row: The row.
            width: Cells of a whole row.
        """
        return [*row, *[""] * (width - len(row))] if self.file.format == "sheet" else row

    def _numbered(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yield the line number of each row, and its fields; the text of a row that cannot be parsed."""
        number = 1
        carried: list[str] = []
        parts = (block[at : at + _SAMPLE_LINES] for block in self.file.line_blocks() for at in _places(block))
        for lines, last in with_last(parts):
            lines = carried + lines
            numbered, carried = self._parse(lines, number, last)
            number += len(lines) - len(carried)
            yield from numbered

    def _parse(self, lines: list[str], first: int, last: bool) -> tuple[list[tuple[int, list[str] | str]], list[str]]:
        """Parse lines into rows.

        Args:
            lines: Whole lines.
            first: Number of the first line.
            last: Whether no lines follow.

        Returns:
            (line number, fields or unparsed text) of each row, and lines at the end that need the next block.
        """
        separator = self.separator
        rows: list[tuple[int, list[str] | str]] = []
        at, n = 0, len(lines)
        while at < n:
            line = lines[at]
            if '"' not in line or len(separator) > 1 or len(line) > MAX_LINE:
                if len(line) > MAX_LINE:
                    rows.append((first + at, line))
                elif separator == " ":
                    if row := line.split():
                        rows.append((first + at, row))
                elif line and not line.isspace():
                    rows.append((first + at, line.split(separator)))
                at += 1
                continue
            quoted, taken = self._quoted(lines, at)
            if taken > n - at:  # the next block may close its quote
                if not last and n - at < _MAX_FIELD_LINES:
                    return rows, lines[at:]
                quoted, taken = self._parse_leniently(line), 1
            rows.append((first + at, line if quoted is None else quoted))
            at += taken
        return rows, []

    def _quoted(self, lines: list[str], at: int) -> tuple[list[str] | None, int]:
        """Parse the row that begins at a line with quotes.

        Args:
            lines: Whole lines.
            at: Index of the row's first line.

        Returns:
            The fields, None if they cannot be parsed; and the number of lines, more than there are if the lines end
            inside a quote.
        """
        csv.field_size_limit(MAX_LINE)
        runs_out = False

        def source() -> Iterator[str]:
            nonlocal runs_out
            for line in lines[at : at + _MAX_FIELD_LINES]:
                yield f"{line}\n"
            runs_out = True  # the reader asks for another line only while it is inside a quote

        reader = csv.reader(source(), delimiter=self.separator, strict=True)
        try:
            row = next(reader)
        except (csv.Error, StopIteration):
            return (None, len(lines) - at + 1) if runs_out else (self._parse_leniently(lines[at]), 1)
        if reader.line_num == 1:
            return row, 1
        taken = lines[at : at + reader.line_num]
        # Two rows with an unclosed quote each look like one; then both end lines split into a whole row.
        is_torn = self.width is not None and all(len(taken[end].split(self.separator)) == self.width for end in (0, -1))
        is_whole = self.width is None or len(row) == self.width
        if is_whole and not is_torn and not any("\n" in row[column] for column in self.single if column < len(row)):
            return row, reader.line_num
        return self._parse_leniently(lines[at]), 1

    def _parse_leniently(self, line: str) -> list[str] | None:
        """Parse a line with stray quotes; None unless that gives the right number of fields."""
        if '\\"' in line and len(self.separator) == 1:  # some programs write \" for a quote in a text
            escaped = next(csv.reader([line], delimiter=self.separator, escapechar="\\", doublequote=False), None)
            if escaped is not None and len(escaped) == self.width:
                return escaped
        try:
            row = next(csv.reader([line], delimiter=self.separator), None)
        except csv.Error:
            row = None
        if row is not None and len(row) == self.width:
            return row
        row = line.split(self.separator)
        # A quote in a text is an ordinary character; in an id or a number it comes from a broken row.
        is_whole = len(row) == self.width and not any('"' in row[column] for column in self.single if column < len(row))
        return row if is_whole and self.single else None


def _plain_text(text: str, first: int) -> PlainText | None:
    """Return a text as PlainText; None if it is empty, or its lines cannot be told by their ends alone."""
    if not text or '"' in text or text.startswith("\ufeff") or text.count("\r") != text.count("\r\n"):
        return None
    data = text.encode("utf-8", "surrogateescape")
    data = data if data.endswith(b"\n") else data + b"\n"
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    return PlainText(first, data) if np.diff(ends, prepend=-1).max() <= MAX_LINE else None


def _places(block: list[str]) -> range:
    return range(0, len(block), _SAMPLE_LINES)


class _BelowHeader(NamedTuple):
    """Rows below the header, rejected rows above it, and filled rows still to come up to the header."""

    rows: list[tuple[int, list[str] | str]]
    above: list[RejectedRow]
    header: int


def _below_header(numbered: list[tuple[int, list[str] | str]], header: int) -> _BelowHeader:
    """Drop the header and the rows above it.

    Args:
        numbered: (line number, fields or unparsed text) of each row.
        header: Filled rows that are still to come up to the header, which is one of them.

    Returns:
        Rows below the header, rejected rows above it, and the new value of `header`.
    """
    below, above = [], []
    for line, row in numbered:
        if not header or isinstance(row, str):
            below.append((line, row))
        elif is_filled(row):
            header -= 1
            if header:
                above.append(RejectedRow(line, Rejection(RejectionCode.ABOVE_HEADER), row))
    return _BelowHeader(below, above, header)


def describe_separator(separator: str) -> str:
    """Return the name of a separator for people."""
    return SEPARATORS.get(separator, f"{separator!r} between fields")


def detect(file: InputFile, separator: str | None = None) -> CsvRows:
    r"""Detect the separator under which most of the first rows have the same number of fields.

    Args:
        file: The file.
        separator: The separator that an option names, "\\t" or "tab" for a tab; None to detect it.

    Returns:
        The rows, with separator and width.

    Raises:
        InputError: The separator is a quote or a line break.
    """
    separator = "\t" if separator in ("\\t", "tab") else separator
    if separator and set(separator) & set('"\r\n'):
        raise InputError(f"--separator: {separator!r} was found; expected what stands between fields, such as ; or tab")
    best: tuple[tuple[int, float, int], CsvRows] = ((0, 0.0, 0), CsvRows(file, separator or ",", 1))
    for candidate in [separator] if separator else SEPARATORS:
        if candidate == " " and separator is None and (best[0][2] or file.format == "sheet"):
            break  # texts contain blanks
        rows = CsvRows(file, candidate, None).sample()
        widths = Counter(len(row) for row in rows)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda entry: (entry[1], entry[0]))
        if width == 1 and separator is None:
            continue
        share = count / len(rows)
        # Known column names decide first, then the share of fitting rows, then the width; ties go to the first one.
        n_names = max(len(candidates(row)) for row in rows[:HEADER_ROWS])
        rank = (n_names if n_names > 1 and share > 0.5 else 0, round(share, 1), width)
        if rank > best[0]:
            best = (rank, CsvRows(file, candidate, width))
    lists = _lists_of_products(file)
    if lists is None:
        refuse_many_columns(file.path, best[1].width or 0)
    return lists if lists is not None and best[0][1] < 1.0 and separator in (None, " ") else best[1]


def _lists_of_products(file: InputFile) -> CsvRows | None:
    """Return rows of whole numbers with blanks between, of different lengths; None if lines are not like that."""
    lines = next(file.line_blocks(), [])[:_SAMPLE_ROWS]
    if lines and all(_NUMBERS.fullmatch(line) for line in lines):
        return CsvRows(file, " ", None)
    return None
