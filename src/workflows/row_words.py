"""Say in words what single rows of a file mean."""

from __future__ import annotations

import numpy as np

from src.core.domain import EventBatch, EventKind, Product
from src.ingestion.csv_rows import CsvRows, PlainText
from src.ingestion.event_rules import EventRules
from src.ingestion.layout import Table
from src.ingestion.raw_rows import RawBlock
from src.ingestion.row_validation import validate_rows

_ACTS = {
    EventKind.PURCHASE.value: "bought {value:g} × {product}",
    EventKind.RETURN.value: "gave back {value:g} × {product}",
    EventKind.RATING.value: "rated {product} with {value:g}",
    EventKind.CART.value: "put {product} into the cart",
    EventKind.VIEW.value: "viewed {product}",
    EventKind.CLICK.value: "clicked on {product}",
}
_SHOWN_USER = 14
_LOOKED_AT = 50  # rows among which examples are


def example_lines(part: PlainText | RawBlock, table: Table, rules: EventRules) -> list[str]:
    """Say what the first row of a file that counts means, and why the first one that does not count is left out.

    Args:
        part: The first part of the file.
        table: The file, and what its cells mean.
        rules: The ranges of ratings, values and times.

    Returns:
        A line for each, for people.
    """
    first = _first_rows(part, table)
    out = {row.line for row in validate_rows(first, table.layout, rules).rejected}
    kept = next((at for at, line in enumerate(first.lines) if line not in out), None)
    left = next((at for at, line in enumerate(first.lines) if line in out), None)
    return [row_line(first, at, table, rules) for at in (kept, left) if at is not None]


def _first_rows(part: PlainText | RawBlock, table: Table) -> RawBlock:
    if isinstance(part, RawBlock):
        return RawBlock(part.lines[:_LOOKED_AT], part.rows[:_LOOKED_AT])
    lines = part.data.split(b"\n", 3)[:3]
    rows = table.rows
    assert isinstance(rows, CsvRows)
    return rows.rows_of([(part.first + at, line.decode()) for at, line in enumerate(lines)])


def row_line(block: RawBlock, at: int, table: Table, rules: EventRules) -> str:
    """Say what one row of a file means, or why it does not count.

    Args:
        block: Rows as the file has them.
        at: Which of them.
        table: The file, and what its cells mean.
        rules: The ranges of ratings, values and times.

    Returns:
        One line for people; the domains of addresses are left out.
    """
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
    parts += [f"by {product.brand[:30]}"] if product.brand else []
    parts += [f"in {product.category[:60]}"] if product.category else []
    parts += [f"price {product.price:.2f}"] if product.price is not None else []
    parts += [f"{product.stock} in stock"] if product.stock is not None else []
    parts += [f"of group {product.group_id}"] if product.group_id else []
    parts += [f"picture {product.image_url[:80]}"] if product.image_url else []
    parts += ["not listed"] if product.unlisted or product.withdrawn else []
    return ", ".join(parts)
