"""Train several shops in turn: of all workers one leads, and of all shops one trains at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from app.background.scheduler import Scheduler
from src.core.errors import AisleError
from src.core.log_format import lines_of
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.workflows.locks import leader_lock

_ELECTION_SECONDS, _STOP_SECONDS = 1.0, 5.0

_log = logging.getLogger(__name__)


class TenantTurns:
    """Leads the schedulers of several shops; one in each worker. The leader is elected by a lock of this host.

    Args:
        settings: Of the service, not of a shop.
        schedulers: Name of a shop → its scheduler, which has no thread of its own.
    """

    def __init__(self, settings: Settings, schedulers: Mapping[str, Scheduler]) -> None:
        self._is_on, self._seconds = settings.scheduler == "on", settings.check_seconds
        self._lock = leader_lock(settings.model_copy(update={"database_url": ""}))
        self._waiting = list(schedulers.items())
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Start the thread that tries to become the leader until `stop`; with AISLE_SCHEDULER=off, do nothing."""
        if self._is_on and self._thread is None:
            self._thread = threading.Thread(target=self._lead, name="tenants", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give up the lead. A training that is under way goes on, as it is a process of its own."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        self._lock.release()

    def _lead(self) -> None:
        pause = _ELECTION_SECONDS
        while not self._stop.wait(pause):
            try:
                leads = self._lock.acquire(LockOwner.this_process())
                pause = self._seconds if leads else _ELECTION_SECONDS
                if leads:
                    self.check()
            except Exception:  # the thread must survive every error of the disk
                _log.exception("the shops could not be checked")

    def check(self) -> None:
        """Check every shop; of those that are due the one that has waited longest starts, if none trains."""
        for shop, scheduler in list(self._waiting):
            with lines_of(shop):
                started = scheduler.check(may_start=self._is_nobody_training)
            if started:
                self._waiting.remove((shop, scheduler))
                self._waiting.append((shop, scheduler))

    def _is_nobody_training(self) -> bool:
        return not any(_trains(scheduler) for _, scheduler in self._waiting)


def _trains(scheduler: Scheduler) -> bool:
    """Whether a shop trains; one whose store does not answer does not keep the others waiting."""
    try:
        return scheduler.is_busy
    except (AisleError, OSError):
        return False
