"""Leave out rows of orders that do not count: not paid, cancelled, refunded, of tests, and of no product. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.core.domain import BoolArray, EventKind, FloatArray
from src.ingestion.column_names import (
    CANCELLED,
    CATEGORY,
    INVOICE,
    KIND,
    LINE_KIND,
    NOT_SENT,
    PART_OF,
    PRICE,
    PRODUCT,
    QUANTITY,
    REFUNDED,
    RETURNED,
    STATE,
    TEST,
    TITLE,
    TOTAL,
)
from src.ingestion.column_words import is_test_tag, is_training_tag, tags_in, words_of
from src.ingestion.event_rules import EventRules
from src.ingestion.layout import EVENTS, PAIRS, PURCHASES, RATINGS, Layout
from src.ingestion.no_products import (
    NOT_SOLD,
    PART_OF_SET,
    is_charge,
    is_charge_by_id,
    is_gift_card,
    is_series,
    is_sort_of_charges,
)
from src.ingestion.order_states import OrderState
from src.ingestion.parsing import as_texts, is_nothing, parse_numbers
from src.ingestion.prices import price_in
from src.ingestion.rejections import RejectionCode
from src.ingestion.row_rejections import RowRejections, where_true

_NO = """
    false no n f none nan null nein falsch non faux falso nee nie não nao nej ei hayır hayir h nem ne nu нет 否 いいえ
    아니요
