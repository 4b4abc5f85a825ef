"""The training as a process of its own: started, asked after, ended. The web workers never train themselves."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from app.thread_limits import THREAD_VARIABLES
from src.core.errors import StoreError
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.store import Store
from src.workflows.locks import trainer_lock
from src.workflows.process_priority import lower_priority

ROOT = Path(__file__).resolve().parents[2]
BY_HAND = "command"
_END_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Trainer(Protocol):
    """A training in a process of its own."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        ...

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        ...


def start_trainer(settings: Settings, arguments: Sequence[str]) -> Trainer:
    """Python train_model.py with these arguments, outside of the web workers: Surprise holds the GIL for the whole fit,
    and workers have a timeout. Raises OSError.
    """
    return _started("train_model.py", arguments, settings.var / "training.log", n_threads=os.cpu_count() or 1)


def start_profiler(settings: Settings) -> Trainer:
    """Python data_processing.py --explore, likewise; people who wait for a list come first. Raises OSError."""
    process = _started("data_processing.py", ["--explore"], settings.var / "exploration.log", n_threads=1)
    lower_priority(process.pid)
    return process


def _started(script: str, arguments: Sequence[str], log: Path, *, n_threads: int) -> subprocess.Popen[bytes]:
    environment = dict(os.environ)
    for variable in THREAD_VARIABLES:  # set to 1 here for serving; a training alone may use the machine
        environment[variable] = str(n_threads)
    command = [sys.executable, str(ROOT / script), *arguments]
    with open(log, "wb") as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def train_queued(
    settings: Settings,
    store: Store,
    run: Run,
    arguments: Sequence[str],
    start: Callable[[Settings, Sequence[str]], Trainer] = start_trainer,
) -> None:
    """Start the trainer of a run that is queued; should it end without a word, that is recorded. Raises OSError."""
    try:
        trainer = start(settings, ["--trigger", run.trigger, "--run-id", run.run_id, *arguments])
    except OSError as error:
        _record_failure(store, run.run_id, f"the trainer could not be started ({error.strerror}); see the disk's space")
        raise

    def see_it_end() -> None:
        code = trainer.wait()
        with suppress(StoreError):
            log = settings.var / "training.log"
            _record_failure(store, run.run_id, f"the trainer ended with exit code {code} before it was done; see {log}")

    threading.Thread(target=see_it_end, name="trainer", daemon=True).start()


def _record_failure(store: Store, run_id: str, message: str) -> None:
    run = store.runs.get(run_id)
    if run is not None and not run.status.is_over:
        status = RunStatus.FAILED if run.status is RunStatus.QUEUED else RunStatus.INTERRUPTED
        store.runs.save(replace(run, status=status, finished_at=int(time.time()), message=message))


def end_process(pid: int, number: int, script: str = "train_model") -> None:
    """A signal to the trainer, or what runs another script, and to all that it started.

    Nothing where its number is that of a process of another kind by now.
    """
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and script.encode() not in command.read_bytes():
            return
        os.kill(pid, number)
        if number == signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, number)


def end_training(settings: Settings, seconds: float = _END_SECONDS) -> None:
    """End the training that this service started, if one runs, and wait for its end; by hand started ones go on."""
    lock = trainer_lock(settings)
    with suppress(StoreError):
        owner = lock.owner()
        if owner is None or owner.pid_here is None or owner.trigger == BY_HAND:
            return
        _log.info("ending the training of process %d", owner.pid_here)
        end_process(owner.pid_here, signal.SIGTERM)
        end = time.monotonic() + seconds
        while lock.owner() is not None and time.monotonic() < end:
            time.sleep(0.1)
