"""Log lines: JSON for machines, text for people, with the request they belong to.

Needs nothing but the standard library, as Gunicorn's master reads it before it forks.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

FIELDS = "fields"
"""Of a record's `extra`: what else the line says, as a dict of plain values."""

_TOLD_BY_CLIENTS = (
    (re.compile(r"^Error handling request .*", re.DOTALL), "a request could not be handled"),
    (re.compile(r"^Invalid request from .*", re.DOTALL), "a request that is no HTTP was refused"),
)
"""Lines of Gunicorn that repeat what a client sent: its address, path and query."""


class _Formatter(logging.Formatter):
    """request_id: of the request that is being answered; None outside of one.

    An exception is told by its type and where it came from. What it says itself can hold an id or a piece of a body (a
    KeyError, a refused statement with its parameters), so that is left out unless `ids`.
    """

    def __init__(self, request_id: Callable[[], str | None] = lambda: None, ids: bool = False) -> None:
        super().__init__("%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s")
        self._request_id, self._ids = request_id, ids

    def formatException(self, ei: Any) -> str:
        kind, error, trace = ei
        return super().formatException(ei) if self._ids else _where(kind, error, trace)

    def _said(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name.startswith("gunicorn"):
            for told, instead in _TOLD_BY_CLIENTS:
                message = told.sub(instead, message)
        return message


class JsonLines(_Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._said(record),
            "pid": record.process,
        }
        if (request_id := self._request_id()) is not None:
            line["request_id"] = request_id
        line |= getattr(record, FIELDS, {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextLines(_Formatter):
    """For a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = self._said(record)
        fields: Mapping[str, Any] = getattr(record, FIELDS, {})
        more = "".join(f" {name}={value}" for name, value in fields.items() if value is not None)
        return super().formatMessage(record) + more


def _utc(seconds: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds * 1_000) % 1_000:03d}Z"


def _where(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """The type of an exception, of what caused it, and the lines they came by, innermost last."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = "" if cause is None else _where(type(cause), cause, cause.__traceback__) + " ⇒ "
    return before + " > ".join([*frames, kind.__name__])


def wanted_format(name: str) -> str:
    """Json or text; of `auto` text where a person looks, which is on a terminal."""
    if name in ("json", "text"):
        return name
    return "text" if sys.stderr.isatty() else "json"


def formatter(name: str, request_id: Callable[[], str | None] = lambda: None, ids: bool = False) -> logging.Formatter:
    """What makes lines of records in this format: auto, json or text."""
    return (JsonLines if wanted_format(name) == "json" else TextLines)(request_id, ids)


def set_up(name: str, request_id: Callable[[], str | None] = lambda: None, ids: bool = False) -> None:
    """Let every logger of this process, warnings and threads that fail included, write such lines to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(name, request_id, ids))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for each in logging.getLogger("gunicorn.error").handlers:
        each.setFormatter(handler.formatter)
    for talkative in ("apscheduler", "faiss"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        name = failed.thread.name if failed.thread is not None else "?"
        error = (failed.exc_type, failed.exc_value, failed.exc_traceback)
        logging.getLogger(__name__).error("the thread %s failed", name, exc_info=error)


def for_gunicorn(name: str) -> dict[str, Any]:
    """Gunicorn's own lines in the same format, as logging.config has it. Its access log stays off: it repeats paths."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "src.core.log_format.formatter", "name": name}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
    }
