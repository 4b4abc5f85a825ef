"""Say that columns of months or years have amounts that are not read: what each row bought, and when. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from src.ingestion.column_names import KIND, PRODUCT, QUANTITY, STATE, USER, VALUE
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import words_of
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PRODUCTS
from src.ingestion.written_dates import is_month

_FEWEST = 3
_SHOWN = 3
_MOST = 0.9
_PERIOD = re.compile(
    r"(?:19|20)\d\d[-/. ]?(?:0?[1-9]|1[0-2]|[qQ][1-4]|(?:KW|W|CW|S)\d{1,2})?|[qQ][1-4]|(?:KW|CW|W) ?\d{1,2}"
)


def period_notes(layout: str, columns: Mapping[str, int], used: Collection[int], first: FirstRows) -> list[str]:
    """Warn of columns that are named like months, weeks or years in turn, have numbers, and are not used.

    Args:
        layout: Of the file.
        columns: Role → position.
        used: Positions of all columns that are read.
        first: The first rows of the file.

    Returns:
        A warning with what to do; nothing for a catalogue, or where fewer than three columns are so.
    """
    free = [each for at, each in enumerate(first.profiles) if at not in used]
    periods = [each for each in free if names_period(each.name) and each.cells and each.numbers >= _MOST]
    if layout == PRODUCTS or len(periods) < _FEWEST or {VALUE, KIND, STATE, QUANTITY} & columns.keys():
        return []
    kept = " and ".join(repr(first.names[columns[role]]) for role in (USER, PRODUCT) if role in columns)
    return [
        f"WARNING: {_named(periods)} are months or years with numbers, which are not read: each row counts once and "
        f"without a time, also where all are 0; give the file a row for each of them, with {kept}, the date and the "
        "number: turn these columns into rows (unpivot) before"
    ]


def names_period(name: str) -> bool:
    """Whether a name is that of a month, a week, a quarter or a year: "Jan", "März 2024", "2024-03", "KW 12".

    Args:
        name: Of a column.
    """
    words = words_of(name)
    return _PERIOD.fullmatch(name.strip()) is not None or (len(words) == 1 and is_month(words[0]))


def _named(profiles: Sequence[ColumnProfile]) -> str:
    names = [repr(each.name) for each in profiles]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
