"""The champion of a training: the current release's settings, fitted before the same cut as the new ones."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import NO_TIME
from src.core.errors import AisleError
from src.core.progress import Reporter
from src.core.records import Load, RunStatus
from src.evaluation.report import Report
from src.ingestion.data_checks import DataFigures, latest_of, previous_of
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble import ENSEMBLE
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.pipeline import Pipeline
from src.releases.data_gate import Arrivals, check_events
from src.releases.promotion_gate import GateBounds, GateVerdict, compare
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store
from src.workflows.fit import FitPlan, measured_fit

_SAMPLED_PRODUCTS = 2_000
_LOOKED_THROUGH = 500
_LEAST_KEPT = 100


@dataclass(frozen=True)
class Champion:
    """The release that serves while a new one is made."""

    release: Release
    folder: Path

    @property
    def serves(self) -> str:
        """The model whose list it serves."""
        return self.release.pipeline.default

    @property
    def n_bytes(self) -> int:
        return self.release.manifest.n_bytes

    @property
    def made_up(self) -> bool:
        """Whether it was learnt from the made-up shop, beside which real data need not look alike."""
        return self.release.manifest.made_up

    def plan(self, settings: AllSettings, data: TrainingData, serves: str | None = None) -> FitPlan:
        """Its settings, as far as the list that it serves, or this one, needs them.

        Raises AisleError when they cannot be fitted to the data.
        """
        manifest, serves = self.release.manifest, serves or self.serves
        try:
            recipe = None if manifest.recipe is None else manifest.recipe.config(settings)
            names = {POPULARITY, serves, *filter(None, [manifest.rating_model])} - {ENSEMBLE}
            if serves == ENSEMBLE:
                if recipe is None:
                    raise KeyError("recipe")
                names |= opinions_of(recipe)
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
        return FitPlan(params, recipe if serves == ENSEMBLE else None, manifest.weighting)


def opinions_of(recipe: EnsembleConfig) -> set[str]:
    """The models that its blend asks."""
    return {*recipe.weights, *(recipe.order.names if recipe.order else ())}


def champion_of(registry: Registry) -> Champion | None:
    """The current release, if it verifies and can be measured against; None otherwise."""
    try:
        release = registry.current()
        return Champion(release, registry.folder / release.version)
    except AisleError:
        return None


def look_at_data(
    champion: Champion | None, store: Store, data: TrainingData, verdict: GateVerdict, *, unattended: bool
) -> GateVerdict:
    """The verdict with what the data of the store look like beside what the champion learnt from, if that compares.

    unattended: nobody has just loaded a file and waits for what comes of it.
    """
    if champion is None:
        return verdict
    before = champion.release.manifest.data
    if before is None or not before.is_from_store:
        return verdict
    created = int(champion.release.manifest.created_at.timestamp())
    then = DataFigures(before.n_events, before.n_users, before.n_items, before.newest_at, created)
    newest = int(data.events.at.max(initial=NO_TIME))
    now = DataFigures(
        len(data), len(data.users), len(data.items), newest if newest >= 0 else None, counted_at=int(time.time())
    )
    arrivals = _arrivals(store, created, _still_there(champion.release.pipeline, data), unattended)
    checks = check_events(now, then, arrivals)
    return verdict.with_checks(checks, data={"now": asdict(now), "then": asdict(then)})


def _arrivals(store: Store, created: int, still_there: float | None, unattended: bool) -> Arrivals:
    """What was loaded since the last training that came to an end: a file speaks against one night, not against all."""
    loads = store.runs.loads(_LOOKED_THROUGH)
    ended = (run for run in store.runs.newest(_LOOKED_THROUGH) if run.status in (RunStatus.SUCCEEDED, RunStatus.KEPT))
    last = max([created, *(run.started_at for run in ended if run.started_at <= time.time())])
    since = latest_of(load for load in loads if load.loaded_at >= last)
    before = [earlier for load in since if (earlier := previous_of(load, loads)) is not None]
    known = [(load.known_products, load.n_kept) for load in since if load.known_products is not None]
    n_kept = sum(kept for _, kept in known)
    tells = unattended and n_kept >= _LEAST_KEPT
    return Arrivals(
        rows_read=sum(load.n_read for load in since),
        rows_rejected=sum(sum(load.rejected.values()) for load in since),
        usually_rejected=_rejected_share(before),
        known_products=still_there,
        known_before=sum(share * kept for share, kept in known) / n_kept if tells else None,
    )


def _rejected_share(loads: Sequence[Load]) -> float:
    return sum(sum(load.rejected.values()) for load in loads) / max(sum(load.n_read for load in loads), 1)


def _still_there(pipeline: Pipeline, data: TrainingData) -> float | None:
    """Share of the pipeline's products, or of a sample of them, that the data name."""
    n = len(pipeline.items)
    if not n:
        return None
    rows = np.arange(n)
    if n > _SAMPLED_PRODUCTS:
        rows = np.random.default_rng(0).choice(n, _SAMPLED_PRODUCTS, replace=False)
    return sum(data.items.idx_of(id_) is not None for id_ in pipeline.items.ids_of(rows)) / len(rows)


