"""What makes serving fast: one BLAS thread per worker, and a cache of lists."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

from cachelib.serializers import JSONSerializer
from flask import Flask
from flask_caching import Cache

from src.config import Settings

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_CACHED_LISTS = 10_000

_log = logging.getLogger(__name__)


def limit_threads() -> None:
    """One thread per worker, as several workers with several threads each wait for each other.

    Counts only before numpy is imported. What the environment says already is left alone.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")


class ListCache:
    """Lists and counts by everything that shapes them. A cache that fails is a cache that is empty."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        # JSON, not the default pickle: a cache that others can write to must not be able to run code here.
        config: dict[str, Any] = {
            "CACHE_TYPE": "RedisCache" if settings.cache_url else "SimpleCache",
            "CACHE_SERIALIZER": JSONSerializer,
            "CACHE_KEY_PREFIX": "aisle:",
        }
        if settings.cache_url:
            config["CACHE_REDIS_URL"] = settings.cache_url
        else:
            config["CACHE_THRESHOLD"] = _CACHED_LISTS
        self._cache = Cache(app, config=config)
        self._seconds = settings.cache_seconds
        # cachelib's SimpleCache walks its dict while other threads may change it.
        self._one_at_a_time = threading.Lock()

    def get(self, parts: Mapping[str, Any]) -> Any:
        """What was put for exactly these parts; None if there is nothing."""
        if not self._seconds:
            return None
        try:
            with self._one_at_a_time:
                return self._cache.get(_key(parts))
        except Exception:
            _log.warning("the cache does not answer; going on without it", exc_info=True)
            return None

    def set(self, parts: Mapping[str, Any], value: Any, seconds: int | None = None) -> None:
        """Keep a value of plain JSON for `seconds` (AISLE_CACHE_SECONDS by default)."""
        if not self._seconds:
            return
        try:
            with self._one_at_a_time:
                self._cache.set(_key(parts), value, timeout=self._seconds if seconds is None else seconds)
        except Exception:
            _log.warning("the cache does not answer; going on without it", exc_info=True)


def _key(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
