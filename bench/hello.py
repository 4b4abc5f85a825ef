"""The yardstick of bench.serve: read a JSON body, answer a constant list, as a bare WSGI function and as a Flask view.

A third one offers its answers to the worker's loop, as Aisle does: what a service in this worker can reach at most.

It is its own Gunicorn configuration, too: that of this folder without Aisle's hooks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from runpy import run_path
from typing import Any

from flask import Flask, Response, jsonify, request

from src.front.loop_answer import Answerer, LoopAnswer

_HOOKS = ("on_starting", "post_worker_init", "worker_exit", "on_exit")
_LIST = [f"B{number:09d}" for number in range(10)]
_BODY = json.dumps(_LIST).encode()
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]

globals().update(
    {
        name: value
        for name, value in run_path(str(Path(__file__).parent.parent / "gunicorn.conf.py")).items()
        if not name.startswith("_") and name not in _HOOKS
    }
)

in_flask = Flask(__name__)


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer any request as a WSGI function of four lines does."""
    if length := int(environ.get("CONTENT_LENGTH") or 0):
        json.loads(environ["wsgi.input"].read(length))
    start_response("200 OK", _HEADERS)
    return [_BODY]


class InLoop:
    """The same, which the worker's loop may answer itself."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return bare(environ, start_response)

    def answerer(self, _environ: Mapping[str, Any]) -> Answerer:
        return _answer


def _answer(body: bytes) -> LoopAnswer:
    if body:
        json.loads(body)
    return LoopAnswer("200 OK", _HEADERS, _BODY)


in_loop = InLoop()


@in_flask.post("/recommend")
def recommend() -> Response:
    request.get_json()
    return jsonify(_LIST)


@in_flask.get("/healthz")
def healthz() -> Response:
    return jsonify(_LIST)


@in_flask.get("/readyz")
def readyz() -> Response:
    return jsonify(_LIST)
