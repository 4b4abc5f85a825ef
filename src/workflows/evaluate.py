"""Measure a release's settings: train on one part of the data, score the other, and write a report."""

from __future__ import annotations

import json
from pathlib import Path

from src.core.errors import AisleError, UnusableFile
from src.core.progress import Reporter
from src.evaluation.plots import write_plots
from src.evaluation.report import Report
from src.interactions.splits import split
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.releases.shared_registry import open_registry
from src.store import Store
from src.workflows.embed_catalogue import embed_catalogue
from src.workflows.fit import FitPlan, measured, stored_data
from src.workflows.ingest import read_table


def evaluate(settings: AllSettings, store: Store, version: str | None, reporter: Reporter) -> tuple[Report, Path]:
    """Measure a release's settings on the present data of the store, or of the file that it was trained on.

    Args:
        settings: Those that the release recorded replace them.
        version: The release; None for the current one.

    Returns:
        The figures, and the folder with report.json and the plots.

    Raises:
        AisleError: There is no such release, it does not verify, or its data are gone.
    """
    registry = open_registry(settings)
    release = registry.active() if version is None else registry.load(version)
    pipeline, manifest = release.pipeline, release.manifest
    as_trained = settings if manifest.settings is None else manifest.settings.applied_to(settings)
    from_store = manifest.data is None or manifest.data.is_from_store
    if manifest.data is None or from_store:
        data = stored_data(store, reporter)
    else:
        data = read_table(as_trained, _same_file(Path(manifest.data.source), release.version), reporter)
    encoder = settings.encoder
    if pipeline.search is not None and pipeline.search.encoded_by is not None:
        encoder = pipeline.search.encoded_by.name
    as_trained = as_trained.model_copy(update={"encoder": encoder})
    data = embed_catalogue(as_trained, store, data, reporter, with_new=from_store).data
    plan = FitPlan(
        {name: model.params for name, model in pipeline.models.items() if name != ENSEMBLE},
        None if manifest.ensemble is None else manifest.ensemble.config(settings),
        pipeline.weighting,
    )
    report = measured(as_trained, split(data, as_trained.test_share), plan, reporter)
    return report, _write(report, settings.reports_dir / release.version)


def _same_file(path: Path, version: str) -> Path:
    if not path.is_file():
        raise UnusableFile(
            f"release {version} was trained from {path}, which is gone. Put it back, or train again from what is here."
        )
    return path


def _write(report: Report, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        write_plots(report, folder)
    except OSError as error:
        raise AisleError(
            f"the report could not be written to {folder} ({error.strerror}). Expected a folder that can be written "
            "and has space; mend that, or set AISLE_VAR to another place."
        ) from None
    return folder
