"""The worker's loop answers only what need not be waited for, and answers what a thread answers."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from flask import Flask
from gunicorn.config import Config
from gunicorn.glogging import Logger
from werkzeug.test import Client, EnvironBuilder

from app.context import context_of
from app.serving import list_sources
from app.serving.experiments_follower import Assignment
from app.tenants import Tenants
from src.core.settings import Settings
from src.front.loop_answer import LoopAnswer
from src.front.loop_answers import LoopAnswers
from src.front.request_buffer import RequestBuffer
from src.store.kept_reads import KeptRead

ROOT = Path(__file__).resolve().parents[3]
MakeApp = Callable[[Settings], Flask]
USER, OTHER = {"user_id": "U00001"}, {"user_id": "U00002", "n": 3}
VISITOR = {"history": ["P00001", "P00003"]}
LONG_AGO = 1_600_000_000_123_456_789
HEALTH = {"path": "/healthz", "method": "GET"}
CALLS: list[dict[str, Any]] = [{"json": USER}, {"json": OTHER}, {"json": VISITOR}, HEALTH]


def environ_of(path: str = "/recommend", method: str = "POST", **request: Any) -> dict[str, Any]:
    return EnvironBuilder(path, method=method, **request).get_environ()


def in_loop(app: Any, **request: Any) -> LoopAnswer | None:
    environ = environ_of(**request)
    body = environ.pop("wsgi.input").read()
    answerer = app.answerer(environ)
    return None if answerer is None else answerer(body)


def by_thread(app: Any, path: str = "/recommend", method: str = "POST", **request: Any) -> Any:
    return Client(app).open(path, method=method, **request)


@pytest.fixture
def app(flask_app: Flask) -> Flask:
    """The application, after threads have answered what is asked in the tests, over a store at rest."""
    settle(flask_app)
    return flask_app


def settle(app: Flask, at: int = LONG_AGO) -> None:
    """Let threads answer after the store was last written, at a time in nanoseconds."""
    file = context_of(app).store.database.file
    assert file is not None
    os.utime(file, ns=(at, at))
    for request in CALLS:
        assert by_thread(app, **request).status_code == 200
    context_of(app).recommender._lists._pace = (context_of(app).recommender.version or "", 0.0)  # as after many lists


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Queries that the store was asked."""
    statements: list[str] = []
    rows = KeptRead.rows

    def noted(self: KeptRead, **values: Any) -> Sequence[Sequence[Any]]:
        statements.append(self._statement)
        return rows(self, **values)

    monkeypatch.setattr(KeptRead, "rows", noted)
    return statements


@pytest.mark.parametrize("request_", CALLS)
def test_the_loop_answers_what_a_thread_does_and_asks_no_store(
    app: Flask, asked: list[str], request_: dict[str, Any]
) -> None:
    answer = in_loop(app, **request_, headers={"X-Request-Id": "mine"})
    assert answer is not None
    assert asked == []
    thread = by_thread(app, **request_, headers={"X-Request-Id": "mine"})
    assert (answer.status, answer.body) == (thread.status, thread.data)
    assert sorted([*answer.headers, *answer.common]) == sorted(thread.headers.items())


def test_a_long_history_of_few_products_is_answered_in_the_loop(app: Flask) -> None:
    visitor = {"history": ["P00001", "P00003", "P00005", "P00001"] * 200}
    answer = in_loop(app, json=visitor)
    assert answer is not None
    assert answer.body == by_thread(app, json=visitor).data


def test_answers_of_the_loop_are_recorded_as_those_of_threads(app: Flask) -> None:
    metrics = context_of(app).metrics

    def counts() -> list[str]:
        return [line for line in metrics.text().decode().splitlines() if "_sum" not in line and "_bucket" not in line]

    before = counts()
    assert by_thread(app, json=USER).status_code == 200
    once = counts()
    assert in_loop(app, json=USER) is not None
    twice = counts()

    def grown(old: list[str], new: list[str]) -> set[str]:
        return {line.rpartition(" ")[0] for line in set(new) - set(old)}

    assert grown(before, once) == grown(once, twice) != set()


def test_a_user_who_did_something_is_left_to_a_thread_until_it_has_read_it(app: Flask, as_writer: Any) -> None:
    before = in_loop(app, json=USER)
    assert before is not None
    event = {"user_id": "U00001", "product_id": json.loads(before.body)[0], "kind": "purchase"}
    assert by_thread(app, "/events", json=event, headers=as_writer).status_code == 201
    assert in_loop(app, json=USER) is None
    settle(app, LONG_AGO + 1)
    after = in_loop(app, json=USER)
    assert after is not None
    assert after.body == by_thread(app, json=USER).data != before.body


@pytest.mark.parametrize(
    "request_",
    [
        {"json": {"user_id": "U00077"}},
        {"json": {"user_id": "nobody"}},
        {"json": {**USER, "history": ["P00001"]}},
        {"json": {"history": [f"P{number:05d}" for number in range(300)]}},
        {"json": {**USER, "model": "als"}},
        {"json": {**USER, "max_price": 20}},
        {"json": {**USER, "exclude": ["P00001"]}},
        {"json": {**USER, "detail": True}},
        {"json": {**USER, "explain": True}},
        {"json": {**USER, "n": 0}},
        {"json": {**USER, "model": "no model"}},
        {"json": {"product_name": "pan"}},
        {"json": {}},
        {"json": [USER]},
        {"data": b'{"user_id": "U00001"', "content_type": "application/json"},
        {"data": '{"user_id": "U00001"}'.encode("utf-16"), "content_type": "application/json"},
        {"data": b'{"user_id": "U00001"}', "content_type": "text/plain"},
        {"json": USER, "headers": {"Content-Encoding": "gzip"}},
        {"json": USER, "method": "PUT"},
        {"path": "/healthz", "method": "HEAD"},
        {"path": "/status", "method": "GET"},
    ],
)
def test_what_has_to_be_waited_for_or_is_not_plain_is_left_to_a_thread(app: Flask, request_: dict[str, Any]) -> None:
    context = context_of(app)
    before = context.metrics.text()
    assert in_loop(app, **request_) is None
    assert context.metrics.text() == before  # the thread records it


