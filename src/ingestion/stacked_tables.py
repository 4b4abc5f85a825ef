"""Recognize a second table in one file, under a header of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from shlex import quote
from typing import NamedTuple

from src.core.errors import UnclearLayout
from src.ingestion.column_names import is_number
from src.ingestion.column_profile import looks_like_time
from src.ingestion.column_words import role_by_words
from src.ingestion.csv_rows import CsvRows
from src.ingestion.table_files import OpenedRows

_FEWEST_NAMES, _FEWEST_ROLES = 3, 2
_SURE = 0.4  # confidence in a role by words
_SHOWN_LETTERS = 300
_PLAIN = {".csv", ".tsv", ".txt"}  # not packed
_SAMPLE_ROWS, _MOST_ROWS = 200, 100_000  # that are searched: of each file, and of one that is not clear


class SecondTable(NamedTuple):
    """Where a second table begins, and the names of its columns.

    Attributes:
        line: Line of the names.
        names: Its names.
        is_below: Whether no row stands between them and the first names, so that both name the same columns.
    """

    line: int
    names: list[str]
    is_below: bool = False

    def found(self) -> str:
        """Say what was found, for people."""
        shown = ", ".join(self.names)[:_SHOWN_LETTERS]
        if self.is_below:
            return f"line {self.line}, right below, has other names for them ({shown})."
        return f"line {self.line} is a second header ({shown}), so that the file holds two tables."

    def advice(self, rows: CsvRows, names: Sequence[str]) -> str:
        """Say how to divide the file.

        Args:
            rows: The file.
            names: The columns of the first table.

        Returns:
            A sentence, with commands where the file is plain text.
        """
        common = [repr(name) for name in self.names if name in names]
        name = rows.file.path.name
        first, second = (quote(f"{rows.file.path.stem}-{n}.csv") for n in (1, 2))
        is_plain = rows.file.is_text and rows.file.path.suffix.lower() in _PLAIN
        if self.is_below:
            how = f"take out what is above line {self.line}, and give that file"
            how = f"tail -n +{self.line} {quote(name)} > {second}; then give {second}" if is_plain else how
            return f"Expected one line of names: {how} alone."
        how = f"write the lines from {self.line} on into a file of their own"
        if is_plain:
            how = f"head -n {self.line - 1} {quote(name)} > {first}; tail -n +{self.line} {quote(name)} > {second}"
        joined = f"; both have {', '.join(common)[:_SHOWN_LETTERS]}, by which orders and their lines are joined"
        return f"Expected one table in a file: {how}; then give both files together{joined if common else ''}."


def refuse_two_tables(opened: OpenedRows, *, is_unclear: bool = False) -> None:
    """Refuse a file if one of the first rows is the header of a second table.

    Args:
        opened: The file.
        is_unclear: Whether it could not be read anyhow, so that more rows are worth a look.

    Raises:
        UnclearLayout: It is.
    """
    if opened.names is None or not isinstance(opened.rows, CsvRows):
        return
    second = find_second_table(opened.rows, opened.names, _MOST_ROWS if is_unclear else _SAMPLE_ROWS)
    if second is not None:
        raise UnclearLayout(
            f"{opened.rows.file.path}: its columns are {', '.join(opened.names)[:_SHOWN_LETTERS]}, and "
            f"{second.found()}",
            second.advice(opened.rows, opened.names),
        ) from None


def find_second_table(rows: CsvRows, names: Sequence[str], most: int) -> SecondTable | None:
    """Find a row of other names, of which several tell a role, above rows of its width that have numbers or times.

    Args:
        rows: The file.
        names: The columns of the first table.
        most: Rows to look at.

    Returns:
        The second table; None without one.
    """
    before: tuple[int, list[str]] | None = None
    for n_rows, (line, row) in enumerate(islice(rows.numbered(), rows.header, most)):
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if before and len(cells) == len(before[1]) and any(map(_is_told, cells)):
            return SecondTable(*before, is_below=n_rows == 1)
        before = (line, cells) if _is_header(cells) and not set(cells) <= set(names) else None
    return None


def _is_header(cells: Sequence[str]) -> bool:
    if len(cells) < _FEWEST_NAMES or not all(cells) or len(set(cells)) < len(cells) or any(map(_is_told, cells)):
        return False
    return len({found[0] for cell in cells if (found := role_by_words(cell)) and found[1] >= _SURE}) >= _FEWEST_ROLES


def _is_told(cell: str) -> bool:
    return is_number(cell) or looks_like_time(cell)
