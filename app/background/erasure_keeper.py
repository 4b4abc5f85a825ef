"""Erase again who was erased, soon after a backup was restored: one worker of each host compares store and list."""

from __future__ import annotations

import logging

from typing_extensions import override

from app.background.host_loop import HostLoop
from src.core.log_format import background_thread
from src.core.settings import Settings
from src.store import Store
from src.workflows.erase import erase_if_undone

_SECONDS = 15.0

_log = logging.getLogger(__name__)


class ErasureKeeper(HostLoop):
    """Looks every 15 seconds whether the store has gone through all erasures, if no other worker of this host does."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings.var / "erasures.lock", _SECONDS)
        self._settings, self._store = settings, store

    def run(self) -> None:
        """Start the thread."""
        background_thread(self._follow, "erasures").start()

    @override
    def _step(self) -> None:
        if again := erase_if_undone(self._settings, self._store):
            _log.warning("%d people who had been erased were in the store, and are erased again", again)