"""
NO_WORDS = frozenset({"", *_NO.split()})
"""Notations of "no" in a column of flags."""
_YES = "true yes y t on x ja j oui si sí tak sim evet да 是 はい 예"
YES_WORDS = frozenset(_YES.split())
"""Notations of "yes" in a column of flags."""
_WHOLE = 0.999
_LONGEST_STATE = 40  # characters of a state in a reason


class OrderFate(NamedTuple):
    """What became of the orders of n rows.

    Attributes:
        share_kept: float64[n], the share of each row's purchase that was not refunded.
        undone: bool[n], rows that are left out as their order was cancelled or refunded.
    """

    share_kept: FloatArray
    undone: BoolArray


def leave_out_orders(
    texts: dict[str, list[str]],
    cells: dict[str, Sequence[object]],
    layout: Layout,
    rules: EventRules,
    rejections: RowRejections,
) -> OrderFate | None:
    """Leave out orders that were not paid, cancelled or refunded, test orders, and rows that are no products.

    Args:
        texts: Role → one text a row.
        cells: Role → one cell a row, also of the roles of products.
        layout: What the cells mean.
        rules: Whether pending orders count.
        rejections: Rows that do not count are added.

    Returns:
        What became of the orders; None for rows that are no orders.
    """
    is_bought = layout.name == PAIRS and layout.kind is EventKind.PURCHASE
    if layout.name == PURCHASES or is_bought or (layout.name == EVENTS and INVOICE in cells):
        _leave_out_charges(cells, rejections)
        if CATEGORY in cells:
            sorts = as_texts(cells[CATEGORY])
            if not all(map(is_sort_of_charges, set(sorts))):  # one that all rows have is that of the shop
                rejections.add_where(sorts, is_sort_of_charges, RejectionCode.NO_PRODUCT)
        if PART_OF in texts:
            rejections.add_where(texts[PART_OF], lambda line: not is_nothing(line), RejectionCode.PART_OF_SET)
        if LINE_KIND in texts:
            lines = list(map(layout.words.line, texts[LINE_KIND]))
            rejections.add_where(lines, lambda line: line == NOT_SOLD, RejectionCode.NO_PRODUCT)
            rejections.add_where(lines, lambda line: line == PART_OF_SET, RejectionCode.PART_OF_SET)
    if layout.name in (EVENTS, RATINGS) and STATE in texts:
        _leave_out_states(texts, layout, rules, rejections)
    if layout.name not in (PURCHASES, PAIRS):
        return None
    if TEST in texts:
        tells = says_no_live_order if is_of_live_orders(layout.name_of(layout.columns[TEST])) else says_test
        is_test = {text: tells(text) for text in set(texts[TEST])}
        rejections.add_where(texts[TEST], is_test.__getitem__, RejectionCode.TEST_ORDER)
    candidates = rejections.good
    partly, pending = _leave_out_states(texts, layout, rules, rejections)
    if CANCELLED in texts:
        rejections.add_where(texts[CANCELLED], says_cancelled, RejectionCode.ORDER_CANCELLED)
    share = _share_back(texts, partly, _paid_for_goods(texts, cells, layout))
    rejections.add(share >= _WHOLE, RejectionCode.ORDER_CANCELLED)
    return OrderFate(np.where(share < _WHOLE, 1.0 - share, 1.0), candidates & ~rejections.good & ~pending)


def _leave_out_charges(cells: dict[str, Sequence[object]], rejections: RowRejections) -> None:
    """Leave out rows whose title or id names a gift card, or nothing but shipping, a tip, a discount or a fee."""
    ids = as_texts(cells[PRODUCT])
    titles = as_texts(cells[TITLE]) if TITLE in cells else ids
    rejections.add_where(titles, is_gift_card, RejectionCode.GIFT_CARD)
    is_of_series = is_series(ids)
    charges = {
        line
        for line in set(zip(ids, titles, strict=True))
        if (is_charge(line[1]) and (line[1] != line[0] or not is_of_series(line[0])))
        or (is_charge_by_id(*line) and not is_of_series(line[0]))
    }
    if charges:
        rejections.add_where(list(zip(ids, titles, strict=True)), charges.__contains__, RejectionCode.NO_PRODUCT)


def came_back(
    prices: Sequence[object], products: Sequence[str], value: FloatArray, rejections: RowRejections
) -> BoolArray:
    """Find rows of orders that pay money back: what was sold at a price too came back, anything else is a discount.

    Args:
        prices: The price of each row's line.
        products: Its product.
        value: float64[n], its quantity.
        rejections: Rows of discounts are added.

    Returns:
        bool[n], rows of products that came back.
    """
    texts = as_texts(prices)
    if not any("-" in text or "\N{MINUS SIGN}" in text for text in texts):
        return np.zeros(len(products), dtype=np.bool_)
    amounts = {text: match[0] if (match := price_in(text)) else 0.0 for text in set(texts)}
    price = np.array([amounts[text] for text in texts])
    sold = {product for product, one in zip(products, price.tolist(), strict=True) if one > 0}
    paid_back = (price < 0) & (value > 0)
    is_back = paid_back & where_true(products, sold.__contains__)
    rejections.add(paid_back & ~is_back, RejectionCode.NO_PRODUCT)
    return np.asarray(is_back)


def _leave_out_states(
    texts: dict[str, list[str]], layout: Layout, rules: EventRules, rejections: RowRejections
) -> tuple[BoolArray, BoolArray]:
    """Leave out rows whose state says that they do not count.

    Args:
        texts: Role → one text a row.
        layout: What the cells mean. Of a log the purchases and reviews have a state, and what options give a meaning.
        rules: Whether pending orders count.
        rejections: Rows that do not count are added.

    Returns:
        bool[n], rows of partly refunded orders, and rows of orders that are not paid yet.
    """
    n = len(rejections.good)
    partly, pending = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    states = texts.get(STATE, [])
    has_state, is_review = np.ones(n, dtype=np.bool_), np.full(n, layout.name == RATINGS)
    if layout.name == EVENTS:
        kinds = {name: layout.words.kind(name) for name in set(texts[KIND])}
        has_state = where_true(texts[KIND], lambda name: kinds[name] == EventKind.PURCHASE.value)
        is_review = where_true(texts[KIND], lambda name: kinds[name] == EventKind.RATING.value)
    for name in sorted(set(states)):
        state, of_name = layout.words.state(name), where_true(states, name.__eq__)
        shown = repr(name[:_LONGEST_STATE])
        if layout.words.review_state(name) in (OrderState.UNDONE, OrderState.PENDING):
            rejections.add(of_name & is_review, RejectionCode.REVIEW_UNDONE, shown)
        where = of_name & ~is_review & (has_state | layout.words.gives(name))
        if state is OrderState.UNDONE:
            rejections.add(where, RejectionCode.ORDER_UNDONE, shown)
        elif state is OrderState.PENDING and not rules.count_pending:
            pending |= where
            rejections.add(where, RejectionCode.ORDER_PENDING, shown)
        elif state is OrderState.PARTLY:
            partly |= where
    return partly, pending


def _paid_for_goods(
    texts: dict[str, list[str]], cells: dict[str, Sequence[object]], layout: Layout
) -> FloatArray | None:
    """Return float64[n], what the goods of each row's order cost together; None where nothing tells refunds or prices.

    Args:
        texts: Role → one text a row.
        cells: Role → one cell a row, also of the roles of products.
        layout: What the cells mean.
    """
    if REFUNDED not in texts or PRICE not in cells:
        return None
    prices = as_texts(cells[PRICE])
    n = len(prices)
    pieces = np.ones(n)
    if QUANTITY in texts and not layout.of_lines:
        pieces = np.abs(parse_numbers(texts[QUANTITY], layout.decimal)[0])
        pieces = np.where(np.isfinite(pieces), pieces, 1.0)
    paid = _amounts(prices, n) * pieces
    if INVOICE not in texts:
        return paid
    _, order = np.unique(np.array(texts[INVOICE]), return_inverse=True)
    return np.asarray(np.bincount(order, weights=paid)[order])


def _share_back(texts: dict[str, list[str]], partly: BoolArray, paid: FloatArray | None) -> FloatArray:
    """Return float64[n], the share of each row that was refunded or came back.

    Args:
        texts: Role → one text a row.
        partly: bool[n], whether the state of the order says that a part was: half, unless the line says how many.
        paid: float64[n], what the goods of its order cost, of which a refund is a part where no total is known; what
            pays them all takes them back though shipping is kept.
    """
    n = len(partly)
    by_line = where_true(texts[RETURNED], lambda text: not is_nothing(text)) if RETURNED in texts else np.zeros(n, bool)
    share = np.where(partly & ~by_line, 0.5, 0.0)
    pieces = np.sum([_amounts(texts.get(role), n) for role in (RETURNED, NOT_SENT)], axis=0)
    for back, whole in ((_amounts(texts.get(REFUNDED), n), TOTAL), (pieces, QUANTITY)):
        total = _amounts(texts.get(whole), n)
        share = np.where((total > 0) & (back > 0), back / np.where(total > 0, total, 1.0), share)
    if paid is not None:
        back, is_priced = _amounts(texts[REFUNDED], n), paid > 0
        of_goods = np.where(is_priced, back / np.where(is_priced, paid, 1.0), 0.0)
        share = np.where((of_goods >= _WHOLE) | (TOTAL not in texts), np.maximum(share, of_goods), share)
    return share


def says_test(text: str) -> bool:
    """Whether a cell says that an order is a test: a flag, or a tag of such words, alone or among others."""
    plain = text.lower()
    if plain in NO_WORDS or text.strip("0.") == "":
        return False
    return (
        plain in YES_WORDS
        or not any(map(str.isalpha, text))
        or any(map(is_test_tag, tags_in(text)))
        or is_training_tag(text)
    )


def says_no_live_order(text: str) -> bool:
    """Whether a cell of a column such as "livemode" says that an order is a test."""
    return bool(text) and (text.lower() in NO_WORDS or text.strip("0.") == "")


def says_cancelled(text: str) -> bool:
    """Whether a cell, such as a flag or the date of cancelling, says that an order was cancelled."""
    return not is_nothing(text) and text.lower() not in NO_WORDS and text.strip("0.:- ") != ""


def is_of_live_orders(name: str) -> bool:
    """Whether a column says of each order that it is none of tests: "livemode"."""
    return any(word.startswith("live") for word in words_of(name))


def _amounts(texts: list[str] | None, n: int) -> FloatArray:
    """Return float64[n], the amounts of money in these cells, 0 where there is none."""
    if texts is None:
        return np.zeros(n)
    known = {text: abs(match[0]) if (match := price_in(text)) else 0.0 for text in set(texts)}
    return np.array([known[text] for text in texts])
