"""The web application: `create_app` builds it, `start_background` gives a worker its threads."""

from __future__ import annotations

from app.thread_limits import limit_threads

limit_threads()  # before anything imports numpy

import logging
import os
import threading
from functools import partial

from flask import Flask, Response
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_wtf import CSRFProtect

from app import problem_json
from app.background.comparison_process import comparison_job
from app.background.erasure_keeper import ErasureKeeper
from app.background.profile_refresher import ProfileRefresher, profile_job
from app.background.release_fetcher import ReleaseFetcher
from app.background.scheduler import Scheduler
from app.background.training_process import training_job
from app.context import AisleContext, attach_context, context_of, current_aisle
from app.routes import ROLES, WITHOUT_BODY, direct_answers, events, register_routes, request_log
from app.routes.audit_log import note_change_by_key
from app.security.api_keys import AccessControl, Keys
from app.security.assets import serve_assets
from app.security.browser_headers import protect
from app.security.public_access import allow_origins, check_session
from app.security.rate_limits import limit_rates, limit_wrong_keys
from app.security.request_bodies import StrictJson, check_body, check_form
from app.serving.list_cache import ListCache
from app.serving.recommender import Recommender
from app.serving.search_service import SearchService
from app.serving.shop_directory_reader import ShopDirectoryReader
from app.serving.typeahead import Typeahead
from app.telemetry.event_audit import EventAudit
from app.telemetry.metrics import Metrics
from app.telemetry.request_records import RequestRecords
from app.telemetry.served_lists import ServedListLog
from app.texts import set_up_texts
from app.views.error_pages import as_page
from app.views.finding_records import update_findings
from src.core.address_space import is_limited, reserve_blas_buffers
from src.core.log_format import background_thread, lines_of
from src.core.private_folder import make_private_folder
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.core.tracing import start_tracing
from src.models.settings import read_settings
from src.releases.shared_registry import open_registry
from src.store import open_store
from src.workflows.locks import FileLock

VERSION = "0.1.0"
_RULES_SECONDS, _CHECK_EVERY = 1.0, 20
"""Rules hold on every worker within two seconds; every so many looks the service is checked."""

_BLAS_THREADS = 8
"""Threads of a worker that compute: those that make answers, and those that prepare lists and take up releases."""

