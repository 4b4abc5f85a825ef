"""Stored returns, on SQLite and on PostgreSQL."""

from __future__ import annotations

from itertools import permutations

import pytest
from rows import Row, batch, bought, rating, returned, stored

from src.core.domain import EventKind, Product, ProductCount
from src.store import Store

ROWS = (bought("i1", 2, 10), bought("i2", 3, 20), returned("r1", 4, 30), bought("i3", 1, 40))
LEFT = [bought("i1", 1, 10), bought("i3", 1, 40)]


def by_mark(store: Store) -> list[Row]:
    return sorted(stored(store), key=lambda row: row[5])


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_net_purchases_do_not_depend_on_the_order_of_arrival(store: Store, order: tuple[int, ...]) -> None:
    for at in order:
        assert store.events.add(batch(ROWS[at])) == 1
    assert by_mark(store) == LEFT


@pytest.mark.parametrize("parts", [[4], [2, 2], [3, 1], [1, 3]])
def test_loading_twice_applies_returns_once(store: Store, parts: list[int]) -> None:
    for expected in (4, 0):
        at = stored_now = 0
        for size in parts:
            stored_now += store.events.add(batch(*ROWS[at : at + size]))
            at += size
        assert stored_now == expected
        assert by_mark(store) == LEFT


def test_all_reads_are_net_of_returns(store: Store) -> None:
    store.events.add(batch(*ROWS, rating("a", "x", 0, 50)))
    history = store.events.history("a")
    assert [(event.kind, event.value, event.at) for event in history] == [
        (EventKind.PURCHASE, 1.0, 10),
        (EventKind.PURCHASE, 1.0, 40),
        (EventKind.RATING, 0.0, 50),
    ]
    assert store.events.popular([EventKind.PURCHASE], None, 5) == [ProductCount("x", 2)]
    assert store.events.popular([EventKind.PURCHASE], 15, 5) == [ProductCount("x", 1)]
    assert store.events.popular([EventKind.RETURN], None, 5) == [ProductCount("x", 1)]
    assert store.events.popular([EventKind.RATING], None, 5) == [ProductCount("x", 1)]
    assert store.summary().by_kind == {"purchase": 3, "rating": 1, "return": 1}


def test_a_product_whose_purchases_were_all_returned_is_not_popular(store: Store) -> None:
    store.events.add(batch(bought("i", 1, 10), returned("r", 1, 20)))
    assert stored(store) == store.events.history("a") == store.events.popular([EventKind.PURCHASE], None, 5) == []


def test_a_return_affects_its_user_and_product_only(store: Store) -> None:
    others = [bought("i1", 2, 10, "b"), bought("i1", 2, 10, product="y"), ("a", "x", "view", 1, 10, "i1")]
    store.events.add(batch(*others, returned("r", 5, 20)))
    assert sorted(stored(store)) == sorted(others)
    store.events.add(batch(bought("i1", 2, 10)))
    assert sorted(stored(store)) == sorted(others)


def test_a_replaced_purchase_is_matched_with_returns_again(store: Store) -> None:
    store.events.add(batch(bought("i1", 2, 10), returned("r", 1, 20)))
    assert store.events.add(batch(bought("i1", 3, 15))) == 1
    assert stored(store) == [bought("i1", 2, 15)]
    assert store.events.add(batch(bought("i1", 3, 25))) == 1  # by now it was bought after the return
    assert stored(store) == [bought("i1", 3, 25)]


def test_thousands_of_returns_in_one_batch_are_applied(store: Store) -> None:
    users = [f"u{number:04}" for number in range(1_200)]
    purchases = [bought(mark, 2, 10, user, f"p{at % 7}") for at, user in enumerate(users) for mark in ("i1", "i2")]
    returns = [returned("r", 3, 20, user, f"p{at % 7}") for at, user in enumerate(users)]
    store.events.add(batch(*returns[::2]))
    store.events.add(batch(*purchases))
    store.events.add(batch(*returns[1::2]))
    assert sorted(stored(store)) == [bought("i1", 1, 10, user, f"p{at % 7}") for at, user in enumerate(users)]


def test_deleting_synthetic_products_deletes_their_returns(store: Store) -> None:
    store.products.add([Product("x", made_up=True)])
    store.events.add(batch(*ROWS))
    assert store.delete_synthetic() == 1
    assert store.summary().by_kind == {}
