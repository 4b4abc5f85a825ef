"""Every request has an id and one log line without personal data."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.routes.request_log import write_logs
from app.serving.recommender import Recommender
from src.core.settings import Settings

Lines = Callable[[], list[dict[str, Any]]]
MADE = re.compile(r"[0-9a-f]{24}")


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
    root.handlers[:], root.level = before, level
    logging.captureWarnings(False)


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], Lines]:
    """Set up the log as a service does; return its lines, read as JSON."""

    def begin(settings: Settings) -> Lines:
        written = io.StringIO()
        monkeypatch.setattr("sys.stderr", written)
        write_logs(settings)
        return lambda: [json.loads(line) for line in written.getvalue().splitlines()]

    return begin


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/recommend", 405),
        ("POST", "/events", 401),
        ("POST", "/recommend", 411),
        ("GET", "/docs", 200),
        ("OPTIONS", "/search", 200),
    ],
)
def test_every_answer_carries_the_id_of_its_request(reader: FlaskClient, method: str, path: str, status: int) -> None:
    given = reader.open(path, method=method, headers={"X-Request-Id": "mine_1.2-3"})
    assert (given.status_code, given.headers["X-Request-Id"]) == (status, "mine_1.2-3")
    made = [reader.open(path, method=method).headers["X-Request-Id"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(MADE.fullmatch(each) for each in made)


def test_an_answer_to_an_unexpected_failure_carries_it_too(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recommender, "recommend", lambda *_: 1 / 0)
    answer = client.get("/recommend?user_id=u", headers={"X-Request-Id": "mine"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "mine")


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "<script>", "ä", 'a"b', "a/b", "a\tb", "a,b"])
def test_an_id_that_could_do_harm_is_replaced(reader: FlaskClient, given: str) -> None:
    answer = reader.get("/healthz", headers={"X-Request-Id": given.encode().decode("latin-1")})
    assert MADE.fullmatch(answer.headers["X-Request-Id"])


def test_a_request_is_one_line_of_json(
    client: FlaskClient, trained_settings: Settings, listen: Callable[[Settings], Lines]
) -> None:
    lines = listen(trained_settings)
    answer = client.post("/recommend", json={"user_id": "U00001"}, headers={"X-Request-Id": "r1"})
    (line,) = lines()
    assert 0 < line.pop("duration_ms") < 60_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert isinstance(line.pop("pid"), int)
    assert line == {
        "level": "info",
        "logger": "app.routes.request_log",
        "message": "answered",
        "request_id": "r1",
        "method": "POST",
        "route": "/recommend",
        "status": 200,
        "release": answer.headers["X-Release"],
        "source": answer.headers["X-Source"],
    }


def test_the_line_names_the_arms_of_the_list(
    client: FlaskClient, trained_settings: Settings, listen: Callable[[Settings], Lines], as_admin: dict[str, str]
) -> None:
    arms = [{"name": "now", "share": 0.5}, {"name": "other", "share": 0.5, "holdout": "bestsellers"}]
    client.put("/experiments/logged", json={"arms": arms}, headers=as_admin)
    lines = listen(trained_settings)
    answer = client.post("/recommend", json={"user_id": "session-of-nobody-known"})
    assert lines()[0]["experiments"] == answer.headers["X-Experiments"]


def test_other_lines_of_a_request_carry_its_id(
    client: FlaskClient, trained_settings: Settings, listen: Callable[[Settings], Lines], monkeypatch: Any
) -> None:
    lines = listen(trained_settings)
    monkeypatch.setattr(Recommender, "recommend", lambda *_: 1 / 0)
    client.get("/recommend?user_id=u", headers={"X-Request-Id": "r1"})
    failure, answered = lines()
    assert (failure["request_id"], failure["level"]) == ("r1", "error")
    assert "unexpected ZeroDivisionError at GET lists.recommend_by_address" in failure["message"]
    assert failure["error"].endswith("<lambda> > ZeroDivisionError")
    assert (answered["status"], answered["level"]) == (500, "warning")
    logging.getLogger("app.anything").info("between requests")
    assert "request_id" not in lines()[-1]


CANARY = "canary7"
AS_CANARY = {"Authorization": f"Bearer {CANARY}"}
_EVENT = {"user_id": CANARY, "product_id": CANARY, "kind": "click", "event_id": CANARY, "query": CANARY}


def _everything(flask_app: Flask) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield a request for every route, with a canary in every place that a client controls."""
    headers = {"User-Agent": CANARY, "Referer": f"/{CANARY}", "Cookie": f"a={CANARY}", "X-Forwarded-For": CANARY}
    for rule in flask_app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", CANARY, rule.rule)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield method, f"{path}?user_id={CANARY}&q={CANARY}", {"headers": headers}
    bodies: list[Any] = [
        {"user_id": CANARY, "product_name": CANARY},
        {"user_id": CANARY, "product_id": CANARY, "history": [CANARY], "exclude": [CANARY], "model": CANARY},
        {"user_id": CANARY},
        {"item_id": CANARY},
        {"query": CANARY, "category": CANARY},
        _EVENT,
        [_EVENT, {**_EVENT, "kind": CANARY}],
        f'{{"user_id": "{CANARY}',
        CANARY,
    ]
    for rule in flask_app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            for body in bodies:
                path = re.sub(r"<[^>]+>", CANARY, rule.rule)
                data = body if isinstance(body, str) else json.dumps(body)
                for more in ({}, AS_CANARY):
                    yield "POST", path, {"data": data, "headers": headers | more, "content_type": "application/json"}
    yield "GET", f"/{CANARY}?{CANARY}", {}
    yield CANARY.upper(), f"/{CANARY}", {}


