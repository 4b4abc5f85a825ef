"""The list cache in Redis is shared, stores JSON, and does not delay lists."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask import Flask

from app.serving.list_cache import ListCache
from src.core.settings import Settings
from src.models.settings import read_settings
from tests.app.redis_server import REDIS, SilentServer, redis_without


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    """Return a Redis; the keys of the test are removed."""
    with redis_without("aisle:*") as client:
        yield client


def cache_of(settings: Settings) -> ListCache:
    return ListCache(Flask(__name__), settings)


def test_an_entry_of_one_worker_is_read_by_another_and_by_no_other_shop(server: redis.Redis, tmp_path: Path) -> None:
    mine = read_settings(var=tmp_path / "mine", cache_url=REDIS)
    cache_of(mine).set({"user": "u"}, [["p", 1.5, "svd"]])
    assert cache_of(mine).get({"user": "u"}) == [["p", 1.5, "svd"]]
    assert cache_of(mine).get({"user": "v"}) is None
    assert cache_of(read_settings(var=tmp_path / "other", cache_url=REDIS)).get({"user": "u"}) is None
    kept = [server.get(key) for key in server.scan_iter("aisle:*")]
    assert kept == [b'[["p", 1.5, "svd"]]']


def test_a_miss_logs_no_warning(server: redis.Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert cache_of(read_settings(var=tmp_path, cache_url=REDIS)).get({"nothing": "here"}) is None
    assert caplog.text == ""


def test_a_redis_that_hangs_is_left_alone_for_a_while(tmp_path: Path) -> None:
    with SilentServer() as silent:
        cache = cache_of(read_settings(var=tmp_path, cache_url=silent.url))
        assert cache.get({"user": "u"}) is None
        assert silent.new_connections() == 1
        assert [cache.get({"user": "u"}) for _ in range(1_000)] == [None] * 1_000
        assert silent.new_connections() == 0
