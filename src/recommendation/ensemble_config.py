"""How the blend of a release comes about: everything that tuning may choose, as one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from src.core.domain import JsonDict
from src.core.progress import Reporter
from src.core.settings import Settings
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.models import ALS, ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, TEXT, trainable
from src.models.settings import AllSettings
from src.recommendation.ensemble import Ensemble, build_ensemble
from src.recommendation.list_ranker import LearnedOrder

_FIRST_WEIGHTS = {SPECTRAL: 1.0, ALS: 0.3, ITEM_GRAPH: 0.2, TEXT: 0.4}


@dataclass(frozen=True)
class EnsembleConfig:
    """params: model name → what its `train` takes, for every model that may be blended. weights: of the blend, in the
    models' own scales; a model without one is not trained for it, unless the order of lists asks for its opinion.
    weighting: how much an event speaks for its product. order: what puts the head of a list in order; None for the sum
    alone. found: what tuning saw of it, for people.
    """

    params: Mapping[str, Any]
    weights: Mapping[str, float]
    weighting: Weighting
    found: JsonDict = field(default_factory=dict)
    order: LearnedOrder | None = None

    @classmethod
    def of(cls, settings: AllSettings) -> EnsembleConfig:
        """What is tried first, and what serves where nothing can be tried."""
        params = {name: kind.params(settings) for name, kind in trainable().items() if kind.blends}
        return cls(
            params, {name: weight for name, weight in _FIRST_WEIGHTS.items() if name in params}, weighting_of(settings)
        )

    def blends_like(self, other: EnsembleConfig) -> bool:
        """Whether the same opinions would make the same lists."""
        mine, its = (None if each.order is None else each.order.to_json() for each in (self, other))
        return dict(self.weights) == dict(other.weights) and mine == its

    def to_json(self) -> JsonDict:
        return {
            "params": {name: asdict(its) for name, its in self.params.items()},
            "weights": dict(self.weights),
            "weighting": asdict(self.weighting),
            "found": dict(self.found),
            "order": None if self.order is None else self.order.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], settings: AllSettings) -> EnsembleConfig:
        """What `to_json` gave; a model it does not name keeps the parameters of the settings."""
        base = cls.of(settings)
        params = {name: type(its)(**document["params"].get(name, asdict(its))) for name, its in base.params.items()}
        weights = {name: weight for name, weight in document["weights"].items() if name in params}
        order = None if document.get("order") is None else LearnedOrder.from_json(document["order"])
        if order is not None and not params.keys() >= set(order.names):
            order = None  # one of its opinions cannot be had here
        return cls(params, weights, Weighting(**document["weighting"]), document.get("found", {}), order)


def weighting_of(settings: Settings) -> Weighting:
    """The rule as the settings have it."""
    return Weighting(
        settings.rating_min,
        settings.rating_max,
        kinds=dict(settings.kind_weights),
        lowest_rating=settings.lowest_rating_weight,
        half_life_days=settings.half_life_days,
    )


def fit_models(data: TrainingData, params: Mapping[str, Any], seed: int, reporter: Reporter) -> dict[str, Any]:
    """Train every model of `params` on the data, whose weighting counts."""
    models = {}
    for name, its in params.items():
        reporter.step(f"training {name} on {len(data):,} events")
        models[name] = MODELS[name].train(data, its, seed=seed)
    return models


def fit_ensemble(data: TrainingData, recipe: EnsembleConfig, seed: int, reporter: Reporter) -> Ensemble:
    """The blend of a recipe, trained on data, which are weighted as it says; without an index."""
    data = replace(data, weighting=recipe.weighting)
    asked = recipe.order.names if recipe.order else ()
    wanted = {POPULARITY, *asked, *(name for name, weight in recipe.weights.items() if weight)}
    names = [name for name in trainable(data) if name in wanted]
    models = fit_models(data, {name: recipe.params[name] for name in names}, seed, reporter)
    return build_ensemble(models, recipe.weights, data, seed=seed, order=recipe.order)
