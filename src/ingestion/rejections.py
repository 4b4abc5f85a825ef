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

    TIME_UNREADABLE = "time is not readable"
    TIME_BEFORE_1970 = "time is before 1970"
    TIME_IN_FUTURE = "time is in the future"


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
    def reason(self) -> str:
        """The sentence of the rejection."""
        return str(self.rejection)
