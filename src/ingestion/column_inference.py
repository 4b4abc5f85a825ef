"""What columns seem to be where their names do not say it outright."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from src.ingestion.column_names import INVOICE, KIND, PRODUCT, PURCHASED, QUANTITY, TIME, USER, VALUE, is_number, plain
from src.ingestion.event_kind_names import kind_of

# Of names that say more than they must: review_rating, Date Added, units sold.
_PARTS = {
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
    found: Mapping[str, Collection[int]],
    ignored: Collection[str],
) -> dict[str, list[int]]:
    """Role → position for roles that no name says outright, in a file whose rows seem to be events."""
    taken = {at for places in found.values() for at in places}
    likely: dict[str, list[int]] = {}
    for role, pattern in _PARTS.items():
        if role in found or role in ignored:
            continue
        named = (at for at, name in enumerate(names) if at not in taken and pattern.fullmatch(plain(name)))
        place = _kind_column(names, sample, taken) if role == KIND else None
        if place is None:
            place = next(named, None)
        if place is not None:
            likely[role] = [place]
            taken.add(place)
    is_of_events = (USER in found or USER in likely) and (PRODUCT in found or PRODUCT in likely)
    if not is_of_events or KIND in found or PURCHASED in found:
        return {role: places for role, places in likely.items() if role == TIME} if is_of_events else {}
    if VALUE in found or INVOICE in found or QUANTITY in found:  # the rows say what they are
        return {role: places for role, places in likely.items() if role not in (KIND, VALUE)}
    return likely


def _kind_column(names: Sequence[str], sample: Sequence[Sequence[str]], taken: Collection[int]) -> int | None:
    """A column whose cells are kinds of events."""
    for at in range(len(names)):
        cells = [row[at] for row in sample if at < len(row) and row[at].strip()]
        if at not in taken and cells and sum(bool(kind_of(cell)) for cell in cells) * 10 >= len(cells) * 9:
            return at
    return None


def is_swapped(sample: Sequence[Sequence[str]]) -> bool:
    """Whether rows without a header begin with the product, as Amazon's rating files of 2018 do."""
    pairs = [(row[0].strip(), row[1].strip()) for row in sample if len(row) > 1]
    swapped = sum(bool(_AMAZON_PRODUCT.fullmatch(one) and _AMAZON_USER.fullmatch(two)) for one, two in pairs)
    return swapped * 2 > len(pairs)


def is_unknown_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is all words where the rows below have numbers: names that nobody knows."""
    first, rest = sample[0], [row for row in sample[1:] if len(row) == len(sample[0])]
    if not rest or any(re.search(r"\d", cell) or not cell.strip() for cell in first):
        return False
    return any(sum(is_number(row[at]) for row in rest) * 10 >= len(rest) * 8 for at in range(len(first)))
