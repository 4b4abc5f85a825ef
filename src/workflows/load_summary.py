"""What became of one file, counted."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from src.core.errors import UnusableFile
from src.core.records import Load
from src.ingestion.data_checks import Check
from src.ingestion.layout import Table
from src.ingestion.row_validation import ValidatedBlock


@dataclass(frozen=True)
class LoadSummary:
    """A load, and what is to be said of it. broken: why not all of the file could be read."""

    load: Load
    table: Table
    rejects_file: Path | None
    checks: list[Check]
    broken: UnusableFile | None = None

    def whole(self) -> LoadSummary:
        """Itself. Raises UnusableFile if not all of the file could be read."""
        if self.broken is not None:
            raise self.broken
        return self

    def lines(self) -> list[str]:
        """For people: how the file was read, the sum, every reason, and what looks wrong."""
        load = self.load
        said = [f"{self.table.path}: {self.table.describe()}"]
        said += [f"  note: {note}" for note in self.table.layout.notes]
        said.append(f"  {load.n_read:,} rows read: {load.n_kept:,} kept, {load.n_read - load.n_kept:,} rejected")
        said += [f"    {count:,} × {reason}" for reason, count in _most_first(load.rejected)]
        if self.table.layout.has_events:
            known = load.n_events - load.n_stored
            said.append(f"  {load.n_events:,} events: {load.n_stored:,} stored, {known:,} repeated or outdated")
        if load.n_products:
            said.append(f"  {load.n_products:,} products")
        said += [f"    {count:,} × {what}" for what, count in _most_first(load.mended)]
        if self.rejects_file is not None:
            said.append(f"  rejected rows, with line number and reason: {self.rejects_file}")
        passed = [check.name for check in self.checks if check.passed]
        said += [f"  WARNING: {check.message}" for check in self.checks if not check.passed]
        return [*said, f"  checks passed: {', '.join(passed)}"] if passed else said


def _most_first(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: -entry[1])


@dataclass
class LoadTally:
    """What is counted while a file is read."""

    n_read: int = 0
    n_rejected: int = 0
    n_products: int = 0
    n_stored: int = 0
    newest_at: int | None = None
    known_users: float | None = None
    known_products: float | None = None
    rejected: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)

    def add(self, block: ValidatedBlock) -> None:
        self.n_read += block.n_rows
        self.n_rejected += len(block.rejected)
        self.rejected.update(row.reason for row in block.rejected)
        self.mended.update(block.mended)
        self.nulls.update(block.nulls)
        if len(block.events) and (newest := int(block.events.at.max())) >= 0:
            self.newest_at = newest if self.newest_at is None else max(self.newest_at, newest)

    @property
    def n_kept(self) -> int:
        return self.n_read - self.n_rejected

    def load(self, table: Table, n_events: int) -> Load:
        return Load(
            load_id=secrets.token_hex(6),
            file=table.path.name,
            layout=table.describe(),
            loaded_at=int(time.time()),
            n_read=self.n_read,
            n_kept=self.n_kept,
            n_events=n_events,
            n_stored=self.n_stored,
            n_products=self.n_products,
            newest_at=self.newest_at,
            known_users=self.known_users,
            known_products=self.known_products,
            rejected=dict(self.rejected),
            mended=dict(self.mended),
            nulls={name: round(count / self.n_kept, 4) for name, count in self.nulls.items() if self.n_kept},
        )
