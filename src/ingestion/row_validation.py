"""Turn rows into events and products. Pure: a block in, clean events, products, and rejected rows with reasons out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from src.core.domain import (
    CLOCK_TOLERANCE,
    MAX_VALUE,
    NO_TIME,
    BoolArray,
    EventBatch,
    EventKind,
    FloatArray,
    IntArray,
    Product,
)
from src.core.ids import MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long
from src.ingestion.column_names import (
    CATALOGUE_ROLES,
    CATEGORY,
    EVENT_ID,
    INVOICE,
    KIND,
    MARK,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    TIME,
    USER,
    VALUE,
)
from src.ingestion.event_kind_names import kind_of
from src.ingestion.layout import CLICKS, EVENTS, GENRES, LISTS, PURCHASES, RATINGS, Layout, genres_of
from src.ingestion.parsing import as_texts, numbers
from src.ingestion.product_cleaning import clean_product
from src.ingestion.raw_rows import RawBlock, RejectedRow

_NAMED_KINDS = 20  # unknown ones, each a reason of its own
_EARLIEST = 0  # 1970: an earlier time in a shop's file is a mistake
_NO_ID = ("", "nan", "NaN", "null", "NULL", "none", "None")
_YES = frozenset({"true", "yes", "y", "t", "purchased", "bought"})
_NO = frozenset({"", "false", "no", "n", "f", "none", "nan", "null"})


@dataclass(frozen=True)
class Limits:
    """What a row must keep to. now: UTC seconds; a later time (beyond a day, for clocks and zones) is refused."""

    rating_min: float
    rating_max: float
    now: int


@dataclass(frozen=True)
class ValidatedBlock:
    """What came of n_rows rows: events in the file's order, products, and every row that could not become any.

    counted: bool per event, whether equal ones are told apart by counting them, as nothing else does.
    mended: what was taken with a part left out → times. nulls: column → rows kept that say nothing there.
    """

    n_rows: int
    events: EventBatch
    counted: BoolArray
    products: list[Product]
    rejected: list[RejectedRow]
    mended: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)


class _Reasons:
    """The first reason that was found against each row."""

    def __init__(self, n: int) -> None:
        self._code = np.zeros(n, dtype=np.int16)
        self._names = [""]

    def add(self, where: BoolArray, reason: str) -> None:
        hit = where & (self._code == 0)
        if hit.any():
            self._code[hit] = len(self._names)
            self._names.append(reason)

    @property
    def good(self) -> BoolArray:
        return np.asarray(self._code == 0)

    def rejected(self, block: RawBlock) -> list[RejectedRow]:
        refused = np.flatnonzero(self._code)
        return [block.reject(at, self._names[self._code[at]]) for at in refused.tolist()]


def validate_rows(block: RawBlock, layout: Layout, limits: Limits) -> ValidatedBlock:
    """Check every row of a block; each is kept, or becomes a RejectedRow with the first reason found.

    Ids are stripped of surrounding blanks. An id read as `17850.0` is `17850`, as numeric columns write it.
    An empty time is NO_TIME; a wrong one rejects the row.
    """
    if layout.name == LISTS:
        return _clean_lists(block, layout)
    n = len(block.rows)
    turned = list(zip(*block.rows, strict=True))
    cells: dict[str, Sequence[object]] = {role: turned[at] if n else () for role, at in layout.columns.items()}
    reasons = _Reasons(n)
    products = _ids(cells[PRODUCT], "product id", reasons)
    if layout.names:  # files that were put together have it in the middle
        header = layout.names[layout.columns[PRODUCT]]
        if header in products:
            reasons.add(_where(products, header.__eq__), "the header again")
    if layout.has_events:
        made = _events(cells, products, layout, limits, reasons)
    else:
        made = _Made(EventBatch([], [], [], np.zeros(0), np.zeros(0, np.int64), []), np.zeros(0, np.bool_))
    good = np.flatnonzero(reasons.good)
    mended: Counter[str] = Counter()
    nulls = made.nulls
    if layout.name == GENRES:
        first = layout.columns[CATEGORY]
        cells[CATEGORY] = [genres_of(row[first:]) for row in block.rows]
    shown = _catalogue_rows(cells, products, good, made.returned, layout)
    catalogue = [clean_product(values, mended, layout.decimal) for values in shown]
    if not layout.has_events:
        for role, name in _FIELDS.items():
            if role in cells:
                nulls[role] = sum(getattr(item, name) is None for item in catalogue)
    rejected = sorted([*block.broken, *reasons.rejected(block)], key=lambda row: row.line)
    return ValidatedBlock(n + len(block.broken), made.events, made.counted, catalogue, rejected, mended, nulls)


_FIELDS = {role: role for role in CATALOGUE_ROLES if role not in ("image", "main_category")} | {"image": "image_url"}


@dataclass
class _Made:
    """Events of good rows; returned: per row of the block, whether something was brought back."""

    events: EventBatch
    counted: BoolArray
    returned: BoolArray | None = None
    nulls: Counter[str] = field(default_factory=Counter)


def _events(
    cells: dict[str, Sequence[object]], products: list[str], layout: Layout, limits: Limits, reasons: _Reasons
) -> _Made:
    n = len(products)
    users = _ids(cells[USER], "user id", reasons)
    texts = {role: as_texts(column) for role, column in cells.items() if role not in CATALOGUE_ROLES}
    kinds, value = _kinds_and_values(texts, layout, limits, reasons, n)
    at: IntArray = np.full(n, NO_TIME, dtype=np.int64)
    if TIME in texts:
        at, sane = layout.time.seconds(texts[TIME])
        reasons.add(~sane, "time is not readable")
        reasons.add((at != NO_TIME) & (at < _EARLIEST), "time is before 1970")
        reasons.add(at > limits.now + CLOCK_TOLERANCE, "time is in the future")
    for role in (MARK, EVENT_ID, INVOICE):
        if role in texts:
            texts[role] = [clean_id(text) for text in texts[role]]
            reasons.add(_where(texts[role], has_bad_characters), f"{role} has control characters or is not UTF-8")
            reasons.add(_where(texts[role], is_too_long), f"{role} is too long")
    good = np.flatnonzero(reasons.good)
    everything = len(good) == n
    rows = range(n) if everything else good.tolist()

    def pick(column: list[str]) -> list[str]:
        return column if everything else [column[i] for i in rows]

    batch = EventBatch(pick(users), pick(products), pick(kinds), value[good], at[good])
    marks, counted = _marks({role: pick(texts[role]) for role in (MARK, EVENT_ID, INVOICE) if role in texts}, batch)
    batch = replace(batch, dedupe_key=marks)
    returned = None
    if layout.name in (PURCHASES, EVENTS):
        returned = _where(kinds, lambda name: name == EventKind.RETURN)
    nulls = Counter({TIME: int((batch.at == NO_TIME).sum())}) if TIME in texts else Counter()
    made = _Made(batch, counted, returned, nulls)
    return _with_purchases(made, texts[PURCHASED], good) if layout.name == CLICKS else made


def _kinds_and_values(
    texts: dict[str, list[str]], layout: Layout, limits: Limits, reasons: _Reasons, n: int
) -> tuple[list[str], FloatArray]:
    """(kind of each row's event, its value); what is wrong with them goes into `reasons`."""
    column = VALUE if VALUE in texts else QUANTITY
    value: FloatArray = np.ones(n)
    given: BoolArray = np.zeros(n, dtype=np.bool_)
    if column in texts:
        value, given = numbers(texts[column], layout.decimal)
        reasons.add(given & ~np.isfinite(value), f"{column} is not a number")
        value = np.where(np.isfinite(value), value, 1.0)
    if layout.name == RATINGS:
        reasons.add(~given, "rating is empty")
        reasons.add((value < limits.rating_min) | (value > limits.rating_max), _out_of_range(limits))
        return [EventKind.RATING.value] * n, value
    if layout.name == PURCHASES:
        reasons.add(given & (value == 0), "quantity is 0")
        reasons.add(np.abs(value) > MAX_VALUE, "quantity is too large")
        kind = np.where(value < 0, EventKind.RETURN.value, EventKind.PURCHASE.value)
        return kind.tolist(), np.abs(value)
    if layout.name == CLICKS:
        reasons.add(~_where(texts[PURCHASED], _is_flag), "purchased is neither yes nor no")
        return [EventKind.CLICK.value] * n, np.ones(n)
    if layout.name != EVENTS:
        return [layout.kind.value] * n, np.ones(n)
    known = {name: kind_of(name) for name in set(texts[KIND])}
    kinds = [known[name] for name in texts[KIND]]
    strange = sorted(name for name, kind in known.items() if not kind)
    for name in strange[:_NAMED_KINDS]:
        reasons.add(_where(texts[KIND], name.__eq__), f"unknown kind of event {name[:40]!r}")
    reasons.add(_where(kinds, lambda kind: not kind), "unknown kind of event")
    rating = _where(kinds, lambda name: name == EventKind.RATING)
    reasons.add(rating & ~given, "rating is empty")
    reasons.add(rating & ((value < limits.rating_min) | (value > limits.rating_max)), _out_of_range(limits))
    value = np.where(_where(kinds, EventKind.RETURN.__eq__), np.abs(value), value)
    if column == VALUE:  # of what was only looked at it says nothing
        counts = _where(kinds, lambda kind: kind in (EventKind.RATING, EventKind.PURCHASE, EventKind.RETURN))
        value = np.where(counts | (value > 0), value, 1.0)
    reasons.add(~rating & given & ~((value > 0) & (value <= MAX_VALUE)), "value is not above 0")
    return kinds, value


def _out_of_range(limits: Limits) -> str:
    scale = f"{limits.rating_min:g} to {limits.rating_max:g}"
    return f"rating is out of range ({scale}; AISLE_RATING_MIN, AISLE_RATING_MAX)"


def _is_flag(text: str) -> bool:
    return _bought(text) is not None


def _bought(text: str) -> float | None:
    """How many were bought, from a flag or a number; None if it is neither."""
    if text.lower() in _YES:
        return 1.0
    if text.lower() in _NO:
        return 0.0
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= MAX_VALUE else None


def _with_purchases(made: _Made, flags: list[str], good: IntArray) -> _Made:
    """The clicks, and a purchase for each that led to one."""
    bought = np.array([_bought(flags[row]) or 0.0 for row in good.tolist()], dtype=np.float64)
    rows = np.flatnonzero(bought > 0).tolist()
    clicks, part = made.events, made.events.take(rows)
    events = EventBatch(
        clicks.user_id + part.user_id,
        clicks.product_id + part.product_id,
        clicks.kind + [EventKind.PURCHASE.value] * len(rows),
        np.concatenate([clicks.value, bought[rows]]),
        np.concatenate([clicks.at, part.at]),
        (clicks.dedupe_key or []) + (part.dedupe_key or []),
    )
    return _Made(events, np.concatenate([made.counted, made.counted[rows]]), made.returned, made.nulls)


def _marks(texts: dict[str, list[str]], batch: EventBatch) -> tuple[list[str], BoolArray]:
    """(what tells apart equal events of a user and product; whether those that agree even in this are to be counted).

    In this order: the file's own mark, an event's id, else its time and invoice. A rating has none, as there is one of
    a user and product.
    """
    n = len(batch)
    is_rating = _where(batch.kind, lambda name: name == EventKind.RATING)
    if is_rating.all():
        return [""] * n, np.zeros(n, dtype=np.bool_)
    own, ids, invoices = (texts.get(role, [""] * n) for role in (MARK, EVENT_ID, INVOICE))
    marks, counted = [], []
    for rating, mark, event_id, invoice, at in zip(
        is_rating.tolist(), own, ids, invoices, batch.at.tolist(), strict=True
    ):
        given = "" if rating else mark or (f"id:{event_id}" if event_id else "")
        marks.append(given or ("" if rating else f"{at}/{invoice}" if invoice else f"{at}"))
        counted.append(not rating and not given)
    return marks, np.array(counted, dtype=np.bool_)


def _catalogue_rows(
    cells: dict[str, Sequence[object]], products: list[str], good: IntArray, returned: BoolArray | None, layout: Layout
) -> list[dict[str, object]]:
    """What the good rows say of products: every row of a catalogue, the last of each product in a file of events."""
    columns = {role: cells[role] for role in CATALOGUE_ROLES if role in cells}
    if not columns:
        return [{PRODUCT: products[row]} for row in good.tolist()] if not layout.has_events else []
    rows = good.tolist()
    if layout.has_events:
        sold = good if returned is None else good[~returned[good]]
        rows = list({products[row]: row for row in sold.tolist()}.values())
    return [{PRODUCT: products[row], **{role: column[row] for role, column in columns.items()}} for row in rows]


def _clean_lists(block: RawBlock, layout: Layout) -> ValidatedBlock:
    """Users and all their products: an event for each pair."""
    users, products = [], []
    reasons = _Reasons(len(block.rows))
    rows = [as_texts(row) for row in block.rows]
    joined = [" ".join(row) for row in rows]
    reasons.add(np.array([len(row) < 2 for row in rows], dtype=np.bool_), "user without products")
    reasons.add(_where(joined, has_bad_characters), "an id has control characters or is not UTF-8")
    too_long = [any(map(is_too_long, row)) for row in rows]
    reasons.add(np.array(too_long, dtype=np.bool_), f"an id is longer than {MAX_ID_LENGTH}")
    reasons.add(np.array([not all(row) for row in rows], dtype=np.bool_), "empty id")
    for at in np.flatnonzero(reasons.good).tolist():
        row = [clean_id(cell) for cell in rows[at]]
        users += [row[0]] * (len(row) - 1)
        products += row[1:]
    n = len(users)
    batch = EventBatch(users, products, [layout.kind.value] * n, np.ones(n), np.full(n, NO_TIME, np.int64))
    marks, counted = _marks({}, batch)
    rejected = sorted([*block.broken, *reasons.rejected(block)], key=lambda row: row.line)
    return ValidatedBlock(len(block.rows) + len(block.broken), replace(batch, dedupe_key=marks), counted, [], rejected)


def _ids(cells: Sequence[object], name: str, reasons: _Reasons) -> list[str]:
    texts = as_texts(cells)
    joined = "\n".join(texts)
    if ".0" in joined:
        texts = [clean_id(text) for text in texts]
    if any(word in texts for word in _NO_ID):
        reasons.add(_where(texts, lambda text: text in _NO_ID), f"empty {name}")
    if max(map(len, texts), default=0) > MAX_ID_LENGTH or not joined.isascii():
        reasons.add(_where(texts, is_too_long), f"{name} is longer than {MAX_ID_LENGTH}")
    # One look at all of them together; ids with other characters are looked at one by one.
    if not (joined.isascii() and joined.replace("\n", "").isprintable() and joined.count("\n") == len(texts) - 1):
        reasons.add(_where(texts, has_bad_characters), f"{name} has control characters or is not UTF-8")
    return texts


def _where(values: Sequence[str], test: Callable[[str], bool]) -> BoolArray:
    return np.fromiter(map(test, values), dtype=np.bool_, count=len(values))
