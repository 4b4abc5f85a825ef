"""The champion of a training: the current release, whose settings are measured before the same cut as new ones."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from src.core.errors import AisleError
from src.core.messages import message
from src.core.progress import Reporter
from src.core.records import Load, RunStatus
from src.evaluation.report import Report
from src.ingestion.data_checks import DataFigures
from src.ingestion.load_series import latest_of, previous_of
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.pipeline import Pipeline
from src.releases.data_gate import Arrivals, check_events
from src.releases.registry import Registry
from src.releases.release import Release
from src.releases.verdict import GateVerdict, NotCompared, NotComparedReason
from src.store import Store
from src.workflows.fit import FitPlan, measured_fit

_SAMPLED_PRODUCTS = 2_000
_MAX_LOADS_AND_RUNS = 500
_MIN_ROWS = 100


@dataclass(frozen=True)
class Champion:
    """The current release, with which a new one is compared.

    Attributes:
        release: The release.
        folder: Its folder.
    """

    release: Release
    folder: Path

    @property
    def serves(self) -> str:
        """The model whose lists it serves."""
        return self.release.pipeline.default

    @property
    def n_bytes(self) -> int:
        """Size of the release on disk."""
        return self.release.manifest.n_bytes

    @property
    def made_up(self) -> bool:
        """Whether it was trained on the synthetic shop, which real data need not resemble."""
        return self.release.manifest.made_up

    def plan(self, settings: AllSettings, data: TrainingData, serves: str | None = None) -> FitPlan:
        """Return its settings, as far as a list needs them.

        Args:
            settings: The settings, for models that the manifest does not name.
            data: The events that are to be trained on.
            serves: The model whose lists are needed; None for the one that it serves.

        Returns:
            The plan that trains these models.

        Raises:
            AisleError: They cannot be trained on the data, or the manifest does not tell them.
        """
        manifest, serves = self.release.manifest, serves or self.serves
        try:
            config = None if manifest.ensemble is None else manifest.ensemble.config(settings)
            names = {POPULARITY, serves, *filter(None, [manifest.rating_model])} - {ENSEMBLE}
            if serves == ENSEMBLE:
                if config is None:
                    raise KeyError("ensemble")
                names |= scoring_models(config)
            can_train = trainable(data)
            if missing := sorted(names - set(can_train)):
                raise AisleError(f"{', '.join(missing)} cannot be trained here")
            params = {
                name: type(can_train[name].params(settings))(**manifest.params[name])
                for name in MODELS
                if name in names
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AisleError(f"its manifest does not say how it was made ({error!r})") from None
        return FitPlan(params, config if serves == ENSEMBLE else None, manifest.weighting)


def scoring_models(config: EnsembleConfig) -> set[str]:
    """Return the names of the models whose scores an ensemble uses."""
    return {*config.weights, *(config.order.names if config.order else ())}


def champion_of(registry: Registry) -> Champion | None:
    """Return the current release if it verifies, else None."""
    try:
        release = registry.current()
        return Champion(release, registry.folder / release.version)
    except AisleError:
        return None


def check_data_of(
    champion: Champion, store: Store, data: TrainingData, verdict: GateVerdict, *, unattended: bool
) -> GateVerdict:
    """Check the store's data beside those that the champion was trained on.

    Args:
        champion: The current release.
        data: The events about to be trained on.
        unattended: Whether the training was started by a schedule, and not by a person who just loaded a file.

    Returns:
        The verdict with these checks; as it was if the champion was trained on a file.
    """
    before = champion.release.manifest.data
    if before is None or not before.is_from_store:
        return verdict
    created = int(champion.release.manifest.created_at.timestamp())
    then = DataFigures(before.n_events, before.n_users, before.n_items, before.newest_at, created)
    counts = data.counts
    newest = counts.newest_at if counts.newest_at >= 0 else None
    now = DataFigures(counts.n_events, len(data.users), len(data.items), newest, counted_at=int(time.time()))
    arrivals = _arrivals(store, created, _share_present(champion.release.pipeline, data), unattended)
    checks = check_events(now, then, arrivals)
    return verdict.with_checks(checks, data={"now": asdict(now), "then": asdict(then)})


def _arrivals(store: Store, created: int, known_products: float | None, unattended: bool) -> Arrivals:
    """Return what was loaded since the last finished training: a bad file keeps one training, not all later ones."""
    loads = store.runs.loads(_MAX_LOADS_AND_RUNS)
    ended = (
        run for run in store.runs.newest(_MAX_LOADS_AND_RUNS) if run.status in (RunStatus.SUCCEEDED, RunStatus.KEPT)
    )
    last = max([created, *(run.started_at for run in ended if run.started_at <= time.time())])
    since = latest_of(load for load in loads if load.loaded_at >= last)
    before = [earlier for load in since if (earlier := previous_of(load, loads)) is not None]
    known = [(load.known_products, load.n_kept) for load in since if load.known_products is not None]
    n_rows = sum(n for _, n in known)
    is_telling = unattended and n_rows >= _MIN_ROWS
    return Arrivals(
        rows_read=sum(load.n_read for load in since),
        rows_rejected=sum(sum(load.rejected.values()) for load in since),
        usually_rejected=_rejected_share(before),
        known_products=known_products,
        known_before=sum(share * n for share, n in known) / n_rows if is_telling else None,
    )


def _rejected_share(loads: Sequence[Load]) -> float:
    return sum(sum(load.rejected.values()) for load in loads) / max(sum(load.n_read for load in loads), 1)


def _share_present(pipeline: Pipeline, data: TrainingData) -> float | None:
    """Return the share of the pipeline's products, or of a sample of them, that are in the data; None without any."""
    n = len(pipeline.items)
    if not n:
        return None
    rows = np.arange(n)
    if n > _SAMPLED_PRODUCTS:
        rows = np.random.default_rng(0).choice(n, _SAMPLED_PRODUCTS, replace=False)
    return sum(data.items.idx_of(id_) is not None for id_ in pipeline.items.ids_of(rows)) / len(rows)


