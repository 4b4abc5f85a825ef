"""Read times of day as languages write them: "11h50", "11 h 50", "11.50 Uhr", "kl. 11.50". Pure."""

from __future__ import annotations

import re

_WORDS_BEFORE = """
    kl klo kell klockan um om a as at alle ore ora à às las godz o ob v ve saat la при в о ч
"""
_WORDS_AFTER = "uhr uur hod hodin hs hrs h ur godz ч г min"
_BEFORE, _AFTER = ("|".join(sorted(words.split(), key=len, reverse=True)) for words in (_WORDS_BEFORE, _WORDS_AFTER))
_HOUR = (
    rf"(?P<before>(?:a\s+las|{_BEFORE})(?:\.\s*|\s+))?(?P<hour>\d{{1,2}})"
    r"(?:\s?(?P<sign>h|:|\.)\s?(?P<minute>\d{2})(?:\s?(?:m|min|[.:])\s?(?P<second>\d{2})\s?s?)?)?"
    rf"\s*(?P<after>(?:{_AFTER})\b\.?)?"
)
_CLOCK = re.compile(_HOUR, re.IGNORECASE)
_AFTER_DAY = re.compile(
    rf"(?P<day>\d{{1,4}}([./-])\d{{1,2}}\2\d{{1,4}})\.?[T,;]?(?:\s+|\s*[-–@|]\s*){_HOUR}", re.IGNORECASE
)


def is_clock(text: str) -> bool:
    """Return whether a text is a time of day by its words or signs, and no price, number or duration.

    Args:
        text: The cell, such as "11 h 50" or "kl. 11.50".
    """
    found = _CLOCK.fullmatch(text.strip())
    return bool(found and found["minute"] and (found["sign"] != "." or found["before"] or found["after"]))


def plain_clock(text: str) -> str:
    """Return a time of day as "11:50" or "11:50:30"; the text itself where it is none, or has nothing but digits.

    Args:
        text: The cell of a column of times of day, such as "11h50" or "kl. 11.50".
    """
    found = _CLOCK.fullmatch(text.strip())
    return _written(found) or text if found else text


def with_plain_clock(text: str) -> str:
    """Return a day of numbers with its time of day as "12/03/2025 11:50"; the text itself where it is none.

    Args:
        text: The cell, such as "12/03/2025 à 11h50" or "12.03.2025, kl. 11.50".
    """
    found = _AFTER_DAY.fullmatch(text.strip())
    return f"{found['day']} {clock}" if found and (clock := _written(found)) else text


def _written(found: re.Match[str]) -> str:
    """Return the time of day that was found, in numbers with colons; "" for an hour without a word beside it."""
    if not (found["minute"] or found["before"] or found["after"]):
        return ""
    clock = f"{int(found['hour']):02}:{found['minute'] or '00'}"
    return f"{clock}:{found['second']}" if found["second"] else clock
