"""Reasons for rejecting a row of a file: codes, each with its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.core.domain import MAX_VALUE
from src.core.ids import MAX_ID_LENGTH


class RejectionCode(StrEnum):
    """Reasons for rejecting a row. The value is the sentence, with a place for the detail where it has one.

    Sentences are also the keys of the counts that the store keeps of each load: a new wording starts a new count.
    """

    LINE_TOO_LONG = "line is too long"
    UNCLOSED_QUOTE = "quote that is never closed"
    MISSING_FIELD = "missing field"
    TOO_MANY_FIELDS = "too many fields"
    ABOVE_HEADER = "above the header"
    REPEATED_HEADER = "the header again"
    NO_JSON_OBJECT = "line is no JSON object"

    EMPTY_ID = "empty {}"
    ID_TOO_LONG = f"{{}} is longer than {MAX_ID_LENGTH}"
    BAD_CHARACTERS = "{} has control characters or is not UTF-8"
    TEXT_TOO_LONG = "{} is too long"
    ITEMS_UNREADABLE = "the products in one cell are not readable"
    USER_WITHOUT_PRODUCTS = "user without products"

    NO_NUMBER = "{} is not a number"
    RATING_EMPTY = "rating is empty"
    RATING_OUT_OF_RANGE = "rating is out of range ({}; AISLE_RATING_MIN, AISLE_RATING_MAX)"
    QUANTITY_ZERO = "quantity is 0"
    QUANTITY_TOO_LARGE = "quantity is too large"
    VALUE_NOT_POSITIVE = "value is not above 0"
    VALUE_TOO_LARGE = f"value is above {MAX_VALUE:,.0f}"
    NO_FLAG = "purchased is neither yes nor no"
    UNKNOWN_KIND = "unknown kind of event"
    UNKNOWN_KIND_NAMED = "unknown kind of event {}"

    ORDER_UNDONE = "order is {}: cancelled, refunded or failed"
    REVIEW_UNDONE = "review is {}: not published"
    ORDER_PENDING = "order is {}: not paid yet (AISLE_COUNT_PENDING)"
    ORDER_CANCELLED = "order was cancelled or wholly refunded"
    NO_ACT = "{} is no act of a user on a product"
    GIFT_CARD = "gift card"
    NO_PRODUCT = "shipping, tip, discount, deposit or fee: no product"
    PART_OF_SET = "part of a set, which counts as a whole"
    TEST_ORDER = "test order"
    NO_CUSTOMER = "sale without a customer (at the till, or by a guest)"
    NOBODY = "{} stands for no single customer"
    OTHER_LANGUAGE = "text in another language ({}); --language chooses"
    NO_VARIANT = "more pictures of the product above"
    GROUP_HEADING = "heading of the rows below"

    TIME_UNREADABLE = "time is not readable"
    TIME_BEFORE_1970 = "time is before 1970"
    TIME_IN_FUTURE = "time is in the future"


LEFT_OUT = frozenset(
    {
        RejectionCode.ORDER_UNDONE,
        RejectionCode.REVIEW_UNDONE,
        RejectionCode.ORDER_PENDING,
        RejectionCode.ORDER_CANCELLED,
        RejectionCode.NO_ACT,
        RejectionCode.GIFT_CARD,
        RejectionCode.NO_PRODUCT,
        RejectionCode.PART_OF_SET,
        RejectionCode.TEST_ORDER,
        RejectionCode.NO_CUSTOMER,
        RejectionCode.NOBODY,
        RejectionCode.OTHER_LANGUAGE,
        RejectionCode.NO_VARIANT,
        RejectionCode.GROUP_HEADING,
    }
)
"""Reasons of rows that were understood and do not count; the others are mistakes of the file."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The reason for rejecting one row.

    Attributes:
        code: The reason.
        detail: What fills the place in the code's sentence, such as a column; "" where it has none.
    """

    code: RejectionCode
    detail: str = ""

    def __str__(self) -> str:
        """Return the sentence for people, which is also the key under which loads count it."""
        return self.code.format(self.detail)


@dataclass(frozen=True)
class RejectedRow:
    """A row that cannot be used.

    Attributes:
        line: 1-based number of its first line.
        rejection: Why.
        fields: The cells as they stand in the file.
    """

    line: int
    rejection: Rejection
    fields: Sequence[object]

    @property
    def is_left_out(self) -> bool:
        """Whether the row was understood and does not count, rather than broken."""
        return self.rejection.code in LEFT_OUT

    @property
    def reason(self) -> str:
        """The sentence of the rejection."""
        return str(self.rejection)
