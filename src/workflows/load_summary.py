"""Count the rows, events and products of a loaded file, and summarize them for people."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from src.core.errors import UnusableFile
from src.core.number_format import percent
from src.core.records import Load
from src.ingestion.column_names import TITLE, columns_option
from src.ingestion.column_words import classes_of
from src.ingestion.data_checks import Check
from src.ingestion.event_columns import ColumnBlock
from src.ingestion.layout import Table, note_lines
from src.ingestion.row_tally import RowTally, count_lines, row_lines
from src.ingestion.row_validation import ValidatedBlock
from src.ingestion.variant_titles import GuessedGroups
from src.ingestion.word_account import Word, kinds_of_words, unknown_word_lines, word_lines

TOOK = "variant whose row lacks a {0} took that of its parent"
_MOST_UNTITLED = 0.1  # share of a catalogue's products


@dataclass(frozen=True)
class LoadSummary:
    """The result of loading a file.

    Attributes:
        load: its figures, as the store keeps them.
        table: how the file was read.
        rejects_file: the CSV file of its rejected rows; None without any.
        checks: the data checks of the load.
        broken: why the file could not be read to its end; None if it was.
        groups: groups of the catalogue's products that their titles tell; None if none were looked for.
        words: words that decide what a row counts for → rows.
        examples: what some of its rows mean.
        totals: what its events and products come to.
        titled: whether each of the first products of a catalogue has a title in the store.
    """

    load: Load
    table: Table
    rejects_file: Path | None
    checks: list[Check]
    broken: UnusableFile | None = None
    groups: GuessedGroups | None = None
    words: Mapping[Word, int] = field(default_factory=dict)
    examples: Sequence[str] = ()
    totals: Sequence[str] = ()
    titled: Sequence[bool] = ()

    def whole(self) -> LoadSummary:
        """Return the summary itself. Raises UnusableFile if the file could not be read to its end."""
        if self.broken is not None:
            raise self.broken
        return self

    def lines(self) -> list[str]:
        """Return lines for people: how the file was read, its totals, the reasons of rejections, and warnings."""
        load = self.load
        lines = [f"{self.table.name}: {self.table.describe()}"]
        lines += note_lines(self.table.layout)
        lines += [f"  {line}" for line in self.examples]
        lines += [f"  {line}" for line in word_lines(self.words, self.table.layout)]
        lines += row_lines(load.n_read, load.rejected, load.left_out)
        if self.table.layout.has_events:
            known = load.n_events - load.n_stored
            lines.append(f"  {load.n_events:,} events: {load.n_stored:,} stored, {known:,} repeated or outdated")
            lines += [f"    {line}" for line in count_lines(load.by_kind)]
        if load.n_products:
            lines.append(f"  {load.n_products:,} products")
        lines += [f"    {line}" for line in self.totals]
        lines += [f"    {line}" for line in count_lines(load.mended)]
        if self.groups is not None and self.groups.n_groups:
            lines.append(f"  {guess_sentence(self.groups)}")
        if self.rejects_file is not None:
            lines.append(f"  rejected rows, with line number and reason: {self.rejects_file}")
        passed = [check.name for check in self.checks if check.passed]
        lines += [f"  WARNING: {line}" for line in unknown_word_lines(self.words, self.table.layout)]
        lines += self._untitled()
        lines += [
            f"  WARNING: none of the {n:,} rows of the kind {kind} was kept, see the reasons above; if another column "
            "has their products: --columns product=COLUMN"
            for kind, n in kinds_of_words(self.words, self.table.layout).items()
            if not load.by_kind.get(kind)
        ]
        lines += [f"  WARNING: {check.message}" for check in self.checks if not check.passed]
        return [*lines, f"  checks passed: {', '.join(passed)}"] if passed else lines

    def _untitled(self) -> list[str]:
        """Return a warning where many products of a catalogue have no title, with the column that is called one."""
        layout, n = self.table.layout, len(self.titled)
        share = self.titled.count(False) / n if n else 0.0
        if layout.has_events or share <= _MOST_UNTITLED:
            return []
        named = next((name for name in layout.unused if classes_of(name)[-1:] == [TITLE]), None)
        other = f"if {named!r} has it" if named else "if another column has it"
        column = columns_option({TITLE: layout.names.index(named)}, layout.names) if named else "--columns title=COLUMN"
        return [
            f"  WARNING: {percent(share)} of {n:,} products have no title: {other}: {column}; if these are variants "
            "of other rows, give them the title of their parent"
        ]


def guess_sentence(groups: GuessedGroups) -> str:
    """Return one line on groups that were guessed from titles."""
    one, other = groups.example
    things = "thing" if groups.n_groups == 1 else "things"
    return (
        f"of all products in the store, {groups.n_products:,} are taken for variants of {groups.n_groups:,} {things}, "
        f"guessed from titles that differ by colour and size only, such as {one!r} and {other!r}; lists show one of "
        "each. If they are no variants: a column item_group_id with a group of its own for each, or "
        "AISLE_GUESS_GROUPS=off and load again"
    )


@dataclass
class LoadTally(RowTally):
    """Counts of rows while a file is read and stored.

    Attributes:
        n_products: Products read.
        n_stored: Events that were new, or newer than the stored ones.
        newest_at: UTC seconds of the newest event; None without times.
        known_users: Share of the first users that the store knew before; None where it was empty.
        known_products: The same of the products.
        mended: What was repaired or left out of products → times.
        nulls: Column → kept rows in which it is empty.
    """

    n_products: int = 0
    n_stored: int = 0
    newest_at: int | None = None
    known_users: float | None = None
    known_products: float | None = None
    mended: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)

    @override
    def add(self, block: ValidatedBlock | ColumnBlock) -> None:
        super().add(block)
        self.mended.update(block.mended)
        self.nulls.update(block.nulls)
        if len(block.events) and (newest := int(block.events.at.max())) >= 0:
            self.newest_at = newest if self.newest_at is None else max(self.newest_at, newest)

    def load(self, table: Table, n_events: int) -> Load:
        """Return the counts as a record with a new id and the time of now.

        Args:
            table: how the file was read.
            n_events: how many events the file has, without repeated ones.
        """
        return Load(
            load_id=secrets.token_hex(6),
            file=table.source or table.path.name,
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
            left_out=dict(self.left_out),
            by_kind=dict(self.by_kind),
            nulls={name: round(count / self.n_kept, 4) for name, count in self.nulls.items() if self.n_kept},
        )
