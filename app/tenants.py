"""Several shops in one service: each is an application of its own, below /t/NAME.

The applications share the process and its threads, and nothing else: each has its own settings, store, releases, keys,
rules, limits, caches and cookies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Flask, json

from app import create_app, start_background
from app.background.tenant_turns import TenantTurns
from app.context import context_of
from app.security.browser_headers import CALL_HEADERS
from src.core.errors import AisleError
from src.core.log_format import lines_of
from src.core.settings import Settings
from src.front.loop_answer import Answerer, LoopAnswer
from src.models.settings import AllSettings, settings_of_shops

_ADDRESS = re.compile(r"/t/([a-z][a-z0-9-]*)(/.*)?", re.DOTALL)
_OPEN = ("/healthz", "/readyz")

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Tenants:
    """WSGI application of several shops.

    Attributes:
        apps: Name → application of the shop.
        turns: Trains the shops in turn.
    """

    def __init__(self, apps: Mapping[str, Flask], settings: Settings) -> None:
        self.apps = apps
        schedulers = {name: context_of(app).scheduler for name, app in apps.items()}
        self.turns = TenantTurns(settings, schedulers)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Hand a request to the shop that its address names."""
        found = _ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        app = None if found is None else self.apps.get(found[1])
        if found is None or app is None:
            return self._answer(environ, start_response)
        environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/t/{found[1]}"
        environ["PATH_INFO"] = found[2] or "/"
        with lines_of(found[1]):
            return app(environ, start_response)

    def answerer(self, environ: Mapping[str, Any]) -> Answerer | None:
        """Return what answers requests with this head in the worker's loop: that of the shop; see AnswersInLoop.

        Args:
            environ: Of a request, without its body.

        Returns:
            None if a thread has to answer them.
        """
        found = _ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        app = None if found is None else self.apps.get(found[1])
        if found is None or app is None:
            return None
        name, path = found[1], found[2] or "/"
        of_shop = {**environ, "SCRIPT_NAME": f"{environ.get('SCRIPT_NAME', '')}/t/{name}", "PATH_INFO": path}
        answerer: Answerer | None = app.answerer(of_shop)  # type: ignore[attr-defined]
        if answerer is None:
            return None

        def answer(body: bytes) -> LoopAnswer | None:
            with lines_of(name):
                return answerer(body)

        return answer

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Say that the service is alive, or ready, or that there is no such shop."""
        status, kind = "404 Not Found", "application/problem+json"
        body: dict[str, object] = {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "this service has several shops. Expected an address below /t/NAME, NAME being a shop.",
        }
        if environ.get("PATH_INFO") in _OPEN and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            status, kind, body = "200 OK", "application/json", {"status": "ok"}
            if environ["PATH_INFO"] == "/readyz" and not all(map(_is_ready, self.apps.values())):
                status, body = "503 Service Unavailable", {"status": "a shop is not ready; see /t/NAME/readyz"}
        start_response(status, [("Content-Type", kind), *CALL_HEADERS])
        return [json.dumps(body).encode()]


def _is_ready(app: Flask) -> bool:
    try:
        context_of(app).recommender.ready()
    except AisleError:
        return False
    return True


Service = Flask | Tenants


def create_service(settings: AllSettings) -> Service:
    """Build the application of the shop, or those of several shops if AISLE_TENANTS names them.

    Raises:
        ConfigError: A setting is wrong, or two shops have the same store.
        StoreError: A store does not answer.
    """
    shops = settings_of_shops(settings)
    if not shops:
        return create_app(settings)
    return Tenants({name: create_app(of_shop) for name, of_shop in shops.items()}, settings)


def apps_of(service: Service) -> list[Flask]:
    """Return the applications of a service."""
    return list(service.apps.values()) if isinstance(service, Tenants) else [service]


def start_service(service: Service) -> None:
    """Start the threads of this process; call it after the fork."""
    for app in apps_of(service):
        start_background(app)
    if isinstance(service, Tenants):
        service.turns.run()


def leave_service(service: Service) -> None:
    """Stop serving in this process, and write what is queued."""
    if isinstance(service, Tenants):
        service.turns.stop()
    for app in apps_of(service):
        context_of(app).leave()
