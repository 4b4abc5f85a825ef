"""Trainings in MLflow: runs, figures, files and the registry, in a database of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from src.core.errors import ConfigError, InputError
from src.core.progress import Reporter
from src.core.records import Run, RunPhase, RunStatus
from src.core.settings import Settings
from src.recommendation.ensemble import ENSEMBLE
from src.releases.registry import Registry
from src.releases.verdict import GateVerdict
from src.workflows.mlflow_tracking import release_of, track_training
from src.workflows.training_results import Trained
from tests.releases.test_promotion_gate import of_users, report

FIGURES = report(of_users(0.03), rmse=0.9)


class Said(Reporter):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, line: str) -> None:
        self.lines.append(line)


def track(settings: Settings, version: str | None) -> list[str]:
    """Note a training that made a release, or none; return what was said."""
    run = Run("run-1", "night", 1_790_000_000, RunStatus.SUCCEEDED)
    phases = (RunPhase("fitting", 2.0, 0.5, 100.0), RunPhase("measuring", 3.0, 0.5, 90.0))
    trained = Trained(version, FIGURES, version is not None, GateVerdict(), phases=phases)
    said = Said()
    track_training(settings, Registry(settings.releases_dir), run, trained, said)
    return said.lines


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a new database; files are written beside it."""
    library = pytest.importorskip("mlflow", reason="MLflow is not here: pip install -r requirements-mlflow.txt")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return library.MlflowClient()


def test_a_training_is_a_run_and_its_release_a_version_that_an_alias_lets_serve(
    mlflow: Any, trained_settings: Settings
) -> None:
    version = str(Registry(trained_settings.releases_dir).current_version())
    assert track(trained_settings, version) == []
    assert track(trained_settings, None) == []
    kept, made = mlflow.search_runs(
        [mlflow.get_experiment_by_name("aisle").experiment_id], order_by=["attribute.run_name"]
    )
    if kept.info.run_name != "run-1":
        kept, made = made, kept
    assert (made.info.run_name, made.info.status, made.data.tags["aisle.trigger"]) == (version, "FINISHED", "night")
    assert made.data.metrics[f"lists.{ENSEMBLE}.ndcg_at_10"] == pytest.approx(0.03)
    assert made.data.metrics["ratings.svd.rmse"] == pytest.approx(0.9)
    assert made.data.metrics["seconds"] == 5.0
    assert made.data.params["params.svd.factors"].isdigit()
    files = {each.path for each in mlflow.list_artifacts(made.info.run_id)}
    assert files == {"manifest.json", "report.json", "lists.png", "ratings.png"}
    assert {each.path for each in mlflow.list_artifacts(kept.info.run_id)} == files - {"manifest.json"}

    (registered,) = mlflow.search_model_versions("name = 'aisle'")
    assert registered.run_id == made.info.run_id
    mlflow.set_registered_model_alias("aisle", "live", registered.version)
    assert release_of("models:/aisle@live") == release_of(f"models:/aisle/{registered.version}") == version
    mlflow.create_registered_model("other")
    mlflow.create_model_version("other", made.info.artifact_uri)
    for unknown in ("models:/aisle@dead", "models:/aisle/77", "models:/aisle", "models:/other/1"):
        with pytest.raises(InputError, match="Expected"):
            release_of(unknown)


def test_a_training_does_not_fail_with_mlflow(trained_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not here: pip install -r requirements-mlflow.txt")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "unknown://nowhere")
    (line,) = track(trained_settings, None)
    assert line.startswith("WARNING: the training is not in MLflow: ")


def test_without_mlflow_or_its_address_the_advice_is_to_install_or_set_it(
    trained_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert track(trained_settings, None) == []
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI is not set"):
        release_of("models:/aisle@live")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    (line,) = track(trained_settings, None)
    assert "pip install -r requirements-mlflow.txt" in line
    with pytest.raises(ConfigError, match="requirements-mlflow"):
        release_of("models:/aisle@live")
