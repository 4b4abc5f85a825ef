"""What a training trains: every model anew, those that somebody named, or a part of the current release."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from src.core.errors import AisleError
from src.core.progress import Reporter
from src.interactions.interactions import TrainingData
from src.interactions.splits import held_out
from src.models import ALS, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, SVD, TEXT, VBMF, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig
from src.releases.manifest import EnsembleRecord
from src.releases.registry import Registry
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble
from src.workflows.fit import FitPlan
from src.workflows.tune import trials_file

ALL = "all"
MODEL_TYPES: dict[str, tuple[str, ...]] = {
    ALL: tuple(MODELS),
    "svd": (SVD, VBMF),
    "mf": (ALS,),
    "ss": (ITEM_GRAPH, SPECTRAL, TEXT),
}
"""What can be trained by itself, the rest being carried over: predicted ratings, matrix factorization, similarity, with
which the search is made anew."""


@dataclass(frozen=True)
class TrainingRequest:
    """What to train, and for whom. data: a file instead of the store. models: names; popularity always comes along.

    model_type: a row of MODEL_TYPES; but for "all", what is not of it is carried over from the current release.
    tune_seconds: how long to look for better settings of the list, remembering what was tried; None for
    AISLE_TUNE_SECONDS.
    force: serve what comes of it, whatever the gate says.
    trigger: "command", "night", "api" or "drift". due: the nightly moment this run answers for, in UTC seconds.
    run_id: of a run that is queued already. why: what made somebody start it, for people.
    """

    data: Path | None = None
    models: tuple[str, ...] = tuple(MODELS)
    activate: bool = True
    tune_seconds: float | None = None
    trigger: str = "command"
    due: int | None = None
    model_type: str = ALL
    force: bool = False
    run_id: str | None = None
    why: str = ""


def plan_of(
    settings: AllSettings, registry: Registry, train: TrainingData, job: TrainingRequest, reporter: Reporter
) -> FitPlan:
    """What to train: every model asked for, and the blend of them as tuning on a part of `train` finds best.

    Tuning begins where that of the current release ended, unless the settings were changed since.
    """
    first, can_train = EnsembleConfig.of(settings), trainable(train)
    unavailable = [MODELS[name].unavailable() for name in job.models]
    left_out = [part.reason for part in unavailable if part is not None]
    for reason in left_out:
        reporter.step(f"WARNING: {reason}")
    if job.models != tuple(MODELS):
        if left_out:
            raise AisleError(left_out[0])
        names = [name for name in MODELS if name in (POPULARITY, *job.models)]
        return FitPlan({name: MODELS[name].params(settings) for name in names}, None, first.weighting)
    file = None if job.tune_seconds is None else trials_file(settings, train)
    recipe = tune_ensemble(
        held_out(train) if len(train) > 1 else None,
        _last_recipe(registry, first, settings) or first,
        TuningOptions(settings.relevant_rating, settings.seed, trials_file=file),
        settings.tune_seconds if job.tune_seconds is None else job.tune_seconds,
        reporter,
    )
    params = {name: recipe.params.get(name) or kind.params(settings) for name, kind in can_train.items()}
    return FitPlan(params, recipe, recipe.weighting)


def _last_recipe(registry: Registry, first: EnsembleConfig, settings: AllSettings) -> EnsembleConfig | None:
    try:
        manifest = registry.current().manifest
        if manifest.recipe is None or manifest.recipe_of_settings != EnsembleRecord.of(first):
            return None
        return manifest.recipe.config(settings)
    except (AisleError, KeyError, TypeError, ValueError):  # none yet, or another version's: begin anew
        return None
