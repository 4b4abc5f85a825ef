"""Debug logs of every call hold no key, no id and no part of a body."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.routes import CALLS, PAGES
from app.routes.request_log import write_logs
from app.schemas.examples import EXAMPLES
from src.core.settings import Settings

MakeApp = Callable[[Settings], Flask]
KEYS = {role: f"LEAK-{role}-key-of-thirty-characters" for role in ("read", "write", "admin")}
SECRETS = ("LEAK", "Zm9vOkxFQUs")
"""What every key, id and text of a body here begins with, and `foo:LEAK` in base64, as Basic sends it."""
USER, PRODUCT, TEXT = "LEAKuser7", "LEAKproduct7", "LEAKtext seven"


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in list(root.manager.loggerDict)}
    yield
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    root.handlers[:], root.level = before, level
    logging.captureWarnings(False)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[[Settings], io.StringIO]:
    """Sets the log up as a service does, and lets every logger say everything."""

    def begin(settings: Settings) -> io.StringIO:
        written = io.StringIO()
        monkeypatch.setattr("sys.stderr", written)
        write_logs(settings)
        logging.getLogger().setLevel(logging.DEBUG)
        for name in list(logging.getLogger().manager.loggerDict):
            logging.getLogger(name).setLevel(logging.DEBUG)
        return written

    return begin


def recognisable(value: Any, name: str = "") -> Any:
    """The body of an example with ids and texts that can be told from everything else in a log."""
    if isinstance(value, dict):
        return {name: recognisable(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [recognisable(part, name) for part in value]
    if not isinstance(value, str) or name in ("kind", "model", "model_type", "at"):
        return value
    return {"user_id": USER, "product_id": PRODUCT, "item_id": PRODUCT}.get(name, TEXT)


def requests() -> Iterator[tuple[str, str, Any, dict[str, str]]]:
    """(method, path, body, query) of every call and page: as an example shows it, and with nonsense."""
    for call, examples in EXAMPLES.items():
        method, path = call.split(" ", 1)
        path = re.sub(r"{\w+}", PRODUCT, path)
        for example in examples:
            query = {} if call == "POST /events" else {"user_id": USER, "q": TEXT}
            yield method, path, recognisable(example.body), query
        yield method, path, {"user_id": USER, "LEAKname": TEXT, "events": [TEXT]}, {"LEAKname": TEXT}
    for routes in (*CALLS.values(), *PAGES.values()):
        for route in routes:
            path = re.sub(r"<any\(.*?\):\w+>", "pin", route.path)
            path = re.sub(r"<[^>]*>", PRODUCT, path)
            yield route.method, path, {"user_id": USER, "product_id": PRODUCT, "key": KEYS["admin"]}, {"q": TEXT}


def test_debug_logs_hold_no_key_no_id_and_no_body(
    trained_settings: Settings, make_app: MakeApp, logged: Callable[[Settings], io.StringIO]
) -> None:
    keys = {f"{role}_keys": key for role, key in KEYS.items()}
    settings = trained_settings.model_copy(update={**keys, "secret_key": "LEAKsecret", "log_served": "on"})
    written, handlers = {}, list[logging.Handler]()
    for log_format in ("json", "text"):
        written[log_format] = logged(settings.model_copy(update={"log_format": log_format}))
        handlers += logging.getLogger().handlers
    logging.getLogger().handlers[:] = handlers
    app = make_app(settings)
    client = app.test_client()
    seen = set()
    credentials: list[dict[str, str]] = [
        *({"Authorization": f"Bearer {key}"} for key in KEYS.values()),
        {"Authorization": "Bearer LEAKwrong"},
        {"Authorization": "Basic Zm9vOkxFQUs="},
    ]
    for method, path, body, query in requests():
        for headers in credentials:
            json_body = body if method == "POST" else None
            answer = client.open(path, method=method, json=json_body, query_string=query, headers=headers)
            seen.add(answer.status_code)
            answer.close()
        client.post(path, data=b'{"user_id": "LEAKbroken', content_type="application/json", headers=credentials[2])
        client.post(path, data={"key": KEYS["admin"], "version": TEXT}, headers=credentials[0])
    app.logger.debug("the last line")
    assert {200, 201, 401, 404, 422} <= seen
    for log_format, log in written.items():
        lines = log.getvalue().splitlines()
        assert "the last line" in lines[-1]
        assert lines[0].startswith("{") == (log_format == "json")
        for secret in SECRETS:
            assert [line for line in lines if secret in line][:3] == []
    assert all(isinstance(json.loads(line), dict) for line in written["json"].getvalue().splitlines())


def test_debug_logs_of_failures_hold_no_id(
    trained_settings: Settings,
    make_app: MakeApp,
    logged: Callable[[Settings], io.StringIO],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = logged(trained_settings.model_copy(update={"log_format": "json"}))
    app = make_app(trained_settings)

    def failing(*_: Any, **__: Any) -> Any:
        raise KeyError(USER, PRODUCT, TEXT)

    monkeypatch.setattr("app.serving.recommender.Recommender.recommend", failing)
    assert app.test_client().get(f"/recommend?user_id={USER}").status_code == 500
    assert "KeyError" in written.getvalue()
    assert "LEAK" not in written.getvalue()
