"""Fit models on the events of the store, and measure them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from src.core.errors import NoData
from src.core.gc_pause import gc_disabled
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.report import Report, measure
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split
from src.models import POPULARITY
from src.recommendation.ensemble import ENSEMBLE, build_ensemble
from src.recommendation.ensemble_config import EnsembleConfig, fit_models
from src.recommendation.pipeline import Pipeline
from src.store import Store


def stored_data(store: Store, reporter: Reporter) -> TrainingData:
    """All events of the store. Raises NoData."""
    reporter.step("reading the store")
    with gc_disabled():
        data = training_data(store.events.read())
    if not len(data):
        raise NoData("the store holds no events: run python data_processing.py FILE")
    return data


@dataclass(frozen=True)
class FitPlan:
    """What is trained. params: model name → the parameters its `train` takes. recipe: of the blend; None without one.

    weighting: how much an event speaks for its product.
    """

    params: Mapping[str, Any]
    recipe: EnsembleConfig | None
    weighting: Weighting


def fit(
    data: TrainingData, plan: FitPlan, seed: int, reporter: Reporter, known: Mapping[str, Any] | None = None
) -> Pipeline:
    """Train every model of the plan, and blend them. Its default and its rater are for somebody to choose.

    known: models that were trained on these data in the plan's way already.
    """
    data, known = replace(data, weighting=plan.weighting), known or {}
    missing = {name: its for name, its in plan.params.items() if name not in known}
    trained: dict[str, Any] = {**known, **fit_models(data, missing, seed, reporter)}
    models = {name: trained[name] for name in plan.params}
    if plan.recipe is not None:
        blend = build_ensemble(models, plan.recipe.weights, data, seed=seed, order=plan.recipe.order)
        models[ENSEMBLE] = blend.indexed(data, reporter)
    return Pipeline(data.users, data.items, models, POPULARITY, weighting=plan.weighting)


def measured(settings: Settings, parts: Split, plan: FitPlan, reporter: Reporter) -> Report:
    """Refit on the older part and measure on the newer one: no row is scored that its model has learnt from."""
    return measured_fit(settings, parts, plan, reporter)[0]


def measured_fit(
    settings: Settings,
    parts: Split,
    plan: FitPlan,
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
