"""Answer the calls that are asked most in front of Flask: GET /healthz, and POST /recommend for a bare list.

Routing, the chain of hooks and Flask's objects take several times as long as such an answer. The code that validates,
makes lists and records requests is the same; what is not plain here (another body, a key that may be a guess, a limit
of requests, a fault) goes on to Flask, which answers it as if nothing had been in front. What need not be waited for
the worker's loop may answer itself (`answerer`, see src/front/loop_answer.py).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from json.encoder import encode_basestring_ascii as encode_text
from typing import Any, NamedTuple

from flask import Flask, g, request
from pydantic import ValidationError

from app.context import AisleContext, context_of
from app.routes.request_log import REQUEST_ID, id_of_request
from app.schemas.lists import RecommendBody
from app.security.browser_headers import CALL_HEADERS
from app.security.request_bodies import is_plain_body, is_plain_head, plain_body
from app.serving.recommender import DEGRADED, EXPERIMENTS, WITHOUT_STORE, ListAnswer
from app.telemetry.request_records import RequestRecord
from src.core.domain import Query
from src.core.errors import AisleError
from src.core.tracing import describe_span, is_tracing, request_span, span
from src.front.loop_answer import Answerer, LoopAnswer

_FAULT = "aisle.fault"
_MOST_KNOWN, _LONGEST_KNOWN = 1_024, 256
"""Bodies that are parsed once, and bytes of the longest of them."""
_OK, _HEALTHY = "200 OK", b'{"status":"ok"}\n'

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass(frozen=True)
class _Fault:
    """An error that Flask's handlers have to word.

    Attributes:
        began: When the request came, in seconds of time.perf_counter().
        error: What was raised.
    """

    began: float
    error: Exception


class _Wanted(NamedTuple):
    """A body that asks for a bare list; neither is ever changed."""

    body: RecommendBody
    query: Query


class DirectAnswers:
    """WSGI middleware of an application, see above.

    Attributes:
        flask: What answers everything else.
    """

    def __init__(self, app: Flask) -> None:
        self.flask = app.wsgi_app
        self._app = app
        self._known: dict[bytes, _Wanted] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        with request_span(environ["REQUEST_METHOD"], environ.get("HTTP_TRACEPARENT")):
            return self._answered(environ, start_response)

    def answerer(self, environ: Mapping[str, Any]) -> Answerer | None:
        """Return what answers requests with this head in the worker's loop; see AnswersInLoop.

        Args:
            environ: Of a request, without its body.

        Returns:
            None if a thread has to answer them.
        """
        called, aisle = (environ["REQUEST_METHOD"], environ["PATH_INFO"]), context_of(self._app)
        is_plain = called in _CALLS and _is_plain(environ, aisle)
        if not is_plain or (called == _LISTS and not is_plain_head(environ, sys.maxsize)):
            return None
        return partial(self._answer_in_loop, environ, aisle)

    def _answer_in_loop(self, environ: Mapping[str, Any], aisle: AisleContext, sent: bytes) -> LoopAnswer | None:
        """Return the answer to a body; None if it is not plain, or there is something to wait for."""
        if is_tracing():  # spans are the threads'
            return None
        began = time.perf_counter()
        body, answer = _HEALTHY, None
        if environ["REQUEST_METHOD"] == "POST":
            is_plain = is_plain_body(sent) and len(sent) <= aisle.settings.max_body_bytes
            wanted = self._wanted(sent) if is_plain else None
            if wanted is None:
                return None
            try:
                answer = aisle.recommender.answer_at_once(wanted.query, wanted.body, wanted.body.placement or "")
            except AisleError:  # Flask words it
                return None
            if answer is None:
                return None
            body = _body_of(answer)
        return LoopAnswer(_OK, self._recorded(environ, body, answer, began, aisle), body, CALL_HEADERS)

    def _answered(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        called = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if called in _CALLS and _is_plain(environ, aisle := context_of(self._app)):
            began = time.perf_counter()
            try:
                body, answer = self._answer(environ, aisle)
            except Exception as error:
                environ[_FAULT] = _Fault(began, error)
                body = None
            if body is not None:
                start_response(_OK, [*self._recorded(environ, body, answer, began, aisle), *CALL_HEADERS])
                return [body]
        return self.flask(environ, start_response)

    def _answer(self, environ: Environ, aisle: AisleContext) -> tuple[bytes | None, ListAnswer | None]:
        """Return the body of the answer, None if it is none of these, and the list in it."""
        if environ["REQUEST_METHOD"] == "GET":
            return _HEALTHY, None
        sent = plain_body(environ, aisle.settings.max_body_bytes)
        if sent is None:
            return None, None
        wanted = self._wanted(sent)
        if wanted is None:
            return None, None
        answer = aisle.recommender.answer(wanted.query, wanted.body, wanted.body.placement or "")
        with span("response"):
            return _body_of(answer), answer

    def _wanted(self, sent: bytes) -> _Wanted | None:
        """Return what a body asks for; None if it is wrong, or asks for more than a bare list."""
        if (known := self._known.get(sent)) is not None:
            return known
        try:
            body = RecommendBody.model_validate(self._app.json.loads(sent))
        except (ValidationError, ValueError):
            return None
        if body.product_name is not None or body.detail or body.explain:
            return None
        wanted = _Wanted(body, body.query())
        if len(sent) <= _LONGEST_KNOWN:  # a shop asks for the lists of a visitor again and again
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[sent] = wanted
        return wanted

    @staticmethod
    def _recorded(
        environ: Mapping[str, Any], body: bytes, answer: ListAnswer | None, began: float, aisle: AisleContext
    ) -> list[tuple[str, str]]:
        """Record a request, and return the headers of its own. began: in seconds of time.perf_counter()."""
        request_id = id_of_request(environ.get("HTTP_X_REQUEST_ID"))
        release = answer.release if answer else aisle.recommender.version
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), (REQUEST_ID, request_id)]
        if release is not None:
            headers.append(("X-Release", release))
        if answer is not None:
            headers.append(("X-Source", answer.source))
            if answer.assignment is not None:
                headers.append((EXPERIMENTS, answer.assignment.header))
            if answer.without_store:
                headers.append((DEGRADED, WITHOUT_STORE))
        describe_span({"route": environ["PATH_INFO"], "status": 200, "release": release or ""})
        record = RequestRecord(
            time.time(),
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            200,
            time.perf_counter() - began,
            request_id,
            release,
            () if answer is None else (answer.shown,),
        )
        aisle.request_records.put(record)
        return headers


_LISTS = ("POST", "/recommend")
_CALLS = {("GET", "/healthz"), _LISTS}


def _body_of(answer: ListAnswer) -> bytes:
    # What json.dumps makes of a list of texts, which sets up an encoder first.
    return f"[{','.join([encode_text(place.product_id) for place in answer.recommendations])}]\n".encode()


def _is_plain(environ: Mapping[str, Any], aisle: AisleContext) -> bool:
    """Whether no limit, key or origin has to be looked at, and nothing of the request belongs in the log."""
    settings = aisle.settings
    return (
        not settings.rate_limit
        and settings.log_ids == "off"
        and not (settings.origins and "HTTP_ORIGIN" in environ)
        and not (settings.public_keys and ("HTTP_AUTHORIZATION" in environ or environ.get("QUERY_STRING")))
        and aisle.access.keys.admits_reader(environ.get("HTTP_AUTHORIZATION", ""))
    )


def answer_directly(app: Flask) -> None:
    """Put the direct answers in front of an application. Call it after every other middleware is added."""
    direct = DirectAnswers(app)
    app.wsgi_app = direct  # type: ignore[method-assign]
    app.answerer = direct.answerer  # type: ignore[attr-defined]


def raise_fault() -> None:
    """Raise what was raised in front of Flask; the first hook of a request after its log has begun."""
    fault: _Fault | None = request.environ.get(_FAULT)
    if fault is not None:
        g.began = fault.began
        raise fault.error
