"""Fetch what another host has activated: one worker of each host asks the shared releases for all workers."""

from __future__ import annotations

import logging
import threading

from src.core.errors import AisleError
from src.core.log_format import background_thread
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.releases.registry import Registry
from src.workflows.locks import FileLock

_log = logging.getLogger(__name__)


class ReleaseFetcher:
    """Looks for a new shared release every AISLE_REFRESH_SECONDS, if no other worker of this host does."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._registry, self._seconds = registry, settings.refresh_seconds
        self._lock = FileLock(settings.var / "fetcher.lock")
        self._problem = ""

    def run(self) -> None:
        """Start the thread, where hosts share releases."""
        if self._registry.shared_state is not None:
            background_thread(self._follow, "fetcher").start()

    def _follow(self) -> None:
        pause = threading.Event()
        while True:
            try:
                if self._lock.acquire(LockOwner.this_process()):
                    self.look()
            except Exception:  # the thread must survive every error of the disk
                _log.exception("looking for a shared release failed")
            pause.wait(self._seconds)

    def look(self) -> None:
        """Take over what is new; a problem is logged when it begins, and kept for GET /status by the registry."""
        problem = ""
        try:
            self._registry.follow()
        except AisleError as error:
            problem = str(error)
            if not self._problem:
                _log.error("%s", error)
        if self._problem and not problem:
            _log.info("the shared releases can be reached again")
        self._problem = problem
