"""Format log lines as JSON or text, with the id of the request they belong to.

Imports the standard library only, because Gunicorn's master imports it before it forks.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from functools import lru_cache
from types import TracebackType
from typing import Any, TextIO

FIELDS = "fields"
"""Key of a record's `extra`: a dict of plain values that are added to the line."""
REQUEST_ID = "request_id"
"""Key of the `extra` of a record that is made outside of the request that it belongs to."""
SHOP: ContextVar[str] = ContextVar("shop", default="")
"""The shop that a thread works for, of several in one process; "" where there is one."""
_ENCODE = json.JSONEncoder(default=str).encode

_CLIENT_INPUT = (
    (re.compile(r"^Error handling request .*", re.DOTALL), "a request could not be handled"),
    (re.compile(r"^Invalid request from .*", re.DOTALL), "a request that is no HTTP was refused"),
)
"""Lines of Gunicorn that repeat client input (address, path, query), and what replaces them."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""Werkzeug's development server writes its first lines in colour, whether to a terminal or not."""


@contextmanager
def lines_of(shop: str) -> Iterator[None]:
    """Name a shop in the lines that this thread logs inside of the `with` block."""
    token = SHOP.set(shop)
    try:
        yield
    finally:
        SHOP.reset(token)


def background_thread(target: Callable[..., object], name: str, *args: object) -> threading.Thread:
    """Return a thread that is not started yet, whose log lines name the shop that this thread works for.

    Args:
        target: What it runs; the process does not wait for its end.
        name: Its name.
        *args: Arguments of target.
    """
    return threading.Thread(target=copy_context().run, args=(target, *args), name=name, daemon=True)


def _shop() -> dict[str, Any]:
    return {"tenant": shop} if (shop := SHOP.get()) else {}


class _Formatter(logging.Formatter):
    """Format records without personal data.

    An exception is logged by its type and traceback. Its message can hold an id or part of a body (a KeyError, a
    refused statement with its parameters), so it is left out unless `ids`.

    Args:
        request_id: Returns the id of the current request; None outside of one.
        ids: Whether lines may hold ids, as messages of exceptions do.
    """

    def __init__(self, request_id: Callable[[], str | None] = lambda: None, ids: bool = False) -> None:
        super().__init__("%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s")
        self._request_id, self._ids = request_id, ids

    def formatException(self, ei: Any) -> str:
        type_, error, trace = ei
        return super().formatException(ei) if self._ids else _traceback_line(type_, error, trace)

    def _message(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name == "werkzeug":
            message = _COLOUR.sub("", message)
        if record.name.startswith("gunicorn"):
            for pattern, replacement in _CLIENT_INPUT:
                message = pattern.sub(replacement, message)
        return message


class JsonLines(_Formatter):
    """Format a record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
            "pid": record.process,
        }
        if (request_id := getattr(record, REQUEST_ID, None) or self._request_id()) is not None:
            line[REQUEST_ID] = request_id
        line |= _shop() | getattr(record, FIELDS, {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self.formatException(record.exc_info)
        return _ENCODE(line)


class TextLines(_Formatter):
    """Format a record as text for a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its exception."""
        record.message = self._message(record)
        fields: Mapping[str, Any] = _shop() | getattr(record, FIELDS, {})
        suffix = "".join(f" {name}={value}" for name, value in fields.items() if value is not None)
        return super().formatMessage(record) + suffix


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes records to stderr, many of them at once if it gets many."""

    def emit_all(self, records: Iterable[logging.LogRecord]) -> None:
        """Write records that are not filtered, in one piece."""
        try:
            lines = [self.format(record) + self.terminator for record in records if self.filter(record)]
            with self.lock or nullcontext():
                self.stream.write("".join(lines))
                self.flush()
        except OSError:  # as logging has it: a log that cannot be written stops nothing
            return


def log_all(logger: logging.Logger, records: Iterable[logging.LogRecord]) -> None:
    """Hand records to the handlers of a logger, as `logger.handle` does one by one.

    Args:
        logger: The logger that the records name.
        records: In their order.
    """
    at: logging.Logger | None = logger
    wanted = [record for record in records if logger.isEnabledFor(record.levelno) and logger.filter(record)]
    while at is not None:
        for handler in at.handlers:
            if isinstance(handler, LineHandler):
                handler.emit_all(wanted)
            else:
                for record in wanted:
                    if record.levelno >= handler.level:
                        handler.handle(record)
        at = at.parent if at.propagate else None


def _utc(seconds: float) -> str:
    return f"{_utc_second(int(seconds))}.{int(seconds * 1_000) % 1_000:03d}Z"


@lru_cache(maxsize=16)
def _utc_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _traceback_line(type_: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Return the exception's type and frames, innermost last, after those of its cause."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = "" if cause is None else _traceback_line(type(cause), cause, cause.__traceback__) + " ⇒ "
    return before + " > ".join([*frames, type_.__name__])


def resolve_format(name: str) -> str:
    """Return "json" or "text"; "auto" means text on a terminal, else JSON."""
    if name in ("json", "text"):
        return name
    return "text" if sys.stderr.isatty() else "json"


def formatter(name: str, request_id: Callable[[], str | None] = lambda: None, ids: bool = False) -> logging.Formatter:
    """Return the formatter of log records.

    Args:
        name: "auto", "json" or "text".
        request_id: Returns the id of the current request; None outside of one.
        ids: Whether lines may hold ids, as messages of exceptions do.

    Returns:
        A JsonLines or TextLines formatter.
    """
    return (JsonLines if resolve_format(name) == "json" else TextLines)(request_id, ids)


def configure_logging(name: str, request_id: Callable[[], str | None] = lambda: None, ids: bool = False) -> None:
    """Log everything of this process, including warnings and failed threads, to stderr.

    Args:
        name: "auto", "json" or "text".
        request_id: Returns the id of the current request; None outside of one.
        ids: Whether lines may hold ids, as messages of exceptions do.
    """
    handler = LineHandler()
    handler.setFormatter(formatter(name, request_id, ids))
    if not ids:
        handler.addFilter(_holds_no_rows)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for gunicorn_handler in logging.getLogger("gunicorn.error").handlers:
        gunicorn_handler.setFormatter(handler.formatter)
    for verbose in ("apscheduler", "faiss"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


def _holds_no_rows(record: logging.LogRecord) -> bool:
    """Return whether a record may be logged: below WARNING SQLAlchemy logs parameters and rows, which hold ids."""
    return record.levelno >= logging.WARNING or not record.name.startswith("sqlalchemy")


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        name = failed.thread.name if failed.thread is not None else "?"
        error = (failed.exc_type, failed.exc_value, failed.exc_traceback)
        logging.getLogger(__name__).error("the thread %s failed", name, exc_info=error)


def gunicorn_config(name: str) -> dict[str, Any]:
    """Return the logging configuration (dictConfig) of Gunicorn's own lines; name: "auto", "json" or "text".

    Its access log stays off, because that repeats paths.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "src.core.log_format.formatter", "name": name}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
    }
