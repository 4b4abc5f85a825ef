"""Find ids that stand beside the products of most orders, as shipping and payment do under a number. Pure."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from src.ingestion.column_names import (
    INVOICE,
    LINE_KIND,
    PRICE,
    PRODUCT,
    TIME,
    TOTAL,
    USER,
    columns_option,
)
from src.ingestion.column_profile import MANY
from src.ingestion.first_rows import FirstRows
from src.ingestion.layout import PAIRS, PURCHASES
from src.ingestion.prices import price_in

_HALF, _MOST = 0.5, 0.8
_SEVERAL = 3  # prices of one id in orders; and orders with it for each one with any other product
_ONE_PRICE = 0.7  # share of the products with one price each, beside which several are odd


def charge_notes(layout: str, columns: Mapping[str, int], first: FirstRows, given: Collection[str]) -> Iterator[str]:
    """Warn of an id that most orders have beside their products, at prices that differ or far more often than any.

    Args:
        layout: Name of the layout.
        columns: Role → position.
        first: The first rows of the file that count.
        given: Roles that options tell, which are not doubted.

    Yields:
        A sentence with the option that leaves such rows out.
    """
    if layout not in (PURCHASES, PAIRS) or LINE_KIND in {*columns, *given} or not {USER, PRODUCT} <= columns.keys():
        return
    orders = rows_of_orders(columns, first)
    if len(orders) < MANY:
        return
    found = Counter(product for rows in orders for product in {row[columns[PRODUCT]].strip() for row in rows})
    (often, n), *others = [*found.most_common(2), ("", 0), ("", 0)][:2]
    beside = [rows for rows in orders if len({row[columns[PRODUCT]].strip() for row in rows} - {often})]
    n_beside = sum(any(row[columns[PRODUCT]].strip() == often for row in rows) for rows in beside)
    if not often or n < _HALF * len(orders) or n_beside < _MOST * n:
        return
    is_apart = n >= _MOST * len(orders) and n >= _SEVERAL * others[0][1]
    if not is_apart and not _has_prices_of_its_own(often, columns, first):
        return
    yield (
        f"WARNING: {often!r} stands in {n} of the first {len(orders)} orders beside other products, as shipping and "
        f"fees do, and counts as a product; if it is none: {leave_out([often], columns, first)}"
    )


def leave_out(ids: Sequence[str], columns: Mapping[str, int], first: FirstRows) -> str:
    """Return what leaves the rows of ids out that are no products.

    Args:
        ids: The ids.
        columns: Role → position.
        first: The first rows of the file.

    Returns:
        Options, or what to do where options cannot name the ids.
    """
    if any({",", "=", "'", "\n"} & set(id_) for id_ in ids):
        return "take these rows out of the file"
    do = columns_option({PRODUCT: columns[PRODUCT], LINE_KIND: columns[PRODUCT]}, first.names)
    return f"{do} --words {shlex.quote(','.join(f'{id_}=none' for id_ in ids))}"


def rows_of_orders(columns: Mapping[str, int], first: FirstRows) -> list[list[Sequence[str]]]:
    """Return the rows of each order: of one invoice, else of a user at one time, else of a user.

    Args:
        columns: Role → position.
        first: The first rows of the file.
    """
    keys = [columns[INVOICE]] if INVOICE in columns else [columns[role] for role in (USER, TIME) if role in columns]
    found: dict[tuple[str, ...], list[Sequence[str]]] = defaultdict(list)
    for row in first.rows:
        key = tuple(row[at].strip() for at in keys)
        if all(key) and row[columns[PRODUCT]].strip():
            found[key].append(row)
    return list(found.values())


def _has_prices_of_its_own(often: str, columns: Mapping[str, int], first: FirstRows) -> bool:
    """Whether an id has several prices while most products have one each, in a column of money."""
    taken = {at for role, at in columns.items() if role not in (PRICE, TOTAL)}
    for at, profile in enumerate(first.profiles):
        if at in taken or profile.money < _MOST or profile.filled < _MOST or profile.times >= _HALF:
            continue
        prices: dict[str, set[float]] = defaultdict(set)
        for row in first.rows:
            if (amount := price_in(row[at].strip())) is not None:
                prices[row[columns[PRODUCT]].strip()].add(amount[0])
        n_one = sum(len(each) == 1 for id_, each in prices.items() if id_ != often)
        if len(prices[often]) >= _SEVERAL and n_one >= _ONE_PRICE * (len(prices) - 1) > 0:
            return True
    return False