@dataclass(frozen=True)
class Measured:
    """Settings, fitted on the older part of the events, and what they showed on the newer one."""

    plan: FitPlan
    report: Report
    pipeline: Pipeline

    def beside(self, others: Measured) -> Measured:
        """The same, with those models of the others that these settings do not name: a release stays whole."""
        params = {**others.plan.params, **self.plan.params}
        known = {name: its for name, its in others.pipeline.models.items() if name != ENSEMBLE}
        lists = {name: its for name, its in others.report.lists.items() if name != ENSEMBLE}
        report = replace(
            self.report,
            lists={**lists, **self.report.lists},
            ratings={**others.report.ratings, **self.report.ratings},
        )
        return Measured(
            replace(self.plan, params={name: params[name] for name in MODELS if name in params}),
            report,
            replace(self.pipeline, models={**known, **self.pipeline.models}),
        )


def compare_with_champion(
    settings: AllSettings,
    champion: Champion | None,
    parts: Split,
    mine: Measured,
    verdict: GateVerdict,
    reporter: Reporter,
    *,
    learn_anew: bool,
) -> tuple[GateVerdict, Measured]:
    """(the verdict with the comparison in it, the settings that are to learn from everything).

    The champion's settings are fitted only where they differ; models that have the same settings are fitted once.
    learn_anew: whether they learn, from data that are whole, instead of new ones that the comparison refuses.
    """
    theirs, why_not = _theirs(settings, champion, parts, mine, reporter)
    their_report = None if theirs is None else theirs.report
    serves = champion.serves if champion else None
    checks, compared, figures = compare(mine.report, their_report, serves, GateBounds.of(settings), why_not=why_not)
    verdict = verdict.with_checks(checks, compared, lists=figures, champion=champion and champion.release.version)
    if theirs is None or champion is None or verdict.promoted or not learn_anew:
        return verdict, mine
    plan = theirs.plan
    if champion.release.manifest.recipe is not None and plan.recipe is None:  # a blend that is not what is served
        blend = champion.plan(settings, parts.train, ENSEMBLE)
        plan = replace(blend, params={**blend.params, **plan.params})
    theirs = replace(theirs, plan=plan, report=replace(theirs.report, best=champion.serves))
    return replace(verdict, settings_of=champion.release.version), theirs.beside(mine)


def _theirs(
    settings: AllSettings, champion: Champion | None, parts: Split, mine: Measured, reporter: Reporter
) -> tuple[Measured | None, str]:
    """(what the champion's settings show on the same events, why that is not known)."""
    if champion is None:
        return None, "there was no release to compare it with"
    try:
        their_plan = champion.plan(settings, parts.train)
    except AisleError as error:
        return None, f"not compared with release {champion.release.version}: {error}"
    if same_settings(their_plan, mine.plan):
        return None, f"the settings are those of release {champion.release.version}"
    reporter.step(f"fitting the settings of release {champion.release.version}, to measure both on the same events")
    known = {} if their_plan.weighting != mine.plan.weighting else _same_models(their_plan, mine.plan, mine.pipeline)
    return Measured(
        their_plan, *measured_fit(settings, parts, their_plan, reporter, known=known, only=champion.serves)
    ), ""


def same_settings(theirs: FitPlan, mine: FitPlan) -> bool:
    """Whether all that `theirs` needs is made in the same way in `mine`."""
    if theirs.weighting != mine.weighting:
        return False
    if theirs.recipe is not None and (mine.recipe is None or not theirs.recipe.blends_like(mine.recipe)):
        return False
    return all(name in mine.params and _alike(its, mine.params[name]) for name, its in theirs.params.items())


def _same_models(theirs: FitPlan, mine: FitPlan, pipeline: Pipeline) -> Mapping[str, Any]:
    return {
        name: pipeline.models[name]
        for name, its in theirs.params.items()
        if name in pipeline.models and name in mine.params and _alike(its, mine.params[name])
    }


def _alike(one: Any, other: Any) -> bool:
    """By what a manifest says of them, which knows no tuples."""
    return json.dumps(asdict(one), sort_keys=True) == json.dumps(asdict(other), sort_keys=True)
