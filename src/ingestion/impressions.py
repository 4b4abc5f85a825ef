"""Find lists of what was shown, each with whether it was clicked: "N4526-0 N3131-1". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.core.domain import EventKind
from src.ingestion.column_names import KIND, PRODUCT, columns_option
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.parsing import as_texts

_BETWEEN = re.compile(r"[\s,;|]+")
_MARKED = re.compile(r"\S+[-:=_][01]")
_LONGEST = 10_000  # characters of a cell
_MOST, _FEWEST = 0.9, 3


@dataclass(frozen=True)
class Impressions:
    """Lists that become rows: one for each product that was clicked.

    Attributes:
        at: Position of the lists.
    """

    at: int

    @property
    def n_made(self) -> int:
        """How many columns it makes, which stand at the right."""
        return 2

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the columns of the new rows."""
        return [*names, PRODUCT, KIND]

    def rows_of(self, row: Sequence[object]) -> Iterator[list[object]]:
        """Yield a row for each product that was clicked."""
        for shown in _BETWEEN.split(as_texts([row[self.at]])[0].strip()):
            if shown.endswith("1"):
                yield [*row, shown[:-2], EventKind.CLICK.value]

    def note(self, names: Sequence[str]) -> str:
        """Return what is said of it, for people."""
        return (
            f"{names[self.at]!r} lists what was shown, with 1 for what was clicked: these became clicks, and what was "
            f"only shown no events; if it has one product: {columns_option({PRODUCT: self.at}, names)}"
        )


def find_impressions(profiles: Sequence[ColumnProfile]) -> Impressions | None:
    """Find the column of such lists.

    Args:
        profiles: One a column.

    Returns:
        How they become rows; None where no column has any, or all are clicked, or none.
    """
    for at, profile in enumerate(profiles):
        if len(profile.cells) < _FEWEST or profile.share(_is_list) < _MOST:
            continue
        marks = {shown[-1] for cell in profile.cells for shown in _BETWEEN.split(cell.strip())}
        if marks == {"0", "1"} and profile.share(_BETWEEN.search) >= _MOST / 2:
            return Impressions(at)
    return None


def _is_list(cell: str) -> bool:
    """Whether all words of a cell are ids with a mark; ids have a letter, as "10-1" may be anything."""
    words = _BETWEEN.split(cell.strip()[:_LONGEST])
    return all(_MARKED.fullmatch(word) and any(map(str.isalpha, word)) for word in words)
