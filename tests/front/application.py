"""A small WSGI application behind the worker under test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from src.front.worker import BufferingWorker

LARGE = b"x" * 4_000_000


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the body, or with LARGE at /large."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    answer = LARGE if environ["PATH_INFO"] == "/large" else body
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


class ImpatientWorker(BufferingWorker):
    """The same with a shorter deadline."""

    head_seconds = 0.3