@dataclass(frozen=True)
class MeasuredPlan:
    """AllSettings, trained on the older part of the events and measured on the newer one.

    Attributes:
        plan: The settings.
        report: The figures.
        pipeline: The trained models.
    """

    plan: FitPlan
    report: Report
    pipeline: Pipeline

    def completed_by(self, other: MeasuredPlan) -> MeasuredPlan:
        """Return these settings with the models that only the other ones train, so that a release stays whole."""
        params = {**other.plan.params, **self.plan.params}
        models = {name: model for name, model in other.pipeline.models.items() if name != ENSEMBLE}
        lists = {name: figures for name, figures in other.report.lists.items() if name != ENSEMBLE}
        report = replace(
            self.report,
            lists={**lists, **self.report.lists},
            ratings={**other.report.ratings, **self.report.ratings},
        )
        return MeasuredPlan(
            replace(self.plan, params={name: params[name] for name in MODELS if name in params}),
            report,
            replace(self.pipeline, models={**models, **self.pipeline.models}),
        )


def measure_champion(
    settings: AllSettings, champion: Champion | None, parts: Split, challenger: MeasuredPlan, reporter: Reporter
) -> MeasuredPlan | NotCompared:
    """Train and measure the champion's settings before the same cut, if they differ from the challenger's.

    Models that both train in the same way are trained once.

    Args:
        champion: The current release; None without one.
        parts: The events, divided in time.
        challenger: The new settings, measured on the same parts.

    Returns:
        The champion's figures, `report.best` naming the list that it serves; or why there are none.
    """
    if champion is None:
        return NotCompared(NotComparedReason.NO_RELEASE)
    version = champion.release.version
    try:
        plan = champion.plan(settings, parts.train)
    except AisleError as error:
        return NotCompared(NotComparedReason.NOT_TRAINABLE, version, str(error))
    if same_settings(plan, challenger.plan):
        return NotCompared(NotComparedReason.SAME_SETTINGS, version)
    reporter.step(message("step.fitting_before", version=version))
    known = same_models(plan, challenger)
    report, pipeline = measured_fit(settings, parts, plan, reporter, known=known, only=champion.serves)
    return MeasuredPlan(plan, replace(report, best=champion.serves), pipeline)


def retrained_champion(
    settings: AllSettings, champion: Champion, measured: MeasuredPlan, challenger: MeasuredPlan, data: TrainingData
) -> MeasuredPlan:
    """Return the champion's settings, ready to be trained on all events in place of refused new ones.

    Args:
        champion: The current release.
        measured: Its figures.
        challenger: The refused settings, for the models that only they train.
        data: The events that both were trained on.

    Returns:
        The champion's settings, with every model of a release.
    """
    plan = measured.plan
    if champion.release.manifest.ensemble is not None and plan.ensemble is None:  # an ensemble that is not served
        ensemble = champion.plan(settings, data, ENSEMBLE)
        plan = replace(ensemble, params={**ensemble.params, **plan.params})
    return replace(measured, plan=plan).completed_by(challenger)


def same_settings(needed: FitPlan, other: FitPlan) -> bool:
    """Tell whether a plan makes everything of another one in the same way.

    Args:
        needed: The plan whose models are needed.
        other: The plan that may make more.

    Returns:
        True if `other` trains every model of `needed` alike, and blends them alike if `needed` has an ensemble.
    """
    if needed.weighting != other.weighting:
        return False
    if needed.ensemble is not None and (other.ensemble is None or not needed.ensemble.blends_like(other.ensemble)):
        return False
    return all(name in other.params and _alike(params, other.params[name]) for name, params in needed.params.items())


def same_models(plan: FitPlan, other: MeasuredPlan) -> Mapping[str, Any]:
    """Return the models of `other`, by name, that the plan would train in the same way."""
    if plan.weighting != other.plan.weighting:
        return {}
    return {
        name: other.pipeline.models[name]
        for name, params in plan.params.items()
        if name in other.pipeline.models and name in other.plan.params and _alike(params, other.plan.params[name])
    }


def _alike(one: Any, other: Any) -> bool:
    """Tell whether two models' parameters are the same as JSON, in which a manifest keeps them."""
    return json.dumps(asdict(one), sort_keys=True) == json.dumps(asdict(other), sort_keys=True)
