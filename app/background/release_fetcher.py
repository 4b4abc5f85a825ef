"""Fetch what another host has activated: one worker of each host asks the shared releases for all workers."""

from __future__ import annotations

import logging

from typing_extensions import override

from app.background.host_loop import HostLoop
from src.core.log_format import background_thread
from src.core.settings import Settings
from src.releases.registry import Registry

_log = logging.getLogger(__name__)


class ReleaseFetcher(HostLoop):
    """Looks for a new shared release every AISLE_REFRESH_SECONDS, if no other worker of this host does."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        super().__init__(settings.var / "fetcher.lock", settings.refresh_seconds)
        self._registry = registry

    def run(self) -> None:
        """Start the thread, where hosts share releases."""
        if self._registry.shared_state is not None:
            background_thread(self._follow, "fetcher").start()

    @override
    def _step(self) -> None:
        """Take over what is new; the registry keeps a problem for GET /status."""
        self._registry.follow()

    @override
    def _recovered(self) -> None:
        _log.info("the shared releases can be reached again")
