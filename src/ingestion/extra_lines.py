"""Find lines of orders that are no interest in a product: services, bags, deliveries, gifts of money. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from src.ingestion.column_names import INVOICE, LINE_KIND, PRICE, PRODUCT, TITLE, USER
from src.ingestion.column_profile import MANY
from src.ingestion.first_rows import FirstRows
from src.ingestion.hidden_charges import leave_out, rows_of_orders
from src.ingestion.layout import EVENTS, PAIRS, PURCHASES
from src.ingestion.no_products import may_be_extra
from src.ingestion.prices import price_in

_MOST = 0.8
_CHEAP = 0.5  # of the usual price, below which what stands beside other products is an extra
_FEW = 3  # rows
_FREE = 5  # prices of one id, from which its amount is free where others have one price
_SHOWN = 3


class _Line(NamedTuple):
    """An id that orders have.

    Attributes:
        title: Its title, or the id itself.
        beside: For each order that has it, whether other products stand beside it.
        prices: What was paid for it in each of its rows, where that is known.
    """

    title: str
    beside: list[bool]
    prices: list[float]


def extra_notes(layout: str, columns: Mapping[str, int], first: FirstRows, given: Collection[str]) -> Iterator[str]:
    """Warn of ids that are bags, deliveries or gifts of money by title and cells, or whose amount is free.

    Args:
        layout: Name of the layout.
        columns: Role → position.
        first: The first rows of the file that count.
        given: Roles that options tell, which are not doubted.

    Yields:
        A sentence with the option that leaves such rows out.
    """
    is_of_orders = layout in (PURCHASES, PAIRS) or (layout == EVENTS and INVOICE in columns)
    if not is_of_orders or LINE_KIND in {*columns, *given} or not {USER, PRODUCT} <= columns.keys():
        return
    lines = _lines(columns, first)
    usual = _middle([price for line in lines.values() for price in line.prices])
    extras = [id_ for id_, line in lines.items() if may_be_extra(line.title) and _is_beside(line, usual)]
    if extras and len(extras) < len(lines):
        shown = ", ".join(_shown(id_, lines[id_]) for id_ in extras[:_SHOWN])
        more = f" and {len(extras) - _SHOWN} others" if len(extras) > _SHOWN else ""
        yield (
            f"WARNING: {shown}{more}: services, deliveries, bags, wrappings or gifts of money, by their titles and as "
            f"other products stand beside them; they count as products; if they are none: "
            f"{leave_out(extras, columns, first)}"
        )
    free = [id_ for id_, line in lines.items() if len(set(line.prices)) >= _FREE and id_ not in extras]
    n_one = sum(len(set(line.prices)) == 1 for line in lines.values())
    if len(free) == 1 and len(first.rows) >= MANY and n_one >= _MOST * (len(lines) - 1) > 0:
        amounts = ", ".join(f"{price:g}" for price in sorted(set(lines[free[0]].prices))[:_SHOWN])
        yield (
            f"WARNING: {_shown(free[0], lines[free[0]])} has many prices ({amounts} …) where other products have one: "
            "a free amount, such as a donation or a voucher, or a number for everything; it counts as a product; if it "
            f"is none: {leave_out(free, columns, first)}"
        )


def _lines(columns: Mapping[str, int], first: FirstRows) -> dict[str, _Line]:
    found: dict[str, _Line] = {}
    for rows in rows_of_orders(columns, first):
        by_id: dict[str, list[Sequence[str]]] = defaultdict(list)
        for row in rows:
            by_id[row[columns[PRODUCT]].strip()].append(row)
        for id_, own in by_id.items():
            title = own[0][columns[TITLE]].strip() if TITLE in columns else id_
            line = found.setdefault(id_, _Line(title or id_, [], []))
            line.beside.append(len(by_id) > 1)
            if PRICE in columns:
                line.prices.extend(amount[0] for row in own if (amount := price_in(row[columns[PRICE]].strip())))
    return found


def _is_beside(line: _Line, usual: float) -> bool:
    """Whether a product nearly always stands beside others, and costs less than these where prices are known."""
    is_beside = sum(line.beside) >= _MOST * len(line.beside)
    is_cheap = not line.prices or not usual or _middle(line.prices) <= _CHEAP * usual or len(set(line.prices)) >= _FEW
    return len(line.beside) >= _FEW and is_beside and is_cheap


def _middle(amounts: Sequence[float]) -> float:
    ordered = sorted(amounts)
    return ordered[len(ordered) // 2] if ordered else 0.0


def _shown(id_: str, line: _Line) -> str:
    return repr(id_) if line.title == id_ else f"{id_!r} ({line.title[:40]!r})"
