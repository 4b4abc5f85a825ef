"""A step that one worker of each host repeats for all workers of the host."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from pathlib import Path

from src.core.errors import AisleError
from src.core.process_lock import LockOwner
from src.workflows.locks import FileLock

_log = logging.getLogger(__name__)


class HostLoop(ABC):
    """Repeats a step, if no other worker of this host does.

    Args:
        lock: A file of this host, which is locked by the worker that repeats the step.
        seconds: Between two steps.
    """

    def __init__(self, lock: Path, seconds: float) -> None:
        self._lock, self._seconds = FileLock(lock), seconds
        self._problem = ""

    @abstractmethod
    def _step(self) -> None:
        """Do the work once. Raises AisleError."""

    def _recovered(self) -> None:  # noqa: B027
        """Say that a step succeeded after one that did not."""

    def _follow(self) -> None:
        pause = threading.Event()
        while True:
            try:
                if self._lock.acquire(LockOwner.this_process()):
                    self.look()
            except Exception:  # the thread must survive every error of the disk
                _log.exception("a step of %s failed", type(self).__name__)
            pause.wait(self._seconds)

    def look(self) -> None:
        """Do one step; a problem is logged when it begins."""
        problem = ""
        try:
            self._step()
        except AisleError as error:
            problem = str(error)
            if not self._problem:
                _log.error("%s", error)
        if self._problem and not problem:
            self._recovered()
        self._problem = problem
