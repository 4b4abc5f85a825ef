"""Show how a file would be read, without storing anything."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from src.core.domain import EventBatch, EventKind, Product
from src.core.errors import UnclearLayout
from src.core.settings import Settings
from src.ingestion.event_rules import EventRules
from src.ingestion.joined_files import find_pair
from src.ingestion.layout import Hints, Table
from src.ingestion.layout_detection import open_table
from src.ingestion.raw_rows import RawBlock
from src.ingestion.row_tally import RowTally, count_lines, row_lines
from src.ingestion.row_validation import validate_rows

_MOST_ROWS = 50_000  # of the totals: enough to see what a file is, and quick
_ACTS = {
    EventKind.PURCHASE.value: "bought {value:g} × {product}",
    EventKind.RETURN.value: "gave back {value:g} × {product}",
    EventKind.RATING.value: "rated {product} with {value:g}",
    EventKind.CART.value: "put {product} into the cart",
    EventKind.VIEW.value: "viewed {product}",
    EventKind.CLICK.value: "clicked on {product}",
}
_SHOWN_USER = 14


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
    for path, hints in files:
        try:
            yield from preview(settings, path, n_rows, hints)
        except UnclearLayout as error:
            unclear[path] = (error, hints)
    while unclear:
        hints = next(iter(unclear.values()))[1]
        pair = find_pair(list(unclear), hints)
        if pair is None:
            raise next(iter(unclear.values()))[0]
        del unclear[pair.lines], unclear[pair.orders]
        yield f"{pair.lines} and {pair.orders} are joined by {pair.key!r}"
        with tempfile.TemporaryDirectory() as folder:
            table = open_table(pair.write(Path(folder)), hints)
            yield from _preview(settings, replace(table, path=pair.lines), n_rows)


def _preview(settings: Settings, table: Table, n_rows: int) -> Iterator[str]:
    rules = EventRules(settings.rating_min, settings.rating_max, int(time.time()), settings.count_pending)
    yield f"{table.path}: {table.describe()}"
    yield from _column_lines(table)
    yield from (f"  note: {note}" for note in table.layout.notes)
    tally, mended, n_products = RowTally(), Counter[str](), 0
    left = n_rows
    for block in table.rows.blocks():
        shown = block.rows[:left]
        for at in range(len(shown)):
            yield f"  {_row_line(block, at, table, rules)}"
        left -= len(shown)
        validated = validate_rows(block, table.layout, rules)
        tally.add(validated)
        mended.update(validated.mended)
        n_products += len(validated.products)
        if tally.n_read >= _MOST_ROWS:
            yield f"  totals of the first {tally.n_read:,} rows:"
            break
    yield from row_lines(tally.n_read, tally.rejected, tally.left_out)
    yield from (f"    {line}" for line in count_lines(tally.by_kind))
    if n_products and not table.layout.has_events:
        yield f"  {n_products:,} products"
    yield from (f"    {line}" for line in count_lines(mended))
    yield "  nothing was stored; to load the file, give the same command without --preview"


def _column_lines(table: Table) -> Iterator[str]:
    layout = table.layout
    for role, at in sorted(layout.columns.items(), key=lambda entry: entry[1]):
        name = repr(layout.names[at]) if layout.names else f"column {at + 1}"
        beside = ", ".join(repr(layout.names[each]) for each in layout.fallbacks.get(role, ()) if layout.names)
        yield f"  {role}: {name}" + (f", where empty {beside}" if beside else "")
    if layout.unused:
        yield f"  not used: {', '.join(layout.unused)}"


def _row_line(block: RawBlock, at: int, table: Table, rules: EventRules) -> str:
    """Return one row in words: what it says, or why it does not count."""
    one = RawBlock([block.lines[at]], [block.rows[at]])
    found = validate_rows(one, table.layout, rules)
    line = f"row {block.lines[at]}: "
    if found.rejected:
        row = found.rejected[0]
        return line + ("not counted: " if row.is_left_out else "rejected: ") + row.reason
    if table.layout.has_events:
        return line + "; ".join(_event_words(found.events, each) for each in range(len(found.events)))
    return line + "; ".join(map(_product_words, found.products))


def _event_words(events: EventBatch, at: int) -> str:
    moment = int(events.at[at])
    when = f"on {str(np.datetime64(moment, 's')).replace('T', ' ')} UTC " if moment >= 0 else ""
    user = events.user_id[at]
    user = f"{user.partition('@')[0]}@…" if "@" in user else user
    user = user if len(user) <= _SHOWN_USER else f"{user[:_SHOWN_USER]}…"
    act = _ACTS[events.kind[at]].format(value=float(events.value[at]), product=events.product_id[at])
    return f"{when}{user} {act}"


def _product_words(product: Product) -> str:
    parts = [f"product {product.product_id}"]
    parts += [repr(product.title[:60])] if product.title else []
    parts += [f"price {product.price:.2f}"] if product.price is not None else []
    parts += [f"{product.stock} in stock"] if product.stock is not None else []
    parts += [f"of group {product.group_id}"] if product.group_id else []
    parts += ["not listed"] if product.unlisted or product.withdrawn else []
    return ", ".join(parts)