@pytest.mark.parametrize("failing", [False, True])
def test_no_log_line_contains_users_or_queries(
    trained_settings: Settings,
    make_app: Callable[[Settings], Flask],
    listen: Callable[[Settings], Lines],
    monkeypatch: pytest.MonkeyPatch,
    failing: bool,
) -> None:
    flask_app = make_app(trained_settings.model_copy(update={"write_keys": CANARY}))
    lines = listen(trained_settings)
    logging.getLogger().setLevel(logging.DEBUG)
    if failing:  # with an error that says what it was about, as KeyError and refused statements do

        def broken(*given: object) -> Any:
            raise KeyError(CANARY) from ValueError(CANARY)

        for name in ("recommend", "predict", "popular", "serving"):
            monkeypatch.setattr(Recommender, name, broken)
        monkeypatch.setattr(type(context_of(flask_app).store.events), "add", broken)
    client, asked = flask_app.test_client(), 0
    for method, path, given in _everything(flask_app):
        client.open(path, method=method, **given)
        asked += 1
    said = lines()
    assert len([line for line in said if line["message"] == "answered"]) == asked
    assert not failing or any("KeyError" in line.get("error", "") for line in said)
    assert [line for line in said if CANARY in json.dumps(line).lower()] == []


def test_users_are_named_where_that_is_wanted(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], listen: Callable[[Settings], Lines]
) -> None:
    settings = trained_settings.model_copy(update={"log_ids": "on"})
    client = make_app(settings).test_client()
    lines = listen(settings)
    client.post("/recommend", json={"user_id": "U00001"})
    client.get("/recommend?user_id=U00002")
    client.get("/healthz")
    assert [line["user_id"] for line in lines()] == ["U00001", "U00002", None]


def test_on_a_terminal_lines_are_text(
    client: FlaskClient, trained_settings: Settings, listen: Callable[[Settings], Lines], monkeypatch: Any
) -> None:
    listen(trained_settings.model_copy(update={"log_format": "text"}))
    client.get("/healthz", headers={"X-Request-Id": "r1"})
    written = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert re.search(
        r"INFO app.routes.request_log: answered method=GET route=/healthz status=200 duration_ms=[\d.]+", written
    )
