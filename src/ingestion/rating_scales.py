"""Find the scale of ratings by their cells, and convert ratings to another one. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray
from src.core.errors import InputError
from src.ingestion.column_names import number_of
from src.ingestion.column_words import words_of
from src.ingestion.event_rules import EventRules
from src.ingestion.worded_ratings import are_votes, rating_in_words

_WORDS_OF_STARS = (
    r"(?:-?stars?|sternen?|sterren|stern|punkten?|points?|[eé]toiles?|estrellas?|estrelas?|stell[ae]|gwiazd\w*|"
    r"stj[aä]rn\w*|stjern\w*|csillag|yıldız|зв[её]зд\w*|星)"
)
_OUT_OF = re.compile(
    rf"(\d+(?:[.,]\d+)?) ?(?:/|out of|von|sur|su|de|z|van|av|из) ?(?:5|10|20|100)(?: ?{_WORDS_OF_STARS})?",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d+)?) ?%")
_STARS = re.compile("[★⭐🌟☆✩✰\ufe0f ]*[★⭐🌟☆✩✰][★⭐🌟☆✩✰\ufe0f ]*")
_IN_STARS = re.compile(rf"(\d(?:[.,]\d+)?) ?{_WORDS_OF_STARS}", re.IGNORECASE)
_IN_NAME = re.compile(r"[(\[]\s*(-?\d{1,3})\s*(?:-|–|—|to|bis|à|a|do|\.\.+|…)\s*(\d{1,3})\s*[)\]]", re.IGNORECASE)
_FEW_UNRATED, _UNRATED_SHARE, _GAP = 3, 0.02, 1.5  # how often a number stands for none, and how far from the others
_ENOUGH = 20  # ratings from which a scale can be told from mistakes
_COVERED = 0.95  # share of the ratings that a scale must hold: the others are mistakes


class Scale(NamedTuple):
    """The worst and the best rating, where 1 is the best a low of 6; is_given: by an option, or by the file itself."""

    low: float
    high: float
    is_given: bool = False

    def __str__(self) -> str:
        """Return it as options write it."""
        return f"{self.low:g}-{self.high:g}"


_NEXT_LOWER: dict[float, int] = {5: 0, 7: 5, 10: 5, 100: 10}
_HIGH = 0.3  # share of the ratings that must lie above the next lower scale
USUAL_SCALE = Scale(1, 5)
SHARES = Scale(0, 100, is_given=True)
"""The scale of ratings such as "80 %"."""
WORDED = Scale(1, 5, is_given=True)
"""The scale of ratings such as "very good"."""
_SYMMETRIC = (Scale(-1, 1), Scale(-2, 2), Scale(-3, 3), Scale(-5, 5), Scale(-10, 10), Scale(-100, 100))
_USUAL = (
    USUAL_SCALE,
    Scale(0.5, 5),
    Scale(0, 5),
    Scale(1, 7),
    Scale(1, 10),
    Scale(0, 10),
    Scale(1, 100),
    Scale(0, 100),
)


_NEGATING_WORDS = """
    no not non nicht keine kein ohne sin senza sans niet geen brak nie bez ej inte ikke ei nao sem pas nincs yok unrated
    нет не 未 无
