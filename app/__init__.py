"""The web application: `create_app` builds it, `start_background` gives a worker its threads."""

from __future__ import annotations

from app.thread_limits import limit_threads

limit_threads()  # before anything imports numpy

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from flask import Flask, Response, current_app
from flask_bootstrap import Bootstrap5
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from app import problem_json
from app.background.profile_refresher import ProfileRefresher
from app.background.scheduler import Scheduler
from app.background.training_process import Trainer, start_trainer
from app.routes import (
    catalogue_search,
    dashboard_pages,
    events,
    openapi_docs,
    recommendations,
    request_log,
    shop_pages,
    trainings_releases,
)
from app.security.api_keys import Keys, Role, check_access
from app.security.browser_headers import protect
from app.security.rate_limits import limit_rates, limit_wrong_keys
from app.security.request_bodies import StrictJson, check_body
from app.serving.list_cache import ListCache
from app.serving.recommender import Recommender
from app.serving.search_service import SearchService
from app.serving.typeahead import Typeahead
from app.telemetry.metrics import Metrics
from app.telemetry.served_lists import ServedListLog
from app.views.error_pages import as_page
from src.core.settings import Settings
from src.models.settings import read_settings
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
    searcher: SearchService
    finder: Typeahead
    scheduler: Scheduler
    explorer: ProfileRefresher
    metrics: Metrics
    served: ServedListLog
    keys: Keys
    roles: Mapping[str, Role]
    start: Callable[[Settings, Sequence[str]], Trainer] = start_trainer
    started_in: int | None = field(default=None)

    def leave(self) -> None:
        """This process serves no more: give up the lead, and write what waits to be written."""
        self.scheduler.stop()
        self.explorer.stop()
        self.recommender.leave()
        self.served.stop()
        self.metrics.close()


def create_app(settings: Settings | None = None) -> Flask:
    """The application over the store and the current release. Starts no thread; see start_background.

    Raises ConfigError for a wrong setting and StoreError for a store that does not answer.
    """
    settings = settings or read_settings()
    app = OpenAPI(
        __name__,
        info=Info(title="Aisle", version=VERSION, description="Product recommendations that a shop can run itself."),
        security_schemes={},  # else flask-openapi3 emits null; see app.schemas.description
        validation_error_callback=problem_json.invalid,
        doc_ui=False,
    )
    app.json = StrictJson(app)
    app.url_map.converters["id"] = catalogue_search.IdConverter
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    store = open_store(settings.store_url)
    recommender = Recommender(settings, store, ListCache(app, settings))
    blueprints = (catalogue_search, events, trainings_releases, openapi_docs, dashboard_pages)
    roles = {call: role for module in blueprints for call, role in module.ROLES.items()}
    searcher, scheduler = SearchService(settings, recommender), Scheduler(settings, store)
    finder, explorer, keys = Typeahead(store, recommender, searcher), ProfileRefresher(settings, store), Keys(settings)
    metrics = Metrics(settings.metrics_dir)
    app.extensions["aisle"] = Aisle(
        settings,
        store,
        recommender,
        searcher,
        finder,
        scheduler,
        explorer,
        metrics,
        ServedListLog(settings, store, metrics),
        keys,
        roles,
    )
    request_log.observe(app)
    problem_json.register(app)
    limit_wrong_keys(app, settings)
    app.before_request(check_access)
    limit_rates(app, settings)
    csrf = protect(app, settings)
    app.before_request(events.allow_length)
    app.before_request(partial(check_body, trainings_releases.WITHOUT_BODY))
    app.after_request(_name_release)
    app.after_request(as_page)  # before the headers, which depend on what the answer is
    for calls in (recommendations.lists, catalogue_search.api, events.events, trainings_releases.admin):
        app.register_api(calls)
        csrf.exempt(calls)  # they take keys from a header, which no foreign page can send, and never from a cookie
    for page in (shop_pages.pages, openapi_docs.docs, dashboard_pages.dashboard, request_log.observing):
        app.register_blueprint(page)
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
    aisle.served.run()


def _watch(aisle: Aisle) -> None:
    pause = threading.Event()
    while not pause.wait(aisle.settings.refresh_seconds):
        try:
            aisle.recommender.refresh()
        except Exception:  # the thread must outlive whatever a disk can do
            _log.exception("looking for a new release failed")


def _name_release(response: Response) -> Response:
    """An answer that rests on a release has named it already, by the one reference that it took."""
    version = current_app.extensions["aisle"].recommender.version
    if version is not None:
        response.headers.setdefault("X-Release", version)
    return response
