"""Read prices and amounts out of cells."""

from __future__ import annotations

import re

from src.ingestion.column_words import words_of
from src.ingestion.text_cleaning import clean_text

_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)

_WORDS_OF_CENTS = "cents cent pence centimes centavos centesimi centimos groszy rappen ore kopecks paise minor"
_CENTS = frozenset(_WORDS_OF_CENTS.split())

_NUMBER = r"\.?\d(?:[\d.,'’ ]*\d)?"

_CENTS_CELL = re.compile(r"\s*[+-]?\d{1,15}\s*", re.ASCII)

_MONEY = (
    r"\s*(?:(?:[A-Z]{1,3}\s?)?[$€£¥₹₩₽₺₴₫฿₱₦₪₡₲₵₸₼₾]|[A-Z]{3}(?![A-Za-z])"
    r"|(?i:rs\.?|kr\.?|zł|kč|ft|lei|руб\.?|fr\.?|rp\.?|rm|tl|din\.?|лв\.?|грн\.?|дин\.?|tk\.?|r(?=\s?\d)))?\s*"
)

_PRICE = re.compile(
    rf"(?:(?i:from|ab|only|now|price|desde|vanaf|à partir de|starting at|as low as)\b\s*:?)?\s*(?P<minus>[-−])?{_MONEY}"
    rf"(?P<inner_minus>[-−])?(?P<low>{_NUMBER}){_MONEY}(?:each)?(?:(?:-|–|—|~|to|bis){_MONEY}(?P<high>{_NUMBER}){_MONEY})?",
    re.ASCII,
)

MAX_NUMBER_LENGTH = 60
"""Characters of a number with currency and words; longer texts are no numbers."""

_YEN = re.compile(r"^\s*\\(?=\s?\d)")  # the sign of the yen in Shift-JIS
_ROUND_PRICE = re.compile(r"(?<=\d)[.,:]\s?[-–—]{1,2}(?!\d)")  # "12,-", "12:-"

_GROUPED_BY_BLANKS = re.compile(r"\d{1,3}(?:[ '’]\d{3})+(?:[.,]\d+)?", re.ASCII)


def is_in_cents(name: str) -> bool:
    """Return whether the name of a column says that its amounts are in cents."""
    return not _CENTS.isdisjoint(words_of(name))


def in_units(cell: object) -> object:
    """Return an amount of cents in units of money; a cell that is no whole number as it is."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell / 100
    return f"{int(cell) / 100:.2f}" if isinstance(cell, str) and _CENTS_CELL.fullmatch(cell) else cell


def per_piece(price: object, quantity: object) -> object:
    """Return the price of one piece, where a cell has that of a line.

    Args:
        price: Cell with the price of the line.
        quantity: Cell with its number of pieces.

    Returns:
        The price over the quantity; the cell as it is where it has no price, or the line no more than one piece.
    """
    amount, n = price_in(str(price)), price_in(str(quantity))
    return f"{amount[0] / n[0]:.2f}" if amount and n and n[0] > 1.0 else price


def price_in(text: str) -> tuple[float, bool] | None:
    """Read the price in a text.

    Args:
        text: A number with currency and words, or a range of two.

    Returns:
        The price, and whether it is the lower end of a range; None if there is no price. Every negative price is -1.0.
    """
    if len(text) <= MAX_NUMBER_LENGTH and _PLAIN_NUMBER.fullmatch(text):
        return float(text), False
    text = _YEN.sub("¥", clean_text(text).text)
    match = _PRICE.fullmatch(_ROUND_PRICE.sub("", text)) if len(text) <= MAX_NUMBER_LENGTH else None
    if not match:
        return None
    low, high = _amount(match["low"]), _amount(match["high"]) if match["high"] else None
    if low is None or (match["high"] and high is None):
        return None
    if match["minus"] or match["inner_minus"]:
        return -1.0, False
    return (low, False) if high is None else (min(low, high), True)


def _amount(text: str) -> float | None:
    """Return the number that a text spells; None if its groups of digits are invalid.

    With both "." and ",", the last one is the decimal sign. A single "," before exactly three final digits separates
    thousands ("1,234"; not "0,125"); any other single "," and every single "." is the decimal sign.
    """
    if re.search("[ '’]", text):
        if not _GROUPED_BY_BLANKS.fullmatch(text):
            return None
        text = re.sub("[ '’]", "", text)
        grouping, decimal = "", "," if "," in text else "."
    elif "," in text and "." in text:
        grouping, decimal = (",", ".") if text.rfind(".") > text.rfind(",") else (".", ",")
    elif text.count(",") == 1:
        is_thousands = re.fullmatch(r"[1-9]\d{0,2},\d{3}", text)
        grouping, decimal = (",", ".") if is_thousands else ("", ",")
    else:
        grouping, decimal = (",", ".") if "," in text else (".", ",") if text.count(".") > 1 else ("", ".")
    whole, _, fraction = text.partition(decimal)
    if grouping and grouping in whole:
        # The last group has three digits; in India the others have two.
        if not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(grouping)}\d{{2,3}})*{re.escape(grouping)}\d{{3}}", whole):
            return None
        whole = whole.replace(grouping, "")
    if not (whole + fraction).isdecimal():
        return None
    return float(f"{whole or '0'}.{fraction or '0'}")
