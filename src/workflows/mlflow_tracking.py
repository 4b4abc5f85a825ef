"""Trainings and releases in MLflow, where MLFLOW_TRACKING_URI names a server, a folder or a database of it.

A training is a run: settings as parameters, figures as metrics, report, plots and manifest as artifacts. A release is a
version of the registered model that `model_name` names. The alias of a version is read by `train_model.py --activate
models:/aisle@live`, which serves that release. Without the variable nothing is imported.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from src.core.domain import JsonDict
from src.core.errors import ConfigError, InputError
from src.core.progress import Reporter
from src.core.records import Run
from src.core.settings import Settings
from src.evaluation.plots import write_plots
from src.releases.gate_messages import verdict_sentence
from src.releases.registry import Registry
from src.releases.release import MANIFEST
from src.workflows.training_results import Trained

URI = "models:/"
_TRACKING, _EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
_RELEASE = "aisle.release"
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""A server that does not answer holds up the next training for a minute, not for a quarter of an hour."""


def is_tracked() -> bool:
    """Return whether trainings are noted in MLflow."""
    return bool(os.environ.get(_TRACKING))


def model_name(settings: Settings) -> str:
    """Return the name of the registered model: aisle, with the shop's name where there are several."""
    return f"aisle-{settings.tenant}" if settings.tenant else "aisle"


def track_training(settings: Settings, registry: Registry, run: Run, trained: Trained, reporter: Reporter) -> None:
    """Note a finished training in MLflow, and register its release. What fails is only a warning."""
    if not is_tracked():
        return
    try:
        _track(_client(), settings, registry, run, trained)
    except Exception as error:  # MLflow raises errors of HTTP, of databases and of its own
        reporter.step(f"WARNING: the training is not in MLflow: {type(error).__name__}: {str(error).splitlines()[0]}")


def release_of(uri: str) -> str:
    """Return the release of a version of a registered model.

    Args:
        uri: models:/NAME@ALIAS or models:/NAME/VERSION, as MLflow writes them.

    Returns:
        The version of the release.

    Raises:
        ConfigError: MLflow is not installed, or no server is named.
        InputError: There is no such version, or it is no release of Aisle.
    """
    if not is_tracked():
        raise ConfigError(f"{uri} is a name in MLflow, and {_TRACKING} is not set. Expected the address of its server.")
    client, name = _client(), uri.removeprefix(URI)
    from mlflow.exceptions import MlflowException

    try:
        if "@" in name:
            found = client.get_model_version_by_alias(*name.split("@", 1))
        else:
            found = client.get_model_version(*name.rsplit("/", 1))
    except (MlflowException, TypeError) as error:
        raise InputError(
            f"MLflow has no {uri} ({str(error).splitlines()[0]}). Expected models:/NAME@ALIAS or models:/NAME/VERSION; "
            "set the alias in MLflow first."
        ) from None
    if _RELEASE not in found.tags:
        raise InputError(f"{uri} is no release of Aisle: it has no tag {_RELEASE}. Expected a version that Aisle made.")
    return str(found.tags[_RELEASE])


def _client() -> Any:
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ConfigError(
            f"{_TRACKING} needs MLflow ({error}). Expected it installed: pip install -r requirements-mlflow.txt."
        ) from None
    return MlflowClient()


def _track(client: Any, settings: Settings, registry: Registry, run: Run, trained: Trained) -> None:
    name = os.environ.get(_EXPERIMENT) or model_name(settings)
    known = client.get_experiment_by_name(name)
    experiment = client.create_experiment(name) if known is None else known.experiment_id
    tags = {"aisle.run": run.run_id, "aisle.trigger": run.trigger, "aisle.gate": verdict_sentence(trained.verdict)}
    if trained.version is not None:
        tags[_RELEASE] = trained.version
    noted = client.create_run(experiment, 1_000 * run.started_at, tags, run_name=trained.version or run.run_id)
    id_ = noted.info.run_id
    try:
        with tempfile.TemporaryDirectory() as folder:
            _log(client, id_, registry, trained, Path(folder))
        if trained.version is not None:
            _register(client, model_name(settings), noted.info, trained.version)
    except BaseException:
        client.set_terminated(id_, "FAILED")
        raise
    client.set_terminated(id_)


def _log(client: Any, id_: str, registry: Registry, trained: Trained, folder: Path) -> None:
    """Log parameters, metrics and artifacts; folder: for the files."""
    manifest: JsonDict = {}
    if trained.version is not None:
        written = (registry.folder / trained.version / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(written)
        (folder / MANIFEST).write_text(written, encoding="utf-8")
    report = {} if trained.report is None else trained.report.to_json()
    if trained.report is not None:
        (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        write_plots(trained.report, folder)
    settings = {name: manifest.get(name) or {} for name in ("params", "recipe", "weighting", "settings")}
    figures = {name: report.get(name) or {} for name in ("lists", "ratings")} | {"data": manifest.get("data") or {}}
    figures["seconds"] = sum(phase.seconds for phase in trained.phases)
    metrics = {key: value for key, value in _leaves(figures) if _is_number(value)}
    for key, value in metrics.items():
        client.log_metric(id_, key, float(value))
    for key, value in _leaves(settings):
        client.log_param(id_, key, value)
    client.log_artifacts(id_, str(folder))


def _register(client: Any, name: str, noted: Any, version: str) -> None:
    """Make a version of the registered model that has the release as its tag."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description="Releases of Aisle; see the tag aisle.release.")
    client.create_model_version(name, noted.artifact_uri, noted.run_id, tags={_RELEASE: version})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _leaves(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested objects with their dotted names; an estimate is its value."""
    for key, value in document.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and "value" in value:
            yield name, value["value"]
        elif isinstance(value, Mapping):
            yield from _leaves(value, f"{name}.")
        elif value is not None:
            yield name, value
