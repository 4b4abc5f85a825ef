"""What the shop's own pages may do: keys that anybody can read there, and calls from their origins (CORS)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Flask, Response, g, request

from app.problem_json import problem
from src.core.errors import InputError
from src.core.settings import Settings, listed
from src.ingestion.event_formats import FORMATS, read_format

CALLS = frozenset(
    {
        "lists.recommend",
        "lists.recommend_by_address",
        "lists.similar",
        "lists.popular",
        "api.search",
        "events.add_events",
    }
)
"""Endpoints that a public key may call."""
SESSION = re.compile(r"session-[A-Za-z0-9_-]{16,64}")
"""User ids of anonymous sessions: too long to be guessed, and no customer's."""
_SCRIPT = "/static/aisle.js"
_DAY = "86400"


def check_session() -> Response | None:
    """Refuse a request with a public key that is about anybody but an anonymous session; call it after the body."""
    if not g.get("is_public"):
        return None
    for user_id in _users():
        if not isinstance(user_id, str) or SESSION.fullmatch(user_id) is None:
            return problem(
                403,
                "Forbidden",
                "a public key speaks for anonymous sessions only. Expected a user_id such as session- and 16 to 64 "
                "letters, digits, - or _ that this browser made up; call with a customer's id from the shop's server.",
            )
    return None


def _users() -> Iterator[Any]:
    """Yield every user that the request is about."""
    if request.method == "GET":
        yield from request.args.getlist("user_id")
        return
    body = request.get_json(silent=True)
    if (name := request.args.get("format")) in FORMATS and request.endpoint == "events.add_events":
        yield from _users_in(name, body)
        return
    for item in body if isinstance(body, list) else [body]:
        if isinstance(item, dict) and (item.get("user_id") is not None or request.endpoint == "events.add_events"):
            yield item.get("user_id")


def _users_in(name: str, body: object) -> Iterator[Any]:
    """Yield every user that the events of a format are about; the call refuses a body that cannot be read."""
    with suppress(InputError):
        for event in read_format(name, body).events:
            yield event.fields.get("user_id")


def allow_origins(app: Flask, settings: Settings) -> None:
    """Let scripts of the origins of AISLE_ORIGINS call this service."""
    origins = frozenset(listed(settings.origins))
    if origins:
        app.after_request(lambda response: _with_origin(response, origins))


def _with_origin(response: Response, origins: frozenset[str]) -> Response:
    response.headers.add("Vary", "Origin")
    if request.path == _SCRIPT:
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    origin = request.headers.get("Origin")
    if origin in origins and (request.endpoint in CALLS or request.path == _SCRIPT):
        response.headers["Access-Control-Allow-Origin"] = str(origin)
        response.headers["Access-Control-Expose-Headers"] = "X-Request-Id, X-Release, X-Source"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            response.headers["Access-Control-Max-Age"] = _DAY
    return response
