"""Warn of columns of refunds that take nothing back, as no column says what was paid. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from src.ingestion.column_names import PRICE, REFUNDED, TOTAL
from src.ingestion.column_words import says_other_day
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PAIRS, PURCHASES

_MOST = 0.9


def refund_notes(layout: str, columns: Mapping[str, int], first: FirstRows) -> Iterator[str]:
    """Say that refunds are known and what was paid is not, so that refunded orders count.

    Args:
        layout: Name of the layout.
        columns: Role → position.
        first: The first rows of the file.

    Yields:
        A warning, with the column that may have what was paid.
    """
    if layout not in (PURCHASES, PAIRS) or REFUNDED not in columns or {TOTAL, PRICE} & columns.keys():
        return
    refunded = first.profiles[columns[REFUNDED]]
    if not any(any(map("123456789".__contains__, cell)) for cell in refunded.cells):
        return
    paid = next(
        (
            at
            for at, profile in enumerate(first.profiles)
            if at not in columns.values()
            and profile.filled >= _MOST
            and profile.money >= _MOST > max(profile.integers, profile.times)
            and not says_other_day(profile.name)
        ),
        None,
    )
    do = first.option(TOTAL, paid) if paid is not None else "--columns total=COLUMN"
    yield (
        f"WARNING: {refunded.name!r} has refunds, and no column is known that says what was paid: they take nothing "
        f"back; if the amount of each order is in another column: {do}; if of each piece: --columns price=COLUMN"
    )
