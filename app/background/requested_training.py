"""Queue the training that an HTTP request asks for, start its process, wait for its end."""

from __future__ import annotations

import secrets
import socket
import threading
import time

from app.background.background_job import BackgroundJob
from app.background.training_process import train_queued
from src.core.errors import Busy
from src.core.messages import message
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.releases.release import Release
from src.store import Store
from src.workflows.locks import trainer_lock
from src.workflows.run_records import close_abandoned

_POLL_SECONDS = 0.2


def has_learnt_everything(store: Store, release: Release) -> bool:
    """Return whether nothing in the store changed since a release was trained from it.

    False also if that is unknown: the release was trained from a file, or the store has no time of a change; and if
    the release lists popular products until the first training has ended.
    """
    if release.manifest.provisional:
        return False
    data, changed_at = release.manifest.data, store.events.changed_at()
    return data is not None and data.is_from_store and changed_at is not None and data.changed_at == changed_at


def start_requested_training(
    settings: Settings,
    store: Store,
    training: BackgroundJob,
    model_type: str,
    *,
    force: bool = False,
    trigger: str = "api",
) -> Run:
    """Queue a run for one training at a time, and start its process.

    Args:
        settings: Where the lock of the trainer is.
        store: The runs.
        training: The job that is started.
        model_type: What is trained: svd, mf, ss or all.
        force: Publish the release even if the promotion gate would keep the old one.
        trigger: What asked for it: "api" or "page".

    Returns:
        The run as it was queued.

    Raises:
        Busy: Another training runs or is queued.
        OSError: The process cannot be started; the run is recorded as failed.
        StoreError: The store does not answer.
    """
    lock = trainer_lock(settings)  # of this request alone: several may close abandoned runs at once
    if (owner := lock.owner()) is not None:
        raise Busy(message("run.busy", owner=str(owner)))
    close_abandoned(store, lock)
    run = Run(
        secrets.token_hex(6),
        trigger,
        int(time.time()),
        RunStatus.QUEUED,
        host=socket.gethostname(),
        model_type=model_type,
        progress=message("step.starting"),
    )
    if (other := store.runs.queue(run)) is not None:
        raise Busy(message("refused.training", run=other.run_id))
    train_queued(training, store, run, ["--again", model_type, *(["--force"] if force else [])])
    return run


def wait_for_end(store: Store, run: Run, seconds: float) -> Run:
    """Wait until a run is over, at most so many seconds.

    Returns:
        The run as it is now; `status.is_over` is False when the time is up.
    """
    pause, end = threading.Event(), time.monotonic() + seconds
    while not (now := store.runs.get(run.run_id) or run).status.is_over and time.monotonic() <= end:
        pause.wait(_POLL_SECONDS)
    return now
