"""The record of a training in the store: begun, how far it is, ended; and those whose trainer is gone."""

from __future__ import annotations

import secrets
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from src.core.errors import Busy, Ended, StoreError
from src.core.process_lock import Lock, LockOwner
from src.core.progress import Reporter
from src.core.records import Run, RunStatus
from src.store import Store

if TYPE_CHECKING:  # it brings what only trainings need
    from src.workflows.training_plan import TrainingRequest

ATTEMPTS = 3
"""So often a night's run is begun, when each time somebody or something ends it."""
QUEUED_SECONDS = 120
"""A run that was queued so long ago has no trainer that would begin it."""
CLOCKS_DIFFER_BY = 3_600
"""Seconds. What is recorded as later than that was written when a clock was wrong, and says nothing of now."""


def begin_run(store: Store, job: TrainingRequest) -> Run | None:
    """The run of a job, recorded as running. None: another run answers for job.due, or ended job.run_id already.

    Must be called by the holder of the trainer's lock. A night's run that was interrupted is taken up again.
    """
    run_id = job.run_id or secrets.token_hex(6)
    run = Run(run_id, job.trigger, int(time.time()), RunStatus.RUNNING, job.due, host=socket.gethostname())
    run = replace(run, model_type=job.model_type, progress="beginning")
    if job.run_id is not None:
        queued = store.runs.get(job.run_id)
        if queued is not None and queued.status.is_over:
            return None
    if store.runs.save(run):
        return run
    earlier = None if job.due is None else store.runs.get_due(job.due)
    if earlier is None or not may_be_tried_again(earlier):
        return None
    run = replace(run, run_id=earlier.run_id, attempt=earlier.attempt + 1)
    store.runs.save(run)
    return run


def may_be_tried_again(run: Run) -> bool:
    """Whether a night's run has not had its turn yet."""
    return run.status is RunStatus.INTERRUPTED and run.attempt < ATTEMPTS


def close_abandoned(store: Store, trainer: Lock) -> list[Run]:
    """Record runs as interrupted whose trainer was killed, and return them. None while somebody else trains.

    A trainer holds its lock from before it records its run until after it has recorded the end; a queued run has a
    while until its trainer takes the lock.
    """
    if not _abandoned(store):
        return []
    mine = trainer.held
    if not mine and not trainer.acquire(LockOwner.this_process()):
        return []
    try:
        closed = []
        for run in _abandoned(store):
            what = "the trainer was killed before it could say how far it was"
            if run.progress:
                what = f"the trainer was killed; the last that it said was: {run.progress}"
            closed.append(replace(run, status=RunStatus.INTERRUPTED, finished_at=int(time.time()), message=what))
            store.runs.save(closed[-1])
        return closed
    finally:
        if not mine:
            trainer.release()


def _abandoned(store: Store) -> list[Run]:
    now = time.time()
    return [
        run
        for run in store.runs.unfinished()
        # One of the future was queued when the clock was wrong.
        if run.status is RunStatus.RUNNING or not now - QUEUED_SECONDS <= run.started_at <= now + CLOCKS_DIFFER_BY
    ]


class Noted:
    """A Reporter that tells the store, too: whoever asks for the run sees how far it is."""

    def __init__(self, reporter: Reporter, store: Store, run: Run) -> None:
        self._reporter, self._store, self._run = reporter, store, run

    def step(self, line: str) -> None:
        self._reporter.step(line)
        with suppress(StoreError):  # a store that is locked for a while is no reason to stop
            self._store.runs.note_progress(self._run.run_id, line[:300])

    def advance(self, done: int, total: int | None = None) -> None:
        self._reporter.advance(done, total)


@contextmanager
def track_run(store: Store, run: Run) -> Iterator[None]:
    """Whatever ends the work, the run does not stay "running"."""
    try:
        yield
    except BaseException as error:
        from_outside = isinstance(error, Ended | KeyboardInterrupt | StoreError)  # a database that went away comes back
        what = "ended by SIGTERM" if isinstance(error, Ended) else str(error) or type(error).__name__
        status = RunStatus.INTERRUPTED if from_outside else RunStatus.FAILED
        with suppress(StoreError):  # what went wrong first is what people must read
            now = store.runs.get(run.run_id)
            # Whoever ended it said why already; and another trainer may have taken it up since.
            if now is None or (not now.status.is_over and now.attempt == run.attempt):
                progress = now.progress if now else ""
                ended = replace(run, status=status, finished_at=int(time.time()), message=what, progress=progress)
                store.runs.save(ended)
        raise


def refuse_queued(store: Store, job: TrainingRequest, error: Busy) -> None:
    """Say of a queued run that another training began before its own could."""
    queued = None if job.run_id is None else store.runs.get(job.run_id)
    if queued is not None and not queued.status.is_over:
        now = int(time.time())
        store.runs.save(replace(queued, status=RunStatus.FAILED, finished_at=now, message=str(error)))


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM becomes the exception Ended."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise Ended

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: nobody sends signals here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
