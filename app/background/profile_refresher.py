"""The shop's figures for the dashboard: counted by a process of its own when they are old, and shown as they were."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from app.background.training_process import Trainer, end_process, start_profiler
from src.core.errors import StoreError
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.exploration.saved_profile import SavedProfile
from src.store import Store
from src.workflows.locks import FileLock

_KEPT_PER_COST = 50.0  # counting takes a fiftieth of a core at the most
_LEAST_SECONDS = 60.0
_TRY_AGAIN_SECONDS = 600.0
_ENDED = (128 + signal.SIGTERM, -signal.SIGTERM)  # by `stop`: no failure

_log = logging.getLogger(__name__)


class Counting(StrEnum):
    """How it stands with the figures. CURRENT: they are as new as they need be. EMPTY: there is nothing to count."""

    CURRENT = "current"
    UNDER_WAY = "under way"
    FAILED = "failed"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ProfileView:
    """What there is to show: the last figures, if any were ever made, and whether newer ones are coming."""

    explored: SavedProfile | None
    counting: Counting
    problem: str = ""


class ProfileRefresher:
    """One per worker; a lock sees to it that one process counts at a time on this host.

    start: begins the counting. now: seconds since 1970; tests hand in both.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        start: Callable[[Settings], Trainer] = start_profiler,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._store, self._start, self._now = settings, store, start, now
        self._lock = FileLock(settings.var / "explorer.lock")
        self._asking = threading.Lock()
        self._process: Trainer | None = None
        self._read: tuple[int, SavedProfile | None] = (0, None)
        self._failed_at, self._problem = float("-inf"), ""

    def look(self) -> ProfileView:
        """The last figures; the counting of new ones is begun if they are due. Never waits for it; raises no error."""
        explored = self._kept()
        try:
            empty = explored is None and self._store.events.is_empty()
            due = not empty and self._is_due(explored)
        except StoreError:
            return self.last()
        if empty:
            return ProfileView(None, Counting.EMPTY)
        with self._asking:
            if self._process is not None or self._lock.owner() is not None:
                return ProfileView(explored, Counting.UNDER_WAY)
            if not due:
                return ProfileView(explored, Counting.CURRENT)
            if self._now() - self._failed_at < _TRY_AGAIN_SECONDS:
                return ProfileView(explored, Counting.FAILED, self._problem)
            return ProfileView(explored, self._begin(), self._problem)

    def last(self) -> ProfileView:
        """The last figures, without asking the store, which did not answer a moment ago."""
        return ProfileView(self._kept(), Counting.UNKNOWN, "the store does not answer")

    def stop(self) -> None:
        """This worker ends: so does the counting that it began; another worker begins anew when it is looked at."""
        with self._asking:
            if self._process is not None and self._process.poll() is None:
                end_process(self._process.pid, signal.SIGTERM, "data_processing")

    def _kept(self) -> SavedProfile | None:
        """What is on disk, read again only if it is another file."""
        path = self._settings.explored_path
        try:
            marks = path.stat().st_mtime_ns
        except OSError:
            return None
        if marks != self._read[0]:
            self._read = (marks, SavedProfile.read(path))
        return self._read[1]

    def _is_due(self, explored: SavedProfile | None) -> bool:
        if explored is None:
            return True
        changed_at = self._store.events.changed_at()
        if changed_at is not None and changed_at == explored.changed_at:
            return False
        age = self._now() - explored.figures.explored_at
        return not 0 <= age < max(_LEAST_SECONDS, _KEPT_PER_COST * explored.seconds)

    def _begin(self) -> Counting:
        self._problem = ""
        try:
            if not self._lock.acquire(LockOwner.this_process()):
                return Counting.UNDER_WAY
            process = self._start(self._settings)
        except OSError as error:
            self._lock.release()
            self._note_failure(f"the counting could not be started ({error.strerror})")
            return Counting.FAILED
        self._process = process
        threading.Thread(target=self._see_it_end, args=(process,), name="explorer", daemon=True).start()
        return Counting.UNDER_WAY

    def _see_it_end(self, process: Trainer) -> None:
        code = process.wait()
        with self._asking:
            if code not in (0, *_ENDED):
                log = self._settings.var / "exploration.log"
                self._note_failure(f"the counting ended with exit code {code}; {log} says why")
            self._process = None
            with suppress(OSError):
                self._lock.release()

    def _note_failure(self, problem: str) -> None:
        _log.warning("the shop's figures: %s", problem)
        self._failed_at, self._problem = self._now(), problem