_log = logging.getLogger(__name__)
_starting = threading.Lock()
_STARTED_IN = "aisle_started_in"
"""Key in `app.extensions` of the process whose threads are started."""


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application over the store and the current release; `start_background` starts its threads.

    Raises:
        ConfigError: A setting is wrong.
        StoreError: The store does not answer.
    """
    settings = settings or read_settings()
    make_private_folder(settings.var)
    app = OpenAPI(
        __name__,
        info=Info(title="Aisle", version=VERSION, description="Product recommendations that a shop can run itself."),
        security_schemes={},  # else flask-openapi3 emits null; see app.schemas.description
        validation_error_callback=problem_json.invalid,
        doc_ui=False,
    )
    app.json = StrictJson(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    set_up_texts(app, settings)
    aisle = _context(app, settings)
    attach_context(app, aisle)
    register_routes(app, _add_hooks(app, aisle))
    direct_answers.answer_directly(app)
    aisle.recommender.refresh()
    aisle.recommender.follow()
    return app


def _context(app: Flask, settings: Settings) -> AisleContext:
    """Build the parts of an application. Raises StoreError."""
    store = open_store(settings.store_url, wait_seconds=settings.database_wait)
    registry = open_registry(settings)
    recommender = Recommender(settings, store, registry, ListCache(app, settings))
    search_service, metrics = (
        SearchService(settings, store, recommender),
        Metrics(settings.metrics_dir, settings.tenant),
    )
    served_list_log, training = ServedListLog(settings, store, metrics), training_job(settings)
    return AisleContext(
        settings=settings,
        store=store,
        registry=registry,
        recommender=recommender,
        search_service=search_service,
        typeahead=Typeahead(store, recommender, search_service),
        directory=ShopDirectoryReader(settings),
        training=training,
        comparing=comparison_job(settings),
        scheduler=Scheduler(settings, store, registry, training),
        profile_refresher=ProfileRefresher(settings, store, profile_job(settings)),
        metrics=metrics,
        served_list_log=served_list_log,
        request_records=RequestRecords(metrics, served_list_log, recommender.experiments.keep),
        event_audit=EventAudit(store),
        access=AccessControl(Keys(settings), ROLES),
    )


def _add_hooks(app: Flask, aisle: AisleContext) -> CSRFProtect:
    """Add what runs before and after every request, in this order; return the check of forms."""
    request_log.observe(app)
    app.before_request(direct_answers.raise_fault)
    problem_json.register(app)
    app.before_request(check_form)
    limit_wrong_keys(app, aisle.settings, aisle.access)
    app.before_request(aisle.access.refusal)
    limit_rates(app, aisle.settings, aisle.access)
    csrf = protect(app, aisle.settings)
    app.before_request(events.allow_length)
    app.before_request(partial(check_body, WITHOUT_BODY))
    app.before_request(check_session)
    app.after_request(note_change_by_key)
    app.after_request(_name_release)
    allow_origins(app, aisle.settings)
    serve_assets(app)
    app.after_request(as_page)  # before the headers, which depend on the type of the answer
    return csrf


def start_background(app: Flask) -> None:
    """Start the threads of this process: new releases, scheduled trainings, served lists.

    Call it after the fork. Does nothing when this process has started them already.
    """
    with _starting:
        if app.extensions.get(_STARTED_IN) == os.getpid():
            return
        app.extensions[_STARTED_IN] = os.getpid()
    with lines_of(context_of(app).settings.tenant):
        _start_threads(context_of(app))


def _start_threads(aisle: AisleContext) -> None:
    start_tracing(aisle.settings.traces_url, "aisle")
    aisle.recommender.announce()
    if is_limited():  # a library that gets no memory while it is loaded may end the process: not during a request
        reserve_blas_buffers(_BLAS_THREADS)
        aisle.search_service.warm_up()
    background_thread(_watch, "releases", aisle).start()
    background_thread(_watch_rules, "rules", aisle).start()
    ReleaseFetcher(aisle.settings, aisle.registry).run()
    ErasureKeeper(aisle.settings, aisle.store).run()
    if not aisle.settings.tenant:  # else app.tenants trains the shops in turn
        aisle.scheduler.run()
    aisle.served_list_log.run()
    aisle.recommender.shadow.run()
    aisle.request_records.run()


def _watch(aisle: AisleContext) -> None:
    """Look for a new release every AISLE_REFRESH_SECONDS."""
    pause = threading.Event()
    while not pause.wait(aisle.settings.refresh_seconds):
        try:
            aisle.recommender.refresh()
        except Exception:  # the thread must survive every error of the disk
            _log.exception("looking for a new release failed")


def _watch_rules(aisle: AisleContext) -> None:
    """Look for new rules and experiments every second, and now and then check the service, also if nobody looks.

    One worker of a machine checks it, and another one after that has ended.
    """
    pause, looks = threading.Event(), 0
    checks = FileLock(aisle.settings.var / "findings.lock")
    while not pause.wait(_RULES_SECONDS):
        try:
            aisle.recommender.follow()
            aisle.event_audit.flush()
            looks += 1
            if looks % _CHECK_EVERY == 0 and checks.acquire(LockOwner.this_process()):
                update_findings(aisle)
        except Exception:  # the thread must survive every error of the store
            _log.exception("looking for new rules and experiments failed")


def _name_release(response: Response) -> Response:
    """Name the release that is served, unless the handler has named the one that it used, to those who may read."""
    version = current_aisle().recommender.version
    if version is not None and current_aisle().access.keys.may_read():
        response.headers.setdefault("X-Release", version)
    return response
