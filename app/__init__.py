"""The web application: `create_app` builds it, `start_background` gives a worker its threads."""

from __future__ import annotations

from app.optimize import limit_threads

limit_threads()  # before anything imports numpy

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from flask import Flask, Response, current_app, request
from flask.json.provider import DefaultJSONProvider
from flask_bootstrap import Bootstrap5
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import BadRequest, HTTPException, LengthRequired, UnsupportedMediaType

from app import admin, api, events, pages, problems
from app.access import Keys, Role
from app.optimize import ListCache
from app.recommender import Recommender
from app.scheduler import Scheduler
from app.searcher import Searcher
from app.trainer import Trainer, start_trainer
from src.config import Settings, read_settings
from src.errors import InputError
from src.store import Store, open_store

VERSION = "0.1.0"

_log = logging.getLogger(__name__)
_starting = threading.Lock()


@dataclass
class Aisle:
    """The parts of one application, kept at app.extensions["aisle"]."""

    settings: Settings
    store: Store
    recommender: Recommender
    searcher: Searcher
    scheduler: Scheduler
    keys: Keys
    roles: Mapping[str, Role]
    start: Callable[[Settings, Sequence[str]], Trainer] = start_trainer
    started_in: int | None = field(default=None)


class _StrictJson(DefaultJSONProvider):
    """JSON as the standard has it: NaN and Infinity are no numbers, and depth has an end."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is no JSON value")

        try:
            return json.loads(s, parse_constant=refuse, **kwargs)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


def create_app(settings: Settings | None = None) -> Flask:
    """The application over the store and the current release. Starts no thread; see start_background.

    Raises ConfigError for a wrong setting and StoreError for a store that does not answer.
    """
    settings = settings or read_settings()
    app = OpenAPI(
        __name__,
        info=Info(title="Aisle", version=VERSION, description="Product recommendations that a shop can run itself."),
        security_schemes={"key": {"type": "http", "scheme": "bearer"}},
        validation_error_callback=problems.invalid,
        doc_ui=False,
    )
    app.json = _StrictJson(app)
    app.url_map.converters["id"] = api.IdConverter
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    store = open_store(settings.store_url)
    recommender = Recommender(settings, store, ListCache(app, settings))
    roles = {**api.ROLES, **events.ROLES, **admin.ROLES}
    searcher, scheduler = Searcher(settings, recommender), Scheduler(settings, store)
    app.extensions["aisle"] = Aisle(settings, store, recommender, searcher, scheduler, Keys(settings), roles)
    problems.register(app)
    app.before_request(api.check_access)
    app.before_request(_check_body)
    app.after_request(_protect)
    app.after_request(_name_release)
    app.register_api(api.api)
    app.register_api(events.events)
    app.register_api(admin.admin)
    app.register_blueprint(pages.pages)
    recommender.refresh()
    return app


def start_background(app: Flask) -> None:
    """Give this process the threads that watch for releases and for the night; once per process, after the fork."""
    aisle: Aisle = app.extensions["aisle"]
    if aisle.started_in == os.getpid():
        return
    with _starting:
        if aisle.started_in == os.getpid():
            return
        aisle.started_in = os.getpid()
    aisle.recommender.announce()
    threading.Thread(target=_watch, args=(aisle,), name="releases", daemon=True).start()
    aisle.scheduler.run()


def _watch(aisle: Aisle) -> None:
    pause = threading.Event()
    while not pause.wait(aisle.settings.refresh_seconds):
        try:
            aisle.recommender.refresh()
        except Exception:  # the thread must outlive whatever a disk can do
            _log.exception("looking for a new release failed")


def _check_body() -> None:
    """Refuse a body that cannot be what is asked for, before any view sees it."""
    if request.method != "POST" or request.endpoint is None:
        return
    if request.endpoint in admin.WITHOUT_BODY and _is_empty(request.environ):
        request.environ |= {"CONTENT_LENGTH": "2", "CONTENT_TYPE": "application/json", "wsgi.input": BytesIO(b"{}")}
        return
    if request.content_length is None:
        # Werkzeug cuts a chunked body at MAX_CONTENT_LENGTH without a word.
        raise LengthRequired("the request says no Content-Length. Send the JSON body in one piece, with its length.")
    if not request.is_json:
        kind = request.content_type or "none"
        raise UnsupportedMediaType(
            f"the Content-Type is {kind[:80]!r}; send JSON with 'Content-Type: application/json'."
        )
    try:
        body = request.get_json()
    except HTTPException as error:
        if not isinstance(error, BadRequest):
            raise
        raise BadRequest(f"the body is no JSON ({_cause(error)}). /docs shows what is expected.") from None
    if not isinstance(body, dict | list):
        # A string would be read as JSON once more, and not as strictly.
        raise InputError(f"the body is {json.dumps(body)[:80]}; expected a JSON object. /docs shows which.")


def _is_empty(environ: Mapping[str, Any]) -> bool:
    return environ.get("CONTENT_LENGTH") in (None, "", "0") and "HTTP_TRANSFER_ENCODING" not in environ


def _cause(error: BaseException) -> str:
    said = str(error.__cause__ or error.__context__ or "it cannot be read")
    return said.removeprefix("400 Bad Request: Failed to decode JSON object: ").split(": line")[0][:120]


def _name_release(response: Response) -> Response:
    """An answer that rests on a release has named it already, by the one reference that it took."""
    version = current_app.extensions["aisle"].recommender.version
    if version is not None:
        response.headers.setdefault("X-Release", version)
    return response


def _protect(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    )
    return response
