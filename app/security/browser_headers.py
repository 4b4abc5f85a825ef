"""What keeps browsers safe: headers of every answer, cookies, forms that only our own pages can send, proxies."""

from __future__ import annotations

import logging
import re
import secrets
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf import CSRFProtect

from app.security.api_keys import made_once
from app.security.client_address import MOST_HOPS, TrustedProxies, trusted_networks
from src.core.settings import Settings

_FILES_SECONDS = 86_400
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' data: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Pictures of products come from anywhere; nothing else does, and nothing is inline."""
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""An SVG is a document with styles of its own, and could hold scripts if somebody opens it as a page."""
_EVERY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a form over HTTPS proves by it which page it stands on.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What is not told apart by its address must not be kept: most answers are about somebody.
    "Cache-Control": "no-store",
}

_HOST = re.compile(r"^[A-Za-z+.-]*:?//[^/?#]*")
"""Scheme and host of an address."""

_log = logging.getLogger(__name__)


class _Session(SecureCookieSessionInterface):
    """A cookie that goes over HTTPS only, once it came that way."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def protect(app: Flask, settings: Settings) -> CSRFProtect:
    """Give the app its headers, cookies and forms. Comes back with what exempts calls that no form sends.

    HSTS is the business of the proxy that speaks HTTPS.
    """
    app.config.update(
        SECRET_KEY=settings.secret_key or _made_secret(settings.var / "keys" / "session.key"),
        SESSION_COOKIE_NAME="aisle",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SEND_FILE_MAX_AGE_DEFAULT=_FILES_SECONDS,
    )
    app.session_interface = _Session()
    if networks := trusted_networks(settings):
        hops = settings.proxies or MOST_HOPS
        app.wsgi_app = TrustedProxies(app.wsgi_app, networks, hops)  # type: ignore[method-assign]
    app.url_defaults(_FileAges(app))
    app.after_request(_add_headers)
    return CSRFProtect(app)


def _made_secret(path: Path) -> str:
    """The secret in this file, the same for all workers."""
    try:
        return made_once(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        _log.warning(
            "no secret can be kept in %s (%s), so forms work with one worker only; set AISLE_SECRET_KEY",
            path,
            type(error).__name__,
        )
        return secrets.token_urlsafe(24)


class _FileAges:
    """Puts the time of a file's last change into its address: browsers may keep it, and take up the next one."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __call__(self, endpoint: str, values: dict[str, Any]) -> None:
        folder, name = self._app.static_folder, values.get("filename")
        if endpoint == "static" and folder is not None and name is not None and "v" not in values:
            path = Path(folder) / str(name)
            values["v"] = int(path.stat().st_mtime) if path.is_file() else 0


def _add_headers(response: Response) -> Response:
    for name, value in _EVERY.items():
        response.headers.setdefault(name, value)
    policy = {"text/html": _PAGE, "image/svg+xml": _PICTURE}.get(response.mimetype or "", _NOTHING)
    response.headers.setdefault("Content-Security-Policy", policy)
    if "Location" in response.headers:
        response.headers["Location"] = _within(response.headers["Location"])
    return response


def _within(location: str) -> str:
    """Return a redirect's target without scheme and host, which Werkzeug takes from the client's Host header."""
    return "/" + _HOST.sub("", location).lstrip("/")
