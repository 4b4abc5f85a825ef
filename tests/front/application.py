"""A small WSGI application behind the worker under test."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

from src.front.worker import BufferingWorker

LARGE = b"x" * 4_000_000
WORK_SECONDS = 0.02
_numbers = itertools.count(1)


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the body, with LARGE at /large, or with the number of the request at /number, after some work."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    answer = LARGE if environ["PATH_INFO"] == "/large" else body
    if environ["PATH_INFO"] == "/number":
        answer = str(next(_numbers)).encode()
        time.sleep(WORK_SECONDS)
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


class ImpatientWorker(BufferingWorker):
    """The same with a shorter deadline."""

    head_seconds = 0.3
