"""The records of runs: started, continued, ended, and closed if their trainer was killed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from src.core.errors import Busy, Ended, StoreError
from src.core.process_lock import LockOwner
from src.core.progress import Silent
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.store import Store
from src.workflows.locks import FileLock, trainer_lock
from src.workflows.run_records import (
    ATTEMPTS,
    QUEUED_SECONDS,
    ProgressRecorder,
    begin_run,
    close_abandoned,
    may_be_tried_again,
    track_run,
)
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest


@pytest.fixture
def left(store: Store) -> Store:
    """A store with a run that is recorded as running."""
    store.runs.save(Run("left", "night", 1_000, RunStatus.RUNNING, due=500))
    return store


@pytest.fixture
def elsewhere(settings: Settings) -> Iterator[FileLock]:
    """The trainer's lock, held by another process."""
    lock = trainer_lock(settings)
    assert lock.acquire(LockOwner("here", 77, "command"))
    yield lock
    lock.release()


def test_a_run_whose_trainer_is_gone_is_closed_as_interrupted(settings: Settings, left: Store) -> None:
    lock = trainer_lock(settings)
    close_abandoned(left, lock)
    (run,) = left.runs.newest(1)
    assert run.status is RunStatus.INTERRUPTED
    assert run.finished_at is not None
    assert "killed" in run.message
    assert run.due == 500
    assert not lock.held


def test_a_run_whose_trainer_runs_is_left_alone(settings: Settings, left: Store, elsewhere: FileLock) -> None:
    close_abandoned(left, trainer_lock(settings))
    assert left.runs.newest(1)[0].status is RunStatus.RUNNING


def test_a_trainer_closes_them_under_its_own_lock_and_keeps_it(
    settings: Settings, left: Store, elsewhere: FileLock
) -> None:
    close_abandoned(left, elsewhere)
    assert left.runs.newest(1)[0].status is RunStatus.INTERRUPTED
    assert elsewhere.held


@pytest.mark.parametrize("started_at", [0, 400 * 86_400])
def test_a_queued_run_without_a_trainer_is_closed_even_if_its_clock_was_wrong(
    settings: Settings, store: Store, started_at: int
) -> None:
    store.runs.save(Run("asked", "api", int(time.time()) + started_at, RunStatus.QUEUED))
    closed = close_abandoned(store, trainer_lock(settings))
    assert [run.run_id for run in closed] == (["asked"] if started_at else [])


def test_a_queued_run_is_not_closed_while_the_process_of_its_trainer_exists(settings: Settings, store: Store) -> None:
    at = int(time.time()) - QUEUED_SECONDS - 60
    own = Path("/proc/self/cmdline").read_bytes().rstrip(b"\0").split(b"\0")[-1].decode()  # stands for --run-id ID
    for run_id, host in ((own, socket.gethostname()), ("gone", socket.gethostname())):
        store.runs.save(Run(run_id, "page", at, RunStatus.QUEUED, host=host))
    assert [run.run_id for run in close_abandoned(store, trainer_lock(settings))] == ["gone"]


def test_a_trainer_goes_on_with_the_attempt_that_was_queued(store: Store) -> None:
    store.runs.save(Run("night", "night", 1_000, RunStatus.QUEUED, due=500, attempt=2))
    run = begin_run(store, TrainingRequest(trigger="night", due=500, run_id="night"))
    assert run is not None
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 2)


def test_a_nightly_run_that_finds_another_trainer_has_its_turn_later(
    settings: Settings, store: Store, elsewhere: FileLock
) -> None:
    queued = Run("night", "night", 1_000, RunStatus.QUEUED, due=500)
    store.runs.save(queued)
    job = TrainingRequest(trigger="night", due=500, run_id="night")
    with pytest.raises(Busy):
        train(settings, store, job, Silent())
    found = store.runs.newest(1)[0]
    assert (found.status, may_be_tried_again(found)) == (RunStatus.INTERRUPTED, True)
    store.runs.save(replace(queued, status=RunStatus.RUNNING))  # the other trainer works at this very run
    with pytest.raises(Busy):
        train(settings, store, job, Silent())
    assert store.runs.newest(1)[0].status is RunStatus.RUNNING


