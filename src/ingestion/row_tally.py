"""Count the rows of a file: read, kept and rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from src.ingestion.event_columns import ColumnBlock
from src.ingestion.row_validation import ValidatedBlock
from src.ingestion.word_account import Word


@dataclass
class RowTally:
    """Counts of rows while a file is read.

    Attributes:
        n_read: Rows read, which are the kept, the rejected and the left out ones.
        n_events: Events made of them.
        rejected: Reason → rows.
        left_out: Reason → rows that were understood and do not count, such as those of cancelled orders.
        by_kind: Kind → events.
        words: Words that decide what a row counts for → rows.
    """

    n_read: int = 0
    n_events: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    words: Counter[Word] = field(default_factory=Counter)

    def add(self, block: ValidatedBlock | ColumnBlock) -> None:
        """Count the rows of a block."""
        self.n_read += block.n_rows
        self.n_events += len(block.events)
        self.rejected.update(row.reason for row in block.rejected if not row.is_left_out)
        self.left_out.update(row.reason for row in block.rejected if row.is_left_out)
        self.by_kind.update(block.by_kind)
        self.words.update(block.words)

    @property
    def n_rejected(self) -> int:
        """Rows rejected."""
        return self.rejected.total()

    @property
    def n_kept(self) -> int:
        """Rows that are neither rejected nor left out."""
        return self.n_read - self.n_rejected - self.left_out.total()

    @property
    def reasons(self) -> str:
        """The reasons with their rows, the most frequent first, for one line of a message."""
        return ", ".join(count_lines(self.rejected + self.left_out)) or "no rows at all"


def row_lines(n_read: int, rejected: Mapping[str, int], left_out: Mapping[str, int] | None = None) -> list[str]:
    """Return lines for people about the rows of a file.

    Args:
        n_read: Rows read.
        rejected: Reason → rows.
        left_out: Reason → rows that do not count.

    Returns:
        The sum, and every reason, the most frequent first.
    """
    n_rejected, n_left_out = sum(rejected.values()), sum((left_out or {}).values())
    total = f"  {n_read:,} rows read: {n_read - n_rejected - n_left_out:,} kept, {n_rejected:,} rejected"
    total += f", {n_left_out:,} not counted" if n_left_out else ""
    lines = [*count_lines(rejected), *(f"{line} (not counted)" for line in count_lines(left_out or {}))]
    return [total, *(f"    {line}" for line in lines)]


def count_lines(counts: Mapping[str, int]) -> list[str]:
    """Return "count × name" for every name, the most frequent first."""
    return [f"{count:,} × {name}" for name, count in Counter(counts).most_common()]
