"""Find the day that a file gives in three columns: year, month and day. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import plain_letters, words_of

_PARTS = (
    ("year yr jahr annee ano anno jaar rok ar ev yil", 1970, 2100),
    ("month mon monat mois mes mese maand miesiac manad maned honap ay", 1, 12),
    ("day tag jour dia giorno dag dzien den nap gun mday", 1, 31),
)
"""Names of each part in plain letters, and its lowest and highest number."""


def find_date_parts(profiles: Sequence[ColumnProfile], taken: Collection[int]) -> tuple[int, ...]:
    """Find the columns of the year, the month and the day.

    Args:
        profiles: One a column.
        taken: Positions of columns that mean something else.

    Returns:
        Their positions, in this order; () unless there is exactly one for each.
    """
    found = []
    for names, low, high in _PARTS:
        words = frozenset(names.split())
        fitting = [
            at
            for at, profile in enumerate(profiles)
            if at not in taken
            and words_of(plain_letters(profile.name))[-1:]
            and words_of(plain_letters(profile.name))[-1] in words
            and profile.cells
            and profile.share(lambda cell: cell.isdecimal() and low <= int(cell) <= high) == 1.0  # noqa: B023
        ]
        if len(fitting) != 1:
            return ()
        found += fitting
    return tuple(found)


def day_of(parts: Sequence[str]) -> str:
    """Return year, month and day in ISO 8601; "" if one is empty, and the parts as they are if one is no number."""
    year, month, day = (part.strip().removesuffix(".0") for part in parts)
    if not (year and month and day):
        return ""
    return f"{year}-{month.zfill(2)}-{day.zfill(2)}"
