"""POST /replay makes a list again that was answered, to the last bit, or says why it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.settings import Settings

USER, WITHOUT = "U00003", "U00004"


@pytest.fixture
def flask_app(trained_settings: Settings, make_app: Callable[[Settings], Flask]) -> Flask:
    return make_app(trained_settings.model_copy(update={"log_requests": "on"}))


@pytest.fixture
def replay(client: FlaskClient, as_admin: dict[str, str]) -> Callable[..., Any]:
    """Replays a request."""

    def send(request_id: str, **body: Any) -> Any:
        return client.post("/replay", json={"request_id": request_id, **body}, headers=as_admin).get_json()

    return send


def ask(client: FlaskClient, request_id: str, **body: Any) -> list[str]:
    answer = client.post("/recommend", json={"n": 5, **body}, headers={"X-Request-Id": request_id})
    assert answer.status_code == 200
    listed: list[str] = answer.get_json()
    return listed


def codes(answer: dict[str, Any]) -> list[str]:
    return [each["code"] for each in answer["obstacles"]]


def test_every_kind_of_list_is_repeated_to_the_last_bit(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], replay: Callable[..., Any]
) -> None:
    first = ask(client, "r0", user_id=USER)
    pins = [{"action": "pin", "product_id": first[3]}, {"action": "cap", "by": "category", "at_most": 1}]
    assert client.put("/rules", json={"rules": pins, "note": "x"}, headers=as_admin).status_code == 200
    context_of(flask_app).recommender.follow()
    arms = [{"name": "now", "share": 0.01}, {"name": "other", "share": 0.99, "model": "als"}]
    client.put("/experiments/tried", json={"arms": arms, "placement": "home"}, headers=as_admin)
    asked: dict[str, dict[str, Any]] = {
        "r1": {"user_id": USER},
        "r2": {"user_id": USER, "placement": "home"},
        "r3": {"history": ["P00001", "P00002"], "boosts": [{"product_id": first[4], "factor": 3}]},
        "r4": {"user_id": USER, "history": ["P00005"], "model": "als", "exclude": [first[0]], "exclude_seen": False},
        "r5": {"user_id": "nobody", "in_stock": True, "max_price": 60, "exclude_category": ["Toys"]},
    }
    listed = {name: ask(client, name, **body) for name, body in asked.items()}
    client.put("/rules", json={"rules": [], "note": "gone"}, headers=as_admin)
    client.post("/experiments/tried/end", headers=as_admin)
    context_of(flask_app).recommender.follow()
    for name, places in {"r0": first, **listed}.items():
        again = replay(name)
        assert again["answered"] == again["made"] == places, name
        assert (again["repeated"], codes(again), again["overlap"], again["agreement"]) == (True, [], 1, 1), name
        assert {row["change"] for row in again["products"]} <= {"stayed"}
    assert replay("r2")["experiments"].startswith("tried=")
    assert listed["r1"][0] == first[3], "the rules held"


def test_lists_of_two_arms_and_lists_with_drawn_places_are_repeated_to_the_last_bit(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], replay: Callable[..., Any],
    publish_again: Callable[..., str], trained_settings: Settings, make_app: Callable[[Settings], Flask],
) -> None:  # fmt: skip
    explores = {"explore": 0.5, "explore_among": 12, "log_requests": "on"}
    exploring = make_app(trained_settings.model_copy(update=explores)).test_client()
    plain = ask(client, "plain", user_id=USER)
    drawn = {f"d{number}": ask(exploring, f"d{number}", user_id=USER) for number in range(6)}
    assert any(places != plain for places in drawn.values())
    context_of(exploring.application).served_list_log.flush()
    for name, places in drawn.items():
        again = replay(name)
        assert (again["made"], again["repeated"]) == (places, True), name
    other = publish_again("trending", activate=False)
    arms = [{"name": "now", "share": 0.5, "model": "als"}, {"name": "new", "share": 0.5, "release": other}]
    pins = {"rules": [{"action": "pin", "product_id": plain[3]}], "note": "x"}
    client.put("/rules", json=pins, headers=as_admin)
    body = {"method": "interleave", "arms": arms}
    assert client.put("/experiments/both", json=body, headers=as_admin).status_code == 200
    context_of(flask_app).recommender.follow()
    wanted = {"max_per_category": 2, "history": ["P00005"]}
    drafted = {f"t{number}": ask(client, f"t{number}", user_id=USER, **wanted) for number in range(6)}
    assert len(set(map(tuple, drafted.values()))) > 1, "the coin falls now so, now so"
    client.put("/rules", json={"rules": [], "note": "gone"}, headers=as_admin)
    client.post("/experiments/both/end", headers=as_admin)
    context_of(flask_app).recommender.follow()
    for name, places in drafted.items():
        again = replay(name)
        assert (again["made"], again["repeated"], codes(again)) == (places, True, []), name


def test_later_events_change_nothing_and_a_changed_history_is_said_so(
    client: FlaskClient, as_writer: dict[str, str], replay: Callable[..., Any]
) -> None:
    first = ask(client, "first", user_id=USER)[0]
    bought = {"user_id": USER, "product_id": first, "kind": "purchase", "value": 1, "at": 1_600_000_000}
    client.post("/events", json=bought, headers=as_writer)
    assert replay("first")["repeated"], "what came later does not count"
    assert first not in ask(client, "second", user_id=USER)
    client.post("/events", json=bought | {"kind": "return", "at": 1_600_000_001}, headers=as_writer)
    again = replay("second")
    assert first in again["made"]
    assert (again["repeated"], codes(again)) == (False, ["history"])
    assert "returned" in again["obstacles"][0]["text"]
    (row,) = (row for row in again["products"] if row["product_id"] == first)
    assert row["why"] == "The release that answered would list it now; see what has changed."


def test_another_release_makes_its_own_list_and_the_reasons_are_told(
    client: FlaskClient, flask_app: Flask, publish_again: Callable[..., str], as_admin: dict[str, str],
    replay: Callable[..., Any],
) -> None:  # fmt: skip
    listed = ask(client, "old", user_id=USER, n=8)
    newer = publish_again()
    gone = listed[1]
    client.post(f"/products/{gone}/withdraw", json={"withdrawn": True}, headers=as_admin)
    context_of(flask_app).recommender.refresh()
    again = replay("old", release=newer)
    assert (again["repeated"], codes(again), again["release"]) == (False, ["withdrawn"], newer)
    rows = {row["product_id"]: row for row in again["products"]}
    assert rows[gone]["change"] == "went"
    assert rows[gone]["why"] == "Not listed now: it is withdrawn, so it is on no list."
    (came,) = (row for row in rows.values() if row["change"] == "came")
    assert came["after"] is not None
    moved = [row for row in rows.values() if row["change"] == "moved"]
    assert moved
    assert all(row["why"] and row["components_before"] and row["components_after"] for row in moved)
    client.post(f"/products/{gone}/withdraw", json={"withdrawn": False}, headers=as_admin)
    context_of(flask_app).recommender.refresh()
    assert replay("old")["repeated"]


def test_what_is_not_kept_is_said_and_erased_people_are_not_replayed(
    client: FlaskClient, as_admin: dict[str, str], replay: Callable[..., Any]
) -> None:
    ask(client, "theirs", user_id=WITHOUT)
    assert replay("theirs")["user_id"] == WITHOUT
    assert len(client.get(f"/users/{WITHOUT}/export", headers=as_admin).get_json()["requests"]) == 1
    assert replay("theirs", release="gone")["detail"].startswith("there is no release 'gone'")
    client.delete(f"/users/{WITHOUT}", headers=as_admin)
    assert "unless the user was erased" in replay("theirs")["detail"]
    assert client.post("/replay", json={"request_id": "theirs"}).status_code == 401
    assert any(entry["subject"] == "theirs" for entry in client.get("/audit", headers=as_admin).get_json())


def test_the_page_repeats_a_list_with_the_key(client: FlaskClient) -> None:
    ask(client, "shown", user_id=USER)
    page = client.get("/operations/replay?request_id=shown").text
    assert 'value="shown"' in page
    assert "curl -s localhost:5000/replay" in page
    token = re.findall(r'name="csrf_token" value="([^"]*)"', page)[0]
    form = {"csrf_token": token, "request_id": "shown", "release": "", "key": "wrong"}
    assert client.post("/operations/replay", data=form).status_code == 403
    page = client.post("/operations/replay", data=form | {"key": "admin-key-of-the-tests"}).text
    assert "makes the same list again, scores included, to the last bit." in page
    german = {"Accept-Language": "de"}
    page = client.post("/operations/replay", data=form | {"key": "admin-key-of-the-tests"}, headers=german).text
    assert "auf das letzte Bit genau" in page


def test_without_the_setting_nothing_is_kept(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], as_admin: dict[str, str]
) -> None:
    client = make_app(trained_settings).test_client()
    ask(client, "r", user_id=USER)
    answer = client.post("/replay", json={"request_id": "r"}, headers=as_admin)
    assert answer.status_code == 404
    assert "AISLE_LOG_REQUESTS=on" in answer.get_json()["detail"]
