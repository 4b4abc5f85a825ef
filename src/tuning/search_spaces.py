"""The search space of each model's parameters, and the computations that several trials share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from src.interactions.interactions import TrainingData
from src.models import (
    ALS,
    CATEGORY_POPULARITY,
    ITEM_GRAPH,
    SPECTRAL,
    TRENDING,
    als,
    category_popularity,
    item_graph,
    popularity,
    spectral,
)
from src.models.base import ListModel
from src.models.normalization import NormalizedHistories, normalize_histories

NORMALISATION, FADING = "normalisation", "fading"
_EXPONENTS = ((0.35, 0.4), (0.5, 0.5), (0.35, 0.5), (0.2, 0.4), (0.5, 0.4), (0.35, 0.3))
_HALF_LIVES = (0.0, 30.0, 14.0, 60.0, 7.0, 180.0)
_MAX_RANK = 1024


@dataclass(frozen=True)
class Range:
    """Numbers from low to high; log: sampled evenly in their logarithm."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class SearchSpace:
    """The values that a search may choose for one model.

    Attributes:
        costly: question → its answers, the likeliest first. An answer assigns parameters that `prepare` depends on.
        ranges: parameter → numbers.
        prepare: (data, params, seed) → what models with the same costly parameters share.
        finish: (data, prepared, params, seed) → the model.
        trials: the search ends after this many trials.
        choices: parameter → values.
    """

    costly: Mapping[str, tuple[Mapping[str, Any], ...]]
    ranges: Mapping[str, Range]
    prepare: Callable[[TrainingData, Any, int], Any]
    finish: Callable[[TrainingData, Any, Any, int], ListModel]
    trials: int
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def timeless(self) -> SearchSpace:
        """Return the space for data without times."""
        return replace(self, costly={name: answers for name, answers in self.costly.items() if name != FADING})


_GRAM_MATRIX = {
    FADING: tuple({"half_life_days": days} for days in _HALF_LIVES),
    NORMALISATION: tuple({"user_exponent": a, "item_exponent": b} for a, b in _EXPONENTS),
}


def _normalized(data: TrainingData, params: Any) -> NormalizedHistories:
    histories = data.decayed_histories(params.half_life_days)
    return normalize_histories(histories, params.user_exponent, params.item_exponent)


def _prepare_spectral(data: TrainingData, params: spectral.SpectralParams, seed: int) -> Any:
    normalized = _normalized(data, params)
    return normalized, spectral.eigenvectors(normalized, _MAX_RANK, seed=seed)


def _finish_spectral(
    data: TrainingData, prepared: tuple[NormalizedHistories, spectral.Spectrum], params: Any, seed: int
) -> ListModel:
    return spectral.fit_spectral(*prepared, params)


def _prepare_item_graph(data: TrainingData, params: item_graph.ItemGraphParams, seed: int) -> Any:
    normalized = _normalized(data, params)
    return normalized, item_graph.strongest_pairs(normalized)


def _finish_item_graph(
    data: TrainingData, prepared: tuple[NormalizedHistories, item_graph.Pairs], params: Any, seed: int
) -> ListModel:
    return item_graph.fit_item_graph(*prepared, params)


def _prepare_nothing(data: TrainingData, params: Any, seed: int) -> None:
    """Share nothing: every trial is a training of its own."""


def _finish_als(data: TrainingData, prepared: None, params: als.AlsParams, seed: int) -> ListModel:
    return als.train(data, params, seed=seed)


def _finish_trending(data: TrainingData, prepared: None, params: popularity.PopularityParams, seed: int) -> ListModel:
    return popularity.train(data, params, seed=seed)


def _finish_category_popularity(
    data: TrainingData, prepared: None, params: category_popularity.CategoryPopularityParams, seed: int
) -> ListModel:
    return category_popularity.train(data, params, seed=seed)


SEARCH_SPACES: dict[str, SearchSpace] = {
    TRENDING: SearchSpace(
        {}, {"half_life_days": Range(1, 60, log=True)}, _prepare_nothing, _finish_trending, trials=12
    ),
    CATEGORY_POPULARITY: SearchSpace(
        {}, {"half_life_days": Range(0, 120)}, _prepare_nothing, _finish_category_popularity, trials=6
    ),
    SPECTRAL: SearchSpace(
        _GRAM_MATRIX,
        {"ridge": Range(0.02, 60, log=True), "input_exponent": Range(0, 0.6), "output_exponent": Range(-0.2, 0.6)},
        _prepare_spectral,
        _finish_spectral,
        trials=40,
        choices={"rank": (128, 256, 512, 768, 1024)},
    ),
    ITEM_GRAPH: SearchSpace(
        _GRAM_MATRIX,
        {"ridge": Range(0.5, 100, log=True), "input_exponent": Range(0, 0.6), "output_exponent": Range(-0.2, 0.6)},
        _prepare_item_graph,
        _finish_item_graph,
        trials=25,
    ),
    ALS: SearchSpace(
        {},
        {"regularization": Range(0.001, 100, log=True), "alpha": Range(0.5, 100, log=True)},
        _prepare_nothing,
        _finish_als,
        trials=15,
        choices={"factors": (32, 64, 128, 256)},
    ),
}
