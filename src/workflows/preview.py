"""Show how a file would be read, without storing anything."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from src.core.errors import UnclearLayout
from src.core.settings import Settings
from src.ingestion.catalogue_evidence import CatalogueEvidence
from src.ingestion.column_account import Fate
from src.ingestion.event_columns import as_columns
from src.ingestion.event_evidence import EventEvidence
from src.ingestion.event_rules import EventRules
from src.ingestion.joined_files import Pair, find_headed_pair, find_pair, why_not_joined
from src.ingestion.layout import Hints, Table, note_lines
from src.ingestion.layout_detection import open_table
from src.ingestion.packed_tables import tables_in
from src.ingestion.proposed_columns import without_joining
from src.ingestion.row_tally import RowTally, count_lines, row_lines
from src.ingestion.row_validation import validate_rows
from src.ingestion.word_account import unknown_word_lines, word_lines
from src.workflows.row_words import row_line
from src.workflows.sources import Source, named_by, stage

_MOST_ROWS = 50_000  # of the totals: enough to see what a file is, and quick


def preview(settings: Settings, path: Path, n_rows: int, hints: Hints) -> Iterator[str]:
    """Show how the first rows of a file are read, and what its first 50,000 rows come to.

    Args:
        settings: The scale of ratings.
        path: The file.
        n_rows: Rows to show.
        hints: What options say about it.

    Yields:
        Lines for people.

    Raises:
        UnusableFile: The file cannot be read.
    """
    yield from _preview(settings, open_table(path, hints), n_rows)


def preview_source(settings: Settings, source: Source, n_rows: int, hints: Hints) -> Iterator[str]:
    """Show how the first rows of a source that is no local file are read.

    Args:
        settings: The scale of ratings.
        n_rows: Rows to show.
        hints: What options say about it.

    Yields:
        Lines for people.

    Raises:
        UnusableFile: It cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        staged = stage(source, Path(folder), most=_MOST_ROWS).path
        with named_by(staged, source.label):
            table = replace(open_table(staged, hints), source=source.label)
            yield from _preview(settings, table, n_rows)


def preview_files(settings: Settings, files: Sequence[tuple[Path, Hints]], n_rows: int) -> Iterator[str]:
    """Show how files are read; of two that are joined, how they are read together.

    Args:
        settings: The scale of ratings.
        files: Each with what options and its mapping say about it.
        n_rows: Rows to show of each.

    Yields:
        Lines for people.

    Raises:
        UnusableFile: A file cannot be read.
    """
    unclear: dict[Path, tuple[UnclearLayout, Hints]] = {}
    tables = [(table, hints) for path, hints in files for table in tables_in(path)]
    left = dict(tables)
    while pair := find_headed_pair(list(left), hints_of_pair := next(iter(left.values()), Hints())):
        del left[pair.lines], left[pair.orders]
        yield from _joined_preview(settings, pair, n_rows, hints_of_pair)
    for path, hints in left.items():
        try:
            yield from preview(settings, path, n_rows, hints)
        except UnclearLayout as error:
            unclear[path] = (error, hints)
    while unclear:
        hints = next(iter(unclear.values()))[1]
        pair = find_pair(list(unclear), hints)
        if pair is None:
            path, (refusal, hints) = next(iter(unclear.items()))
            why = why_not_joined(path, [each for each, _ in tables], hints)
            raise UnclearLayout(without_joining(refusal, why)) from None
        del unclear[pair.lines], unclear[pair.orders]
        yield from _joined_preview(settings, pair, n_rows, hints)


def _joined_preview(settings: Settings, pair: Pair, n_rows: int, hints: Hints) -> Iterator[str]:
    yield f"{pair.lines} and {pair.orders} are joined by {pair.key!r}"
    with tempfile.TemporaryDirectory() as folder:
        table = open_table(pair.write(Path(folder)), pair.hints_of(hints))
        yield from _preview(settings, replace(table, path=pair.lines), n_rows)


def _preview(settings: Settings, table: Table, n_rows: int) -> Iterator[str]:
    rules = EventRules(settings.rating_min, settings.rating_max, int(time.time()), settings.count_pending)
    yield f"{table.name}: {table.describe()}"
    yield from _column_lines(table)
    yield from note_lines(table.layout)
    tally, mended, n_products = RowTally(), Counter[str](), 0
    events, catalogue = EventEvidence(), CatalogueEvidence()
    left = n_rows
    for block in table.rows.blocks():
        shown = block.rows[:left]
        for at in range(len(shown)):
            yield f"  {row_line(block, at, table, rules)}"
        left -= len(shown)
        validated = validate_rows(block, table.layout, rules)
        tally.add(validated)
        events.add(as_columns(validated).events)
        catalogue.add([] if table.layout.has_events else validated.products)
        mended.update(validated.mended)
        n_products += len(validated.products)
        if tally.n_read >= _MOST_ROWS:
            yield f"  totals of the first {tally.n_read:,} rows:"
            break
    yield from row_lines(tally.n_read, tally.rejected, tally.left_out)
    yield from (f"    {line}" for line in count_lines(tally.by_kind))
    yield from (f"  {line}" for line in word_lines(tally.words, table.layout))
    if n_products and not table.layout.has_events:
        yield f"  {n_products:,} products"
    yield from (f"    {line}" for line in (*events.totals(), *catalogue.totals()))
    yield from (f"    {line}" for line in count_lines(mended))
    yield from (f"  note: {remark}" for remark in events.remarks())
    failed = [check.message for check in (*events.checks(), *catalogue.checks()) if not check.passed]
    yield from (f"  WARNING: {line}" for line in (*unknown_word_lines(tally.words, table.layout), *failed))
    yield "  nothing was stored; to load the file, give the same command without --preview"


def _column_lines(table: Table) -> Iterator[str]:
    layout = table.layout
    for role, at in sorted(layout.columns.items(), key=lambda entry: entry[1]):
        name = repr(layout.names[at]) if layout.names else f"column {at + 1}"
        beside = ", ".join(repr(layout.names[each]) for each in layout.fallbacks.get(role, ()) if layout.names)
        yield f"  {role}: {name}" + (f", where empty {beside}" if beside else "")
    for fate in (Fate.KNOWN, Fate.UNKNOWN):
        found = [each for each in layout.account if each.fate is fate and each.name]
        shown = ", ".join(f"{each.name} ({each.why})" if each.why else each.name for each in found)
        yield from [f"  {fate.value}: {shown}"] if found else ()
