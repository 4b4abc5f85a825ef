"""What is answered in front of Flask is what Flask answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from app.context import context_of
from app.routes.direct_answers import DirectAnswers
from src.core.errors import StoreError
from src.core.settings import Settings
from src.store.event_store import EventStore

MakeApp = Callable[[Settings], Flask]
READ_KEY = "a-key-for-reading-that-nobody-guesses"
USER = {"user_id": "U00001"}
PLAIN: list[Any] = [
    USER,
    {"user_id": "U00002", "n": 3},
    {"user_id": 7, "top_k": 100},
    {"user_id": "nobody", "history": ["P00001", "P00003"]},
    {"history": ["unheard of"]},
    {**USER, "model": "als", "exclude": ["P00001"], "exclude_seen": False},
    {**USER, "max_price": 20.5, "boosts": [{"category": "Toys", "factor": 1.5}], "max_per_category": 1},
]
OTHERS: list[Any] = [
    {},
    [],
    {**USER, "n": 0},
    {**USER, "unknown": 1},
    {**USER, "model": "no model"},
    {**USER, "min_price": 5, "max_price": 1},
    {**USER, "detail": True},
    {**USER, "explain": True},
    {"product_name": "pan"},
]


def in_front(app: Flask) -> DirectAnswers:
    assert isinstance(app.wsgi_app, DirectAnswers)
    return app.wsgi_app


def both(app: Flask, path: str = "/recommend", **request: Any) -> tuple[TestResponse, TestResponse]:
    """The answers of the application, and of Flask alone."""
    method = request.pop("method", "POST")
    direct, flask = (Client(called).open(path, method=method, **request) for called in (app, in_front(app).flask))
    for answer in (direct, flask):
        assert len(answer.headers.pop("X-Request-Id")) == 24
    assert (direct.status, direct.data) == (flask.status, flask.data)
    assert sorted(direct.headers) == sorted(flask.headers)
    return direct, flask


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch, flask_app: Flask) -> list[str]:
    """Paths that were passed on to Flask."""
    paths: list[str] = []
    front, flask = in_front(flask_app), in_front(flask_app).flask

    def noted(environ: dict[str, Any], start_response: Any) -> Any:
        paths.append(environ["PATH_INFO"])
        return flask(environ, start_response)

    monkeypatch.setattr(front, "flask", noted)
    return paths


@pytest.mark.parametrize("body", [*PLAIN, *OTHERS])
def test_bodies_are_answered_alike(shared_app: Flask, body: Any) -> None:
    both(shared_app, json=body)


@pytest.mark.parametrize(
    "request_",
    [
        {"data": b'{"user_id": "U00001", "user_id": "U00002"}', "content_type": "application/json"},
        {"data": b'{"user_id": NaN}', "content_type": "application/json"},
        {"data": b"[" * 30_000, "content_type": "application/json"},
        {"data": b'{"user_id"', "content_type": "application/json"},
        {"data": b'{"user_id": "\xff"}', "content_type": "application/json"},
        {"data": '{"user_id": "U00001"}'.encode("utf-16"), "content_type": "application/json"},
        {"data": '{"user_id": "U00001"}'.encode("utf-32-le"), "content_type": "application/json"},
        {"data": '\ufeff{"user_id": "U00001"}'.encode(), "content_type": "application/json"},
        {"data": b'{"user_id": "U00001"}', "content_type": "text/plain"},
        {"data": b'{"user_id": "U00001"}', "content_type": "application/json; charset=latin-1"},
        {"json": USER, "headers": {"Content-Encoding": "gzip"}},
        {"json": USER, "headers": {"Authorization": "Bearer wrong"}},
        {"json": USER, "query_string": "n=3"},
        {"json": USER, "method": "PUT"},
        {"data": b"x" * 2_000_000, "content_type": "application/json"},
        {"path": "/healthz", "method": "GET"},
        {"path": "/healthz", "method": "HEAD"},
        {"path": "/healthz", "method": "POST", "json": {}},
        {"path": "/healthz/", "method": "GET"},
    ],
)
def test_unusual_requests_are_answered_alike(shared_app: Flask, request_: dict[str, Any]) -> None:
    both(shared_app, **request_)


@pytest.mark.parametrize("body", PLAIN)
def test_plain_requests_do_not_reach_flask(flask_app: Flask, passed_on: list[str], body: Any) -> None:
    assert flask_app.test_client().post("/recommend", json=body).status_code == 200
    assert flask_app.test_client().get("/healthz").status_code == 200
    assert passed_on == []


def test_a_store_that_does_not_answer_is_asked_once(
    flask_app: Flask, monkeypatch: pytest.MonkeyPatch, is_problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    asked = []

    def broken(_store: EventStore, user_id: str) -> Any:
        asked.append(user_id)
        raise StoreError("gone")

    monkeypatch.setattr(EventStore, "history", broken)
    is_problem(flask_app.test_client().post("/recommend", json=USER), 503)
    assert asked == ["U00001"]


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong" * 9, 401), (READ_KEY, 200), ("short", 200)])
def test_keys_count_in_front_as_they_do_behind(
    trained_settings: Settings, make_app: MakeApp, key: str | None, status: int
) -> None:
    app = make_app(trained_settings.model_copy(update={"read_keys": f"{READ_KEY},short"}))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for path, request in (("/recommend", {"json": USER}), ("/healthz", {"method": "GET"})):
        direct, _ = both(app, path, headers=headers, **request)
        assert direct.status_code == (status if path == "/recommend" else 200)
        assert ("X-Release" in direct.headers) == (status == 200)


def test_a_limit_of_requests_counts_every_one(trained_settings: Settings, make_app: MakeApp) -> None:
    client = make_app(trained_settings.model_copy(update={"rate_limit": "3/hour"})).test_client()
    assert [client.post("/recommend", json=USER).status_code for _ in range(5)] == [200, 200, 200, 429, 429]


def test_what_waits_to_be_recorded_is_written_at_the_end(flask_app: Flask) -> None:
    aisle = context_of(flask_app)
    aisle.request_records.run()
    for _ in range(50):
        flask_app.test_client().get("/healthz")
    aisle.request_records.stop()
    assert b'aisle_requests_total{method="GET",route="/healthz",status="200"} 50.0' in aisle.metrics.text()
