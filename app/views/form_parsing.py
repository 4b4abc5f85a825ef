"""Parse the forms of the pages; errors are texts that are shown beside their fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

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


def typed_ids(given: Mapping[str, str], *names: str) -> Typed:
    """Read ids of users or products from a form.

    Args:
        given: Name of a field → text.
        *names: The fields to read.

    Returns:
        The cleaned ids, "" where none was typed, and the problems of those that are no ids.
    """
    values = {name: clean_id(given.get(name, "")) for name in names}
    error = f"this is no id: expected up to {MAX_ID_LENGTH} characters, none of them a control character"
    wrong = {name: error for name, value in values.items() if is_too_long(value) or has_bad_characters(value)}
    return Typed(values, wrong)


def typed_search(given: Mapping[str, str]) -> tuple[Typed, ProductFilter]:
    """(the form of the search page, what a product must be by it, without the fields that cannot be used)."""
    values = {
        name: " ".join(given.get(name, "").split()) for name in ("q", "category", "min_price", "max_price", "in_stock")
    }
    problems = {
        name: f"this is too long: expected up to {_LONGEST_TEXT} characters without control characters"
        for name in ("q", "category")
        if len(values[name]) > _LONGEST_TEXT or has_bad_characters(values[name])
    }
    prices = {name: _price(values[name]) for name in ("min_price", "max_price")}
    for name, price in prices.items():
        if values[name] and price is None:
            problems[name] = "this is no price: expected a number such as 20 or 19.99"
    low, high = prices["min_price"], prices["max_price"]
    if low is not None and high is not None and low > high:
        problems["max_price"] = "this is below the lowest price, so no product could fit"
    category = None if "category" in problems else values["category"] or None
    names = frozenset[str]() if category is None else frozenset({category})
    wanted = ProductFilter(categories=names, min_price=low, max_price=high, in_stock=bool(values["in_stock"]))
    return Typed(values, problems), wanted


def _price(text: str) -> float | None:
    try:
        price = float(text.replace(",", "."))
    except ValueError:
        return None
    return price if math.isfinite(price) and price >= 0 else None