def test_lists_are_made_in_the_loop_only_while_the_last_ones_were_quick(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, now = [0.0], [0.0]

    def clock() -> float:
        now[0] += seconds[0]  # between the two looks at it that a list takes
        return now[0]

    monkeypatch.setattr(list_sources.time, "thread_time", clock)
    visitors = iter([{"history": ["P00001", "P00005", f"P0000{n}"]} for n in range(10)])
    assert in_loop(app, json=next(visitors)) is not None
    seconds[0] = 4 * list_sources.QUICK_SECONDS
    assert by_thread(app, json=next(visitors)).status_code == 200
    seconds[0] = 0.0
    answered = []
    for visitor in visitors:
        answered.append(in_loop(app, json=visitor) is not None)
        assert by_thread(app, json={**visitor, "n": 11}).status_code == 200
    assert answered == sorted(answered)
    assert (answered[0], answered[-1]) == (False, True)


def test_a_body_that_is_too_long_is_left_to_a_thread_and_shorter_ones_are_not(
    trained_settings: Settings, make_app: MakeApp
) -> None:
    app = make_app(trained_settings.model_copy(update={"max_body_bytes": 1_024}))
    settle(app)
    long = json.dumps(VISITOR).encode() + b" " * 1_024
    request = {"method": "POST", "data": long, "content_type": "application/json"}
    answerer = app.answerer(environ_of(**request))  # type: ignore[attr-defined]
    assert answerer is not None
    assert answerer(long) is None
    assert answerer(long.strip()) is not None


def test_another_release_makes_its_first_lists_in_threads(app: Flask, publish_again: Callable[..., str]) -> None:
    publish_again("blend")
    assert context_of(app).recommender.refresh()
    assert in_loop(app, json={"history": ["P00001", "P00004"]}) is None


def test_a_shared_cache_is_left_to_threads(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = context_of(app).recommender._lists._cache
    monkeypatch.setattr(cache, "is_shared", True)
    monkeypatch.setattr(cache, "get", lambda _: pytest.fail("the network was asked"))
    assert in_loop(app, json={"history": ["P00001", "P00004"], "n": 100}) is None


def test_arms_of_experiments_are_named_and_interleaved_lists_left_to_threads(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments = context_of(app).recommender.experiments
    one = Assignment((("colours", "blue"),), (), None, None)
    monkeypatch.setattr(experiments, "assigned", lambda *_: one)
    answer = in_loop(app, json=USER)
    assert answer is not None
    assert ("X-Experiments", "colours=blue") in answer.headers
    assert [shown.arm for shown, _, _ in experiments._waiting] == ["blue"]
    two = Assignment((("colours", "blue+red"),), (), None, None, one, "colours")
    monkeypatch.setattr(experiments, "assigned", lambda *_: two)
    assert in_loop(app, json=USER) is None


@pytest.mark.parametrize("changed", [{"log_requests": "on"}, {"explore": 0.1}])
def test_lists_that_are_kept_or_drawn_are_left_to_threads(
    trained_settings: Settings, make_app: MakeApp, changed: dict[str, Any]
) -> None:
    app = make_app(trained_settings.model_copy(update=changed))
    settle(app)
    assert in_loop(app, json=USER) is None


def test_keys_and_limits_count_in_the_loop(trained_settings: Settings, make_app: MakeApp) -> None:
    key = "a-key-for-reading-that-nobody-guesses"
    app = make_app(trained_settings.model_copy(update={"read_keys": key}))
    for given, is_right in (("", False), ("Bearer wrong", False), (f"Bearer {key}", True)):
        answerer = app.answerer(environ_of(json=USER, headers={"Authorization": given}))  # type: ignore[attr-defined]
        assert (answerer is not None) == is_right
    app = make_app(trained_settings.model_copy(update={"rate_limit": "3/hour"}))
    assert in_loop(app, **HEALTH) is None


def test_a_shop_among_several_answers_in_the_loop_below_its_address(app: Flask, tmp_path: Path) -> None:
    service = Tenants({"one": app}, context_of(app).settings)
    answer = in_loop(service, path="/t/one/recommend", json=USER)
    assert answer is not None
    assert answer.body == by_thread(service, "/t/one/recommend", json=USER).data
    for path in ("/t/two/recommend", "/recommend", "/t/one/status"):
        assert in_loop(service, path=path, json=USER) is None


def test_a_worker_with_the_configuration_of_the_project_asks_the_application_in_its_loop(app: Flask) -> None:
    config = Config()
    for name, value in run_path(str(ROOT / "gunicorn.conf.py")).items():
        if name in config.settings:
            config.set(name, value)
    assert "gunicorn.access" not in config.logconfig_dict["loggers"]
    log = Logger.__new__(Logger)  # without replacing the logging of the tests
    log.access_log = logging.getLogger("gunicorn.access")
    loop = LoopAnswers.of(app, config, log)
    request = RequestBuffer(1_000)
    request.feed(b"GET /healthz HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert loop is not None
    answer = loop.answer(request, ("127.0.0.1", 4711), ("127.0.0.1", 80))
    assert answer is not None
    assert answer[0].endswith(b'{"status":"ok"}\n')
