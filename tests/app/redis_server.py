"""A Redis for tests, which are skipped with a message if none answers."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from filelock import FileLock

REDIS = os.environ.get("AISLE_TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@contextmanager
def redis_without(pattern: str) -> Iterator[redis.Redis]:
    """Yield a Redis without keys of a pattern, for one test at a time; remove such keys afterwards."""
    lock = FileLock(Path(tempfile.gettempdir()) / f"aisle-tests-{hashlib.sha256(REDIS.encode()).hexdigest()[:12]}.lock")
    with lock, redis.Redis.from_url(REDIS, socket_connect_timeout=0.5) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            pytest.skip(f"no Redis answers at {REDIS} ({error}); set AISLE_TEST_REDIS_URL")
        _forget(client, pattern)
        yield client
        _forget(client, pattern)


def _forget(client: redis.Redis, pattern: str) -> None:
    for key in client.scan_iter(pattern):
        client.delete(key)


class SilentServer:
    """A port that accepts connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._socket.setblocking(False)
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"

    def __enter__(self) -> SilentServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def new_connections(self) -> int:
        """Return the number of connections opened since the last call."""
        opened = 0
        while True:
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return opened
            connection.close()
            opened += 1
