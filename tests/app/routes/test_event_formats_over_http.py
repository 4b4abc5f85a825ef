"""POST /events?format=… stores what the format says, says how it was read, and keeps the rules of POST /events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from src.core.domain import EventKind
from src.core.settings import Settings
from src.store import Store

Checker = Callable[[Any, int], dict[str, Any]]
KEY = "a-public-key-of-the-shop"
SESSION = "session-abcdefghijklmnop"
PURCHASE = {"name": "purchase", "params": {"transaction_id": "T", "items": [{"item_id": "P00001", "quantity": 2}]}}


def ga4(*events: object, client_id: str = "new-1") -> dict[str, Any]:
    return {"client_id": client_id, "timestamp_micros": 1_700_000_000_000_000, "events": list(events)}


def ubi(client_id: str) -> dict[str, Any]:
    product = {"object": {"object_id": "P00001", "object_id_field": "sku"}}
    return {"action_name": "click", "client_id": client_id, "timestamp": 1_700_000_000_000, "event_attributes": product}


def segment(user_id: str) -> dict[str, Any]:
    return {"type": "track", "event": "Product Added", "anonymousId": user_id, "properties": {"product_id": "P00001"}}


def test_what_is_right_is_stored_and_what_is_wrong_is_named_by_its_place(
    client: FlaskClient, trained_store: Store, as_writer: dict[str, str]
) -> None:
    wrong = {"name": "purchase", "params": {"items": [{"item_id": "P00002"}, {"item_id": "P00003", "quantity": -1}]}}
    body = ga4(PURCHASE, {"name": "add_to_cart"}, wrong, {"name": "session_start"}, {"name": "danced"})
    answer = client.post("/events?format=ga4", json=body, headers=as_writer)
    assert answer.status_code == 201
    said = answer.get_json()
    assert (said["received"], said["stored"], said["repeated"]) == (4, 2, 0)
    assert [(error["index"], error.get("item")) for error in said["errors"]] == [(1, None), (2, 1)]
    assert said["read"] == {
        "kinds": {"purchase": "purchase", "add_to_cart": "cart"},
        "times": {"unix time in microseconds": 2},
        "ignored": {"session_start": 1},
        "unknown": {"danced": 1},
    }
    first, second = trained_store.events.history("new-1")
    assert {(each.product_id, each.value, each.at) for each in (first, second)} == {
        ("P00001", 2.0, 1_700_000_000),
        ("P00002", 1.0, 1_700_000_000),
    }
    again = client.post("/events?format=ga4", json=ga4(PURCHASE), headers=as_writer).get_json()
    assert (again["stored"], again["repeated"]) == (0, 1)


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("ubi", ubi("n"), EventKind.CLICK),
        ("ubi", [ubi("n")], EventKind.CLICK),
        ("segment", segment("n"), EventKind.CART),
    ],
)
def test_each_format_is_stored(
    client: FlaskClient, trained_store: Store, as_writer: dict[str, str], name: str, body: Any, kind: EventKind
) -> None:
    assert client.post(f"/events?format={name}", json=body, headers=as_writer).get_json()["stored"] == 1
    assert [each.kind for each in trained_store.events.history("n")] == [kind]


def test_what_is_no_act_on_a_product_is_answered_with_its_counts(
    client: FlaskClient, as_writer: dict[str, str]
) -> None:
    answer = client.post("/events?format=ga4", json=ga4({"name": "page_view"}, {"name": "danced"}), headers=as_writer)
    assert answer.status_code == 201
    assert answer.get_json()["received"] == 0
    assert answer.get_json()["read"]["ignored"] == {"page_view": 1}
    assert answer.get_json()["read"]["unknown"] == {"danced": 1}


def test_a_body_of_another_format_or_an_unknown_format_is_refused(
    client: FlaskClient, as_writer: dict[str, str], is_problem: Checker
) -> None:
    detail = is_problem(client.post("/events?format=ga4", json=segment("n"), headers=as_writer), 422)["detail"]
    assert "GA4 Measurement Protocol" in detail
    assert "format" in str(is_problem(client.post("/events?format=x", json=ubi("n"), headers=as_writer), 422))
    assert is_problem(client.post("/events?format=ga4", json=ga4(PURCHASE)), 401)
    nobody = {**ga4(PURCHASE), "client_id": None}
    assert "user_id" in is_problem(client.post("/events?format=ga4", json=nobody, headers=as_writer), 422)["detail"]


@pytest.mark.parametrize("word", ["add_to_cart", "Product Added", "in den Warenkorb", "panier"])
def test_a_word_for_a_kind_is_read_as_in_files(client: FlaskClient, as_writer: dict[str, str], word: str) -> None:
    event = {"user_id": "n", "product_id": "P00001", "kind": word}
    answer = client.post("/events", json=event, headers=as_writer)
    assert answer.get_json()["read"]["kinds"] == {word: "cart"}


def test_without_words_and_times_the_answer_is_short(client: FlaskClient, as_writer: dict[str, str]) -> None:
    event = {"user_id": "n", "product_id": "P00001", "kind": "view"}
    answer = client.post("/events", json=event, headers=as_writer)
    assert answer.get_json() == {"received": 1, "stored": 1, "repeated": 0, "errors": []}


def test_a_public_key_tells_of_its_session_only_in_any_format(
    trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    public = make_app(trained_settings.model_copy(update={"public_keys": KEY})).test_client()
    headers = {"Authorization": f"Bearer {KEY}"}
    bodies = {"ga4": lambda user: ga4(PURCHASE, client_id=user), "ubi": ubi, "segment": segment}
    for name, body in bodies.items():
        path = f"/events?format={name}"
        assert public.post(path, json=body(SESSION), headers=headers).status_code == 201
        assert public.post(path, json=body("U00003"), headers=headers).status_code == 403
    both = [segment(SESSION), {**segment(SESSION), "userId": "U00003"}]
    assert public.post("/events?format=segment", json={"batch": both}, headers=headers).status_code == 403
    assert public.post("/events?format=x", json=ga4(PURCHASE), headers=headers).status_code in (403, 422)
