"""The scope of a training: all models, single ones, or a part of the current release."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from src.core.errors import AisleError
from src.core.progress import Reporter
from src.interactions.interactions import TrainingData
from src.interactions.splits import held_out, users_drawn
from src.models import ALS, CO_OCCURRENCE, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, SVD, TEXT, VBMF, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble_config import EnsembleConfig
from src.releases.manifest_sections import EnsembleRecord
from src.releases.registry import Registry
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble
from src.workflows.fit import FitPlan
from src.workflows.tune import trials_file

_TRIED_EVENTS, _SAMPLED_SHARE = 200_000, 1 / 3
"""About so many events are enough to compare settings by; a sample of a larger share of the users would save little."""

ALL = "all"
MODEL_TYPES: dict[str, tuple[str, ...]] = {
    ALL: tuple(MODELS),
    "svd": (SVD, VBMF),
    "mf": (ALS,),
    "ss": (CO_OCCURRENCE, ITEM_GRAPH, SPECTRAL, TEXT),
}
"""Type → models that are trained together while the others are carried over: predicted ratings, matrix factorization,
similarity (with the search index)."""


@dataclass(frozen=True)
class TrainingRequest:
    """The models to train, and the trigger.

    Attributes:
        data: A file instead of the store; None for the store.
        models: Names of the models; popularity is trained beside them.
        activate: Whether the new release may serve at once.
        tune_seconds: Duration of a search for better settings that can be continued; None for AISLE_TUNE_SECONDS.
        trigger: "command", "night", "api", "page" or "drift".
        due: The scheduled moment that this run answers for, in UTC seconds; None without one.
        model_type: A row of MODEL_TYPES; models of other types are carried over, unless it is "all".
        force: Whether the new release serves whatever the gate's verdict is.
        run_id: Id of a run that is queued already; None for a new one.
        why: The reason of an early training, for people.
        engine: "spark" to train by Spark; "" for this process.
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
    engine: str = ""

    @property
    def models_are_chosen(self) -> bool:
        """Whether only some models are to be trained."""
        return self.models != tuple(MODELS) or self.model_type != ALL


def plan_of(
    settings: AllSettings, registry: Registry, train: TrainingData, job: TrainingRequest, reporter: Reporter
) -> FitPlan:
    """Choose the settings of a training.

    Tuning holds out a part of the events, and starts from the current release's ensemble unless the settings changed.

    Args:
        registry: The releases, for the ensemble to start from.
        train: The events to tune on.
        job: The models that are requested.

    Returns:
        The parameters of every requested model, and the ensemble if all were requested.

    Raises:
        AisleError: A model that was named cannot be trained here.
    """
    first, can_train = EnsembleConfig.of(settings), trainable(train)
    unavailable = [MODELS[name].unavailable() for name in job.models]
    reasons = [part.reason for part in unavailable if part is not None]
    for reason in reasons:
        reporter.step(f"WARNING: {reason}")
    if job.models != tuple(MODELS):
        if reasons:
            raise AisleError(reasons[0])
        names = [name for name in MODELS if name in (POPULARITY, *job.models)]
        return FitPlan({name: MODELS[name].params(settings) for name in names}, None, first.weighting)
    # A long search can afford all events.
    tried_on = _tried_on(train, settings.seed) if job.tune_seconds is None else train
    config = tuned_ensemble(settings, registry, tried_on, job, reporter)
    params = {name: config.params.get(name) or kind.params(settings) for name, kind in can_train.items()}
    return FitPlan(params, config, config.weighting)


def tried_share(n_events: int) -> float:
    """Return the share of the users whose events settings are tried on; below 1 where trials would take long."""
    share = _TRIED_EVENTS / max(n_events, 1)
    return 1.0 if share > _SAMPLED_SHARE else share


def _tried_on(train: TrainingData, seed: int) -> TrainingData:
    share = tried_share(len(train))
    return train if share == 1 else users_drawn(train, share, seed)


def tuned_ensemble(
    settings: AllSettings,
    registry: Registry,
    tried_on: TrainingData,
    job: TrainingRequest,
    reporter: Reporter,
    models: Collection[str] | None = None,
) -> EnsembleConfig:
    """Search for the best ensemble, from the current release's on unless the settings changed.

    Args:
        registry: The releases.
        tried_on: The events, of which a part is held out.
        job: The duration of the search.
        models: Those to choose among, without a list ranker; None for all, and one.

    Returns:
        The best configuration; the one to start from where nobody can be measured.
    """
    first = EnsembleConfig.of(settings)
    file = None if job.tune_seconds is None else trials_file(settings, tried_on)
    return tune_ensemble(
        held_out(tried_on) if len(tried_on) > 1 else None,
        _last_ensemble(registry, first, settings) or first,
        TuningOptions(settings.relevant_rating, settings.seed, trials_file=file, models=models, list_ranker=not models),
        settings.tune_seconds if job.tune_seconds is None else job.tune_seconds,
        reporter,
    )


def _last_ensemble(registry: Registry, first: EnsembleConfig, settings: AllSettings) -> EnsembleConfig | None:
    """Return the current release's ensemble; None if it was tuned under other settings, or cannot be read."""
    try:
        manifest = registry.current().manifest
        if manifest.ensemble is None or manifest.ensemble_of_settings != EnsembleRecord.of(first):
            return None
        return manifest.ensemble.config(settings)
    except (AisleError, KeyError, TypeError, ValueError):  # none yet, or another program's
        return None
