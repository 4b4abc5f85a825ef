"""A client's socket whose reader and writer never wait."""

from __future__ import annotations

import socket
from collections import deque
from threading import Lock
from typing import Any


class ClientSocket:
    """A client's socket for a thread: it reads what has arrived already, and writing never waits.

    Attributes:
        raw: the socket, non-blocking.
        received: bytes that the parser has not read yet.
        unsent: parts of the answer that the client has not taken yet.
    """

    def __init__(self, raw: socket.socket) -> None:
        raw.setblocking(False)
        self.raw = raw
        self.received = bytearray()
        self.unsent: deque[memoryview] = deque()
        self.n_unsent = 0
        self._lock = Lock()

    def recv(self, size: int) -> bytes:
        """At most `size` bytes of the request; empty at its end, where the server's parser must not wait."""
        data = bytes(self.received[:size])
        del self.received[:size]
        return data

    def sendall(self, data: bytes) -> None:
        """Send as much as the kernel takes, and keep the rest. Raises OSError when the client is gone."""
        with self._lock:
            sent = 0 if self.unsent else _send(self.raw, data)
            if sent < len(data):
                self.unsent.append(memoryview(data)[sent:])
                self.n_unsent += len(data) - sent

    def send(self, data: bytes) -> int:
        """Like `sendall`; everything counts as sent."""
        self.sendall(data)
        return len(data)

    def flush(self) -> bool:
        """Send unsent bytes; returns whether none is left. Raises OSError when the client is gone."""
        with self._lock:
            while self.unsent:
                part = self.unsent.popleft()
                sent = _send(self.raw, part)
                self.n_unsent -= sent
                if sent < len(part):
                    self.unsent.appendleft(part[sent:])
                    return False
            return True

    def setblocking(self, _blocking: bool) -> None:
        """Stay non-blocking: the worker's loop does the waiting."""

    def gettimeout(self) -> float | None:
        """None, as no call waits."""
        return None

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing, as no call waits."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _send(sock: socket.socket, data: bytes | memoryview) -> int:
    try:
        return sock.send(data) if len(data) else 0
    except (BlockingIOError, InterruptedError):
        return 0
