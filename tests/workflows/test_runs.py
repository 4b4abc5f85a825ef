"""Runs whose trainer is gone are closed, and no others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.config import Settings
from src.domain import Run, RunStatus
from src.store import Store
from src.workflows.locks import FileLock, trainer_lock
from src.workflows.runs import close_abandoned


@pytest.fixture
def left(store: Store) -> Store:
    """A store with a run that says it is running."""
    store.journal.save_run(Run("left", "night", 1_000, RunStatus.RUNNING, due=500))
    return store


@pytest.fixture
def elsewhere(settings: Settings) -> Iterator[FileLock]:
    """The trainer's lock, held by somebody else."""
    lock = trainer_lock(settings)
    assert lock.acquire("somebody")
    yield lock
    lock.release()


def test_a_run_whose_trainer_is_gone_is_closed_as_interrupted(settings: Settings, left: Store) -> None:
    lock = trainer_lock(settings)
    close_abandoned(left, lock)
    (run,) = left.journal.runs(1)
    assert run.status is RunStatus.INTERRUPTED
    assert run.finished_at is not None
    assert "killed" in run.message
    assert run.due == 500
    assert not lock.held


def test_a_run_that_goes_on_is_left_alone(settings: Settings, left: Store, elsewhere: FileLock) -> None:
    close_abandoned(left, trainer_lock(settings))
    assert left.journal.runs(1)[0].status is RunStatus.RUNNING


def test_a_trainer_closes_them_under_its_own_lock_and_keeps_it(
    settings: Settings, left: Store, elsewhere: FileLock
) -> None:
    close_abandoned(left, elsewhere)
    assert left.journal.runs(1)[0].status is RunStatus.INTERRUPTED
    assert elsewhere.held


def test_a_disk_that_is_full_costs_the_owners_name_and_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> int:
        raise OSError(28, "No space left on device")

    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", no_space)
        assert first.acquire("me")
    assert not second.acquire("you")
    assert second.owner() == "unknown"
    first.release()
    assert second.acquire("you")
    second.release()
