"""Stored products, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from rows import batch, rating, stored

from src.core.domain import CategoryCount, EventKind, Product, ProductAttributes, ProductCount
from src.store import Store


def test_products_keep_values_that_a_later_row_lacks(store: Store) -> None:
    full = Product("p", "Title", "Text", "Toys", "Brio", 9.99, "http://x/y.png", 3, False)
    assert store.products.add([full, Product("q")]) == 2
    assert store.products.add([Product("p", title="New", stock=0)]) == 1
    assert store.products.get(["p", "q", "r", "p"]) == {
        "p": Product("p", "New", "Text", "Toys", "Brio", 9.99, "http://x/y.png", 0, False),
        "q": Product("q"),
    }


def test_a_product_twice_in_one_call_is_merged(store: Store) -> None:
    assert store.products.add([Product("p", title="one", price=1.0), Product("p", title="two")]) == 2
    assert store.products.get(["p"]) == {"p": Product("p", title="two", price=1.0)}


def test_thousands_of_products_are_written_and_read_at_once(store: Store) -> None:
    ids = [f"p{i}" for i in range(2_345)]
    assert store.products.add(Product(id_, title=id_.upper()) for id_ in ids) == 2_345
    found = store.products.get([*ids, "missing"])
    assert set(found) == set(ids)
    assert found["p2344"].title == "P2344"


def test_deleting_synthetic_products_deletes_their_events_and_keeps_real_ones(store: Store) -> None:
    store.products.add([Product("m1", made_up=True), Product("m2", made_up=True), Product("real")])
    store.events.add(batch(rating("a", "m1", 4, 1), rating("a", "real", 5, 2), rating("b", "no catalogue", 5, 3)))
    assert store.summary().made_up
    assert store.delete_synthetic() == 2
    assert stored(store) == [rating("a", "real", 5, 2), rating("b", "no catalogue", 5, 3)]
    assert set(store.products.get(["m1", "m2", "real"])) == {"real"}
    assert not store.summary().made_up
    assert store.delete_synthetic() == 0


@pytest.mark.parametrize("made_up_first", [True, False])
def test_a_product_that_is_also_real_is_not_synthetic(store: Store, made_up_first: bool) -> None:
    for made_up in (made_up_first, not made_up_first):
        store.products.add([Product("p", title="shared", made_up=made_up)])
    assert store.delete_synthetic() == 0
    assert set(store.products.get(["p"])) == {"p"}


def test_the_product_of_an_event_is_known(store: Store) -> None:
    store.products.add([Product("x", title="X", made_up=True)])
    store.events.add(batch(rating("a", "x", 4), rating("a", "y", 4), rating("b", "y", 4)))
    assert store.products.get(["x", "y", "z"]) == {"x": Product("x", title="X", made_up=True), "y": Product("y")}
    assert store.summary().n_products == 2


def test_withdrawn_is_kept_until_a_row_sets_it(store: Store) -> None:
    store.products.add([Product("gone", withdrawn=True), Product("here", withdrawn=False), Product("unknown")])
    assert store.products.withdrawn() == {"gone"}
    assert [store.products.get([id_])[id_].withdrawn for id_ in ("gone", "here", "unknown")] == [True, False, None]
    store.products.add([Product("gone", title="still gone"), Product("here", withdrawn=True)])
    assert store.products.withdrawn() == {"gone", "here"}
    store.products.add([Product("gone", withdrawn=False)])
    assert store.products.withdrawn() == {"here"}


def test_what_a_catalogue_keeps_back_is_not_listed_until_it_says_otherwise(store: Store) -> None:
    store.products.add(
        [Product("draft", unlisted=True, group_id="mugs"), Product("both", withdrawn=True, unlisted=True)]
    )
    assert store.products.withdrawn() == {"draft", "both"}
    store.products.add([Product("draft", unlisted=False), Product("both", unlisted=False)])
    assert store.products.withdrawn() == {"both"}
    assert store.products.get(["draft"]) == {"draft": Product("draft", unlisted=False, group_id="mugs")}


def test_popular_products_leave_out_withdrawn_ones(store: Store) -> None:
    users = "abcd"
    store.events.add(batch(*(rating(user, product, 5, 1) for at, product in enumerate("xyz") for user in users[at:])))
    store.products.add([Product("x", withdrawn=True), Product("z", withdrawn=False)])
    assert store.events.popular([EventKind.RATING], None, 2) == [ProductCount("y", 3), ProductCount("z", 2)]


def test_categories_count_products_under_each_of_their_names(store: Store) -> None:
    store.products.add(
        [
            Product("1", category="Toys"),
            Product("2", category="Toys > Trains"),
            Product("3", category="Toys > Trains | Gifts > Toys"),
            Product("4", category=" Books |  | Gifts "),
            Product("5", category="Toys > Trains", withdrawn=True),
            Product("6", category="Books", withdrawn=False),
            Product("7"),
            Product("8", category=""),
        ]
    )
    assert store.products.categories() == [
        CategoryCount("Toys", 3),
        CategoryCount("Books", 2),
        CategoryCount("Gifts", 2),
        CategoryCount("Trains", 2),
    ]


def test_attributes_are_read_for_products_that_have_any(store: Store) -> None:
    full = Product("p", "Title", "Text", "Toys", "Brio", 9.99, "http://x/y.png", 3)
    store.products.add([full, Product("q", title="Q"), Product("a", stock=0)])
    store.events.add(batch(rating("u", "z", 4)))
    read = [row for page in store.products.read_attributes() for row in page]
    assert read == [ProductAttributes("a", None, None, None, 0), ProductAttributes("p", "Toys", "Brio", 9.99, 3)]


def test_attributes_are_read_in_pages(store: Store) -> None:
    ids = [f"p{at:06d}" for at in range(20_001)]
    store.products.add(Product(id_, price=1.0) for id_ in ids)
    pages = list(store.products.read_attributes())
    assert [len(page) for page in pages] == [20_000, 1]
    assert [row.product_id for page in pages for row in page] == ids


def test_changed_at_grows_with_every_change_of_products(store: Store) -> None:
    assert store.products.changed_at() is None
    seen = []
    for product in (Product("p"), Product("p", price=2.0), Product("m", made_up=True)):
        store.products.add([product])
        seen.append(store.products.changed_at())
    store.delete_synthetic()
    seen.append(store.products.changed_at())
    assert None not in seen
    assert seen == sorted(set(seen))  # type: ignore[type-var]
    store.events.add(batch(rating("a", "p", 4)))
    store.products.add([])
    assert store.products.changed_at() == seen[-1]
