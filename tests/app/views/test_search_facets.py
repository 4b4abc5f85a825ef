"""Filters beside search results are those that the results support, with true counts."""

from __future__ import annotations

import numpy as np
import pytest

from app.texts import phrases_in
from app.views.search_facets import Facet, facets_of
from src.core.domain import Product, ProductFilter
from src.interactions.item_attributes import ItemAttributes
from src.models.settings import read_settings

T = phrases_in("en", read_settings(currency="€"))
EMPTY = dict.fromkeys(("q", "category", "brand", "min_price", "max_price", "in_stock"), "")
SHOP = [
    Product(
        str(n),
        category="Home > Mugs" if n % 2 else "Toys",
        brand="Acme" if n < 3 else "Bolt",
        price=n * 3.0,
        stock=n % 3,
    )
    for n in range(1, 13)
]


def facets(products: list[Product] = SHOP, **typed: str) -> dict[str, Facet]:
    return {facet.name: facet for facet in facets_of(products, {**EMPTY, **typed}, has_stock=True, t=T)}


def test_every_facet_counts_what_it_leaves() -> None:
    found = facets()
    assert list(found) == ["category", "brand", "price", "stock"]
    assert [(chip.text, chip.n) for chip in found["brand"].chips] == [("Bolt", 10), ("Acme", 2)]
    assert [(chip.text, chip.n) for chip in found["stock"].chips] == [("In stock", 8)]
    for chip in found["price"].chips:
        low, high = (float(chip.fields[name] or bound) for name, bound in (("min_price", 0), ("max_price", 1e9)))
        assert chip.n == sum(low <= (product.price or 0) <= high for product in SHOP)
    assert found["price"].chips[0].text == "up to €10.00"


def test_a_chosen_filter_can_be_taken_off() -> None:
    found = facets(brand="acme", min_price="5", in_stock="1")
    (acme,) = [chip for chip in found["brand"].chips if chip.is_chosen]
    assert (acme.text, acme.fields) == ("Acme", {"brand": ""})
    assert found["price"].chips[0].fields == {"min_price": "", "max_price": ""}
    assert found["stock"].chips[0].fields == {"in_stock": ""}


@pytest.mark.parametrize("products", [[], [Product("a")], [Product("a", brand="X", price=2.0, stock=1)] * 3])
def test_results_that_are_all_alike_have_no_facets(products: list[Product]) -> None:
    assert facets(products) == {}


def test_a_brand_is_a_filter_in_any_case_of_letters() -> None:
    attributes = ItemAttributes.of_rows([product.attributes for product in SHOP])
    fits = attributes.fitting(ProductFilter(brands=frozenset({"ACME"})))
    assert fits is not None
    assert np.flatnonzero(fits).tolist() == [0, 1]
    assert not attributes.fitting(ProductFilter(brands=frozenset({"nobody"}))).any()  # type: ignore[union-attr]
