"""Count the rows of a file: read, kept and rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from src.ingestion.event_columns import ColumnBlock
from src.ingestion.row_validation import ValidatedBlock


@dataclass
class RowTally:
    """Counts of rows while a file is read.

    Attributes:
        n_read: Rows read, which are the kept and the rejected ones.
        n_events: Events made of them.
        rejected: Reason → rows.
    """

    n_read: int = 0
    n_events: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, block: ValidatedBlock | ColumnBlock) -> None:
        """Count the rows of a block."""
        self.n_read += block.n_rows
        self.n_events += len(block.events)
        self.rejected.update(row.reason for row in block.rejected)

    @property
    def n_rejected(self) -> int:
        """Rows rejected."""
        return self.rejected.total()

    @property
    def n_kept(self) -> int:
        """Rows that are not rejected."""
        return self.n_read - self.n_rejected

    @property
    def reasons(self) -> str:
        """The reasons with their rows, the most frequent first, for one line of a message."""
        return ", ".join(count_lines(self.rejected)) or "no rows at all"


def row_lines(n_read: int, rejected: Mapping[str, int]) -> list[str]:
    """Return lines for people about the rows of a file.

    Args:
        n_read: Rows read.
        rejected: Reason → rows.

    Returns:
        The sum, and every reason, the most frequent first.
    """
    n_rejected = sum(rejected.values())
    total = f"  {n_read:,} rows read: {n_read - n_rejected:,} kept, {n_rejected:,} rejected"
    return [total, *(f"    {line}" for line in count_lines(rejected))]


def count_lines(counts: Mapping[str, int]) -> list[str]:
    """Return "count × name" for every name, the most frequent first."""
    return [f"{count:,} × {name}" for name, count in Counter(counts).most_common()]
