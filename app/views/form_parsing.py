"""Parse the forms of the pages; errors are texts that are shown beside their fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.texts.phrases import Phrases
from src.core.domain import ProductFilter
from src.core.ids import MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long

_LONGEST_TEXT = 500


@dataclass(frozen=True)
class Typed:
    """The fields of a form as they were typed, and field → error of those that cannot be used."""

    values: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values[name]


def typed_ids(given: Mapping[str, str], t: Phrases, *names: str) -> Typed:
    """Read ids of users or products from a form.

    Args:
        given: Name of a field → text.
        *names: The fields to read.

    Returns:
        The cleaned ids, "" where none was typed, and the problems of those that are no ids.
    """
    values = {name: clean_id(given.get(name, "")) for name in names}
    error = str(t("form.no_id", n=MAX_ID_LENGTH))
    wrong = {name: error for name, value in values.items() if is_too_long(value) or has_bad_characters(value)}
    return Typed(values, wrong)


def typed_search(given: Mapping[str, str], t: Phrases) -> tuple[Typed, ProductFilter]:
    """Read the fields of a search; return them, and the filter made of those that can be used."""
    names = ("q", "category", "brand", "min_price", "max_price", "in_stock")
    values = {name: " ".join(given.get(name, "").split()) for name in names}
    problems = {
        name: str(t("form.too_long", n=_LONGEST_TEXT))
        for name in ("q", "category", "brand")
        if len(values[name]) > _LONGEST_TEXT or has_bad_characters(values[name])
    }
    prices = {name: _price(values[name]) for name in ("min_price", "max_price")}
    for name, price in prices.items():
        if values[name] and price is None:
            problems[name] = str(t("form.price"))
    low, high = prices["min_price"], prices["max_price"]
    if low is not None and high is not None and low > high:
        problems["max_price"] = str(t("form.low_price"))
    category, brand = (
        frozenset({values[name]} if values[name] and name not in problems else ()) for name in ("category", "brand")
    )
    wanted = ProductFilter(
        categories=category,
        brands=brand,
        min_price=low,
        max_price=high,
        in_stock=bool(values["in_stock"]),
    )
    return Typed(values, problems), wanted


def chosen_of(given: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """Read a choice.

    Args:
        given: Name of a field → text.
        name: The field.
        choices: What may be chosen; the first is taken for anything else.

    Returns:
        One of the choices.
    """
    return given.get(name, "") if given.get(name) in choices else choices[0]


def number_of(given: Mapping[str, str], name: str, usual: int, most: int) -> int:
    """Read a whole number from 1 on.

    Args:
        given: Name of a field → text.
        name: The field.
        usual: What is taken for anything that is no such number.
        most: The highest number; a higher one counts as it.

    Returns:
        The number.
    """
    text = given.get(name, "").strip()
    return min(int(text), most) if text.isascii() and text.isdigit() and 0 < len(text) < 8 and int(text) else usual


def _price(text: str) -> float | None:
    try:
        price = float(text.replace(",", "."))
    except ValueError:
        return None
    return price if math.isfinite(price) and price >= 0 else None
