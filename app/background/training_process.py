"""The training as a background job: Surprise holds the GIL for a whole fit, and web workers have a timeout."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from app.background.background_job import BackgroundJob, launcher_of
from src.core.errors import StoreError
from src.core.messages import message
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.store import Store
from src.workflows.locks import trainer_lock

BY_HAND = "command"
"""The trigger of trainings that no worker started, and that no worker ends."""
_END_SECONDS = 10.0

_log = logging.getLogger(__name__)


def training_job(settings: Settings) -> BackgroundJob:
    """Return the job that runs train_model.py with all processors; that process takes the lock itself."""
    log = settings.var / "training.log"
    threads = os.cpu_count() or 1
    return BackgroundJob("train_model.py", trainer_lock(settings), log, threads, launcher_of(settings))


def train_queued(job: BackgroundJob, store: Store, run: Run, arguments: Sequence[str]) -> None:
    """Start the training of a queued run, and record its failure should it end without having recorded its end.

    Args:
        job: the training.
        store: where the run is recorded.
        run: the queued run.
        arguments: further arguments of train_model.py.

    Raises:
        OSError: the process cannot be started, which is recorded, too.
    """

    def record_exit(code: int) -> None:
        with suppress(StoreError):
            _record_failure(store, run.run_id, message("run.exit_code", exit=code, file=str(job.log)))

    try:
        job.start(["--trigger", run.trigger, "--run-id", run.run_id, *arguments], record_exit)
    except OSError as error:
        _record_failure(store, run.run_id, message("run.not_started", reason=str(error.strerror)))
        raise


def _record_failure(store: Store, run_id: str, said: str) -> None:
    """Record how a run ended, unless that is recorded already."""
    run = store.runs.get(run_id)
    if run is not None and not run.status.is_over:
        status = RunStatus.FAILED if run.status is RunStatus.QUEUED else RunStatus.INTERRUPTED
        store.runs.save(replace(run, status=status, finished_at=int(time.time()), message=said))


def end_training(settings: Settings) -> None:
    """End the training that this service started, and wait some seconds for its end.

    A training that was started by hand goes on.
    """
    job = training_job(settings)
    with suppress(StoreError):
        owner = job.lock.owner()
        if owner is None or owner.pid_here is None or owner.trigger == BY_HAND:
            return
        _log.info("ending the training of process %d", owner.pid_here)
        job.end(owner.pid_here)
        end = time.monotonic() + _END_SECONDS
        while job.is_running() and time.monotonic() < end:
            time.sleep(0.1)
