"""GET /products/ID, GET /categories, and withdrawn products."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.serving.recommender import Recommender
from src.core.domain import Event, EventKind, Product
from src.core.errors import StoreError
from src.core.settings import Settings
from src.store import Store
from src.workflows.record_events import record_events

USER = "U00003"
Checker = Callable[[Any, int], dict[str, Any]]
Publish = Callable[..., str]
FULL = Product("B00XYZ", "A train", "With rails", "Toys > Trains | Gifts", "Brio", 9.5, "https://x/y.png", 3, False)


@pytest.fixture
def recommender(flask_app: Flask) -> Recommender:
    found: Recommender = context_of(flask_app).recommender
    return found


def listed(client: FlaskClient, **body: Any) -> list[str]:
    answer = client.post("/recommend", json={"user_id": USER, **body})
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.get_json()
    return found


def popular(client: FlaskClient) -> list[str]:
    return [row["product_id"] for row in client.get("/popular?n=100").get_json()]


# one product


def test_a_product_is_answered_with_all_its_fields(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([FULL])
    answer = client.get("/products/B00XYZ")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "product_id": "B00XYZ",
        "title": "A train",
        "description": "With rails",
        "category": "Toys > Trains | Gifts",
        "categories": ["Toys", "Trains", "Gifts"],
        "brand": "Brio",
        "price": 9.5,
        "image_url": "https://x/y.png",
        "stock": 3,
        "withdrawn": False,
    }


def test_unknown_fields_of_a_product_are_null(client: FlaskClient, trained_store: Store) -> None:
    record_events(trained_store, [Event("u", "only an event", EventKind.VIEW, at=100)])
    body = client.get("/products/only an event").get_json()
    assert body.pop("product_id") == "only an event"
    assert set(body.values()) == {None}


@pytest.mark.parametrize(
    "id_", ["a/b", "a//b", "/a", "//a", "a/", "a b", "100%", "a?b", "a#b", "é/日本", "a+b", ";x", "."]
)
def test_any_id_can_be_part_of_an_address(client: FlaskClient, trained_store: Store, id_: str) -> None:
    trained_store.products.add([Product(id_, title="here")])
    answer = client.get(f"/products/{quote(id_, safe='')}")
    assert (answer.status_code, answer.get_json()["title"]) == (200, "here")


@pytest.mark.parametrize("id_", ["x" * 257, "a\x00b", " "])
def test_an_invalid_id_is_refused(reader: FlaskClient, is_problem: Checker, id_: str) -> None:
    body = is_problem(reader.get(f"/products/{quote(id_, safe='')}"), 422)
    assert body["errors"][0]["field"] == "product_id"


@pytest.mark.parametrize("slip", ["B00XYY", "B00XY", "B00XYZZ", "B0X0YZ", "b00xyz", "00XYZ", "xB00XYZ", "B00X-Z"])
def test_an_id_that_is_not_known_is_a_404_that_names_the_nearest(
    client: FlaskClient, trained_store: Store, is_problem: Checker, slip: str
) -> None:
    trained_store.products.add([FULL])
    detail = is_problem(client.get(f"/products/{slip}"), 404)["detail"]
    assert f"no product '{slip}'; the nearest ids are B00XYZ" in detail


def test_products_of_the_release_that_begin_alike_are_near_and_at_most_five_are_named(
    reader: FlaskClient, is_problem: Checker
) -> None:
    detail = is_problem(reader.get("/products/P000011xx"), 404)["detail"]
    named = detail.partition("nearest ids are ")[2].partition(".")[0].split("; ")
    assert "P00001" in named
    assert 1 < len(named) <= 5
    assert all(id_.startswith("P0") for id_ in named)


def test_without_similar_ids_the_answer_says_so(
    reader: FlaskClient, untrained_client: FlaskClient, is_problem: Checker
) -> None:
    for asked in (reader, untrained_client):
        for id_ in ("a completely different thing", "日本", "y" * 256):
            assert "no id that is known is near to it" in is_problem(asked.get(f"/products/{id_}"), 404)["detail"]


def test_a_product_is_answered_before_any_release(
    untrained_client: FlaskClient, store: Store, is_problem: Checker
) -> None:
    store.products.add([FULL])
    assert untrained_client.get("/products/B00XYZ").get_json()["title"] == "A train"
    assert "B00XYZ" in is_problem(untrained_client.get("/products/B00XY"), 404)["detail"]


# categories


def test_categories_are_counted_most_products_first(untrained_client: FlaskClient, store: Store) -> None:
    store.products.add([FULL, Product("b", category="Toys"), Product("c", category="Books", withdrawn=True)])
    assert untrained_client.get("/categories").get_json() == [
        {"category": "Toys", "count": 2},
        {"category": "Gifts", "count": 1},
        {"category": "Trains", "count": 1},
    ]


def test_a_store_without_categories_has_none(untrained_client: FlaskClient) -> None:
    assert untrained_client.get("/categories").get_json() == []


@pytest.mark.parametrize("path", ["/products/P00001", "/categories"])
def test_reading_the_catalogue_needs_the_key_that_reading_needs(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], is_problem: Checker, path: str
) -> None:
    client = make_app(trained_settings.model_copy(update={"read_keys": "secret"})).test_client()
    is_problem(client.get(path), 401)
    assert client.get(path, headers={"Authorization": "Bearer secret"}).status_code == 200


# withdrawn products


@pytest.mark.parametrize("model", ["svd", "popularity", None])
def test_a_withdrawn_product_leaves_every_list_and_comes_back_with_it(
    client: FlaskClient, trained_store: Store, recommender: Recommender, model: str | None
) -> None:
    before, before_popular = listed(client, model=model), popular(client)
    gone = before[:3]
    trained_store.products.add(Product(id_, withdrawn=True) for id_ in [*gone, "never heard of"])
    assert listed(client, model=model) == before  # until it is looked for
    assert not recommender.refresh()  # which is about releases
    after = listed(client, model=model)
    assert after[:7] == before[3:]
    assert len(after) == 10
    assert not set(gone) & {*listed(client, model=model, n=100), *popular(client)}
    trained_store.products.add(Product(id_, withdrawn=False) for id_ in gone)
    recommender.refresh()
    assert (listed(client, model=model), popular(client)) == (before, before_popular)


def test_a_worker_that_starts_lists_no_withdrawn_product(
    trained_settings: Settings, trained_store: Store, make_app: Callable[[Settings], Flask], client: FlaskClient
) -> None:
    gone = listed(client)[0]
    trained_store.products.add([Product(gone, withdrawn=True)])
    assert gone not in listed(make_app(trained_settings).test_client(), n=100)


def test_a_new_release_is_served_without_the_withdrawn_products(
    client: FlaskClient, trained_store: Store, recommender: Recommender, publish_again: Publish
) -> None:
    gone = listed(client)[0]
    trained_store.products.add([Product(gone, withdrawn=True)])
    new = publish_again()
    assert recommender.refresh()
    assert client.get("/popular").headers["X-Release"] == new
    assert gone not in listed(client, n=100)


def test_without_the_store_products_stay_withdrawn_and_one_warning_is_logged(
    client: FlaskClient,
    trained_store: Store,
    recommender: Recommender,
    flask_app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    publish_again: Publish,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> frozenset[str]:
        raise StoreError("locked")

    gone = listed(client)[0]
    trained_store.products.add([Product(gone, withdrawn=True)])
    recommender.refresh()
    monkeypatch.setattr(context_of(flask_app).store.products, "withdrawn", refuse)
    with caplog.at_level(logging.WARNING):
        assert not recommender.refresh()
        publish_again()
        assert recommender.refresh()
    assert caplog.text.count("locked") == 1
    assert gone not in listed(client, n=100)


def test_refreshing_with_the_same_products_changes_nothing(recommender: Recommender, trained_store: Store) -> None:
    trained_store.products.add([Product("P00001", withdrawn=True)])
    recommender.refresh()
    served = recommender._served
    recommender.refresh()
    assert recommender._served is served
