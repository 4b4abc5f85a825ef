"""Read dates whose month is a word, in the languages of shops: "12. März 2024, 14:05 Uhr", "May-12-24"."""

from __future__ import annotations

import re
from functools import lru_cache

from src.ingestion.column_words import plain_letters

# Beginnings of the names of each month, without accents.
_MONTHS = (
    "jan ene gen sty",
    "feb fev fevr lut",
    "mar mrz maa mrt mae maerz mars",
    "apr avr abr kwi",
    "may mai mei mag maj",
    "jun juin giu cze",
    "jul juil lug lip",
    "aug ago aou aout sie",
    "sep set wrz",
    "oct okt ott out paz",
    "nov lis",
    "dec dez dic gru des",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_LONGEST = 60
_IDEOGRAPHIC = re.compile(r"(\d{4})[年년]\s?(\d{1,2})[月월]\s?(\d{1,2})[日일]?")
_CLOCK = re.compile(r"(\d{1,2})[:h](\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap])?\.?(?:m\b)?\.?", re.IGNORECASE)
_ZONE = re.compile(r"\s*(?:(?:UTC|GMT)\s*)?([+-]\d{2}):?(\d{2})(?!\d)")
_WORDS_OF_WEEKDAYS = """
    mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag sonnabend
    mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday sunday
    lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche
    mie jue vie sab dom lunes martes miercoles jueves viernes sabado domingo
    gio lunedi martedi mercoledi giovedi venerdi domenica
    ma wo vr za zo maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
    pn pon wt sr czw pt sob nd ndz niedz seg ter qua qui sex
"""
_WEEKDAYS = frozenset(_WORDS_OF_WEEKDAYS.split())
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,10})\.?,?\s+(?=\d)")


def without_weekday(text: str) -> str:
    """Return a date of numbers without the day of the week before it: "Mo, 05.10.2025"."""
    if text[:1].isdecimal() or (found := _WORD_BEFORE.match(text)) is None:
        return text
    return text[found.end() :] if plain_letters(found[1]) in _WEEKDAYS else text


@lru_cache(maxsize=65_536)
def written_date(text: str) -> str:
    """Return a date, or a date and time, in ISO 8601.

    Args:
        text: Day, month as a word, and year in any order of day and month; then a clock, a zone, and other words.

    Returns:
        Such as "2024-03-12T14:05:00"; "" if the text is no such date.
    """
    if len(text) > _LONGEST or not text:
        return ""
    clock = _CLOCK.search(text)
    zone = _ZONE.match(text, clock.end()) if clock else None
    end = zone.end() if zone else clock.end() if clock else 0
    day = _day(text[: clock.start()] + " " + text[end:] if clock else text)
    if not day or clock is None:
        return day
    hour = int(clock[1])
    if clock[4]:
        hour = hour % 12 + (12 if clock[4].lower() == "p" else 0)
    return f"{day}T{hour:02d}:{clock[2]}:{clock[3] or '00'}{f'{zone[1]}:{zone[2]}' if zone else ''}"


def _day(text: str) -> str:
    if match := _IDEOGRAPHIC.search(text):
        return f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}"
    tokens = re.findall(r"\d+|[^\W\d_]+", plain_letters(text))
    months = [at for at, token in enumerate(tokens) if not token.isdecimal() and month_number(token)]
    numbers = [token for token in tokens if token.isdecimal()][:2]
    if len(months) != 1 or len(numbers) != 2 or len(tokens) > 8:
        return ""
    number_of_year = next((number for number in numbers if len(number) == 4), numbers[1])
    number_of_day = numbers[0] if number_of_year is numbers[1] else numbers[1]
    if len(number_of_year) not in (2, 4) or len(number_of_day) > 2:
        return ""
    year = int(number_of_year) + (2000 if len(number_of_year) == 2 else 0)
    return f"{year:04d}-{month_number(tokens[months[0]]):02d}-{int(number_of_day):02d}"


def is_month(word: str) -> bool:
    """Whether a word in plain letters is the name of a month, or begins like one: "mrz", "janvier"."""
    return month_number(word) > 0


def month_number(word: str) -> int:
    """Return the number of a month; 0 if the word in plain letters is none."""
    if len(word) < 3 or len(word) > 12:
        return 0
    return _MONTH_OF.get(word[:4], 0) or _MONTH_OF.get(word[:3], 0)
