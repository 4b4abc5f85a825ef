"""Erase again who was erased, soon after a backup was restored: one worker of each host compares store and list."""

from __future__ import annotations

import logging
import threading

from src.core.errors import AisleError
from src.core.log_format import background_thread
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.store import Store
from src.workflows.erase import erase_if_undone
from src.workflows.locks import FileLock

_SECONDS = 15.0

_log = logging.getLogger(__name__)


class ErasureKeeper:
    """Looks every 15 seconds whether the store has gone through all erasures, if no other worker of this host does."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._lock = FileLock(settings.var / "erasures.lock")
        self._problem = ""

    def run(self) -> None:
        """Start the thread."""
        background_thread(self._follow, "erasures").start()

    def _follow(self) -> None:
        pause = threading.Event()
        while True:
            try:
                if self._lock.acquire(LockOwner.this_process()):
                    self.look()
            except Exception:  # the thread must survive every error of the disk
                _log.exception("looking for people to erase again failed")
            pause.wait(_SECONDS)

    def look(self) -> None:
        """Erase again who came back with a backup; a problem is logged when it begins."""
        problem = ""
        try:
            if again := erase_if_undone(self._settings, self._store):
                _log.warning("%d people who had been erased were in the store, and are erased again", again)
        except AisleError as error:
            problem = str(error)
            if not self._problem:
                _log.error("%s", error)
        self._problem = problem
