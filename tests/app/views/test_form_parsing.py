"""Form input is parsed, or reported as invalid."""

from __future__ import annotations

import pytest

from app.texts import phrases_in
from app.views.form_parsing import typed_ids, typed_search
from src.core.domain import ProductFilter
from src.models.settings import read_settings

T = phrases_in("en", read_settings())


def test_ids_are_read_as_the_world_means_them() -> None:
    typed = typed_ids({"user_id": " 17850.0 "}, T, "user_id", "product_id")
    assert (typed["user_id"], typed["product_id"], dict(typed.problems)) == ("17850", "", {})


@pytest.mark.parametrize("id_", ["a\x00b", "x" * 257])
def test_an_invalid_id_is_reported_at_its_field(id_: str) -> None:
    typed = typed_ids({"user_id": id_, "product_id": "p"}, T, "user_id", "product_id")
    assert list(typed.problems) == ["user_id"]
    assert "Enter an ID" in typed.problems["user_id"]


def test_a_search_is_read_with_all_its_filters() -> None:
    typed, wanted = typed_search(
        {"q": "  red   paint ", "category": "Toys", "min_price": "5", "max_price": "19,99", "in_stock": "1"}, T
    )
    assert typed["q"] == "red paint"
    assert wanted == ProductFilter(frozenset({"Toys"}), min_price=5.0, max_price=19.99, in_stock=True)
    assert not typed.problems
    assert typed_search({}, T)[1] == ProductFilter()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"min_price": "cheap"}, "min_price"),
        ({"max_price": "nan"}, "max_price"),
        ({"max_price": "-1"}, "max_price"),
        ({"max_price": "inf"}, "max_price"),
        ({"min_price": "9", "max_price": "8"}, "max_price"),
        ({"q": "x" * 501}, "q"),
        ({"category": "a\x07"}, "category"),
    ],
)
def test_invalid_input_is_reported_at_its_field_and_kept_as_typed(given: dict[str, str], field: str) -> None:
    typed, _ = typed_search(given, T)
    assert list(typed.problems) == [field]
    assert typed[field] == given[field]