"""
_NEGATIONS = frozenset(_NEGATING_WORDS.split())
_MOST_WORDS = 5


def without_whole(text: str) -> str:
    """Return the rating in "8/10", "4 out of 5 stars", "80 %", "4 Sterne" and "★★★☆☆"; any other text as it is."""
    if _STARS.fullmatch(text):
        return str(sum(sign in "★⭐🌟" for sign in text))
    match = _OUT_OF.fullmatch(text) or _PERCENT.fullmatch(text) or _IN_STARS.fullmatch(text)
    return match[1] if match else text


def rating_of(text: str, *, worded: bool) -> str:
    """Return the number of a rating, however it is written.

    Args:
        text: The cell.
        worded: Whether the ratings of the file are words.

    Returns:
        The text itself where it is none of these notations.
    """
    return (rating_in_words(text) if worded else None) or without_whole(text)


def are_shares(texts: Sequence[str]) -> bool:
    """Return whether most ratings are written as "80 %"."""
    return bool(texts) and 2 * sum(text.endswith("%") for text in texts) > len(texts)


def says_unrated(text: str, number: float | None = None) -> bool:
    """Tell whether a text in a column of ratings says that there is none.

    Args:
        text: "not rated", "non noté", "–" and the like.
        number: A number that means the same; None for none.

    Returns:
        False for a rating, and for nothing.
    """
    if number is not None and number_of(text) == number:
        return True
    if not text or any(letter.isdigit() for letter in text):
        return False
    words = words_of(text)
    return not words or (words[0] in _NEGATIONS and len(words) <= _MOST_WORDS)


def parse_scale(text: str) -> Scale:
    """Parse "1-10", or "6-1" where 1 is the best.

    Raises:
        InputError: The text is no scale.
    """
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*[-–:]\s*(-?\d+(?:\.\d+)?)\s*", text)
    if not match or float(match[1]) == float(match[2]):
        raise InputError(
            f"--scale: found {text!r}; expected the worst and the best rating: --scale 1-10, or 6-1 where 1 is the best"
        )
    return Scale(float(match[1]), float(match[2]), is_given=True)


def find_no_rating(ratings: Sequence[float]) -> float | None:
    """Return the number that stands for "not rated": a repeated 9, 99, -99 … far from all others; None if none does."""
    for value in {min(ratings), max(ratings)} if ratings else ():
        others = [abs(rating) for rating in ratings if rating != value]
        n = len(ratings) - len(others)
        is_nines = value % 1 == 0 and set(f"{abs(value):.0f}") == {"9"}
        is_apart = bool(others) and (abs(value) > _GAP * max(others) or value < 0 <= min(set(ratings) - {value}))
        if is_nines and is_apart and n >= max(_FEW_UNRATED, _UNRATED_SHARE * len(ratings)):
            return value
    return None


def scale_in_name(name: str) -> Scale | None:
    """Return the scale that the name of a column says: "Punkte (0-10)"; None if it says none."""
    match = _IN_NAME.search(name)
    return Scale(float(match[1]), float(match[2]), is_given=True) if match and int(match[1]) < int(match[2]) else None


def find_scale(ratings: Sequence[float]) -> Scale | None:
    """Return the smallest usual scale that holds nearly all of these ratings; None if none does."""
    if len(ratings) < _ENOUGH:
        return None
    least = _COVERED * len(ratings)
    if sum(rating < 0 for rating in ratings) > len(ratings) - least:
        return next((s for s in _SYMMETRIC if sum(s.low <= rating <= s.high for rating in ratings) >= least), None)
    found = next((s for s in _USUAL if sum(s.low <= rating <= s.high for rating in ratings) >= least), None)
    if found is not None and sum(rating > _NEXT_LOWER[found.high] for rating in ratings) < _HIGH * len(ratings):
        return None  # a few high numbers are mistakes, and must not change what the others mean
    if found == Scale(1, 5) and min(ratings) == 0.5 and any(rating % 1 == 0.5 for rating in ratings if rating > 1):
        return Scale(0.5, 5)  # half stars, the lowest of which is rare
    return found


_WORDS_OF_RANKS = """
    rank ranks ranking ranked rang rangs range platz platzierung schulnote schulnoten classement puesto posto plaats
    miejsce ranga preference place grade_de prioritaet priority prioridad
"""
_GRADES, _WORST_GRADE = frozenset({"note", "noten", "gesamtnote"}), 6.0
_RANKS = frozenset(_WORDS_OF_RANKS.split())
_ONE_IS_BEST = re.compile(
    r"\b1\s*(?:=|:|is|–|-)\s*(?:the )?(?:sehr gut|best|very good|excellent|top|tr[eè]s bien|muy)", re.I
)


def may_be_grades(name: str, ratings: Sequence[float]) -> bool:
    """Return whether ratings from 1 to 6 go by a word for school grades: "Note", which is any mark in other languages.

    Args:
        name: The name of their column.
        ratings: The ratings.
    """
    is_of_school = len(ratings) >= _ENOUGH and min(ratings) >= 1 and max(ratings) <= _WORST_GRADE
    return is_of_school and not _GRADES.isdisjoint(words_of(name))


def is_ranking(name: str) -> bool:
    """Return whether the name of a column says that 1 is the best: "rank", "Schulnote", "grade (1 = best)"."""
    return not _RANKS.isdisjoint(words_of(name)) or _ONE_IS_BEST.search(name) is not None


def scale_of_ranks(ratings: Sequence[float]) -> Scale | None:
    """Return the scale of ranks or grades of which 1 is the best; None if they do not begin there."""
    if len(ratings) < _ENOUGH or min(ratings) != 1 or max(ratings) <= 1:
        return None
    return Scale(max(ratings), 1.0, is_given=True)


def scale_of_votes(name: str, ratings: Sequence[float]) -> Scale | None:
    """Return the scale of votes: from -1 to 1, or 0 and 1 where the name says so.

    Args:
        name: The name of the column.
        ratings: Its numbers.

    Returns:
        None for other numbers.
    """
    found = set(ratings)
    if are_votes(name, {f"{rating:g}" for rating in found}):
        return Scale(0.0, 1.0, is_given=True)
    return Scale(-1.0, 1.0, is_given=True) if {-1.0, 1.0} <= found <= {-1.0, 0.0, 1.0} else None


def differs(scale: Scale | None, rules: EventRules) -> bool:
    """Return whether ratings of a scale must be converted: an option says so, or the shop's scale does not hold it.

    Args:
        scale: The scale of the file; None where it is not known.
        rules: The shop's scale.

    Returns:
        False for an unknown scale.
    """
    if scale is None:
        return False
    if scale.is_given:
        return (scale.low, scale.high) != (rules.rating_min, rules.rating_max)
    return scale.low < rules.rating_min or scale.high > rules.rating_max


def to_scale(value: FloatArray, scale: Scale | None, rules: EventRules) -> FloatArray:
    """Convert ratings to the shop's scale, so that the ends of both meet.

    Args:
        value: float64[n], ratings.
        scale: The scale of the file.
        rules: The shop's scale.

    Returns:
        float64[n]; the ratings themselves where the scales do not differ.
    """
    if scale is None or not differs(scale, rules):
        return value
    share = (value - scale.low) / (scale.high - scale.low)
    return np.asarray(rules.rating_min + share * (rules.rating_max - rules.rating_min))
