"""A script that runs in a process of its own, outside of the web workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from app.thread_limits import THREAD_VARIABLES
from src.core.log_format import background_thread
from src.core.process_lock import Lock
from src.core.process_times import seconds_since_start
from src.core.settings import Settings
from src.workflows.process_priority import lower_priority

ROOT = Path(__file__).resolve().parents[2]


class Process(Protocol):
    """The interface of a started process; subprocess.Popen implements it."""

    @property
    def pid(self) -> int:
        """The process id."""
        ...

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        ...

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        ...


def launch(
    command: Sequence[str], log: Path, n_threads: int, tenant: str = "", has_lowest_priority: bool = True
) -> Process:
    """Start a program in a session of its own.

    Args:
        command: the program and its arguments.
        log: where its output goes; what an earlier one wrote there is overwritten.
        n_threads: how many threads its libraries may use; the web workers' environment limits them to 1.
        tenant: the shop that it works for; "" where there is one shop.
        has_lowest_priority: requests are answered first.

    Returns:
        The process.

    Raises:
        OSError: it cannot be started.
    """
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(n_threads))}
    if tenant:
        environment["AISLE_TENANT"] = tenant
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    if has_lowest_priority:
        lower_priority(process.pid)
    return process


def launcher_of(settings: Settings) -> Callable[[Sequence[str], Path, int], Process]:
    """Return what launches processes that work for the shop of these settings."""
    return partial(launch, tenant=settings.tenant, has_lowest_priority=settings.background_priority == "lowest")


@dataclass(frozen=True)
class BackgroundJob:
    """A script of the project that runs in a process of its own, at most one at a time.

    Attributes:
        script: its file name in the project's folder.
        lock: held while it runs, by that process or by the worker that started it.
        log: where its output goes.
        n_threads: how many threads its libraries may use.
        launch: starts the process; tests hand in their own.
    """

    script: str
    lock: Lock
    log: Path
    n_threads: int = 1
    launch: Callable[[Sequence[str], Path, int], Process] = launch

    def start(self, arguments: Sequence[str], on_exit: Callable[[int], None] | None = None) -> Process:
        """Start the script.

        Args:
            arguments: of its command line.
            on_exit: called with its exit code when it has ended, in a thread of its own.

        Returns:
            The process.

        Raises:
            OSError: it cannot be started.
        """
        process = self.launch([sys.executable, str(ROOT / self.script), *arguments], self.log, self.n_threads)
        if on_exit is not None:
            background_thread(lambda: on_exit(process.wait()), self.script).start()
        return process

    def is_running(self) -> bool:
        """Return whether a process holds the lock, of whichever host it is. Raises StoreError."""
        return self.lock.owner() is not None

    def age(self, pid: int) -> float | None:
        """Return the seconds since a process was started, by a clock that nobody sets; None where it is not known."""
        return seconds_since_start(pid)

    def end(self, pid: int, number: int = signal.SIGTERM) -> None:
        """Send a signal to a process that runs the script; SIGKILL reaches all that it started, too.

        Args:
            pid: its number, as it was noted. Nothing is sent if another program has that number by now.
            number: the signal.
        """
        with suppress(OSError):  # it has ended
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and Path(self.script).stem.encode() not in command.read_bytes():
                return
            os.kill(pid, number)
            if number == signal.SIGKILL and os.getpgid(pid) == pid:
                os.killpg(pid, number)
