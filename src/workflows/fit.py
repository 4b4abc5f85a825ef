"""Train models on events, and measure them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from src.core.errors import NoData
from src.core.gc_pause import gc_disabled
from src.core.messages import message
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.report import Report, measure
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY
from src.recommendation.ensemble import ENSEMBLE, build_ensemble
from src.recommendation.ensemble_config import EnsembleConfig, fit_models
from src.recommendation.pipeline import Pipeline
from src.store import Store


def stored_data(store: Store, reporter: Reporter) -> TrainingData:
    """Return all events of the store, with the default weights. Raises NoData if there are none."""
    reporter.step(message("step.reading_store"))
    with gc_disabled():
        data = training_data(store.events.read())
    if not len(data):
        raise NoData(message("run.no_data"))
    return data


@dataclass(frozen=True)
class FitPlan:
    """The settings of a training.

    Attributes:
        params: Model name → parameters of its training.
        ensemble: The ensemble's configuration; None without an ensemble.
        weighting: Weights of events.
    """

    params: Mapping[str, Any]
    ensemble: EnsembleConfig | None
    weighting: Weighting


@dataclass(frozen=True)
class Reuse:
    """What a fit takes from earlier ones.

    Attributes:
        known: Name → model that was trained on the same data with the same plan.
        start: Name → model that was trained with the same parameters on other events of the same vocabularies, from
            which its training continues; the fit takes each out.
        for_few: Whether few lists are made, so that the ensemble's index may find neighbours when they are asked for.
    """

    known: Mapping[str, Any] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)
    for_few: bool = False


def fit(
    data: TrainingData, plan: FitPlan, settings: Settings, reporter: Reporter, reuse: Reuse | None = None
) -> Pipeline:
    """Train every model of a plan, and the ensemble of them.

    Args:
        data: The events.
        plan: What to train.
        settings: The seed of the models' starting values, and the folder where large arrays are set aside.
        reuse: What earlier fits found; None for nothing.

    Returns:
        The models; the caller sets `default` and `rater`.
    """
    data, reuse = replace(data, weighting=plan.weighting), reuse or Reuse()
    missing = {name: params for name, params in plan.params.items() if name not in reuse.known}
    fitted = fit_models(data, missing, settings.seed, reporter, reuse.start, settings.var)
    trained: dict[str, Any] = {**reuse.known, **fitted}
    models = {name: trained[name] for name in plan.params}
    if plan.ensemble is not None:
        blend = plan.ensemble
        ensemble = build_ensemble(models, blend.weights, data, seed=settings.seed, order=blend.order, again=blend.again)
        models[ENSEMBLE] = ensemble.indexed(data, reporter, growing=reuse.for_few)
    return Pipeline(data.users, data.items, models, POPULARITY, weighting=plan.weighting, attributes=data.attributes)


def measured(settings: Settings, parts: Split, plan: FitPlan, reporter: Reporter) -> Report:
    """Train on the older part of the events and measure on the newer one, of which no model has learnt."""
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
    """Train on the older part of the events, measure on the newer one, and return the models, too.

    Args:
        parts: The events, divided in time.
        plan: What to train.
        known: See Reuse.
        only: The one model whose lists are measured beside popularity's; None for all.

    Returns:
        The figures and the models.
    """
    pipeline = fit(parts.train, plan, settings, reporter, Reuse(known or {}, for_few=True))
    measured_pipeline = pipeline
    if pipeline.attributes is not None:
        measured_pipeline = replace(pipeline, attributes=pipeline.attributes.without_stock())
    if only is not None:
        raters = [name for name in pipeline.raters if name != POPULARITY]
        chosen = {name: pipeline.models[name] for name in pipeline.models if name in (POPULARITY, only, *raters)}
        measured_pipeline = replace(measured_pipeline, models=chosen)
    report = measure(
        measured_pipeline,
        parts,
        relevant_rating=settings.relevant_rating,
        max_users=settings.evaluated_users,
        reporter=reporter,
    )
    return report, pipeline


def continued_from(pipeline: Pipeline, plan: FitPlan) -> dict[str, Any]:
    """Return, by name, the models from which trainings with a plan can continue.

    They can be continued, and have the plan's parameters and weights of events.

    Args:
        pipeline: Models of a part of the same events.
    """
    if pipeline.weighting != plan.weighting:
        return {}
    return {
        name: model
        for name, model in pipeline.models.items()
        if name in plan.params and MODELS[name].continues and model.params == plan.params[name]
    }
