"""Cache lists and counts in memory or in Redis."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cachelib.serializers import JSONSerializer
from flask import Flask
from flask_caching import Cache
from typing_extensions import override

from src.core.settings import Settings

_CACHED_LISTS = 10_000
_REDIS_SECONDS = 0.2
"""Timeout of Redis: making a list takes less."""
_REST_SECONDS = 30.0
"""Time without the cache after an error of it."""

_ENCODE = json.JSONEncoder(sort_keys=True).encode

_log = logging.getLogger(__name__)


class _Json(JSONSerializer):
    """Reads None for a missing key without the warning that cachelib's own serializer logs for it."""

    @override
    def loads(self, bvalue: str | bytes | bytearray | None, *args: Any, **kwargs: Any) -> Any:
        return None if bvalue is None else super().loads(bvalue, *args, **kwargs)


class ListCache:
    """Values of plain JSON by everything that shapes them. A cache that fails behaves like an empty one.

    Attributes:
        is_shared: Whether it lies in Redis, which answers over the network.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        # JSON, not the default pickle: a cache that others can write to must not be able to run code here.
        config: dict[str, Any] = {
            "CACHE_TYPE": "RedisCache" if settings.cache_url else "SimpleCache",
            "CACHE_SERIALIZER": _Json,
            "CACHE_KEY_PREFIX": settings.shared_prefix,  # several shops may share a Redis
        }
        if settings.cache_url:
            config["CACHE_REDIS_URL"] = settings.cache_url
            config["CACHE_OPTIONS"] = {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
        else:
            config["CACHE_THRESHOLD"] = _CACHED_LISTS
        self._cache = Cache(app, config=config)
        self._seconds, self.is_shared = settings.cache_seconds, bool(settings.cache_url)
        # cachelib's SimpleCache iterates over its dict, which other threads may change meanwhile.
        self._guard: AbstractContextManager[Any] = nullcontext() if settings.cache_url else threading.Lock()
        self._rests_until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether anything is kept; without, no key need be made."""
        return bool(self._seconds)

    def get(self, parts: Mapping[str, Any]) -> Any:
        """Return the value that was set for exactly these parts; None without one."""
        return self._try(lambda: self._cache.get(_key(parts)))

    def set(self, parts: Mapping[str, Any], value: Any, seconds: float | None = None) -> None:
        """Cache a value.

        Args:
            parts: everything that shapes the value, as plain JSON.
            value: plain JSON.
            seconds: how long to keep it; None for AISLE_CACHE_SECONDS.
        """
        timeout = self._seconds if seconds is None else math.ceil(seconds)
        self._try(lambda: self._cache.set(_key(parts), value, timeout=timeout))

    def _try(self, operation: Callable[[], Any]) -> Any:
        """Return the result of an operation; None if the cache is off, failed a moment ago, or fails now."""
        if not self._seconds or time.monotonic() < self._rests_until:
            return None
        try:
            with self._guard:
                return operation()
        except Exception as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            _log.warning("the cache does not answer (%s); going on without it for a while", type(error).__name__)
            return None


def _key(parts: Mapping[str, Any]) -> str:
    """Return a hash of the parts."""
    return hashlib.sha256(_ENCODE(parts).encode()).hexdigest()
