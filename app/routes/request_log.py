"""Record every request: its id, a log line, metrics, the lists it was answered with; answer GET /metrics."""

from __future__ import annotations

import re
import secrets
import time

from flask import Flask, Response, g, has_request_context, request

from app.context import current_aisle
from app.routes.metric_families import families
from app.schemas import SANE_REQUEST_ID
from app.telemetry.metrics import CONTENT_TYPE
from app.telemetry.request_records import RequestRecord
from src.core.ids import MAX_ID_LENGTH
from src.core.log_format import configure_logging
from src.core.settings import Settings
from src.core.tracing import describe_span

REQUEST_ID = "X-Request-Id"
_SANE = re.compile(SANE_REQUEST_ID)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_UNKNOWN_ROUTE, _OTHER_METHOD = "none", "other"


def observe(app: Flask) -> None:
    """Record the requests of an application. Call it before any other hook is added."""
    app.before_request(_begin)
    app.after_request(_end)


def write_logs(settings: Settings) -> None:
    """Configure the log of this process; its lines carry the id of the request that they belong to."""
    configure_logging(settings.log_format, _request_id, settings.log_ids == "on")


def _request_id() -> str | None:
    return g.get("request_id") if has_request_context() else None


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_id = id_of_request(request.headers.get(REQUEST_ID))


def id_of_request(given: str | None) -> str:
    """Return the id that a client has given to its request if it can do no harm, else a new one."""
    return given if given is not None and _SANE.fullmatch(given) else secrets.token_hex(12)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    route = request.url_rule.rule if request.url_rule else _UNKNOWN_ROUTE
    describe_span({"route": route, "status": response.status_code, "release": response.headers.get("X-Release", "")})
    aisle = current_aisle()
    record = RequestRecord(
        at=time.time(),
        method=request.method if request.method in _METHODS else _OTHER_METHOD,
        route=route,
        status=response.status_code,
        seconds=time.perf_counter() - g.began,
        request_id=g.request_id,
        release=response.headers.get("X-Release"),
        shown=g.get("shown", ()) if response.status_code < 400 else (),
        more={"user_id": _user_id()} if aisle.settings.log_ids == "on" else None,
    )
    aisle.request_records.put(record)
    return response


def _user_id() -> str | None:
    """Return the user that the request names; None without one."""
    body = request.get_json(silent=True) if request.is_json else None
    user_id = body.get("user_id") if isinstance(body, dict) else request.args.get("user_id")
    return str(user_id)[:MAX_ID_LENGTH] if isinstance(user_id, str | int) else None


def metrics() -> Response:
    """Answer with the metrics of all workers of this host and of the runs in the store and of the quality of lists."""
    aisle = current_aisle()
    aisle.request_records.flush()
    return Response(aisle.metrics.text(families(aisle)), content_type=CONTENT_TYPE)
