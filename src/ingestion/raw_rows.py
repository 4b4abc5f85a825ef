"""What reading hands to cleaning: rows as they stand in the file, and those that are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from src.ingestion.rejections import RejectedRow, Rejection

NOTHING = frozenset({"", "nan", "null", "none", "na", "n/a", "nat", "\\n"})
"""The ways in which programs write "nothing", in small letters."""


@dataclass(frozen=True)
class RawBlock:
    """Consecutive rows of a file, all of one width; a cell is text, or any JSON value.

    lines: 1-based line (or row) number of each row. broken: rows that have not the file's shape.
    texts: each row as it stands in the file, where `rows` are only a part of it.
    """

    lines: list[int]
    rows: list[Sequence[object]]
    broken: list[RejectedRow] = field(default_factory=list)
    texts: list[str] | None = None

    def reject(self, at: int, rejection: Rejection) -> RejectedRow:
        """Row number `at` of this block, refused."""
        return RejectedRow(self.lines[at], rejection, self.rows[at] if self.texts is None else [self.texts[at]])
