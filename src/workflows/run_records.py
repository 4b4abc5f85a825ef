"""Record a training in the store: its start, progress and end; close the runs of trainers that were killed."""

from __future__ import annotations

import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from typing_extensions import override

from src.core.address_space import address_space_note
from src.core.errors import AisleError, Busy, Ended, StoreError
from src.core.messages import message, text_of_error
from src.core.process_lock import Lock, LockOwner
from src.core.process_times import has_process_with
from src.core.progress import Reporter
from src.core.records import Run, RunStatus
from src.store import Store

if TYPE_CHECKING:  # the web workers need not import the libraries of a training
    from src.workflows.training_plan import TrainingRequest

ATTEMPTS = 3
"""Highest number of starts of a nightly run that is interrupted each time."""
QUEUED_SECONDS = 120
"""A run that has been queued for longer has no trainer that will start it."""
CLOCKS_DIFFER_BY = 3_600
"""Seconds. A record from further in the future was written while a clock was wrong, and is ignored."""


def begin_run(store: Store, job: TrainingRequest) -> Run | None:
    """Record the run of a training as running; an interrupted nightly run is continued as its next attempt.

    Args:
        job: the training, whose process holds the trainer's lock.

    Returns:
        The run; None if the training must not start, as its queued run is over or its due moment had its run.
    """
    run_id = job.run_id or secrets.token_hex(6)
    run = Run(run_id, job.trigger, int(time.time()), RunStatus.RUNNING, job.due, host=socket.gethostname())
    run = replace(run, model_type=job.model_type, progress=message("step.beginning"))
    if job.run_id is not None:
        queued = store.runs.get(job.run_id)
        if queued is not None:
            if queued.status.is_over:
                return None
            run = replace(run, attempt=queued.attempt)
    if store.runs.save(run):
        return run
    earlier = None if job.due is None else store.runs.get_due(job.due)
    if earlier is None or not may_be_tried_again(earlier):
        return None
    run = replace(run, run_id=earlier.run_id, attempt=earlier.attempt + 1)
    store.runs.save(run)
    return run


def may_be_tried_again(run: Run) -> bool:
    """Return whether a nightly run was interrupted and has attempts left."""
    return run.status is RunStatus.INTERRUPTED and run.attempt < ATTEMPTS


def close_abandoned(store: Store, trainer: Lock) -> list[Run]:
    """Record runs as interrupted whose trainer was killed.

    A trainer holds its lock from before it records its run until after it has recorded the end. A queued run has
    QUEUED_SECONDS until its trainer takes the lock, and longer while the process of that trainer exists on this host:
    on a busy machine its first line can take minutes.

    Args:
        store: where runs are recorded.
        trainer: the trainer's lock, which is taken meanwhile unless it is held.

    Returns:
        The runs that were closed; none while another process trains.
    """
    if not _abandoned(store):
        return []
    was_held = trainer.held
    if not was_held and not trainer.acquire(LockOwner.this_process()):
        return []
    try:
        closed = []
        for run in _abandoned(store):
            said = message("run.killed", step=run.progress) if run.progress else message("run.killed_early")
            closed.append(replace(run, status=RunStatus.INTERRUPTED, finished_at=int(time.time()), message=said))
            store.runs.save(closed[-1])
        return closed
    finally:
        if not was_held:
            trainer.release()


def _abandoned(store: Store) -> list[Run]:
    """Return unfinished runs that no trainer works at if the trainer's lock is free."""
    return [run for run in store.runs.unfinished() if run.status is RunStatus.RUNNING or not _may_still_begin(run)]


def _may_still_begin(run: Run) -> bool:
    """Return whether the trainer of a queued run may take the lock yet."""
    now = time.time()
    if now - QUEUED_SECONDS <= run.started_at <= now + CLOCKS_DIFFER_BY:  # later: it was queued by a wrong clock
        return True
    return run.host == socket.gethostname() and has_process_with(run.run_id)


class ProgressRecorder(Reporter):
    """A reporter that also records each step as the progress of a run."""

    def __init__(self, reporter: Reporter, store: Store, run: Run) -> None:
        """Create a recorder of the progress of a run."""
        self._reporter, self._store, self._run = reporter, store, run

    @override
    def step(self, line: str) -> None:
        self._reporter.step(line)
        if line.startswith("WARNING"):  # a remark, and no step
            return
        with suppress(StoreError):  # a training outlasts a store that is locked for a while
            self._store.runs.note_progress(self._run.run_id, line)

    @override
    def advance(self, done: int, total: int | None = None) -> None:
        self._reporter.advance(done, total)

    @override
    def beside(self, line: str) -> AbstractContextManager[None]:
        return self._reporter.beside(line)


@contextmanager
def track_run(store: Store, run: Run) -> Iterator[None]:
    """Record how a running run failed or was interrupted if an error leaves the `with` block.

    Yields:
        Nothing.
    """
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, Ended | KeyboardInterrupt | StoreError | MemoryError)  # these may pass
        said = message("run.sigterm") if isinstance(error, Ended) else text_of_error(error) or type(error).__name__
        if isinstance(error, MemoryError):
            said = message("run.out_of_memory", detail=said)
        elif not isinstance(error, AisleError | Ended | KeyboardInterrupt):
            said += address_space_note()
        status = RunStatus.INTERRUPTED if interrupted else RunStatus.FAILED
        with suppress(StoreError):  # the first error is the one to report
            recorded = store.runs.get(run.run_id)
            # The leader may have recorded why it ended the run, and another trainer may have started it again.
            if recorded is None or (not recorded.status.is_over and recorded.attempt == run.attempt):
                progress = recorded.progress if recorded else ""
                ended = replace(run, status=status, finished_at=int(time.time()), message=said, progress=progress)
                store.runs.save(ended)
        raise


def refuse_queued(store: Store, job: TrainingRequest, error: Busy) -> None:
    """Record a queued run as failed because another training runs; a nightly one as interrupted: it has its turn later.

    Args:
        store: where runs are recorded.
        job: the training that cannot start; nothing is recorded if it has no queued run.
        error: names the other training.
    """
    queued = None if job.run_id is None else store.runs.get(job.run_id)
    if queued is not None and queued.status is RunStatus.QUEUED:
        status = RunStatus.FAILED if queued.due is None else RunStatus.INTERRUPTED
        store.runs.save(replace(queued, status=status, finished_at=int(time.time()), message=text_of_error(error)))


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Raise Ended on SIGTERM inside a `with` block."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise Ended

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # signals reach the main thread only
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