def test_a_store_that_goes_away_interrupts_a_run_so_that_it_may_be_tried_again(store: Store) -> None:
    run = Run("one", "night", 1_000, RunStatus.RUNNING, due=500)
    store.runs.save(run)
    with pytest.raises(StoreError), track_run(store, run):
        raise StoreError("server closed the connection")
    (found,) = store.runs.newest(5)
    assert (found.status, found.message) == (RunStatus.INTERRUPTED, "server closed the connection")


def test_progress_is_recorded_and_a_locked_store_does_not_end_the_run(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run("one", "command", 1_000, RunStatus.RUNNING)
    store.runs.save(run)
    noted = ProgressRecorder(Silent(), store, run)
    noted.step("training svd")
    assert store.runs.unfinished()[0].progress == "training svd"

    def locked(*_: object) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(store.runs, "note_progress", locked)
    noted.step("training als")
    noted.advance(1, 2)


def test_a_run_that_the_leader_ended_keeps_its_message(store: Store) -> None:
    run = Run("one", "night", 1_000, RunStatus.RUNNING)
    store.runs.save(run)
    said = replace(run, status=RunStatus.FAILED, message="it took too long")

    def ended() -> None:
        with track_run(store, run):
            store.runs.save(said)
            raise Ended

    with pytest.raises(Ended):
        ended()
    (found,) = store.runs.newest(5)
    assert (found.status, found.message) == (RunStatus.FAILED, "it took too long")


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_an_interrupted_nightly_run_is_continued_as_the_same_run_at_most_twice(store: Store, attempts: int) -> None:
    job = TrainingRequest(trigger="night", due=500)
    first = begin_run(store, job)
    assert first is not None
    for attempt in range(1, attempts + 1):
        store.runs.save(replace(first, status=RunStatus.INTERRUPTED, attempt=attempt))
    again = begin_run(store, job)
    if attempts < ATTEMPTS:
        assert again is not None
        assert (again.run_id, again.attempt, again.status) == (first.run_id, attempts + 1, RunStatus.RUNNING)
    else:
        assert again is None
    assert len(store.runs.newest(5)) == 1


def test_a_queued_run_is_started_by_its_trainer_only_while_it_is_queued(store: Store) -> None:
    queued = Run("asked", "api", 1_000, RunStatus.QUEUED, model_type="svd")
    store.runs.save(queued)
    run = begin_run(store, TrainingRequest(trigger="api", run_id="asked", model_type="svd"))
    assert run is not None
    assert (run.run_id, run.status, run.model_type) == ("asked", RunStatus.RUNNING, "svd")
    store.runs.save(replace(run, status=RunStatus.FAILED))
    assert begin_run(store, TrainingRequest(trigger="api", run_id="asked")) is None


def test_a_queued_run_fails_with_a_message_if_another_training_runs(settings: Settings, store: Store) -> None:
    lock = trainer_lock(settings)
    assert lock.acquire(LockOwner("here", 7, "command"))
    store.runs.save(Run("asked", "api", 1_000, RunStatus.QUEUED))
    with pytest.raises(Busy):
        train(settings, store, TrainingRequest(trigger="api", run_id="asked"), Silent())
    lock.release()
    run = store.runs.get("asked")
    assert run is not None
    assert run.status is RunStatus.FAILED
    assert "here:7" in run.message


def test_a_training_without_memory_is_recorded_in_those_words_and_tried_again(left: Store) -> None:
    run = left.runs.newest(1)[0]
    with pytest.raises(MemoryError), track_run(left, run):
        raise MemoryError("Unable to allocate 9 GiB")
    ended = left.runs.newest(1)[0]
    assert ended.message.startswith("out of memory (Unable to allocate 9 GiB). Expected more")
    assert may_be_tried_again(ended)


def test_an_unexpected_error_names_the_limit_of_memory_that_may_be_its_cause(
    left: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (600 * 2**20, 600 * 2**20))
    with pytest.raises(OSError, match="cannot load"), track_run(left, left.runs.newest(1)[0]):
        raise OSError("cannot load libllvmlite.so")
    assert left.runs.newest(1)[0].message.endswith("may take 600 MiB of address space (ulimit -v), which may be why.")


def test_the_record_of_a_killed_training_names_the_usual_cause(settings: Settings, left: Store) -> None:
    close_abandoned(left, trainer_lock(settings))
    assert "out of memory" in left.runs.newest(1)[0].message
