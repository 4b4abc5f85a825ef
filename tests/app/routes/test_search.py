"""POST /search, a product_name in POST /recommend, and what GET /status says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.serving import search_service as searcher_module
from src.core.domain import Product
from src.core.errors import NotReady
from src.core.settings import Settings
from src.store import Store

Checker = Callable[[Any, int], dict[str, Any]]


def search(client: FlaskClient, query: str, **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["results"]
    return found


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["product_id"] for row in rows]


def some_product(store: Store, **wanted: Any) -> Product:
    """Return a product of the synthetic shop with a price and a category."""
    page = next(store.products.read())
    return next(each for each in page if each.title and each.category and each.price and not each.withdrawn)


def test_the_title_of_a_product_finds_it(client: FlaskClient, trained_store: Store) -> None:
    product = some_product(trained_store)
    [first, *_] = search(client, product.title or "")
    assert first["product_id"] == product.product_id
    assert set(first) == {"product_id", "title", "score", "image_url"}
    assert first["title"] == product.title


def test_the_answer_names_the_release_and_is_as_long_as_asked_for(reader: FlaskClient) -> None:
    answer = reader.post("/search", json={"query": "kitchen", "top_k": 3})
    assert answer.headers["X-Release"] == reader.get("/status").get_json()["release"]["version"]
    assert len(answer.get_json()["results"]) == 3
    assert len(search(reader, "kitchen")) == 10


def test_best_scores_come_first_and_none_comes_twice(reader: FlaskClient) -> None:
    rows = search(reader, "steel pan", top_k=30)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert len(set(ids(rows))) == 30


def test_a_product_id_finds_its_product(client: FlaskClient, trained_store: Store) -> None:
    product = some_product(trained_store)
    assert ids(search(client, product.product_id))[0] == product.product_id


def test_only_products_of_the_category_are_found(client: FlaskClient, trained_store: Store) -> None:
    category = some_product(trained_store).category or ""
    rows = search(client, "gift", category=category.upper(), top_k=100)
    found = trained_store.products.get(ids(rows))
    assert rows
    assert {product.category for product in found.values()} == {category}
    assert search(client, "gift", category="no such category") == []


def test_prices_are_those_of_this_moment(client: FlaskClient, trained_store: Store) -> None:
    product = some_product(trained_store)
    name = product.title or ""
    assert product.product_id in ids(search(client, name, max_price=product.price))
    trained_store.products.add([replace(product, price=(product.price or 0) + 1_000)])
    assert product.product_id not in ids(search(client, name, max_price=product.price, top_k=100))
    assert product.product_id in ids(search(client, name, min_price=1_000, top_k=100))


def test_what_is_sold_out_is_left_out_when_asked_for(client: FlaskClient, trained_store: Store) -> None:
    product = some_product(trained_store)
    name = product.title or ""
    trained_store.products.add([replace(product, stock=0)])
    assert product.product_id in ids(search(client, name))
    assert product.product_id not in ids(search(client, name, in_stock=True, top_k=100))
    trained_store.products.add([replace(product, stock=2)])
    assert product.product_id in ids(search(client, name, in_stock=True))


def test_a_withdrawn_product_is_never_found(flask_app: Flask, client: FlaskClient, trained_store: Store) -> None:
    product = some_product(trained_store)
    name = product.title or ""
    trained_store.products.add([replace(product, withdrawn=True)])
    context_of(flask_app).recommender.refresh()
    assert product.product_id not in ids(search(client, name, top_k=100))
    assert product.product_id not in ids(search(client, name, category=product.category, top_k=100))
    answer = client.post("/recommend", json={"product_name": name, "top_k": 100})
    assert product.product_id not in answer.get_json()["recommendations"]


def test_a_product_name_is_searched_for(reader: FlaskClient) -> None:
    answer = reader.post("/recommend", json={"product_name": "acrylic paints", "top_k": 5})
    assert answer.status_code == 200
    assert answer.get_json() == {"recommendations": ids(search(reader, "acrylic paints", top_k=5))}


@pytest.mark.parametrize("more", [{"user_id": "a"}, {"history": ["a"]}, {"detail": True}, {"model": "als"}])
def test_a_product_name_goes_with_no_user(reader: FlaskClient, is_problem: Checker, more: dict[str, Any]) -> None:
    answer = reader.post("/recommend", json={"product_name": "paints", **more})
    assert "do not go together" in is_problem(answer, 422)["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "a\x00b"}, "query"),
        ({"query": "x" * 501}, "query"),
        ({"query": 5}, "query"),
        ({"query": "a", "top_k": 0}, "top_k"),
        ({"query": "a", "max_price": -1}, "max_price"),
        ({"query": "a", "max_price": "5"}, "max_price"),
        ({"query": "a", "category": ""}, "category"),
        ({"query": "a", "in_stock": 1}, "in_stock"),
        ({"query": "a", "n": 5}, "n"),
    ],
)
def test_a_wrong_field_of_a_search_is_named(
    reader: FlaskClient, is_problem: Checker, body: dict[str, Any], field: str
) -> None:
    assert [error["field"] for error in is_problem(reader.post("/search", json=body), 422)["errors"]] == [field]


def test_status_describes_the_search_index(reader: FlaskClient) -> None:
    said = reader.get("/status").get_json()["similarity_search"]
    assert said["status"] == "loaded"
    assert said["embedding_dimension"] == 256
    assert said["encoder"] == "wordllama"
    assert said["n_products"] == 40


def test_without_a_release_search_says_what_to_do(untrained_client: FlaskClient, is_problem: Checker) -> None:
    answer = untrained_client.post("/search", json={"query": "paint"})
    assert "train_model.py" in is_problem(answer, 503)["detail"]
    assert untrained_client.get("/status").get_json()["similarity_search"] == {"status": "not_loaded"}


def test_what_followed_a_search_is_kept_without_the_user(
    client: FlaskClient, trained_store: Store, as_writer: dict[str, str]
) -> None:
    event = {"user_id": "u", "product_id": "P00001", "kind": "click", "query": " Steel  PAN "}
    assert client.post("/events", json=event, headers=as_writer).status_code == 201
    [row] = trained_store.searches.newest(10)
    assert (row.query, row.product_id, row.kind) == ("steel pan", "P00001", "click")
    assert not hasattr(row, "user_id")
    answer = client.post("/events", json={**event, "query": ""}, headers=as_writer)
    assert answer.status_code == 422


class _Another:
    name, checksum, dimension = "wordllama", "f" * 64, 256


def test_no_query_is_encoded_by_another_encoder_than_the_release(
    trained_settings: Settings,
    make_app: Callable[[Settings], Flask],
    is_problem: Checker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searcher_module, "open_encoder", lambda name, **_: _Another())
    client = make_app(trained_settings).test_client()
    said = is_problem(client.post("/search", json={"query": "paint"}), 503)["detail"]
    assert "cannot be compared" in said
    assert "ffffffffffff…" in said
    status = client.get("/status").get_json()["similarity_search"]
    assert status["status"] == "not_loaded"
    assert status["note"] == said


def test_where_the_encoder_is_not_installed_all_but_search_is_served(
    trained_settings: Settings,
    make_app: Callable[[Settings], Flask],
    is_problem: Checker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str, **_: object) -> None:
        raise NotReady(f"the encoder {name!r} needs sentence-transformers: run pip install")

    monkeypatch.setattr(searcher_module, "open_encoder", missing)
    client = make_app(trained_settings).test_client()
    assert "pip install" in is_problem(client.post("/search", json={"query": "paint"}), 503)["detail"]
    assert client.get("/status").get_json()["similarity_search"]["status"] == "not_loaded"
    assert len(client.post("/recommend", json={"user_id": "nobody", "n": 3}).get_json()) == 3
    assert client.post("/matrix_factor/similar", json={"item_id": "P00001", "n": 3}).status_code == 200


def test_a_query_that_nothing_has_to_do_with_finds_nothing_and_says_so(reader: FlaskClient) -> None:
    answer = reader.post("/search", json={"query": "xqzvw"}).get_json()
    assert answer["results"] == []
    assert "'xqzvw'" in answer["note"]
    assert "note" not in reader.post("/search", json={"query": "garden"}).get_json()
    assert reader.get("/shop/search?q=xqzvw").status_code == 200
