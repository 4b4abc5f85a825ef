"""Validate the columns of events: ids, kinds, values, times and what tells repeated events apart. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np

from src.core.domain import MAX_VALUE, NO_TIME, BoolArray, EventBatch, EventKind, FloatArray, IntArray, no_events
from src.core.ids import MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long
from src.ingestion.column_names import (
    CATALOGUE_ROLES,
    CLOCK,
    EVENT_ID,
    INVOICE,
    KIND,
    MARK,
    PRICE,
    PURCHASED,
    QUANTITY,
    TIME,
    TOTAL,
    USER,
    VALUE,
)
from src.ingestion.event_rules import EventFault, EventRules
from src.ingestion.given_words import Words
from src.ingestion.layout import CLICKS, EVENTS, PURCHASES, RATINGS, Layout
from src.ingestion.nobody import found_among
from src.ingestion.order_validation import NO_WORDS, came_back, leave_out_orders
from src.ingestion.parsing import as_texts, clock_seconds, is_nothing, parse_numbers
from src.ingestion.piece_counts import pieces_in
from src.ingestion.rating_scales import rating_of, says_unrated, to_scale
from src.ingestion.rejections import RejectionCode
from src.ingestion.row_rejections import RowRejections, where_true

T = TypeVar("T")

_MAX_NAMED_KINDS = 20  # unknown kinds that are counted each on its own
_MAX_KIND_LENGTH = 40  # characters of an unknown kind in a reason
_EXCEL_TEXT = re.compile(r"^(?:=\"(.*)\"|'(\d\S*))$")  # how workbooks keep zeros at the beginning of numbers
_NO_DIGITS_ONLY = re.compile(r"[^\d.,+-]")  # in a rating: "4 / 5", "80%", "★★★", "4 Sterne"
_WORKBOOK_ERROR = re.compile(r"#+|#[^\W\d_]+(/[^\W\d_]+)?[!?]|#N/A|#NV")
_OF_SALES = (EventKind.PURCHASE.value, EventKind.RETURN.value)
EMPTY_IDS = ("", "nan", "NaN", "null", "NULL", "none", "None")
"""Texts that are no id."""
_YES = frozenset({"true", "yes", "y", "t", "purchased", "bought"})
_CODES = {
    EventFault.RATING_OUT_OF_RANGE: RejectionCode.RATING_OUT_OF_RANGE,
    EventFault.VALUE_NOT_POSITIVE: RejectionCode.VALUE_NOT_POSITIVE,
    EventFault.VALUE_TOO_LARGE: RejectionCode.VALUE_TOO_LARGE,
    EventFault.TIME_BEFORE_1970: RejectionCode.TIME_BEFORE_1970,
    EventFault.TIME_IN_FUTURE: RejectionCode.TIME_IN_FUTURE,
}
_INVOICE_CODES = _CODES | {
    EventFault.VALUE_NOT_POSITIVE: RejectionCode.QUANTITY_ZERO,
    EventFault.VALUE_TOO_LARGE: RejectionCode.QUANTITY_TOO_LARGE,
}


@dataclass
class ValidatedEvents:
    """Events of good rows.

    Attributes:
        events: In the order of the file.
        counted: bool[len(events)], whether equal events are told apart by counting them.
        is_return: bool per row of the block, whether something was brought back; None where rows do not say it.
        nulls: Column → good rows in which it is empty.
        undone: Purchases of rows whose order was cancelled or refunded, which an earlier file may have told as paid.
    """

    events: EventBatch
    counted: BoolArray
    is_return: BoolArray | None = None
    nulls: Counter[str] = field(default_factory=Counter)
    undone: EventBatch = field(default_factory=no_events)


def validate_ids(cells: Sequence[object], name: str, rejections: RowRejections) -> list[str]:
    """Clean a column of ids.

    Args:
        cells: One cell a row.
        name: What the ids are called in a reason.
        rejections: Rows whose id is empty, too long or not printable are added.

    Returns:
        The ids as texts.
    """
    texts = as_texts(cells)
    joined = "\n".join(texts)
    if '="' in joined or "'" in joined:
        texts = [_EXCEL_TEXT.sub(r"\1\2", text) for text in texts]
    if ".0" in joined:
        texts = [clean_id(text) for text in texts]
    if "#" in joined:
        rejections.add_where(
            texts, lambda text: _WORKBOOK_ERROR.fullmatch(text) is not None, RejectionCode.EMPTY_ID, name
        )
    if any(word in texts for word in EMPTY_IDS):
        rejections.add_where(texts, EMPTY_IDS.__contains__, RejectionCode.EMPTY_ID, name)
    if max(map(len, texts), default=0) > MAX_ID_LENGTH or not joined.isascii():
        rejections.add_where(texts, is_too_long, RejectionCode.ID_TOO_LONG, name)
    # All ids are tested at once; only where that fails, one by one.
    if not (joined.isascii() and joined.replace("\n", "").isprintable() and joined.count("\n") == len(texts) - 1):
        rejections.add_where(texts, has_bad_characters, RejectionCode.BAD_CHARACTERS, name)
    return texts


def validate_events(
    cells: dict[str, Sequence[object]],
    products: list[str],
    layout: Layout,
    rules: EventRules,
    rejections: RowRejections,
) -> ValidatedEvents:
    """Turn columns of cells into events.

    Args:
        cells: Role → one cell a row.
        products: Product id of each row.
        layout: What the cells mean.
        rules: The ranges of ratings, values and times.
        rejections: Rows that break a rule are added.

    Returns:
        Events of the rows that are not rejected.
    """
    n = len(products)
    _leave_out_strangers(cells, layout, rejections)
    users = validate_ids(cells[USER], "user id", rejections)
    if layout.mails:
        users = [user.lower() if "@" in user else user for user in users]
    for user in found_among(users, layout.nobody):
        rejections.add_where(users, user.__eq__, RejectionCode.NOBODY, repr(user))
    texts = _texts_of(cells, layout)
    fate = leave_out_orders(texts, cells, layout, rules, rejections)
    kinds, value = _kinds_and_values(texts, layout, rules, rejections, n)
    paid = next((cells[role] for role in (PRICE, TOTAL) if role in cells), None)
    if layout.name == PURCHASES and paid is not None:
        is_back = came_back(paid, products, np.where(where_true(kinds, EventKind.RETURN.__eq__), -1, 1), rejections)
        kinds = [EventKind.RETURN.value if back else kind for kind, back in zip(kinds, is_back.tolist(), strict=True)]
    if fate is not None:
        value = value * fate.share_kept
    at = _times(texts, layout, rules, rejections, n)
    _clean_marks(texts, rejections)
    good = np.flatnonzero(rejections.good)

    def pick(column: list[str]) -> list[str]:
        return column if len(good) == n else [column[row] for row in good.tolist()]

    batch = EventBatch(pick(users), pick(products), pick(kinds), value[good], at[good])
    mark_texts = {role: pick(texts[role]) for role in (MARK, EVENT_ID, INVOICE) if role in texts}
    marks, counted = dedupe_keys(mark_texts, batch)
    is_return = where_true(kinds, EventKind.RETURN.__eq__) if layout.name in (PURCHASES, EVENTS) else None
    nulls = Counter({TIME: int((batch.at == NO_TIME).sum())}) if TIME in texts else Counter()
    validated = ValidatedEvents(replace(batch, dedupe_key=marks), counted, is_return, nulls)
    if fate is not None and INVOICE in texts and fate.undone.any():
        validated.undone = _undone(users, products, value, at, texts[INVOICE], fate.undone)
    return _with_purchases(validated, texts[PURCHASED], good) if layout.name == CLICKS else validated


def _leave_out_strangers(cells: dict[str, Sequence[object]], layout: Layout, rejections: RowRejections) -> None:
    """Leave out sales without a customer: a till prints a receipt without knowing who buys."""
    if layout.name not in (PURCHASES, EVENTS) or INVOICE not in cells:
        return
    is_sale = where_true(as_texts(cells[INVOICE]), lambda text: not is_nothing(text))
    if layout.name == EVENTS:
        is_sale &= where_true(as_texts(cells[KIND]), lambda text: layout.words.kind(text) in _OF_SALES)
    rejections.add(is_sale & where_true(as_texts(cells[USER]), is_nothing), RejectionCode.NO_CUSTOMER)


def _texts_of(cells: dict[str, Sequence[object]], layout: Layout) -> dict[str, list[str]]:
    """Return the cells of events as texts; ratings as numbers, "" where they say that there is none."""
    texts = {role: as_texts(column) for role, column in cells.items() if role not in CATALOGUE_ROLES}
    if layout.name == RATINGS and any(map(_NO_DIGITS_ONLY.search, texts[VALUE])):
        texts[VALUE] = [rating_of(text, worded=layout.worded) for text in texts[VALUE]]
    if layout.unrated:
        texts[VALUE] = ["" if says_unrated(text, layout.no_rating) else text for text in texts[VALUE]]
    return texts


def _clean_marks(texts: dict[str, list[str]], rejections: RowRejections) -> None:
    for role in (MARK, EVENT_ID, INVOICE):
        if role in texts:
            texts[role] = [clean_id(text) for text in texts[role]]
            rejections.add_where(texts[role], has_bad_characters, RejectionCode.BAD_CHARACTERS, role)
            rejections.add_where(texts[role], is_too_long, RejectionCode.TEXT_TOO_LONG, role)


def _undone(
    users: list[str], products: list[str], value: FloatArray, at: IntArray, invoices: list[str], where: BoolArray
) -> EventBatch:
    """Return what was bought in orders that were cancelled or refunded, as returns at the time of the purchase."""
    rows = [row for row in np.flatnonzero(where).tolist() if users[row] and products[row] and invoices[row]]
    return EventBatch(
        [users[row] for row in rows],
        [products[row] for row in rows],
        [EventKind.RETURN.value] * len(rows),
        np.abs(value[rows]),
        at[rows],
        [f"undone:{invoices[row]}" for row in rows],
    )


def _times(
    texts: dict[str, list[str]], layout: Layout, rules: EventRules, rejections: RowRejections, n: int
) -> IntArray:
    """Return int64[n], UTC seconds, NO_TIME where a row gives none."""
    if TIME not in texts:
        return np.full(n, NO_TIME, dtype=np.int64)
    at, is_readable = layout.time.seconds(texts[TIME])
    rejections.add(~is_readable, RejectionCode.TIME_UNREADABLE)
    if CLOCK in texts:
        seconds, is_readable = clock_seconds(texts[CLOCK])
        rejections.add(~is_readable, RejectionCode.TIME_UNREADABLE)
        at = np.where(at == NO_TIME, at, at + seconds)
    for fault, where in rules.check_times(at, at != NO_TIME):
        rejections.add(where, _CODES[fault])
    return at


class _KindsAndValues(NamedTuple):
    """Kind (an EventKind's value) and value of each row's event."""

    kinds: list[str]
    value: FloatArray


def _kinds_and_values(
    texts: dict[str, list[str]], layout: Layout, rules: EventRules, rejections: RowRejections, n: int
) -> _KindsAndValues:
    column = VALUE if VALUE in texts else QUANTITY
    value: FloatArray = np.ones(n)
    is_given: BoolArray = np.zeros(n, dtype=np.bool_)
    if column in texts:
        value, is_given = parse_numbers(texts[column], layout.decimal)
        if column == QUANTITY and not np.isfinite(value[is_given]).all():
            value, is_given = parse_numbers(list(map(pieces_in, texts[column])), layout.decimal)
        rejections.add(is_given & ~np.isfinite(value), RejectionCode.NO_NUMBER, column)
        value = np.where(np.isfinite(value), value, 1.0)
    if layout.name == CLICKS:
        rejections.add_where(texts[PURCHASED], lambda flag: _quantity(flag) is None, RejectionCode.NO_FLAG)
        return _KindsAndValues([EventKind.CLICK.value] * n, np.ones(n))
    if layout.name == RATINGS:
        kinds, codes = [EventKind.RATING.value] * n, _CODES
        is_rated = is_given & ~((value <= 0) & (value < rules.rating_min))
        value = to_scale(value, layout.scale, rules)
        if layout.unrated:
            kinds = [kind if rated else layout.kind.value for kind, rated in zip(kinds, is_rated.tolist(), strict=True)]
            value = np.where(is_rated, value, 1.0)
    elif layout.name == PURCHASES:
        kind = np.where(value < 0, EventKind.RETURN.value, layout.kind.value)
        kinds, codes, value = kind.tolist(), _INVOICE_CODES, np.abs(value)
    elif layout.name == EVENTS:
        kinds, codes = _named_kinds(texts[KIND], layout.words, rejections), _CODES
        value = _values_by_kind(value, kinds, column, of_stock=layout.of_stock)
    else:
        return _KindsAndValues([layout.kind.value] * n, np.ones(n))
    is_rating = where_true(kinds, EventKind.RATING.__eq__)
    rejections.add(is_rating & ~is_given, RejectionCode.RATING_EMPTY)
    for fault, where in rules.check_values(is_rating, value):
        detail = f"{rules.rating_min:g} to {rules.rating_max:g}" if fault is EventFault.RATING_OUT_OF_RANGE else ""
        rejections.add(where, codes[fault], detail)
    return _KindsAndValues(kinds, value)


def leave_out_no_acts(names: list[str], words: Words, rejections: RowRejections) -> None:
    """Leave out events that are no act of a user on a product, before their empty ids are called a mistake.

    Args:
        names: The name of each row's event.
        words: What options say about names.
        rejections: Rows that do not count are added.
    """
    for name in sorted(filter(words.is_ignored_kind, set(names))):
        rejections.add_where(names, name.__eq__, RejectionCode.NO_ACT, repr(name[:_MAX_KIND_LENGTH]))


def _named_kinds(names: list[str], words: Words, rejections: RowRejections) -> list[str]:
    """Return the kind of event that each name means, "" where it is unknown and the row is rejected."""
    kind_by_name = {name: words.kind(name) for name in set(names)}
    unknown = sorted(name for name, kind in kind_by_name.items() if not kind)
    for name in unknown[:_MAX_NAMED_KINDS]:
        rejections.add_where(names, name.__eq__, RejectionCode.UNKNOWN_KIND_NAMED, repr(name[:_MAX_KIND_LENGTH]))
    kinds = [kind_by_name[name] for name in names]
    rejections.add_where(kinds, lambda kind: not kind, RejectionCode.UNKNOWN_KIND)
    return kinds


def _values_by_kind(value: FloatArray, kinds: list[str], column: str, *, of_stock: bool) -> FloatArray:
    """Return values that count: of returns the amount, and 1.0 for a rating beside a view, cart or click."""
    if of_stock:
        value = np.where(where_true(kinds, EventKind.PURCHASE.__eq__), -value, value)
    value = np.where(where_true(kinds, EventKind.RETURN.__eq__), np.abs(value), value)
    if column != VALUE:
        return value
    has_value = where_true(kinds, lambda kind: kind in (EventKind.RATING, EventKind.PURCHASE, EventKind.RETURN))
    return np.where(has_value | (value > 0), value, 1.0)


def _quantity(flag: str) -> float | None:
    """Return how many were bought, from a flag or a number; None if it is neither."""
    if flag.lower() in _YES:
        return 1.0
    if flag.lower() in NO_WORDS:
        return 0.0
    try:
        number = float(flag)
    except ValueError:
        return None
    return number if 0 <= number <= MAX_VALUE else None


def _with_purchases(validated: ValidatedEvents, flags: list[str], good: IntArray) -> ValidatedEvents:
    """Append a purchase for every click that led to one."""
    quantity = np.array([_quantity(flags[row]) or 0.0 for row in good.tolist()], dtype=np.float64)
    rows = np.flatnonzero(quantity > 0).tolist()
    clicks, bought = validated.events, validated.events.take(rows)
    events = EventBatch(
        clicks.user_id + bought.user_id,
        clicks.product_id + bought.product_id,
        clicks.kind + [EventKind.PURCHASE.value] * len(rows),
        np.concatenate([clicks.value, quantity[rows]]),
        np.concatenate([clicks.at, bought.at]),
        (clicks.dedupe_key or []) + (bought.dedupe_key or []),
    )
    counted = np.concatenate([validated.counted, validated.counted[rows]])
    return replace(validated, events=events, counted=counted)


def dedupe_keys(texts: dict[str, list[str]], batch: EventBatch) -> tuple[list[str], BoolArray]:
    """Return the text that tells apart equal events of a user and product.

    It is the file's own mark, else an event's id, else its time and invoice. A rating has none, as a user has one
    rating of a product.

    Args:
        texts: MARK, EVENT_ID and INVOICE → one text an event, for the columns that there are.
        batch: n events.

    Returns:
        n marks, and bool[n]: whether events that agree even in their mark are told apart by counting them.
    """
    n = len(batch)
    is_rating = where_true(batch.kind, EventKind.RATING.__eq__)
    if is_rating.all():
        return [""] * n, np.zeros(n, dtype=np.bool_)
    columns = (texts.get(role, [""] * n) for role in (MARK, EVENT_ID, INVOICE))
    marks, counted = [], []
    for rating, mark, event_id, invoice, at in zip(is_rating.tolist(), *columns, batch.at.tolist(), strict=True):
        given = "" if rating else mark or (f"id:{event_id}" if event_id else "")
        marks.append(given or ("" if rating else f"{at}/{invoice}" if invoice else f"{at}"))
        counted.append(not rating and not given)
    return marks, np.array(counted, dtype=np.bool_)
