"""Attributes of items: filters, updates, and saved arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.domain import ProductAttributes, Rules
from src.interactions.category_index import narrowest
from src.interactions.item_attributes import ItemAttributes
from src.interactions.vocabulary import Vocabulary

ITEMS = Vocabulary.of(["b", "a", "c", "ä"])
FACTS = [
    ProductAttributes("a", "Home > Kitchen", "Brio", 19.99, 0),
    ProductAttributes("not in the release", "Toys"),
    ProductAttributes("c", "Toys | Home", " brio ", 5.0, 7),
    ProductAttributes("ä", price=1.0),
]
SHELF = ItemAttributes.of([FACTS[:2], FACTS[2:]], ITEMS)


def fitting(**rules: object) -> list[str]:
    fits = SHELF.fitting(Rules(**rules))  # type: ignore[arg-type]
    assert fits is not None
    return ITEMS.ids_of(np.flatnonzero(fits).tolist())


def test_attributes_are_at_the_row_of_their_product() -> None:
    assert SHELF.price.tolist() == pytest.approx([float("nan"), 19.99, 5.0, 1.0], nan_ok=True)
    assert SHELF.stock.tolist() == [-1, 0, 7, -1]
    assert [SHELF.categories.texts[number] for number in SHELF.category] == ["", "Home > Kitchen", "Toys | Home", ""]
    assert SHELF.brand[1] == SHELF.brand[2]


def test_a_price_is_compared_as_it_was_written() -> None:
    assert fitting(min_price=19.99) == ["a"]
    assert fitting(max_price=19.99) == ["a", "c", "ä"]


def test_a_category_is_any_name_of_a_products_category() -> None:
    assert fitting(categories=frozenset({"HOME"})) == ["a", "c"]
    assert fitting(categories=frozenset({"kitchen", "toys"})) == ["a", "c"]
    assert fitting(not_categories=frozenset({"Toys"})) == ["b", "a", "ä"]


def test_without_a_filter_all_fits() -> None:
    assert SHELF.fitting(Rules(max_per_category=1)) is None


def test_an_updated_shelf_is_another_one_and_says_the_news() -> None:
    changed = [
        ProductAttributes("a", "Toys", "Brio", 19.99, 0),
        ProductAttributes("b", None, None, 3.0, None),
        ProductAttributes("nobody", "Toys"),
    ]
    same = [ProductAttributes("c", "Toys | Home", "BRIO", 5.0, 7), ProductAttributes("ä", None, None, 1.0)]
    assert SHELF.differing([*changed, *same], ITEMS) == changed[:2]
    updated = SHELF.updated(changed, ITEMS)
    assert updated.differing([*changed, *same], ITEMS) == []
    assert updated.refusal(Rules(categories=frozenset({"Kitchen"})), 1) == "category"
    assert SHELF.refusal(Rules(categories=frozenset({"Kitchen"})), 1) is None


def test_the_narrowest_names_of_a_category() -> None:
    assert narrowest("Home >  Kitchen") == {"kitchen"}
    assert narrowest("A > B | C > D | E") == {"b", "d", "e"}
    assert narrowest("") == frozenset()


def test_attributes_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    SHELF.save(tmp_path)
    loaded = ItemAttributes.load(tmp_path)
    assert loaded.differing(FACTS, ITEMS) == SHELF.differing(FACTS, ITEMS) == []
    assert loaded.brands == SHELF.brands


@given(st.lists(st.text(max_size=9), unique=True), st.lists(st.text(max_size=9)))
def test_a_finder_finds_what_one_look_up_at_a_time_finds(known: list[str], others: list[str]) -> None:
    known = [id_ for id_ in known if "\0" not in id_]
    others = [id_ for id_ in others if "\0" not in id_]
    vocabulary = Vocabulary.of(known)
    asked = [*others, *known[::-1]]
    expected = [-1 if (row := vocabulary.idx_of(id_)) is None else row for id_ in asked]
    assert vocabulary.finder()(asked).tolist() == vocabulary.rows_of(asked).tolist() == expected


def test_a_finder_knows_ids_too_long_for_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.interactions.vocabulary._MAX_TABLE_BYTES", 3)
    assert ITEMS.finder()(["c", "x", "b"]).tolist() == [2, -1, 0]
