"""Blocks of raw rows, as the readers of files yield them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from src.ingestion.rejections import RejectedRow, Rejection

EMPTY_TEXTS = frozenset({"", "nan", "null", "none", "na", "n/a", "nat", "\\n"})
"""Notations of an empty cell, in lower case."""


@dataclass(frozen=True)
class RawBlock:
    """Consecutive rows of a file.

    Attributes:
        lines: 1-based line (or row) number of each row.
        rows: Cells of each row, all of one width; a cell is text or any JSON value.
        broken: Rows that have not the shape of the file.
        texts: Each row as it stands in the file, where `rows` has only a part of it.
        mended: What was left out of cells while rows were made of them → times.
    """

    lines: list[int]
    rows: list[Sequence[object]]
    broken: list[RejectedRow] = field(default_factory=list)
    texts: list[str] | None = None
    mended: Counter[str] = field(default_factory=Counter)

    def reject(self, at: int, rejection: Rejection) -> RejectedRow:
        """Return a row as a rejected one.

        Args:
            at: Index of the row in this block.
            rejection: Why it is rejected.

        Returns:
            The row, with its cells as they stand in the file.
        """
        return RejectedRow(self.lines[at], rejection, self.rows[at] if self.texts is None else [self.texts[at]])
