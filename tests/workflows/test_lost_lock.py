"""A training that loses its lock: a database was restarted, or the lock file was removed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from src.core.errors import AisleError
from src.core.process_lock import LockOwner
from src.core.progress import Silent
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.workflows.locks import FileLock, trainer_lock
from src.workflows.run_records import track_run
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest


class LosesTheLock(Silent):
    """Removes the lock file while the release is published."""

    def __init__(self, settings: Settings, next_: FileLock | None = None) -> None:
        self.path, self.next = settings.var / "trainer.lock", next_

    def step(self, line: str) -> None:
        if line == "publishing":
            self.path.unlink()
            if self.next is not None:
                assert self.next.acquire(LockOwner("elsewhere", 7, "night"))


@pytest.mark.usefixtures("no_smoke")
def test_a_training_that_lost_its_lock_activates_only_if_no_other_one_runs(
    trained_settings: Settings, trained_store: Store
) -> None:
    registry = Registry(trained_settings.releases_dir)
    trained = train(trained_settings, trained_store, TrainingRequest(), LosesTheLock(trained_settings))
    assert trained is not None
    assert trained.version == registry.current_version()
    assert trainer_lock(trained_settings).owner() is None
    other = FileLock(trained_settings.var / "trainer.lock")
    with pytest.raises(AisleError, match=r"another training \(elsewhere:7 night\) holds it.*was not activated"):
        train(trained_settings, trained_store, TrainingRequest(), LosesTheLock(trained_settings, other))
    other.release()
    assert registry.current_version() == trained.version


def test_a_training_that_lost_its_lock_does_not_change_a_run_that_another_one_continues(store: Store) -> None:
    run = Run("one", "night", 1_000, RunStatus.RUNNING, due=500)
    again = replace(run, attempt=2, progress="training svd")
    store.runs.save(again)
    with pytest.raises(AisleError), track_run(store, run):
        raise AisleError("the lock was lost")
    assert store.runs.newest(5) == [again]
