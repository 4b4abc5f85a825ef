"""Limit request rates with Flask-Limiter: wrong keys, calls of the admin, and all requests if that is set.

The limit of wrong keys comes before the check of keys, the others after it. Were they before it, a client over its
limit could tell right keys from wrong ones: a wrong key would be refused without being counted, while a right key,
which has a limit of its own, would pass.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit

from app.problem_json import problem
from app.security.api_keys import AccessControl, Role, address, client, is_call, sends_key, sent_key
from src.core.settings import Settings

WRONG_KEYS, ADMIN, EVERY = "wrong keys", "admin", "all"
_REDIS_SECONDS = 0.2  # a slower Redis is worse than counting in this worker

# It logs the client's address at every refusal; the access log has it already.
logging.getLogger("flask-limiter").setLevel(logging.WARNING)


def limit_wrong_keys(app: Flask, settings: Settings, access: AccessControl) -> None:
    """Limit the requests with wrong keys per address.

    Call it before `access` is added to the app, so that a request over the limit is refused before its key is checked.

    Args:
        app: The application that gets the limit.
        settings: Rates and the storage of the counts.
        access: Tells which endpoints need a key.
    """

    def sends_no_guess() -> bool:
        """Return whether the request can be no guess of a key.

        That is no form, and no call that needs and sends a key; or a right key that is too long to be guessed, so that
        another client of the same address cannot lock it out.
        """
        is_form = request.method == "POST" and not is_call()
        if not is_form and not (sends_key() and access.keys.needs_key(_role(access))):
            return True
        return access.keys.knows_long(sent_key())

    wrong = _limit(
        settings.wrong_keys_limit, WRONG_KEYS, address, exempt_when=sends_no_guess, deduct_when=_had_wrong_key
    )
    _add(app, settings, wrong)


def limit_rates(app: Flask, settings: Settings, access: AccessControl) -> None:
    """Limit the requests that are allowed: those that need the admin's key, and all that need a role.

    Call it after `access` is added to the app, so that clients are counted by the key that was accepted.

    Args:
        app: The application that gets the limits.
        settings: Rates and the storage of the counts.
        access: Tells the role of an endpoint.
    """
    admin = _limit(settings.admin_rate_limit, ADMIN, client, exempt_when=lambda: _role(access) is not Role.ADMIN)
    every = _limit(settings.rate_limit, EVERY, client, exempt_when=lambda: _role(access) is Role.OPEN)
    _add(app, settings, admin + every)


def _limit(rates: str, scope: str, who: Callable[[], str], **when: Any) -> list[ApplicationLimit]:
    """Return one limit, or an empty list without rates."""
    limit = {
        "limit_provider": _without_blanks(rates),
        "scope": scope,
        "key_function": who,
        "on_breach": _too_many,
        **when,
    }
    return [ApplicationLimit(**limit)] if rates else []


def _add(app: Flask, settings: Settings, limits: list[ApplicationLimit]) -> None:
    """Add limits; they are counted in Redis if one is set and answers, else in each worker."""
    if limits:
        Limiter(
            client,
            app=app,
            application_limits=[*limits],
            in_memory_fallback_enabled=True,
            swallow_errors=True,
            **_storage(settings),
        )


def _storage(settings: Settings) -> dict[str, Any]:
    url = settings.rate_storage or settings.cache_url
    if not url:
        return {"storage_uri": "memory://"}
    from redis.backoff import NoBackoff  # imported only where a Redis is set
    from redis.retry import Retry

    timeouts: dict[str, Any] = {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
    return {
        "storage_uri": url.replace("unix://", "redis+unix://"),
        "storage_options": {**timeouts, "retry": Retry(NoBackoff(), 0)},
        "key_prefix": settings.shared_prefix,  # several shops may share a Redis
    }


def _without_blanks(rates: str) -> str:
    """Remove blanks, which flask-limiter does not skip between rates."""
    return rates.replace(" ", "")


def _role(access: AccessControl) -> Role:
    return access.role_of(request.endpoint or "")


def _had_wrong_key(_response: Response) -> bool:
    return bool(g.get("wrong_key"))


def _too_many(limit: RequestLimit) -> Response:
    seconds = max(1, int(limit.reset_at - time.time()) + 1)
    rate = f"{limit.limit.amount:,} in {limit.limit.get_expiry():,} seconds"
    subjects = {WRONG_KEYS: "wrong keys from this address", ADMIN: "trainings and changes of releases"}
    subject = subjects.get(str(limit.request_args[-1]), "requests of this client")
    answer = problem(429, "Too Many Requests", f"too many {subject}: at most {rate}. Try again in {seconds} seconds.")
    answer.headers["Retry-After"] = str(seconds)
    return answer
