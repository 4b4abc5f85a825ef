"""POST /matrix_factor/similar and /matrix_factor/user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.domain import Event, EventKind, Product
from src.store import Store
from src.workflows.record_events import record_events

Checker = Callable[[Any, int], dict[str, Any]]
USER = "U00003"


def similar(client: FlaskClient, item_id: str, n: int = 10) -> list[dict[str, Any]]:
    answer = client.post("/matrix_factor/similar", json={"item_id": item_id, "n": n})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.get_json()["recommendations"]
    return rows


def popular_id(client: FlaskClient) -> str:
    found: str = client.get("/popular?n=1").get_json()[0]["product_id"]
    return found


def test_similar_products_come_from_behaviour_and_never_hold_the_product_itself(reader: FlaskClient) -> None:
    product = popular_id(reader)
    rows = similar(reader, product, 20)
    assert len(rows) == 20
    assert product not in [row["item_id"] for row in rows]
    assert len({row["item_id"] for row in rows}) == 20
    assert set(rows[0]) == {"item_id", "score", "title", "image_url", "source"}
    assert rows[0]["source"] == "behaviour"


def test_a_product_that_came_after_the_training_is_answered_by_its_text(
    client: FlaskClient, trained_store: Store
) -> None:
    product = trained_store.products.get([popular_id(client)]).popitem()[1]
    trained_store.products.add([replace(product, product_id="new-today", made_up=False)])
    rows = similar(client, "new-today", 5)
    assert {row["source"] for row in rows} == {"text"}
    assert rows[0]["item_id"] == product.product_id
    assert rows[0]["title"] == product.title


def test_a_product_without_a_text_or_an_event_has_nothing_similar(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("bare")])
    assert similar(client, "bare") == []


def test_an_unknown_product_is_not_found(reader: FlaskClient, is_problem: Checker) -> None:
    answer = reader.post("/matrix_factor/similar", json={"item_id": "P9999999"})
    assert "no product 'P9999999'" in is_problem(answer, 404)["detail"]


def test_a_withdrawn_product_is_similar_to_nothing(flask_app: Flask, client: FlaskClient, trained_store: Store) -> None:
    product = popular_id(client)
    first = similar(client, product)[0]["item_id"]
    trained_store.products.add([Product(first, withdrawn=True)])
    context_of(flask_app).recommender.refresh()
    assert first not in [row["item_id"] for row in similar(client, product, 100)]


def test_a_users_products_are_those_of_recommend(reader: FlaskClient) -> None:
    answer = reader.post("/matrix_factor/user", json={"user_id": USER, "n": 7})
    rows = answer.get_json()["recommendations"]
    assert [row["item_id"] for row in rows] == reader.post("/recommend", json={"user_id": USER, "n": 7}).get_json()
    assert all(row["title"] for row in rows)
    assert answer.headers["X-Release"]


def test_what_a_user_liked_comes_back_when_it_is_not_filtered(client: FlaskClient, trained_store: Store) -> None:
    product = popular_id(client)
    record_events(trained_store, [Event("somebody-else", product, EventKind.PURCHASE, at=1_700_000_000)])

    def listed(**more: Any) -> list[str]:
        body = {"user_id": "somebody-else", "n": 100, **more}
        rows = client.post("/matrix_factor/user", json=body).get_json()["recommendations"]
        return [row["item_id"] for row in rows]

    assert product not in listed()
    assert product in listed(filter_already_liked=False)
