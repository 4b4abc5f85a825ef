"""Rows of delimited text: separators, quotes, fields over several lines; one torn row never costs another."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.core.errors import InputError
from src.ingestion.column_names import candidates, is_filled
from src.ingestion.input_files import MAX_LINE, InputFile, with_last
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", "::": "double colons", " ": "blanks"}
_SPAN = 500  # lines that a quoted field may reach over
_SAMPLE = 200
HEADER_ROWS = 20
"""So many first rows are looked at for the names of the columns."""
_SHOWN = 500  # characters of a line that is too long, in the file of rejected rows
_NUMBERS = re.compile(r"\d+( \d+)* ?")


@dataclass(frozen=True)
class CsvRows:
    """A delimited file. width: fields of a row, None where rows differ (a user and her products).

    header: how many rows there are up to the one that names the columns, empty ones aside; 0 without one.
    single: positions of columns that never reach over several lines.
    """

    file: InputFile
    separator: str
    width: int | None
    header: int = 0
    single: tuple[int, ...] = ()

    def describe(self) -> str:
        return f"text with {between_fields(self.separator)}"

    def sample(self) -> list[list[str]]:
        """The first rows, the header among them, of whatever width."""
        rows = (row for _, row in self._numbered() if isinstance(row, list))
        return list(itertools.islice(rows, _SAMPLE))

    def blocks(self) -> Iterator[RawBlock]:
        """All rows but the header. Blank lines are no rows."""
        number, header = 1, self.header
        carried: list[str] = []
        for lines, last in with_last(self.file.line_blocks()):
            if not carried and not header and (plain := self._plain(lines, number)) is not None:
                number += len(lines)
                yield plain
                continue
            lines = carried + lines
            numbered, carried = self._parse(lines, number, last)
            number += len(lines) - len(carried)
            numbered, above, header = _below_header(numbered, header) if header else (numbered, [], 0)
            block = self._block(numbered)
            block.broken.extend(above)
            yield block

    def _plain(self, lines: list[str], first: int) -> RawBlock | None:
        """The rows of lines that all have the same number of fields and no quotes: the fast way for most of a file."""
        if self.separator == " " or self.width in (None, 1) or '"' in "".join(lines):
            return None
        if self.separator == "\t" and any(map(str.isspace, lines)):
            return None  # a line of tabs is blank, and would pass for a row
        separator, width = self.separator, self.width
        rows: list[Sequence[object]] = [line.split(separator) for line in lines]
        odd = [at for at, row in enumerate(rows) if len(row) != width]
        if len(odd) * 10 > len(rows) or max(map(len, lines), default=0) > MAX_LINE:
            return None
        if not odd:
            return RawBlock(list(range(first, first + len(rows))), rows)
        numbered: list[tuple[int, list[str] | str]] = [
            (first + at, lines[at].split(separator)) for at in odd if lines[at].strip()
        ]
        mended = self._block(numbered)  # a field too many may be empty
        left_out = set(odd) - {line - first for line in mended.lines}
        for at, row in zip(mended.lines, mended.rows, strict=True):
            rows[at - first] = row
        kept = [at for at in range(len(rows)) if at not in left_out]
        return RawBlock([first + at for at in kept], [rows[at] for at in kept], mended.broken)

    def _block(self, numbered: list[tuple[int, list[str] | str]]) -> RawBlock:
        lines: list[int] = []
        rows: list[Sequence[object]] = []
        broken = []
        width = self.width
        for line, row in numbered:
            if isinstance(row, str):
                code = RejectionCode.LINE_TOO_LONG if len(row) > MAX_LINE else RejectionCode.UNCLOSED_QUOTE
                broken.append(RejectedRow(line, Rejection(code), [row[:_SHOWN] if len(row) > MAX_LINE else row]))
                continue
            if width is not None and len(row) != width:
                if len(row) < width or any(cell.strip() for cell in row[width:]):
                    code = RejectionCode.MISSING_FIELD if len(row) < width else RejectionCode.TOO_MANY_FIELDS
                    broken.append(RejectedRow(line, Rejection(code), row))
                    continue
                row = row[:width]
            lines.append(line)
            rows.append(row)
        return RawBlock(lines, rows, broken)

    def _numbered(self) -> Iterator[tuple[int, list[str] | str]]:
        number = 1
        carried: list[str] = []
        for lines, last in with_last(self.file.line_blocks()):
            lines = carried + lines
            numbered, carried = self._parse(lines, number, last)
            number += len(lines) - len(carried)
            yield from numbered

    def _parse(self, lines: list[str], first: int, last: bool) -> tuple[list[tuple[int, list[str] | str]], list[str]]:
        """((line number, row) of each row, or its text where it is none; lines at the end that need the next block)."""
        separator = self.separator
        found: list[tuple[int, list[str] | str]] = []
        at, n = 0, len(lines)
        while at < n:
            line = lines[at]
            if '"' not in line or len(separator) > 1 or len(line) > MAX_LINE:
                if len(line) > MAX_LINE:
                    found.append((first + at, line))
                elif separator == " ":
                    if row := line.split():
                        found.append((first + at, row))
                elif line and not line.isspace():
                    found.append((first + at, line.split(separator)))
                at += 1
                continue
            quoted, taken = self._quoted(lines, at)
            if taken > n - at:  # its quote may be closed in the next block
                if not last and n - at < _SPAN:
                    return found, lines[at:]
                quoted, taken = self._loose(line), 1
            found.append((first + at, line if quoted is None else quoted))
            at += taken
        return found, []

    def _quoted(self, lines: list[str], at: int) -> tuple[list[str] | None, int]:
        """(the row that begins at a line with quotes, or None if there is none; how many lines it takes).

        More lines than there are: the lines end inside a quote.
        """
        csv.field_size_limit(MAX_LINE)
        runs_out = False

        def source() -> Iterator[str]:
            nonlocal runs_out
            for line in itertools.islice(lines, at, at + _SPAN):
                yield f"{line}\n"
            runs_out = True  # the reader asks for another line only while it is inside a quote

        reader = csv.reader(source(), delimiter=self.separator, strict=True)
        try:
            row = next(reader)
        except (csv.Error, StopIteration):
            return (None, len(lines) - at + 1) if runs_out else (self._loose(lines[at]), 1)
        if reader.line_num == 1:
            return row, 1
        taken = lines[at : at + reader.line_num]
        # Two rows with a torn quote each look like one: then both ends split into a row's number of fields.
        is_torn = self.width is not None and all(len(taken[end].split(self.separator)) == self.width for end in (0, -1))
        is_whole = self.width is None or len(row) == self.width
        if is_whole and not is_torn and not any("\n" in row[column] for column in self.single if column < len(row)):
            return row, reader.line_num
        return self._loose(lines[at]), 1

    def _loose(self, line: str) -> list[str] | None:
        """A line with stray quotes, read as forgivingly as it goes, if that gives the right number of fields."""
        try:
            row = next(csv.reader([line], delimiter=self.separator), None)
        except csv.Error:
            row = None
        if row is not None and len(row) == self.width:
            return row
        row = line.split(self.separator)
        # A quote in a text is one character of it; in an id or a number it is what is left of a torn row.
        is_whole = len(row) == self.width and not any('"' in row[column] for column in self.single if column < len(row))
        return row if is_whole and self.single else None


def _below_header(
    numbered: list[tuple[int, list[str] | str]], header: int
) -> tuple[list[tuple[int, list[str] | str]], list[RejectedRow], int]:
    """(the rows below the header and what is no row, the rows above it, how many are still to come up to it)."""
    rest, above = [], []
    for line, row in numbered:
        if not header or isinstance(row, str):
            rest.append((line, row))
        elif is_filled(row):
            header -= 1
            if header:
                above.append(RejectedRow(line, Rejection(RejectionCode.ABOVE_HEADER), row))
    return rest, above, header


def between_fields(separator: str) -> str:
    """For people: what stands between fields."""
    return SEPARATORS.get(separator, f"{separator!r} between fields")


def detect(file: InputFile, separator: str | None = None) -> CsvRows:
    r"""The separator under which most of the first rows have the same number of fields, and that number.

    separator: the one that somebody has named; "\\t" and "tab" mean a tab. Raises InputError if it can be none.
    """
    separator = "\t" if separator in ("\\t", "tab") else separator
    if separator and set(separator) & set('"\r\n'):
        raise InputError(f"--separator: {separator!r} was found; expected what stands between fields, such as ; or tab")
    best: tuple[tuple[int, float, int], CsvRows] = ((0, 0.0, 0), CsvRows(file, separator or ",", 1))
    for candidate in [separator] if separator else SEPARATORS:
        if candidate == " " and best[0][2] and separator is None:
            break  # texts have blanks in them
        rows = CsvRows(file, candidate, None).sample()
        widths = Counter(len(row) for row in rows)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda entry: (entry[1], entry[0]))
        if width == 1 and separator is None:
            continue
        share = count / len(rows)
        # Names of columns say most; more fields outweigh some broken rows; of equals the more usual separator wins.
        named = max(len(candidates(row)) for row in rows[:HEADER_ROWS])
        rank = (named if named > 1 and share > 0.5 else 0, round(share, 1), width)
        if rank > best[0]:
            best = (rank, CsvRows(file, candidate, width))
    lists = _lists_of_products(file)
    return lists if lists is not None and best[0][1] < 1.0 and separator in (None, " ") else best[1]


def _lists_of_products(file: InputFile) -> CsvRows | None:
    """Lines of whole numbers with blanks between, of different lengths: a user and all her products."""
    lines = next(file.line_blocks(), [])[:_SAMPLE]
    if lines and all(_NUMBERS.fullmatch(line) for line in lines):
        return CsvRows(file, " ", None)
    return None
