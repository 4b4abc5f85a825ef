"""Configuration of an ensemble: everything that tuning may choose, as one document."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from src.core.all_cores import n_cores, on_a_core_beside
from src.core.domain import JsonDict
from src.core.messages import message
from src.core.progress import Reporter
from src.core.settings import Settings
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.models import ALS, CO_OCCURRENCE, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, TEXT, trainable
from src.models.base import SavedAsArrays
from src.models.model_kind import MANY_EVENTS
from src.models.settings import AllSettings
from src.recommendation.ensemble import Ensemble, build_ensemble
from src.recommendation.list_ranker import LearnedOrder

_FEW_CORES = 4
"""With more of them one core is a small part of all, and BLAS takes as many as there are."""
_FIRST_WEIGHTS = {CO_OCCURRENCE: 0.6, SPECTRAL: 1.0, ALS: 0.3, ITEM_GRAPH: 0.2, TEXT: 0.4}


@dataclass(frozen=True)
class EnsembleConfig:
    """Settings that an ensemble is trained with.

    Attributes:
        params: model name → what its `train` takes, for every model that may be blended.
        weights: of the sum, in the models' own scales; a model without a weight is trained only if `order` reads it.
        weighting: weights of events.
        found: findings of the tuning, for people.
        order: of the list ranker; None for the sum alone.
        again: weight of earlier purchases on lists that may hold them, see Ensemble.
    """

    params: Mapping[str, Any]
    weights: Mapping[str, float]
    weighting: Weighting
    found: JsonDict = field(default_factory=dict)
    order: LearnedOrder | None = None
    again: float = 0.0

    @classmethod
    def of(cls, settings: AllSettings) -> EnsembleConfig:
        """Return the configuration that tuning starts from, and that is used without tuning."""
        params = {name: kind.params(settings) for name, kind in trainable().items() if kind.blends}
        return cls(
            params, {name: weight for name, weight in _FIRST_WEIGHTS.items() if name in params}, weighting_of(settings)
        )

    def blends_like(self, other: EnsembleConfig) -> bool:
        """Return whether equal component scores would make equal lists."""
        own, others = (None if each.order is None else each.order.to_json() for each in (self, other))
        return dict(self.weights) == dict(other.weights) and own == others and self.again == other.again

    def to_json(self) -> JsonDict:
        """Return plain JSON."""
        return {
            "params": {name: asdict(params) for name, params in self.params.items()},
            "weights": dict(self.weights),
            "weighting": asdict(self.weighting),
            "found": dict(self.found),
            "order": None if self.order is None else self.order.to_json(),
            "again": self.again,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], settings: AllSettings) -> EnsembleConfig:
        """Read what `to_json` returned.

        Args:
            document: plain JSON.
            settings: give the parameters of models that the document does not name.

        Returns:
            The configuration, without models that cannot be trained here.
        """
        base = cls.of(settings)
        params = {name: type(own)(**document["params"].get(name, asdict(own))) for name, own in base.params.items()}
        weights = {name: weight for name, weight in document["weights"].items() if name in params}
        order = None if document.get("order") is None else LearnedOrder.from_json(document["order"])
        if order is not None and not params.keys() >= set(order.names):
            order = None  # one of its models cannot be trained here
        weighting, found = Weighting(**document["weighting"]), document.get("found", {})
        return cls(params, weights, weighting, found, order, document.get("again", 0.0))


def weighting_of(settings: Settings) -> Weighting:
    """Return the weighting that the settings describe."""
    return Weighting(
        settings.rating_min,
        settings.rating_max,
        kinds=dict(settings.kind_weights),
        lowest_rating=settings.lowest_rating_weight,
        half_life_days=settings.half_life_days,
    )


def fit_models(
    data: TrainingData,
    params: Mapping[str, Any],
    seed: int,
    reporter: Reporter,
    start: dict[str, Any] | None = None,
    aside: Path | None = None,
) -> dict[str, Any]:
    """Train models.

    Args:
        data: with the weighting to use.
        params: model name → what its `train` takes.
        seed: of all models.
        start: model name → model to continue, see ModelKind; None to begin them all anew. Each model is taken out when
            its training has continued from it, so that its memory is free.
        aside: folder for the large arrays of trained models, so that they do not fill the memory while others are
            trained; None to keep them in memory.

    Returns:
        The trained models, by name.
    """

    def fit_model(name: str) -> Any:
        continued = {"start": start[name]} if start and name in start else {}
        continued = continued or MODELS[name].small_start(data, params[name], seed)
        model = MODELS[name].train(data, params[name], seed=seed, **continued)
        if start:
            start.pop(name, None)
        return model.set_aside(aside) if aside and isinstance(model, SavedAsArrays) else model

    def line(name: str) -> str:
        return message("step.training", model=name, n=len(data))

    def fit_beside(name: str) -> Any:
        with reporter.beside(line(name)):
            return fit_model(name)

    if not params:
        return {}
    many = len(data) >= MANY_EVENTS and 1 < n_cores() <= _FEW_CORES
    first, *others = [name for name in params if not (many and MODELS[name].on_one_core)] or list(params)
    # The last rows of MODELS take longest.
    beside = [name for name in reversed(list(params)) if name not in (first, *others)]
    if beside:
        first, *others = sorted((first, *others), key=lambda name: not MODELS[name].leaves_a_core)
    reporter.step(line(first))
    if beside:
        _ = data.histories  # once for both threads
    nothing: AbstractContextManager[list[Future[Any]]] = nullcontext([])
    with on_a_core_beside(fit_beside, beside) if beside else nothing as besides:
        models = {first: fit_model(first)}
        for name in others:
            reporter.step(line(name))
            models[name] = fit_model(name)
        models |= {name: one.result() for name, one in zip(beside, besides, strict=True)}
    return {name: models[name] for name in params}


def fit_ensemble(data: TrainingData, config: EnsembleConfig, seed: int, reporter: Reporter) -> Ensemble:
    """Train an ensemble without a candidate index, and without models that have nothing to learn from the data.

    Args:
        data: its weighting is replaced by that of the configuration.
        seed: of all models.
    """
    data = replace(data, weighting=config.weighting)
    asked = config.order.names if config.order else ()
    wanted = {POPULARITY, *asked, *(name for name, weight in config.weights.items() if weight)}
    names = [name for name in trainable(data) if name in wanted]
    models = fit_models(data, {name: config.params[name] for name in names}, seed, reporter)
    return build_ensemble(models, config.weights, data, seed=seed, order=config.order, again=config.again)
