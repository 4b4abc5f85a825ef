"""Say that the events of a file have no times, and which column may have them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from src.ingestion.column_names import TIME, USER
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PRODUCTS
from src.ingestion.parsing import time_format

_MOSTLY = 0.9
_HALF = 0.5
_DIGITS_OF_TIMES = 5
_EARLIEST = 631_152_000  # 1990, in seconds: births are earlier, sales are not


def missing_time_notes(layout: str, columns: Mapping[str, int], used: Collection[int], first: FirstRows) -> list[str]:
    """Say that no event has a time, whatever the reason: no column was found, or the one that was found is empty.

    Args:
        layout: Of the file.
        columns: Role → position.
        used: Positions of all columns that are read.
        first: The first rows of the file.

    Returns:
        A warning with an option that works if another column has dates; else a note; nothing where no column is left.
    """
    free = [at for at, profile in enumerate(first.profiles) if at not in used and profile.cells and not profile.nested]
    empty = first.profiles[columns[TIME]] if TIME in columns else None
    if layout == PRODUCTS or not free or (empty is not None and empty.cells):
        return []
    none = f"{empty.name!r}, which was taken for the time, is empty" if empty else "no column has the times of events"
    dated = [at for at in free if _has_dates(first.profiles[at]) and not first.depends_on(at, [columns[USER]])]
    dated.sort(key=lambda at: -first.profiles[at].filled)
    if dated:
        return [
            f"WARNING: {none}, and {first.profiles[dated[0]]} has dates, by its name of something else: all events "
            f"count as equally old; if they tell when events were: {first.option(TIME, dated[0])}"
        ]
    grows = next((first.profiles[at] for at in free if _grows(first.profiles[at])), None)
    found = f"; {grows} grows with the rows, but is no time that is known" if grows else ""
    return [f"{none}{found}: all count as equally old; if one has: --columns time=COLUMN"]


def _has_dates(profile: ColumnProfile) -> bool:
    """Whether nearly all cells are read as times if the column is given for the time, and most are in a shop's life."""
    is_other = profile.numbers >= _HALF or profile.clocks >= _HALF or profile.texts >= _HALF
    if is_other and profile.times < _MOSTLY:
        return False
    cells = list(profile.cells)
    seconds, is_time = time_format(cells)[0].seconds(cells)
    return float(is_time.mean()) >= _MOSTLY and float((seconds >= _EARLIEST).mean()) >= _HALF


def _grows(profile: ColumnProfile) -> bool:
    """Whether a column has long numbers that grow from row to row."""
    if (
        profile.integers < 1.0
        or min(map(len, profile.cells)) < _DIGITS_OF_TIMES
        or len(profile.cells) < _DIGITS_OF_TIMES
    ):
        return False
    numbers = [int(cell) for cell in profile.cells]
    return sum(after >= before for before, after in pairwise(numbers)) >= _MOSTLY * (len(numbers) - 1)
