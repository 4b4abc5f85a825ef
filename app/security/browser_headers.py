"""Protect browsers: headers of every answer, cookies, CSRF tokens of forms, addresses behind proxies."""

from __future__ import annotations

import logging
import re
import secrets
from pathlib import Path

from flask import Flask, Response, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf import CSRFProtect
from typing_extensions import override

from app.security.api_keys import write_secret_once
from app.security.client_address import MOST_HOPS, TrustedProxies, trusted_networks
from src.core.settings import Settings

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' data: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Product pictures may come from any host; nothing else may, and nothing is inline."""
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""An SVG that is opened as a page could run scripts."""
_EVERY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: the CSRF check of a form over HTTPS reads the referrer.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Most answers are about a user, and a cache could not tell users apart by the address.
    "Cache-Control": "no-store",
}

CALL_HEADERS = (*_EVERY.items(), ("Content-Security-Policy", _NOTHING))
"""Headers of every answer that is neither a page nor a picture."""

_HOST = re.compile(r"^[A-Za-z+.-]*:?//[^/?#]*")
"""Scheme and host of an address."""

_log = logging.getLogger(__name__)


class _Session(SecureCookieSessionInterface):
    """A session whose cookie is marked Secure for a request over HTTPS."""

    @override
    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def protect(app: Flask, settings: Settings) -> CSRFProtect:
    """Add headers, session cookies, CSRF checks and proxy handling to an application.

    HSTS is left to the proxy that terminates HTTPS.

    Returns:
        The CSRF check, for exempting calls that no form sends.
    """
    app.config.update(
        SECRET_KEY=settings.secret_key or _session_secret(settings.var / "keys" / "session.key"),
        SESSION_COOKIE_NAME="aisle",
        SESSION_COOKIE_PATH=f"/t/{settings.tenant}" if settings.tenant else None,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
    )
    app.session_interface = _Session()
    if networks := trusted_networks(settings):
        hops = settings.proxies or MOST_HOPS
        app.wsgi_app = TrustedProxies(app.wsgi_app, networks, hops)  # type: ignore[method-assign]
    app.after_request(_add_headers)
    return CSRFProtect(app)


def _session_secret(path: Path) -> str:
    """Return the secret in a file, which all workers share; a random one if it cannot be written."""
    try:
        return write_secret_once(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        _log.warning(
            "no secret can be kept in %s (%s), so forms work with one worker only; set AISLE_SECRET_KEY",
            path,
            type(error).__name__,
        )
        return secrets.token_urlsafe(24)


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
