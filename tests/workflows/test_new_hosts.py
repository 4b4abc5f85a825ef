"""A training on a host that is new, over releases that others share: it compares with the one that they serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.core.errors import AisleError, ReleaseError
from src.core.progress import Silent
from src.core.records import RunStatus
from src.core.settings import Settings
from src.releases.shared_registry import followed_registry, open_registry
from src.releases.verdict import GateVerdict
from src.store import Store
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest
from src.workflows.training_results import Trained, TrainingContext
from tests.conftest import small_settings


@pytest.fixture
def shared(trained_settings: Settings, tmp_path: Path) -> Path:
    """A place where another host has put its current release."""
    folder = tmp_path / "shared"
    folder.mkdir()
    registry = open_registry(small_settings(trained_settings.var, releases_url=str(folder)))
    registry.activate(str(registry.current_version()))
    return folder


def test_a_training_on_a_new_host_sees_the_current_release_of_all_hosts(
    trained_settings: Settings, store: Store, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def trained(context: TrainingContext) -> Trained:
        seen.append(context.registry.current().version)
        return Trained(None, None, False, GateVerdict())

    monkeypatch.setattr("src.workflows.train._trained", trained)
    train(small_settings(tmp_path / "new", releases_url=str(shared)), store, TrainingRequest(), Silent())
    assert seen == [open_registry(trained_settings).current_version()]


def test_a_training_that_could_not_publish_fails_before_it_begins(store: Store, tmp_path: Path) -> None:
    settings = small_settings(tmp_path / "new", releases_url=str(tmp_path / "gone"))
    with pytest.raises(AisleError, match="gone"):
        train(settings, store, TrainingRequest(), Silent())
    assert [run.status for run in store.runs.newest(5)] == [RunStatus.FAILED]


def test_a_command_goes_on_with_the_release_of_its_host_while_the_shared_ones_are_away(
    trained_settings: Settings, shared: Path, tmp_path: Path
) -> None:
    new = small_settings(tmp_path / "new", releases_url=str(shared))
    version = followed_registry(new).current_version()
    assert version == open_registry(trained_settings).current_version()
    shared.rename(tmp_path / "away")
    assert followed_registry(new).current_version() == version
    with pytest.raises(ReleaseError):
        followed_registry(small_settings(tmp_path / "newer", releases_url=str(shared)))
