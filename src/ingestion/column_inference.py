"""Infer the roles of columns whose names are not in the lists of known names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from src.ingestion.column_names import (
    INVOICE,
    KIND,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    TIME,
    USER,
    VALUE,
    is_number,
    normalize_name,
)
from src.ingestion.event_kind_names import kind_of

# Longer variants of known names: review_rating, Date Added, units sold.
_PATTERNS = {
    USER: re.compile(r".+(userid|customerid|clientid|visitorid|memberid)|cust(id|nr|no|key|omername)?"),
    PRODUCT: re.compile(r".+(productid|itemid|sku|asin|articleid)"),
    KIND: re.compile(r".*(eventname|eventtype|actiontype|activitytype|behaviou?rtype)"),
    VALUE: re.compile(r".+(ratings?|stars)|rate"),
    QUANTITY: re.compile(r".*quantity.*|.+qty|unitssold|amount"),
    TIME: re.compile(r".+(timestamp|datetime|date|dt|time)|(date|timestamp).+"),
}
_AMAZON_USER = re.compile(r"A[0-9A-Z]{9,20}")
_AMAZON_PRODUCT = re.compile(r"B0[0-9A-Z]{8}|\d{9}[0-9X]")


def infer_columns(
    names: Sequence[str],
    sample: Sequence[Sequence[str]],
    known: Mapping[str, Collection[int]],
    ignored: Collection[str],
) -> dict[str, list[int]]:
    """Infer roles in a file whose rows seem to be events.

    Args:
        names: Names of the columns.
        sample: First rows, as texts.
        known: Role → positions that are known already.
        ignored: Roles that have no column.

    Returns:
        Role → [position] for inferred roles only.
    """
    taken = {at for positions in known.values() for at in positions}
    inferred: dict[str, list[int]] = {}
    for role, pattern in _PATTERNS.items():
        if role in known or role in ignored:
            continue
        matching = (at for at, name in enumerate(names) if at not in taken and pattern.fullmatch(normalize_name(name)))
        position = _kind_column(names, sample, taken) if role == KIND else None
        if position is None:
            position = next(matching, None)
        if position is not None:
            inferred[role] = [position]
            taken.add(position)
    has_events = (USER in known or USER in inferred) and (PRODUCT in known or PRODUCT in inferred)
    if not has_events or KIND in known or PURCHASED in known:
        return {role: at for role, at in inferred.items() if role == TIME} if has_events else {}
    if VALUE in known or INVOICE in known or QUANTITY in known:  # other columns tell what the rows are
        return {role: at for role, at in inferred.items() if role not in (KIND, VALUE)}
    return inferred


def _kind_column(names: Sequence[str], sample: Sequence[Sequence[str]], taken: Collection[int]) -> int | None:
    """Return the position of a column whose cells are kinds of events; None if there is none."""
    for at in range(len(names)):
        cells = [row[at] for row in sample if at < len(row) and row[at].strip()]
        if at not in taken and cells and sum(bool(kind_of(cell)) for cell in cells) * 10 >= len(cells) * 9:
            return at
    return None


def is_swapped(sample: Sequence[Sequence[str]]) -> bool:
    """Whether rows without a header begin with the product, as in Amazon's rating files of 2018."""
    pairs = [(row[0].strip(), row[1].strip()) for row in sample if len(row) > 1]
    swapped = sum(bool(_AMAZON_PRODUCT.fullmatch(first) and _AMAZON_USER.fullmatch(second)) for first, second in pairs)
    return swapped * 2 > len(pairs)


def is_unknown_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is a header of unknown names: words only, above columns of numbers."""
    first, rest = sample[0], [row for row in sample[1:] if len(row) == len(sample[0])]
    if not rest or any(re.search(r"\d", cell) or not cell.strip() for cell in first):
        return False
    return any(sum(is_number(row[at]) for row in rest) * 10 >= len(rest) * 8 for at in range(len(first)))
