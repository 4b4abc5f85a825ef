"""Find pivoted sales: a row for each customer and product, and for each month a column with what was bought. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from src.ingestion.column_names import KIND, PRODUCT, QUANTITY, TIME, TOTAL, USER, VALUE, is_number, role_of_name
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import words_of
from src.ingestion.parsing import as_texts, is_nothing
from src.ingestion.written_dates import month_number

_FEWEST = 3
_MOST = 0.9
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_YEAR_AND_MONTH = re.compile(
    r"(?P<y>(?:19|20)\d\d)[-/. ](?P<m>0?[1-9]|1[0-2])|(?P<m2>0?[1-9]|1[0-2])[-/. ](?P<y2>(?:19|20)\d\d)"
)


@dataclass(frozen=True)
class MonthColumns:
    """Columns of months that become rows.

    Attributes:
        columns: Their positions.
        days: The first day of each, "" where no year is known.
        kept: Positions of the columns that say whose and what.
        left: Names of columns that are not read, such as totals.
    """

    columns: tuple[int, ...]
    days: tuple[str, ...]
    kept: tuple[int, ...]
    left: tuple[str, ...]

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return 2

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return [*(names[at] for at in self.kept), QUANTITY, TIME]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield a row for each month in which something was bought."""
        kept = [row[at] for at in self.kept]
        cells = as_texts([row[at] for at in self.columns])
        for cell, day in zip(cells, self.days, strict=True):
            if not is_nothing(cell) and cell.strip("0., ") != "":
                yield [*kept, cell, day]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        first, last = names[self.columns[0]], names[self.columns[-1]]
        when = (
            f"from {self.days[0]} on, each at the first day"
            if any(self.days)
            else "without a time, as neither the columns nor the name of the file tell the year"
        )
        beside = f"; not read: {', '.join(map(repr, self.left))}"[:200] if self.left else ""
        loud = "" if any(self.days) else "WARNING: "
        return (
            f"{loud}{len(self.columns)} columns from {first!r} to {last!r} are months ({when}), and each number above "
            f"0 in them how many were bought{beside}; if each row is one purchase: --columns quantity="
        )


def find_month_columns(
    profiles: Sequence[ColumnProfile], settled: Collection[str], file_name: str
) -> MonthColumns | None:
    """Find columns of months beside a user and a product.

    Args:
        profiles: One a column.
        settled: Roles that options tell.
        file_name: Of the file, which may have the year.

    Returns:
        How they become rows; None where fewer than three columns are months, or others have a time or a number.
    """
    if {QUANTITY, VALUE, TIME, KIND} & {*settled}:
        return None
    months = {
        at: found
        for at, profile in enumerate(profiles)
        if (found := _month_of(profile.name)) and profile.cells and profile.share(_is_count) >= _MOST
    }
    others = [at for at in range(len(profiles)) if at not in months]
    roles = [role_of_name(profiles[at].name) for at in others]
    if len(months) < _FEWEST or not {USER, PRODUCT} <= {*roles} or {QUANTITY, VALUE, TIME, KIND} & {*roles}:
        return None
    if len(set(months.values())) < len(months):
        return None
    years = set(_YEAR.findall(file_name))
    year = years.pop() if len(years) == 1 else ""
    days = [f"{of_year or year}-{month:02}-01" if of_year or year else "" for of_year, month in months.values()]
    numeric = [
        at for at in others if profiles[at].share(is_number) >= _MOST and role_of_name(profiles[at].name) in ("", TOTAL)
    ]
    kept = tuple(at for at in others if at not in numeric)
    left = tuple(profiles[at].name for at in numeric if profiles[at].name)
    return MonthColumns(tuple(months), tuple(days), kept, left)


def _month_of(name: str) -> tuple[str, int] | None:
    """Return year and month that a name tells, the year "" where it has none; None for other names."""
    if found := _YEAR_AND_MONTH.fullmatch(name.strip()):
        return found["y"] or found["y2"], int(found["m"] or found["m2"])
    years = _YEAR.findall(name)
    words = [word for word in words_of(name) if not word.isdecimal()]
    if len(words) != 1 or len(years) > 1 or not (month := month_number(words[0])):
        return None
    return (years[0] if years else ""), month


def _is_other(name: str) -> bool:
    return role_of_name(name) in ("", TOTAL)


def _is_count(cell: str) -> bool:
    """Whether a cell is a whole number: amounts of money tell no pieces."""
    return cell.removesuffix(".0").isdecimal()
