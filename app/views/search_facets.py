"""Filters beside the results of a search, each with the number of results that it leaves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.texts.phrases import Phrases
from src.core.domain import Product, category_names

_NAMES = 12
_BANDS = 4


@dataclass(frozen=True)
class Chip:
    """A filter: its text, how many results it leaves, the fields of the form that it sets, and whether it is chosen."""

    text: str
    n: int
    fields: Mapping[str, str]
    is_chosen: bool = False


@dataclass(frozen=True)
class Facet:
    """The filters of one attribute."""

    name: str
    chips: list[Chip]


def facets_of(products: Sequence[Product], typed: Mapping[str, str], *, has_stock: bool, t: Phrases) -> list[Facet]:
    """Count the results by attribute. A facet is left out where it would not narrow the results, unless it is chosen.

    Args:
        products: the results.
        typed: the fields of the form.
        has_stock: whether the catalogue knows stocks.

    Returns:
        The facets that the results support.
    """
    names = [
        _names("category", products, lambda product: category_names(product.category or ""), typed),
        _names("brand", products, lambda product: [product.brand] if product.brand else [], typed),
    ]
    facets = [*names, _prices(products, typed, t)]
    if has_stock:
        facets.append(_stock(products, typed, t))
    return [facet for facet in facets if facet.chips]


def _names(
    name: str, products: Sequence[Product], of: Callable[[Product], Sequence[str]], typed: Mapping[str, str]
) -> Facet:
    counts = Counter(each for product in products for each in of(product))
    chosen = typed[name].casefold()
    if len(counts) < 2 and not chosen:
        return Facet(name, [])
    rows = counts.most_common(_NAMES)
    is_shown = any(each.casefold() == chosen for each, _ in rows)
    chips = [_chip(each, n, {name: each}, is_chosen=each.casefold() == chosen) for each, n in rows]
    unseen = [] if is_shown or not chosen else [Chip(typed[name], len(products), {name: ""}, True)]
    return Facet(name, [*unseen, *chips])


def _chip(text: str, n: int, fields: Mapping[str, str], *, is_chosen: bool) -> Chip:
    return Chip(text, n, dict.fromkeys(fields, "") if is_chosen else fields, is_chosen)


def _prices(products: Sequence[Product], typed: Mapping[str, str], t: Phrases) -> Facet:
    prices = np.array([product.price for product in products if product.price is not None])
    low, high = typed["min_price"], typed["max_price"]
    if low or high:
        return Facet("price", [Chip(_band(low, high, t), len(products), {"min_price": "", "max_price": ""}, True)])
    bounds = _round_bounds(prices)
    chips = []
    for start, end in pairwise([-math.inf, *bounds, math.inf] if bounds else []):
        fields = {"min_price": _typed(start), "max_price": _typed(end)}
        n = int(((prices >= start) & (prices <= end)).sum())
        chips.append(Chip(_band(fields["min_price"], fields["max_price"], t), n, fields))
    return Facet("price", chips)


def _round_bounds(prices: np.ndarray) -> list[float]:
    """Return round prices that divide the results into parts of nearly equal size; none where all cost the same."""
    if not len(prices) or prices.min() == prices.max():
        return []
    shares = np.arange(1, _BANDS) / _BANDS
    bounds = {_round(price) for price in np.quantile(prices, shares).tolist() if price > 0}
    return sorted(bound for bound in bounds if prices.min() < bound < prices.max())


def _round(price: float) -> float:
    """Return the nearest of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(price))
    return min((step * power for step in (1, 2, 5, 10)), key=lambda bound: abs(bound - price))


def _typed(price: float) -> str:
    return f"{price:g}" if math.isfinite(price) else ""


def _band(low: str, high: str, t: Phrases) -> str:
    def money(text: str) -> str:
        try:
            return t.money(float(text.replace(",", ".")))
        except ValueError:
            return text

    if low and high:
        return t("search.between", low=money(low), high=money(high))
    return t("search.from", price=money(low)) if low else t("search.up_to", price=money(high))


def _stock(products: Sequence[Product], typed: Mapping[str, str], t: Phrases) -> Facet:
    n = sum(1 for product in products if product.stock)
    chosen = bool(typed["in_stock"])
    if n in (0, len(products)) and not chosen:
        return Facet("stock", [])
    return Facet("stock", [_chip(t("search.in_stock_facet"), n, {"in_stock": "1"}, is_chosen=chosen)])
