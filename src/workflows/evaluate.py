"""Measure: train on one part of the data, score the other, and write down what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from src.config import Settings
from src.dataset.interactions import TrainingData, training_data
from src.dataset.splitting import Split, split
from src.dataset.weighting import Weighting
from src.errors import AisleError, NoData, UnusableFile
from src.evaluation.plots import write_plots
from src.evaluation.report import Report, measure
from src.garbage import no_search_for_cycles
from src.models import POPULARITY
from src.pipeline import Pipeline
from src.progress import Reporter
from src.ranking.blend import BLEND, blended
from src.ranking.recipe import Recipe, fit_models
from src.registry import Registry
from src.store import Store
from src.workflows.catalogue import described
from src.workflows.ingest import read_table


def stored_data(store: Store, reporter: Reporter) -> TrainingData:
    """All events of the store. Raises NoData."""
    reporter.step("reading the store")
    with no_search_for_cycles():
        data = training_data(store.read_events())
    if not len(data):
        raise NoData("the store holds no events: run python data_processing.py FILE")
    return data


@dataclass(frozen=True)
class Plan:
    """What is trained. params: model name → the parameters its `train` takes. recipe: of the blend; None without one.

    weighting: how much an event speaks for its product.
    """

    params: Mapping[str, Any]
    recipe: Recipe | None
    weighting: Weighting


def fit(
    data: TrainingData, plan: Plan, seed: int, reporter: Reporter, known: Mapping[str, Any] | None = None
) -> Pipeline:
    """Train every model of the plan, and blend them. Its default and its rater are for somebody to choose.

    known: models that were trained on these data in the plan's way already.
    """
    data, known = replace(data, weighting=plan.weighting), known or {}
    missing = {name: its for name, its in plan.params.items() if name not in known}
    trained: dict[str, Any] = {**known, **fit_models(data, missing, seed, reporter)}
    models = {name: trained[name] for name in plan.params}
    if plan.recipe is not None:
        blend = blended(models, plan.recipe.weights, data, seed=seed, order=plan.recipe.order)
        models[BLEND] = blend.indexed(data, reporter)
    return Pipeline(data.users, data.items, models, POPULARITY, weighting=plan.weighting)


def measured(settings: Settings, parts: Split, plan: Plan, reporter: Reporter) -> Report:
    """Refit on the older part and measure on the newer one: no row is scored that its model has learnt from."""
    return measured_fit(settings, parts, plan, reporter)[0]


def measured_fit(
    settings: Settings,
    parts: Split,
    plan: Plan,
    reporter: Reporter,
    *,
    known: Mapping[str, Any] | None = None,
    only: str | None = None,
) -> tuple[Report, Pipeline]:
    """The same, with what was fitted. known: see `fit`. only: the list that is measured, beside popularity's."""
    pipeline = fit(parts.train, plan, settings.seed, reporter, known)
    looked_at = pipeline
    if only is not None:
        raters = [name for name in pipeline.raters if name != POPULARITY]
        shown = {name: pipeline.models[name] for name in pipeline.models if name in (POPULARITY, only, *raters)}
        looked_at = replace(pipeline, models=shown)
    report = measure(
        looked_at,
        parts,
        relevant_rating=settings.relevant_rating,
        max_users=settings.evaluated_users,
        reporter=reporter,
    )
    return report, pipeline


def evaluate(settings: Settings, store: Store, version: str | None, reporter: Reporter) -> tuple[Report, Path]:
    """Measure a release's settings (the current one's by default) afresh, on what the store, or the file it was trained
    from, holds by now.

    Returns the report and the folder that got report.json and the plots.
    Raises NoRelease, UnknownName, ReleaseError, NoData, UnusableFile.
    """
    registry = Registry(settings.releases_dir)
    release = registry.active() if version is None else registry.load(version)
    pipeline, recipe = release.pipeline, release.manifest["recipe"]
    as_trained = settings.model_copy(update=release.manifest["settings"])
    source = release.manifest["data"]["source"]
    from_store = source == "store"
    if from_store:
        data = stored_data(store, reporter)
    else:
        data = read_table(as_trained, _same_file(Path(source), release.version), reporter)
    its_encoder = settings.encoder
    if pipeline.search is not None and pipeline.search.encoded_by is not None:
        its_encoder = pipeline.search.encoded_by.name
    as_trained = as_trained.model_copy(update={"encoder": its_encoder})
    data = described(as_trained, store, data, reporter, with_new=from_store).data
    plan = Plan(
        {name: model.params for name, model in pipeline.models.items() if name != BLEND},
        None if recipe is None else Recipe.from_json(recipe, settings),
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
