"""A PostgreSQL that has no connection left or a locked table: 503 in time, and answers again afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from app.context import context_of
from src.core.settings import Settings

MOST_SECONDS = 8.0
"""The pool and the lock are given three seconds and one; the rest is the machine's."""


@pytest.fixture
def on_postgresql(
    trained_settings: Settings,
    postgresql: str,
    make_app: Callable[[Settings], Flask],
    monkeypatch: pytest.MonkeyPatch,
) -> Flask:
    monkeypatch.setattr("src.store.database.BUSY_SECONDS", 1)
    return make_app(trained_settings.model_copy(update={"database_url": postgresql}))


def answers(client: FlaskClient, as_writer: dict[str, str]) -> list[Any]:
    """The answers to calls that read and that write, each in time."""
    event = {"user_id": "ann", "product_id": "p", "kind": "purchase"}
    found = []
    for path, body in (("/recommend", {"user_id": "ann"}), ("/events", event)):
        started = time.monotonic()
        found.append(client.post(path, json=body, headers=as_writer))
        assert time.monotonic() - started < MOST_SECONDS
    return [*found, client.get("/readyz")]


@pytest.mark.parametrize("fault", ["no connection is left", "the table is locked"])
def test_a_database_that_makes_wait_is_503_in_time_and_serves_again(
    on_postgresql: Flask, postgresql: str, as_writer: dict[str, str], is_problem: Callable[..., Any], fault: str
) -> None:
    client, engine = on_postgresql.test_client(), context_of(on_postgresql).store.database.engine
    other = create_engine(postgresql)
    with ExitStack() as held:
        if fault == "no connection is left":
            for _ in range(15):  # SQLAlchemy's pool and its overflow
                held.enter_context(engine.connect())
        else:
            held.enter_context(other.connect()).execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        for answer in answers(client, as_writer):
            assert "does not answer" in is_problem(answer, 503)["detail"]
            assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/healthz").status_code == 200
    other.dispose()
    assert [answer.status_code for answer in answers(client, as_writer)] == [200, 201, 200]
