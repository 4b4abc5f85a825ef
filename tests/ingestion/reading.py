"""Read and validate a whole file at once, for tests from bytes to events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from src.core.domain import Product
from src.ingestion.event_rules import EventRules
from src.ingestion.layout import Hints, Table
from src.ingestion.layout_detection import open_table
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow
from src.ingestion.row_validation import ValidatedBlock, validate_rows

NOW = 1_700_000_000
RULES = EventRules(1, 5, NOW)

Event = tuple[str, str, str, float, int]
"""User, product, kind, value, time."""


@dataclass
class Reading:
    """The result of reading a file."""

    table: Table
    n_rows: int = 0
    events: list[Event] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)

    @property
    def layout(self) -> str:
        return self.table.layout.name

    @property
    def users(self) -> list[str]:
        return [event[0] for event in self.events]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """(line, reason) of every rejected row."""
        return [(row.line, row.reason) for row in self.rejected]

    def add(self, block: ValidatedBlock) -> None:
        batch = block.events
        columns = (batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), batch.at.tolist())
        self.n_rows += block.n_rows
        self.events += zip(*columns, strict=True)
        self.marks += batch.dedupe_key or []
        self.products += block.products
        self.rejected += block.rejected


def read(path: Path, hints: Hints | None = None, rules: EventRules = RULES) -> Reading:
    """Open, read and clean a whole file. Raises as they do."""
    found = Reading(open_table(path, hints))
    for block in found.table.rows.blocks():
        found.add(validate_rows(block, found.table.layout, rules))
    return found


def raw_rows(path: Path, hints: Hints | None = None) -> list[tuple[int, list[object]]]:
    """(line number, cells) of every row that has the file's shape."""
    blocks: list[RawBlock] = list(open_table(path, hints).rows.blocks())
    return [(line, list(row)) for block in blocks for line, row in zip(block.lines, block.rows, strict=True)]


def table(header: str, row: Callable[[int], str], n: int = 40) -> str:
    """Return the text of a table: the header, and the line of each row by its number from 0."""
    return header + "\n" + "".join(f"{row(at)}\n" for at in range(n))


def kinds(found: Reading) -> dict[str, int]:
    """Return kind → how many events have it."""
    return dict(Counter(event[2] for event in found.events))


def notes(found: Reading) -> str:
    """Return all notes of the layout as one text."""
    return " ".join(found.table.layout.notes)
