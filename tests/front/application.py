"""A small WSGI application behind the worker under test."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from src.front.loop_answer import Answerer, LoopAnswer
from src.front.worker import BufferingWorker

LARGE = b"x" * 4_000_000
WORK_SECONDS = 0.02
_numbers = itertools.count(1)
_at_work: list[None] = []
_released = threading.Event()


def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the body, or with LARGE at /large, or with the number of threads that make answers at /threads.

    After some work, /number answers with the number of its request, and /at-work with how many of its requests are
    worked at, this one included. /wait answers after /loop/release was asked for. Below /loop, `answerer` says the same
    in the loop, without the name of the thread.
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
    if environ["PATH_INFO"] == "/wait":
        _released.wait(600)
    if environ["PATH_INFO"].startswith("/loop/"):
        answer = LARGE if environ["PATH_INFO"] == "/loop/large" else b"thread: " + body
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


def _answer_in_loop(path: str, body: bytes) -> LoopAnswer | None:
    assert threading.current_thread() is threading.main_thread()
    if path == "/loop/release":
        _released.set()
    if path == "/loop/fault":
        raise ZeroDivisionError
    if path == "/loop/not-now":
        return None
    answer = LARGE if path == "/loop/large" else b"loop: " + body
    return LoopAnswer("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))], answer)


def _answerer(environ: Mapping[str, Any]) -> Answerer | None:
    path: str = environ["PATH_INFO"]
    return (lambda body: _answer_in_loop(path, body)) if path.startswith("/loop/") else None


app.answerer = _answerer  # type: ignore[attr-defined]


class ImpatientWorker(BufferingWorker):
    """The same with a shorter deadline, and no time for answers in the loop."""

    head_seconds = 0.3
    loop_seconds = 0.0
