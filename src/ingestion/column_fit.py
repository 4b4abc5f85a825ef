"""How well the cells of a column fit a role that its name suggests. Pure."""

from __future__ import annotations

from src.ingestion.column_names import (
    AVAILABLE,
    BRAND,
    CANCELLED,
    CATEGORY,
    CLOCK,
    DESCRIPTION,
    EVENT_ID,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    LANGUAGE,
    LINE_KIND,
    LISTED,
    MARK,
    NOT_SENT,
    PART_OF,
    PRICE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    REFUNDED,
    RETURNED,
    SALE_PRICE,
    STATE,
    STOCK,
    TEST,
    TIME,
    TITLE,
    TOTAL,
    USER,
    VALUE,
    WITHDRAWN,
    is_number,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_vocabulary import TYPE_WORD
from src.ingestion.column_words import (
    classes_of,
    has_id_word,
    plain_letters,
    words_of,
)
from src.ingestion.no_products import NOT_SOLD, PART_OF_SET, line_kind
from src.ingestion.piece_counts import is_pieces
from src.ingestion.product_cleaning import stock_in
from src.ingestion.rating_scales import without_whole
from src.ingestion.worded_ratings import rating_in_words

_IDS = (USER, PRODUCT, INVOICE, EVENT_ID, MARK, GROUP)
_WITHOUT_DAYS = {
    VALUE,
    QUANTITY,
    PRICE,
    SALE_PRICE,
    TITLE,
    BRAND,
    CATEGORY,
    DESCRIPTION,
    STOCK,
    AVAILABLE,
    LANGUAGE,
    TEST,
}
"""Roles whose cells are no days, whatever their column is called."""
_HALF_FULL, _MOSTLY = 0.5, 0.8
_FEW_PIECES = 5
_FEW_ROWS = 3
_WORDS_OF_FLAGS = """
    y n t f j s e h i k yes no true false ja nein oui non si nee tak nie sim nao nej evet hayir igen nem ano ne da nu
    kylla ei vero falso verdadero vrai faux wahr falsch
"""
FLAGS = frozenset(_WORDS_OF_FLAGS.split())
"""Words for yes and no, in plain letters."""
_BITS = FLAGS | {"0", "1"}
_PLACES = frozenset({"position", "pos", "positions", "line", "lines", "no", "nr", "number", "rang", "rank"})


def fit(role: str, profile: ColumnProfile, *, is_named: bool) -> float:
    """Return how well the cells of a column fit a role that its name suggests.

    Args:
        role: The role.
        profile: The column.
        is_named: Whether the name is one of the known names, which is trusted where cells say little.

    Returns:
        From 0, where the cells rule the role out, to 1.
    """
    if not profile.cells:
        return 1.0
    weak = 0.3 if is_named else 0.0
    if role in _IDS:
        is_place = role == PRODUCT and _PLACES.issuperset(words_of(profile.meaning)) and _counts_places(profile)
        is_flag = role == GROUP and len(profile.cells) >= MANY and {*map(plain_letters, profile.cells)} <= _BITS
        is_day = len(profile.cells) >= _FEW_ROWS and profile.days >= _MOSTLY and not has_id_word(profile.meaning)
        return 0.0 if is_place or is_flag or is_day else _fit_of_ids(profile, is_named)
    if role in _WITHOUT_DAYS and profile.days >= _MOSTLY:
        return 0.0
    shares = {
        TIME: max(profile.times, profile.excel_days, 0.0 if profile.clocks >= _HALF_FULL else weak),
        CLOCK: max(profile.clocks, profile.integers),
        KIND: profile.kinds,
        STATE: max(
            profile.states, profile.listings, 0.5 if profile.integers >= 0.9 and profile.n_distinct <= MANY else 0.0
        ),
        VALUE: max(profile.share(lambda cell: is_number(without_whole(cell))), profile.share(rating_in_words), weak),
        RETURNED: profile.numbers,
        NOT_SENT: profile.numbers,
        PART_OF: profile.ids,
        QUANTITY: max(profile.numbers, profile.share(is_pieces), weak)
        if "amount" not in words_of(profile.meaning)
        else fit_of_amount(profile),
        PRICE: max(profile.money, weak if not profile.nested else 1.0),
        SALE_PRICE: max(profile.money, weak),
        REFUNDED: profile.money,
        TOTAL: profile.money,
        PURCHASED: profile.share(_says_whether),
    }
    if role == KIND and profile.kinds < _HALF_FULL:
        return 0.5 if profile.is_enumeration and (is_named or profile.kinds > 0.0) else 0.0
    if role == LISTED and max(profile.times, profile.texts, profile.urls) >= _HALF_FULL:
        return 0.0
    if role == WITHDRAWN and not is_named:
        return 1.0 if {*map(plain_letters, profile.cells)} <= _BITS else 0.0
    if role == LINE_KIND:
        return 1.0 if {line_kind(cell) for cell in set(profile.cells)} & {NOT_SOLD, PART_OF_SET} else 0.0
    if role == CANCELLED:
        return 1.0 if profile.times or profile.is_enumeration or profile.integers else 0.0
    if role in shares:
        share = shares[role]
        return (1.0 if share >= _HALF_FULL else share) if share > 0.05 else 0.0
    if role in (TITLE, BRAND, CATEGORY) and profile.times >= _HALF_FULL:
        return 0.0
    if role in (TITLE, DESCRIPTION) and max(profile.urls, profile.objects) >= _HALF_FULL:
        return 0.0
    return 1.0 if is_named or profile.nested else _fit_of_attribute(role, profile)


def _counts_places(profile: ColumnProfile) -> bool:
    """Whether a column has the numbers from 0 or 1 on, as places in a list or lines of an order have."""
    numbers = {int(cell) for cell in profile.cells if cell.isdecimal() and len(cell) <= len("999")}
    is_whole = profile.integers == 1.0 and bool(numbers)
    return is_whole and min(numbers) < 2 and max(numbers) - min(numbers) < 2 * len(numbers)


def _fit_of_ids(profile: ColumnProfile, is_named: bool) -> float:
    if profile.nested:  # the rows of such a column are rejected one by one, with their lines
        return 0.1 if is_named else 0.0
    if profile.texts >= _HALF_FULL:
        return 0.2
    if is_named:
        return 1.0
    if profile.urls >= _HALF_FULL or (profile.times >= 0.8 and not has_id_word(profile.meaning)):
        return 0.0
    # Some ids have a point: "1000.170".
    return 0.8 if profile.numbers >= 0.9 > profile.integers else 1.0


def fit_of_amount(profile: ColumnProfile) -> float:
    """Return 1.0 for small whole numbers: an amount of pieces, not of money."""
    cells = [cell.removesuffix(".0") for cell in profile.cells]  # as data frames write whole numbers
    numbers = sorted(int(cell) for cell in cells if cell.isdecimal() and len(cell) < 9)
    is_pieces = len(numbers) >= 0.95 * len(cells) and bool(numbers) and numbers[len(numbers) // 2] <= _FEW_PIECES
    return 1.0 if is_pieces else 0.0


def _fit_of_attribute(role: str, profile: ColumnProfile) -> float:
    if role == IMAGE:
        return 1.0 if profile.share(lambda cell: "/" in cell or "." in cell) >= _HALF_FULL else 0.0
    if role in (TITLE, CATEGORY) and (profile.numbers >= 0.9 or profile.urls >= _HALF_FULL):
        return 0.0
    if role == CATEGORY and TYPE_WORD in classes_of(profile.meaning) and profile.n_distinct < 2 <= len(profile.cells):
        return 0.0
    if role == STOCK and max(profile.numbers, profile.share(lambda cell: stock_in(cell) is not None)) < _HALF_FULL:
        return 0.0
    return 1.0


def _says_whether(cell: str) -> bool:
    return is_number(cell) or plain_letters(cell) in FLAGS
