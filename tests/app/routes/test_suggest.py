"""Suggestions of the type-ahead, and example users."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.serving.typeahead import Typeahead
from src.core.domain import Event, EventKind, Product, ProductFilter
from src.store import Store
from src.workflows.record_events import record_events


def users(client: FlaskClient, text: str) -> list[str]:
    answer = client.get("/suggest/users", query_string={"q": text})
    assert answer.status_code == 200
    return [row["id"] for row in answer.get_json()]


def products(client: FlaskClient, text: str) -> list[dict[str, Any]]:
    answer = client.get("/suggest/products", query_string={"q": text})
    assert answer.status_code == 200
    rows: list[dict[str, Any]] = answer.get_json()
    return rows


@pytest.fixture
def finder(flask_app: Flask) -> Typeahead:
    found: Typeahead = context_of(flask_app).typeahead
    return found


def test_users_are_named_by_the_beginning_of_their_ids_in_any_case(reader: FlaskClient) -> None:
    assert users(reader, "U0000") == [f"U{n:05d}" for n in range(1, 10)]
    assert users(reader, "u0000") == users(reader, "U0000")
    assert len(users(reader, "U")) == 10
    assert users(reader, "nobody") == users(reader, "") == users(reader, "\x00") == users(reader, "x" * 300) == []


def test_a_user_is_named_a_moment_after_the_first_event(client: FlaskClient, trained_store: Store) -> None:
    record_events(trained_store, [Event("zoe", "P00001", EventKind.VIEW, at=5)])
    assert users(client, "zo") == ["zoe"]


def test_a_product_is_named_by_the_beginning_of_its_id(reader: FlaskClient) -> None:
    rows = products(reader, "p0001")
    assert [row["id"] for row in rows] == [f"P0001{n}" for n in range(10)]
    assert rows[0]["title"]
    assert rows[0]["href"] == "/shop/products/P00010"


def test_a_product_is_named_by_the_words_of_its_title_the_last_one_unfinished(
    client: FlaskClient, trained_store: Store
) -> None:
    title = trained_store.products.get(["P00007"])["P00007"].title
    assert title is not None
    assert "P00007" in [row["id"] for row in products(client, title[:-2])]
    assert "P00007" in [row["id"] for row in products(client, title.lower())]


def test_typing_errors_are_corrected_if_no_title_has_the_prefix(client: FlaskClient, trained_store: Store) -> None:
    title = trained_store.products.get(["P00007"])["P00007"].title or ""
    longest = max(title.split(), key=len)
    misspelt = title.replace(longest, longest[:2] + longest[3:])
    assert "P00007" in [row["id"] for row in products(client, misspelt)]


def test_one_letter_is_completed_and_not_searched_for(flask_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client, asked = flask_app.test_client(), list[str]()

    def searched(_: Typeahead, text: str) -> list[Product]:
        asked.append(text)
        return []

    monkeypatch.setattr(Typeahead, "_searched", searched)
    found = [products(client, text) for text in (*"abcdefghijklmnopqrstuvwxyz", "~", "qqqq", "茶")]
    assert any(found)
    assert asked == ["qqqq", "茶"]


def test_a_product_newer_than_the_release_is_named_by_its_whole_id(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("new/1", title="Just in")])
    assert products(client, "new/1")[0] == {
        "id": "new/1",
        "title": "Just in",
        "category": "",
        "href": "/shop/products/new/1",
    }


def test_withdrawn_products_are_suggested_for_their_whole_id_only(flask_app: Flask, trained_store: Store) -> None:
    trained_store.products.add([Product("P00012", withdrawn=True)])
    context_of(flask_app).recommender.refresh()
    client = flask_app.test_client()
    assert "P00012" not in [row["id"] for row in products(client, "P0001")]
    title = trained_store.products.get(["P00012"])["P00012"].title or ""
    assert "P00012" not in [row["id"] for row in products(client, title)]
    assert products(client, "P00012")[0]["id"] == "P00012"


def test_without_a_release_users_are_named_and_products_are_not(untrained_client: FlaskClient) -> None:
    assert users(untrained_client, "U") == []
    assert untrained_client.get("/suggest/products?q=p").status_code == 503
    assert untrained_client.get("/suggest/products?q=p").mimetype == "application/problem+json"


def test_suggestions_need_a_key_where_reading_does(flask_app: Flask, trained_settings: Any, make_app: Any) -> None:
    app = make_app(trained_settings.model_copy(update={"read_keys": "readers"}))
    assert app.test_client().get("/suggest/users?q=U").status_code == 401
    assert app.test_client().get("/suggest/users?q=U", auth=("anybody", "readers")).status_code == 200


def test_examples_are_users_who_did_neither_little_nor_very_much(finder: Typeahead, trained_store: Store) -> None:
    lengths = sorted(len(trained_store.events.history(f"U{n:05d}")) for n in range(1, 61))
    named = finder.examples(5)
    assert len(named) == len(set(named)) == 5
    assert all(lengths[0] < len(trained_store.events.history(user)) < lengths[-1] for user in named)


def test_browsing_lists_matching_products_by_popularity(finder: Typeahead, client: FlaskClient) -> None:
    category = client.get("/categories").get_json()[0]
    found = finder.browse(ProductFilter(categories=frozenset({category["category"]})), 100)
    assert len(found) == category["count"]
    assert {product.category for product in found} == {category["category"]}
    order = client.post("/recommend", json={"user_id": "nobody", "model": "popularity", "n": 100}).get_json()
    assert [product.product_id for product in found] == [
        id_ for id_ in order if id_ in {product.product_id for product in found}
    ]


def test_similarly_described_products_exclude_the_product_and_those_shown(finder: Typeahead) -> None:
    first = [product.product_id for product in finder.alike("P00012", set(), 4)]
    assert len(set(first)) == 4
    assert "P00012" not in first
    rest = [product.product_id for product in finder.alike("P00012", {first[0]}, 3)]
    assert rest == first[1:4]
    assert finder.alike("nothing", set(), 4) == []
