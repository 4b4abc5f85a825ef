"""AISLE_LOG_SERVED=on stores lists in the background and joins events to them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.telemetry.metrics import LISTS_DROPPED
from app.telemetry.served_lists import ServedListLog, ShownList
from src.core.domain import DAY, Recommendation
from src.core.errors import StoreError
from src.core.records import ServedList
from src.core.settings import Settings
from src.store import Store
from tests.waiting import wait_until

SHOWN = ShownList("v1", "user", None, "als", [Recommendation("a", 1.0, "als"), Recommendation("b", 1.0, "popularity")])


class Counted:
    """Metrics that record their calls."""

    def __init__(self) -> None:
        self.dropped = 0.0

    def add(self, metric: Any, *_: str, amount: float = 1.0) -> None:
        self.dropped += amount if metric is LISTS_DROPPED else 0


@pytest.fixture
def keeping(trained_settings: Settings) -> Settings:
    return trained_settings.model_copy(update={"log_served": "on"})


@pytest.fixture
def served_app(keeping: Settings, make_app: Callable[[Settings], Flask]) -> Flask:
    return make_app(keeping)


@pytest.fixture
def served(served_app: Flask) -> Callable[[], list[ServedList]]:
    """Return the stored lists, oldest first."""

    def kept() -> list[ServedList]:
        aisle = context_of(served_app)
        assert aisle.served_list_log.flush()
        return list(aisle.store.served_lists.newest(100)[::-1])

    return kept


Kept = Callable[[], list[ServedList]]


def log_of(settings: Settings, store: Any) -> tuple[ServedListLog, Counted]:
    counted = Counted()
    return ServedListLog(settings, store, counted), counted  # type: ignore[arg-type]


def test_every_kind_of_list_is_kept_with_its_request_release_positions_and_sources(
    served_app: Flask, served: Kept
) -> None:
    client = served_app.test_client()
    calls: list[tuple[str, str, dict[str, Any], str, str | None]] = [
        ("r1", "/recommend", {"user_id": "U00001", "n": 3}, "user", None),
        ("r2", "/matrix_factor/user", {"user_id": "U00001", "n": 3}, "user", None),
        ("r3", "/recommend", {"product_name": "steel pan", "n": 3}, "text", "steel pan"),
        ("r4", "/search", {"query": "steel pan", "top_k": 3}, "text", "steel pan"),
        ("r5", "/matrix_factor/similar", {"item_id": "P00001", "n": 3}, "product", "P00001"),
    ]
    for request_id, path, body, made_for, asked in calls:
        answer = client.post(path, json=body, headers={"X-Request-Id": request_id})
        assert answer.status_code == 200
        last = served()[-1]
        assert (last.request_id, last.made_for, last.subject) == (request_id, made_for, asked)
        assert last.release == answer.headers["X-Release"]
        found = answer.get_json()
        rows = found if isinstance(found, list) else found.get("recommendations", found.get("results"))
        ids = [row if isinstance(row, str) else row.get("item_id", row.get("product_id")) for row in rows]
        assert [product_id for product_id, _ in last.products] == ids
        assert all(source for _, source in last.products)
    assert len(served()) == len(calls)
    assert "U00001" not in str(served())


def test_lists_of_the_cache_are_kept_and_refused_requests_are_not(served_app: Flask, served: Kept) -> None:
    client = served_app.test_client()
    for _ in range(2):
        client.get("/recommend?user_id=U00001")
    client.post("/recommend", json={"user_id": "U00001", "model": "nothing"})
    client.post("/matrix_factor/similar", json={"item_id": "nobody"})
    first, second = served()
    assert first.products == second.products
    assert first.request_id != second.request_id


def test_nothing_is_kept_unless_it_is_wanted(client: FlaskClient, flask_app: Flask, trained_store: Store) -> None:
    client.get("/recommend?user_id=U00001")
    assert context_of(flask_app).served_list_log.flush()
    assert trained_store.served_lists.newest(5) == []


def test_a_click_with_the_request_id_is_joined_to_its_position(
    served_app: Flask, served: Kept, as_writer: dict[str, str]
) -> None:
    client = served_app.test_client()
    listed = client.get("/recommend?user_id=U00001")
    product, request_id = listed.get_json()[2], listed.headers["X-Request-Id"]
    served()
    event = {"user_id": "U00001", "product_id": product, "kind": "click", "request_id": request_id}
    assert client.post("/events", json=event, headers=as_writer).status_code == 201
    figures = context_of(served_app).store.served_lists.figures(int(time.time()) // DAY)
    (place,) = [figure for figure in figures if figure.clicked]
    assert (place.position, place.shown, place.clicked, place.bought) == (3, 1, 1, 0)
    assert place.release == listed.headers["X-Release"]


def test_a_purchase_after_a_search_is_one_that_search_learns_from(
    served_app: Flask, served: Kept, as_writer: dict[str, str]
) -> None:
    client = served_app.test_client()
    found = client.post("/search", json={"query": "Steel  PAN"})
    product, request_id = found.get_json()["results"][0]["product_id"], found.headers["X-Request-Id"]
    event = {"user_id": "me", "product_id": product, "kind": "purchase", "event_id": "o1", "request_id": request_id}
    assert client.post("/events", json=event, headers=as_writer).get_json()["stored"] == 1
    served()  # the list comes into the store after the event: it finds it all the same
    (learnt,) = context_of(served_app).store.searches.newest(5)
    assert (learnt.query, learnt.product_id, learnt.kind) == ("steel pan", product, "purchase")


@pytest.mark.parametrize("wrong", ["", "a b", "a" * 65, "ä", 5])
def test_a_request_id_that_no_answer_has_is_a_wrong_field(client: FlaskClient, as_writer: Any, wrong: Any) -> None:
    event = {"user_id": "u", "product_id": "p", "kind": "click", "request_id": wrong}
    answer = client.post("/events", json=event, headers=as_writer)
    assert answer.status_code == 422
    assert "request_id" in answer.get_json()["detail"]


def test_a_thread_writes_lists_and_stop_writes_the_rest(keeping: Settings, trained_store: Store) -> None:
    log, counted = log_of(keeping, trained_store)
    log.run()
    log.put("r1", [SHOWN])
    wait_until(lambda: trained_store.served_lists.newest(1), "the thread to write a list")
    assert [each.request_id for each in trained_store.served_lists.newest(5)] == ["r1"]
    log.put("r2", [SHOWN, SHOWN])
    log.stop()
    assert sorted(each.request_id for each in trained_store.served_lists.newest(5)) == ["r1", "r2", "r2"]
    assert counted.dropped == 0


def test_a_store_that_does_not_answer_delays_no_request_and_excess_lists_are_dropped_and_counted(
    keeping: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing:
        answers = False
        calls = 0
        database = None

        def __init__(self) -> None:
            self.kept: list[ServedList] = []
            self.served_lists = self

        def add(self, lists: list[ServedList], zone: dt.tzinfo) -> None:
            self.calls += 1
            assert zone == keeping.zone
            if not self.answers:
                raise StoreError("locked")
            self.kept += lists

    store = Refusing()
    keeping = keeping.model_copy(update={"timezone": "Asia/Tokyo"})
    log, counted = log_of(keeping, store)
    for number in range(10_100):
        log.put(f"r{number}", [SHOWN])
    assert store.calls == 0  # so no request waits for the store
    assert counted.dropped == 100
    assert not log.flush()
    assert not log.flush()
    assert caplog.text.count("cannot be kept at the moment") == 1
    store.answers = True
    assert log.flush()
    assert {each.request_id for each in store.kept} == {f"r{number}" for number in range(10_000)}
    assert counted.dropped == 100


def test_a_service_that_ends_without_its_store_logs_the_number_of_lost_lists(
    keeping: Settings, caplog: pytest.LogCaptureFixture, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(type(trained_store.served_lists), "add", refuse)
    log, counted = log_of(keeping, trained_store)
    log.put("r1", [SHOWN])
    log.stop()
    assert counted.dropped == 1
    assert "1 served lists were not kept" in caplog.text


def test_lists_older_than_wanted_are_forgotten_by_the_thread(keeping: Settings, trained_store: Store) -> None:
    now = int(time.time())
    old = ServedList("old", 1, now - 31 * DAY, "v1", "user", None, (("a", "als"),))
    trained_store.served_lists.add([old, ServedList("new", 2, now - 29 * DAY, "v1", "user", None, (("a", "als"),))])
    log, _ = log_of(keeping, trained_store)
    log.run()
    wait_until(lambda: len(trained_store.served_lists.newest(5)) < 2, "the thread to remove the old list")
    log.stop()
    assert [each.request_id for each in trained_store.served_lists.newest(5)] == ["new"]
