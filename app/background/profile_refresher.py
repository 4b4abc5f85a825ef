"""Keep the data profile of the dashboard up to date: an old one is shown while a background job makes a new one."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from app.background.background_job import BackgroundJob, Process, launcher_of
from src.core.errors import StoreError
from src.core.messages import message
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.exploration.saved_profile import SavedProfile
from src.exploration.shop_directory import ABOUT
from src.store import Store
from src.workflows.locks import FileLock

_AGE_PER_SECOND = 50.0  # a profile is kept 50 times as long as it took: profiling uses a fiftieth of a core at most
_MIN_AGE_SECONDS = 60.0
_RETRY_SECONDS = 600.0
_ENDED_BY_STOP = (128 + signal.SIGTERM, -signal.SIGTERM)

_log = logging.getLogger(__name__)


class ProfileState(StrEnum):
    """State of the profile: new enough, being made, failed, without events to show, or not known."""

    CURRENT = "current"
    UNDER_WAY = "under way"
    FAILED = "failed"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ProfileView:
    """The profile and its state, for the dashboard.

    Attributes:
        profile: the last profile; None if there is none.
        state: whether it is new enough, and whether a newer one is being made.
        problem: why there is no newer one, for people; "" if nothing is wrong.
    """

    profile: SavedProfile | None
    state: ProfileState
    problem: str = ""


def profile_job(settings: Settings) -> BackgroundJob:
    """Return the job that runs data_processing.py --explore; the worker that starts it holds the lock."""
    lock, log = FileLock(settings.var / "explorer.lock"), settings.var / "exploration.log"
    return BackgroundJob("data_processing.py", lock, log, launch=launcher_of(settings))


class ProfileRefresher:
    """Starts a new profile when the last one is too old; there is one refresher in each worker."""

    def __init__(
        self, settings: Settings, store: Store, job: BackgroundJob, now: Callable[[], float] = time.time
    ) -> None:
        """Create a refresher that does nothing until `look`.

        Args:
            settings: where the profile is.
            store: what is profiled.
            job: makes the profile.
            now: seconds since 1970; tests hand in a clock.
        """
        self._settings, self._store, self._job, self._now = settings, store, job, now
        self._guard = threading.Lock()
        self._process: Process | None = None
        self._read: tuple[int, SavedProfile | None] = (0, None)
        self._failed_at, self._problem = float("-inf"), ""

    def look(self) -> ProfileView:
        """Return the last profile, and start a new one if it is due; neither waits for it nor raises an error."""
        profile = self._last_profile()
        try:
            empty = profile is None and self._store.events.is_empty()
            due = not empty and self._is_due(profile)
        except StoreError:
            return self.last()
        if empty:
            return ProfileView(None, ProfileState.EMPTY)
        with self._guard:
            if self._process is not None or self._job.is_running():
                return ProfileView(profile, ProfileState.UNDER_WAY)
            if not due:
                return ProfileView(profile, ProfileState.CURRENT)
            if self._now() - self._failed_at < _RETRY_SECONDS:
                return ProfileView(profile, ProfileState.FAILED, self._problem)
            return ProfileView(profile, self._start(), self._problem)

    def last(self) -> ProfileView:
        """Return the last profile, without asking the store, which has just failed to answer."""
        return ProfileView(self._last_profile(), ProfileState.UNKNOWN, message("shop.store_silent"))

    def stop(self) -> None:
        """End the profiling that this worker started; the next look at the dashboard starts another one."""
        with self._guard:
            if self._process is not None and self._process.poll() is None:
                self._job.end(self._process.pid)

    def _last_profile(self) -> SavedProfile | None:
        """Return the profile on disk; it is read again only if the file has changed."""
        path = self._settings.explored_path
        try:
            modified = path.stat().st_mtime_ns
        except OSError:
            return None
        if modified != self._read[0]:
            self._read = (modified, SavedProfile.read(path))
        return self._read[1]

    def _is_due(self, profile: SavedProfile | None) -> bool:
        if profile is None or not (self._settings.directory_dir / ABOUT).exists():
            return True
        changed_at = self._store.events.changed_at()
        if changed_at is not None and changed_at == profile.changed_at:
            return False
        age = self._now() - profile.figures.explored_at
        return not 0 <= age < max(_MIN_AGE_SECONDS, _AGE_PER_SECOND * profile.seconds)

    def _start(self) -> ProfileState:
        self._problem = ""
        try:
            if not self._job.lock.acquire(LockOwner.this_process()):
                return ProfileState.UNDER_WAY
            self._process = self._job.start(["--explore"], self._note_exit)
        except OSError as error:
            self._job.lock.release()
            self._note_failure(message("shop.not_started", reason=str(error.strerror)))
            return ProfileState.FAILED
        return ProfileState.UNDER_WAY

    def _note_exit(self, code: int) -> None:
        with self._guard:
            if code not in (0, *_ENDED_BY_STOP):
                self._note_failure(message("shop.exit_code", exit=code, file=str(self._job.log)))
            self._process = None
            with suppress(OSError):
                self._job.lock.release()

    def _note_failure(self, problem: str) -> None:
        _log.warning("the shop's figures: %s", problem)
        self._failed_at, self._problem = self._now(), problem
