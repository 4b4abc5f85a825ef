"""A small WSGI application behind the worker under test."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from src.front.worker import BufferingWorker

LARGE = b"x" * 4_000_000
WORK_SECONDS = 0.02
_numbers = itertools.count(1)
_at_work: list[None] = []


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the body, or with LARGE at /large, or with the number of threads that make answers at /threads.

    After some work, /number answers with the number of its request, and /at-work with how many of its requests are
    worked at, this one included.
    """
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    answer = LARGE if environ["PATH_INFO"] == "/large" else body
    if environ["PATH_INFO"] == "/number":
        answer = str(next(_numbers)).encode()
        time.sleep(WORK_SECONDS)
    if environ["PATH_INFO"] == "/threads":
        names = [thread.name for thread in threading.enumerate()]
        answer = str(sum(name.startswith("ThreadPoolExecutor") for name in names)).encode()
    if environ["PATH_INFO"] == "/at-work":
        _at_work.append(None)
        time.sleep(WORK_SECONDS)
        answer = str(len(_at_work)).encode()
        _at_work.pop()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


class ImpatientWorker(BufferingWorker):
    """The same with a shorter deadline."""

    head_seconds = 0.3
