"""Read how many pieces a cell says: "2x", "3 Stk.", "1,000 EA"; and tell weights and volumes from pieces. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from src.ingestion.column_words import classes_of, plain_letters

_BLANKS = " \u00a0\u2009\u202f"  # between thousands
_NUMBER = rf"[+-]?(?:\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?![{_BLANKS}]?\d)(?:[.,]\d*)?|\d[\d.,]*)"
_WITHOUT_BLANKS = str.maketrans("", "", _BLANKS)
_TIMES = r"[x×*]"
_PIECES = re.compile(
    rf"(?:[^\W\d_]+\s*:\s*)?(?:{_TIMES}\s*)?(?P<n>{_NUMBER})\s*"
    rf"(?:{_TIMES}|(?P<unit>[^\W\d_]+)\.?(?:\([^\W\d_]{{1,3}}\))?)?",
    re.IGNORECASE,
)
_WORDS_OF_UNITS = """
    st ea each pair pairs pack packs set sets box boxes item items piece stueck pkg karton 개 本 点 枚
"""
_WORDS_OF_MEASURES = """
    g gr gram grams gramm kg kilo mg t lb lbs oz ml cl dl l lt ltr liter litre litro m cm mm qm sqm cbm ft yd yards
    metre meter кг г л мл м
"""
_UNITS, _MEASURES = (frozenset(plain_letters(words).split()) for words in (_WORDS_OF_UNITS, _WORDS_OF_MEASURES))
ONE = "1"


@lru_cache(maxsize=16_384)
def pieces_in(text: str) -> str:
    """Return the number of pieces in a cell, as the cell spells it.

    Args:
        text: The cell.

    Returns:
        The number, without blanks between thousands; ONE for a weight or volume, which says how large the one thing is;
        the cell itself where it has words that are no unit.
    """
    match = _PIECES.fullmatch(text.strip())
    if match is None:
        return text
    unit = plain_letters(match["unit"] or "")
    if unit in _MEASURES:
        return ONE
    number = match["n"].translate(_WITHOUT_BLANKS)
    return number if not unit or unit in _UNITS or classes_of(unit) == ["quantity"] else text


def is_measure(text: str) -> bool:
    """Whether a cell is a weight, a volume or a length: "350 g"."""
    match = _PIECES.fullmatch(text.strip())
    return match is not None and plain_letters(match["unit"] or "") in _MEASURES


def is_pieces(text: str) -> bool:
    """Whether a cell is a number with a unit beside it."""
    return pieces_in(text) != text
