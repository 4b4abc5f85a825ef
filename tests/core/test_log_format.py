"""Log lines are formatted as JSON and as text."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.core.log_format import FIELDS, formatter, gunicorn_config, resolve_format
from tests.waiting import PATIENCE_SECONDS


def record(message: object, *args: object, name: str = "app.x", **more: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "file.py", 1, message, args, more.pop("exc_info", None))
    vars(made).update(more)
    return made


def failure(error: Exception) -> Any:
    try:
        raise error
    except Exception:
        return sys.exc_info()


def test_every_line_is_one_json_object() -> None:
    line = formatter("json", lambda: "r1").format(record('two\nlines "quoted" %s', "\x1b[31mäöü"))
    assert "\n" not in line
    output = json.loads(line)
    assert output["message"] == 'two\nlines "quoted" \x1b[31mäöü'
    assert (output["level"], output["logger"], output["request_id"]) == ("info", "app.x", "r1")


def test_fields_are_beside_the_message_and_non_json_values_become_texts() -> None:
    output = json.loads(formatter("json").format(record("m", **{FIELDS: {"status": 200, "what": {1}}})))
    assert (output["status"], output["what"]) == (200, "{1}")
    assert "request_id" not in output


@pytest.mark.parametrize("name", ["json", "text"])
def test_the_text_of_an_exception_is_left_out_and_its_place_is_logged(name: str) -> None:
    cause = ValueError("user U00001")
    error = KeyError("product P00001")
    error.__cause__ = cause
    output = formatter(name).format(record("it failed", exc_info=failure(error)))
    assert "KeyError" in output
    assert "ValueError" in output
    assert "test_log_format.py" in output
    assert "0001" not in output
    assert "P00001" in formatter(name, ids=True).format(record("it failed", exc_info=failure(error)))


@pytest.mark.parametrize(
    "message",
    [
        record("Error handling request %s %s", "GET", "/products/U00001?x=U00001", name="gunicorn.error"),
        record("Error handling request /U00001", name="gunicorn.error"),
        record("Invalid request from ip=1.2.3.4: Invalid HTTP request line: 'GET /U00001'", name="gunicorn.error"),
    ],
)
@pytest.mark.parametrize("name", ["json", "text"])
def test_gunicorn_repeats_nothing_of_a_request(message: logging.LogRecord, name: str) -> None:
    output = formatter(name).format(message)
    assert "U00001" not in output
    assert "1.2.3.4" not in output
    assert "request" in output


def test_a_terminal_shows_text_and_everything_else_json(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, expected in ((True, "text"), (False, "json")):
        monkeypatch.setattr(sys.stderr, "isatty", lambda is_one=terminal: is_one)
        assert resolve_format("auto") == expected
        assert (resolve_format("json"), resolve_format("text")) == ("json", "text")


def test_gunicorn_takes_its_configuration(in_a_fresh_process: Callable[[str], str]) -> None:
    code = f"""
import logging, logging.config
logging.config.dictConfig({gunicorn_config("json")!r})
logging.getLogger("gunicorn.error").info("Booting worker")
logging.getLogger("other").warning("odd")
"""
    output = [json.loads(line) for line in in_a_fresh_process(code).splitlines()]
    assert [(line["logger"], line["message"]) for line in output] == [
        ("gunicorn.error", "Booting worker"),
        ("other", "odd"),
    ]


def test_a_thread_that_fails_and_a_warning_are_log_lines(in_a_fresh_process: Callable[[str], str]) -> None:
    code = """
import threading, warnings
from src.core.log_format import configure_logging
configure_logging("json")
def fail(): raise KeyError("U00001")
thread = threading.Thread(target=fail, name="mine"); thread.start(); thread.join()
warnings.warn("odd")
"""
    failed, warned = (json.loads(line) for line in in_a_fresh_process(code).splitlines())
    assert (failed["level"], failed["message"]) == ("error", "the thread mine failed")
    assert "U00001" not in str(failed)
    assert warned["logger"] == "py.warnings"


def test_neither_logs_nor_places_bring_anything_into_gunicorns_master(in_a_fresh_process: Callable[[str], str]) -> None:
    """Numpy must not be imported there, as a worker limits its threads before the import."""
    code = """
import runpy, sys
runpy.run_path("gunicorn.conf.py")
found = sorted({name.split(".")[0] for name in sys.modules} & {"numpy", "app", "flask", "pydantic", "sqlalchemy"})
print(found, file=sys.stderr)
"""
    assert in_a_fresh_process(code) == "[]\n"


@pytest.fixture
def in_a_fresh_process() -> Callable[[str], str]:
    """Run code in a new interpreter; return what it writes to stderr."""
    root = Path(__file__).resolve().parents[2]

    def run(code: str) -> str:
        prefix = f"import sys; sys.path.insert(0, {str(root)!r})\n"
        done = subprocess.run(
            [sys.executable, "-c", prefix + code], cwd=root, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


def test_first_lines_of_the_development_server_have_no_colours() -> None:
    for name in ("json", "text"):
        line = formatter(name).format(record("\x1b[31m\x1b[1mWARNING: a development server\x1b[0m", name="werkzeug"))
        assert "WARNING: a development server" in line
        assert "[31m" not in line
        assert "[0m" not in line
