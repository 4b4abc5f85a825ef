"""Counts of actions after searches, on every store."""

from __future__ import annotations

from src.core.domain import Event, EventKind, Product
from src.core.records import SearchFeedback
from src.store import Store
from src.workflows.record_events import record_events


def clicked(query: str | None, product: str, at: int, event_id: str | None = None) -> Event:
    return Event("u", product, EventKind.CLICK, 1.0, at, event_id, query)


def test_searches_come_back_newest_first(store: Store) -> None:
    rows = [SearchFeedback("lamp", f"p{at}", "click", at, "once") for at in (3, 9, 5)]
    store.searches.add(rows)
    assert [row.at for row in store.searches.newest(10)] == [9, 5, 3]
    assert store.searches.newest(1) == [rows[1]]


def test_an_event_after_a_search_is_stored_with_its_query(store: Store) -> None:
    assert record_events(store, [clicked(" Red  LAMP ", "a", 5, "e1"), clicked(None, "b", 6)]) == 2
    assert store.searches.newest(10) == [SearchFeedback("red lamp", "a", "click", 5, "id:e1")]


def test_an_event_sent_twice_is_one_row_of_search_feedback(store: Store) -> None:
    for _ in range(2):
        record_events(store, [clicked("lamp", "a", 5, "e1")])
    assert len(store.searches.newest(10)) == 1


def test_deleting_synthetic_products_deletes_their_search_feedback(store: Store) -> None:
    store.products.add([Product("a", made_up=True)])
    record_events(store, [clicked("lamp", "a", 5), clicked("lamp", "real", 5)])
    store.delete_synthetic()
    assert [row.product_id for row in store.searches.newest(10)] == ["real"]


def test_all_products_are_read_in_pages(store: Store) -> None:
    store.products.add([Product(f"p{number:05d}", title=f"title {number}") for number in range(5_003)])
    pages = list(store.products.read())
    assert [len(page) for page in pages] == [5_000, 3]
    ids = [product.product_id for page in pages for product in page]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5_003
    assert pages[1][2] == Product("p05002", title="title 5002")


def test_a_store_without_products_has_no_page(store: Store) -> None:
    assert list(store.products.read()) == []
