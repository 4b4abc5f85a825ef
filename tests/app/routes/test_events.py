"""POST /events stores users' actions before it answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.schemas.events import EventBody
from src.core.domain import EventKind
from src.store import Store

Checker = Callable[[Any, int], dict[str, Any]]
PURCHASE = {"user_id": "me", "product_id": "P00001", "kind": "purchase"}
RATING = {"user_id": "me", "product_id": "P00001", "kind": "rating", "value": 4}


@pytest.fixture
def post(client: FlaskClient, as_writer: dict[str, str]) -> Callable[[Any], Any]:
    return lambda body: client.post("/events", json=body, headers=as_writer)


Post = Callable[[Any], Any]


def test_one_event_is_stored_with_the_time_of_now(post: Post, trained_store: Store) -> None:
    before = int(time.time())
    answer = post(PURCHASE)
    assert answer.status_code == 201
    assert answer.get_json() == {"received": 1, "stored": 1, "repeated": 0, "errors": []}
    (event,) = trained_store.events.history("me")
    assert (event.product_id, event.kind, event.value) == ("P00001", EventKind.PURCHASE, 1.0)
    assert event.at is not None
    assert before <= event.at <= int(time.time())


def test_a_list_of_a_thousand_events_is_stored(post: Post, trained_store: Store) -> None:
    answer = post([{**PURCHASE, "user_id": f"u{number}"} for number in range(1_000)])
    assert answer.get_json() == {"received": 1_000, "stored": 1_000, "repeated": 0, "errors": []}
    assert len(trained_store.events.history("u999")) == 1


@pytest.mark.parametrize("count", [0, 1_001])
def test_an_empty_or_too_long_list_is_refused_and_nothing_is_stored(
    post: Post, trained_store: Store, is_problem: Checker, count: int
) -> None:
    before = trained_store.summary().n_events
    body = is_problem(post([PURCHASE] * count), 422)
    assert f"{count} events were found; expected 1 to 1,000" in body["detail"]
    assert trained_store.summary().n_events == before


def test_good_events_beside_bad_ones_are_stored_and_the_bad_ones_named(post: Post, trained_store: Store) -> None:
    bad = {**PURCHASE, "kind": "sneeze"}
    answer = post([PURCHASE, bad, "text", None, {**RATING, "value": 6}, {**RATING, "value": 5}, [PURCHASE]])
    body = answer.get_json()
    assert answer.status_code == 201
    assert (body["received"], body["stored"], body["repeated"]) == (7, 2, 0)
    assert [error["index"] for error in body["errors"]] == [1, 2, 3, 4, 6]
    assert "kind" in body["errors"][0]["detail"]
    assert "a rating of 6 was found; expected 1 to 5" in body["errors"][3]["detail"]
    assert [event.value for event in trained_store.events.history("me")] == [1.0, 5.0]


def test_a_list_of_bad_events_only_is_refused(post: Post, is_problem: Checker) -> None:
    body = is_problem(post([{}, {**RATING, "value": 0}]), 422)
    assert "no event is usable" in body["detail"]
    assert "event 0: user_id" in body["detail"]
    assert "event 1: value" in body["detail"]


@pytest.mark.parametrize(
    "at",
    [
        1_700_000_000,
        "2023-11-14T22:13:20Z",
        "2023-11-15T07:28:20+09:15",
        "2023-11-14T22:13:20",
        1_700_000_000_000,
        1_700_000_000.9,
        "1700000000123",
        1_700_000_000_123_456,
        "14.11.2023 22:13:20",
    ],
)
def test_a_time_is_read_as_in_files(post: Post, trained_store: Store, at: Any) -> None:
    assert post({**PURCHASE, "at": at}).status_code == 201
    assert trained_store.events.history("me")[0].at == 1_700_000_000


@pytest.mark.parametrize(
    "at",
    [
        "yesterday",
        "03/04/2024",
        "x" * 5_000,
        "",
        True,
        [1],
        {},
        -1,
        pytest.param(int(time.time()) + 2 * 86_400, id="in two days"),
        "2999-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        10**4_000,
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_time_in_the_future_or_no_time_at_all_is_refused(
    post: Post, is_problem: Checker, trained_store: Store, at: Any
) -> None:
    assert "at" in is_problem(post({**PURCHASE, "at": at}), 422)["detail"]
    assert trained_store.events.history("me") == []


@pytest.mark.parametrize("at", [-1, "1890-01-01T00:00:00Z", 4_000_000_000])
def test_the_error_for_a_time_out_of_range_names_the_range(post: Post, is_problem: Checker, at: Any) -> None:
    assert "from 0, which is 1970, to now" in is_problem(post({**PURCHASE, "at": at}), 422)["detail"]


@pytest.mark.parametrize("value", [0.5, 5.5, -3, True, "5", None, [5], 10**400])
def test_a_rating_off_the_scale_or_no_number_is_refused(post: Post, is_problem: Checker, value: Any) -> None:
    assert "value: " in is_problem(post({**RATING, "value": value}), 422)["detail"]


def test_a_rating_needs_its_value_and_a_purchase_may_have_one(post: Post, trained_store: Store) -> None:
    rating = {name: RATING[name] for name in ("user_id", "product_id", "kind")}
    assert "value: missing" in post(rating).get_json()["detail"]
    assert post({**PURCHASE, "value": 3}).status_code == 201
    assert post({**PURCHASE, "value": 0}).status_code == 422
    assert [event.value for event in trained_store.events.history("me")] == [3.0]


def test_the_same_event_id_counts_once_within_and_across_requests(post: Post, trained_store: Store) -> None:
    event = {**PURCHASE, "event_id": "order-1"}
    assert post([event, event]).get_json() == {"received": 2, "stored": 1, "repeated": 1, "errors": []}
    assert post(event).get_json() == {"received": 1, "stored": 0, "repeated": 1, "errors": []}
    assert post({**event, "event_id": 1}).get_json()["stored"] == 1
    assert post({**event, "event_id": "1"}).get_json()["stored"] == 0
    assert len(trained_store.events.history("me")) == 2


def test_two_purchases_without_an_event_id_are_two(post: Post, trained_store: Store) -> None:
    assert post(PURCHASE).get_json()["stored"] == 1
    assert post(PURCHASE).get_json()["stored"] == 1
    assert len(trained_store.events.history("me")) == 2


def test_a_newer_rating_replaces_and_an_older_one_does_not(post: Post, trained_store: Store) -> None:
    post({**RATING, "at": 200})
    assert post({**RATING, "value": 2, "at": 300}).get_json()["stored"] == 1
    assert post({**RATING, "value": 5, "at": 100}).get_json()["repeated"] == 1
    assert [event.value for event in trained_store.events.history("me")] == [2.0]


def test_an_unknown_field_of_an_event_is_refused(post: Post, is_problem: Checker) -> None:
    assert "price" in is_problem(post({**PURCHASE, "price": 3}), 422)["detail"]


def test_events_are_taken_before_any_release_is_there(
    untrained_client: FlaskClient, as_writer: dict[str, str], store: Store
) -> None:
    assert untrained_client.post("/events", json=PURCHASE, headers=as_writer).status_code == 201
    assert len(store.events.history("me")) == 1


def test_received_is_the_sum_of_the_parts(post: Post) -> None:
    events = [
        {**PURCHASE, "event_id": number % 3, "kind": "nothing" if number % 4 == 0 else "cart"} for number in range(12)
    ]
    body = post(events).get_json()
    assert body["received"] == 12 == body["stored"] + body["repeated"] + len(body["errors"])
    assert (body["stored"], len(body["errors"])) == (3, 3)


def test_a_thousand_events_with_the_longest_ids_and_texts_are_stored_in_one_request(
    client: FlaskClient, as_writer: dict[str, str], trained_store: Store
) -> None:
    def longest(number: int) -> dict[str, Any]:
        names = {name: f"{number:04d}".ljust(256, "é") for name in ("user_id", "product_id", "event_id")}
        return {**names, "kind": "purchase", "value": 123_456_789.25, "query": "语" * 500, "request_id": "r" * 64}

    events = [longest(number) for number in range(1_000)]
    body = json.dumps(events, indent=1)  # every character of another script takes six bytes
    assert len(body) > 7_000_000
    answer = client.post("/events", data=body, content_type="application/json", headers=as_writer)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["stored"] == 1_000
    assert len(trained_store.events.history(events[999]["user_id"])) == 1


def test_events_that_several_senders_repeat_at_once_are_stored_once(
    flask_app: Flask, as_writer: dict[str, str], trained_store: Store
) -> None:
    events = [{**PURCHASE, "event_id": f"order-{number}"} for number in range(300)]
    answers: list[dict[str, Any]] = []

    def send(turn: int) -> None:
        body = events[turn * 50 :] + events[: turn * 50]
        answers.append(flask_app.test_client().post("/events", json=body, headers=as_writer).get_json())

    threads = [threading.Thread(target=send, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer["stored"] for answer in answers) == 300
    assert all(answer["stored"] + answer["repeated"] == 300 for answer in answers)
    assert len(trained_store.events.history("me")) == 300


def test_the_description_of_a_list_is_loose_as_one_right_event_in_it_is_enough(reader: FlaskClient) -> None:
    description = reader.get("/openapi.json").get_json()
    schemas = description["components"]["schemas"]
    one, several = schemas["EventsBody"]["anyOf"]
    assert one == {"$ref": "#/components/schemas/EventBody"}
    assert several == {"type": "array", "minItems": 1, "maxItems": 1_000, "contains": one}
    said = description["paths"]["/events"]["post"]["description"]
    for field in EventBody.model_fields:
        assert f"`{field}`" in said
