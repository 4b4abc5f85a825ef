"""Write to the audit log how many events each key wrote: without ids of users, and not a line for each request."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from src.core.errors import StoreError
from src.core.messages import message
from src.core.operation_records import EVENTS_WRITTEN
from src.store import Store

_SECONDS = 60.0
"""Requests of one key that follow each other faster share a line: a shop may send every click by itself."""

_log = logging.getLogger(__name__)


@dataclass
class _Written:
    """What a key has written since its last line."""

    since: float = float("-inf")
    requests: int = 0
    events: list[int] = field(default_factory=lambda: [0, 0, 0])


class EventAudit:
    """Counts of one worker: the first request of a key is written down at once, those of the next minute together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._of_key: dict[str, _Written] = {}
        self._guard = threading.Lock()

    def add(self, who: str, events: tuple[int, int, int]) -> None:
        """Count a request.

        Args:
            who: The name of its key.
            events: How many of its events were stored, repeated and refused.
        """
        with self._guard:
            written = self._of_key.setdefault(who, _Written())
            written.requests += 1
            written.events = [sum(pair) for pair in zip(written.events, events, strict=True)]
        self.flush()

    def flush(self, *, force: bool = False) -> None:
        """Write down what was counted and is due, or all of it."""
        now = time.monotonic()
        with self._guard:
            due = {
                who: written
                for who, written in self._of_key.items()
                if written.requests and (force or now - written.since >= _SECONDS)
            }
            self._of_key |= {who: _Written(now) for who in due}
        for who, written in due.items():
            stored, repeated, refused = written.events
            counts = {"stored": stored, "repeated": repeated, "refused": refused}
            subject = message("audit.events", **counts, requests=written.requests)
            try:
                self._store.audit.add(who, EVENTS_WRITTEN, subject, 201 if stored or repeated else 422)
            except StoreError as error:
                _log.error("what a key wrote cannot be written down: %s", error)
