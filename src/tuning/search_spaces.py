"""What tuning may choose for each model, and what several choices can share."""

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
_MOST_RANK = 1024


@dataclass(frozen=True)
class Range:
    """Numbers from low to high; log: tried evenly in their logarithm."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class SearchSpace:
    """What may be chosen.

    costly: by the name of a question, its answers, the likeliest first: assignments of parameters that `prepare`
    depends on. ranges, choices: of the others. prepare(data, params, seed): what models with the same costly parameters
    share. finish(data, prepared, params, seed): the model. trials: more than so many bring nothing.
    """

    costly: Mapping[str, tuple[Mapping[str, Any], ...]]
    ranges: Mapping[str, Range]
    prepare: Callable[[TrainingData, Any, int], Any]
    finish: Callable[[TrainingData, Any, Any, int], ListModel]
    trials: int
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def timeless(self) -> SearchSpace:
        """What may be chosen where no event has a time."""
        return replace(self, costly={name: answers for name, answers in self.costly.items() if name != FADING})


_OF_GRAM_MATRICES = {
    FADING: tuple({"half_life_days": days} for days in _HALF_LIVES),
    NORMALISATION: tuple({"user_exponent": a, "item_exponent": b} for a, b in _EXPONENTS),
}


def _spectrum(data: TrainingData, params: spectral.SpectralParams, seed: int) -> Any:
    matrix = normalize_histories(
        data.decayed_histories(params.half_life_days), params.user_exponent, params.item_exponent
    )
    return matrix, spectral.eigenvectors(matrix, _MOST_RANK, seed=seed)


def _of_spectrum(
    data: TrainingData,
    prepared: tuple[NormalizedHistories, spectral.Spectrum],
    params: spectral.SpectralParams,
    seed: int,
) -> ListModel:
    return spectral.fit_spectral(*prepared, params)


def _graph(data: TrainingData, params: item_graph.ItemGraphParams, seed: int) -> Any:
    matrix = normalize_histories(
        data.decayed_histories(params.half_life_days), params.user_exponent, params.item_exponent
    )
    return matrix, item_graph.strongest_pairs(matrix)


def _of_graph(
    data: TrainingData,
    prepared: tuple[NormalizedHistories, item_graph.Pairs],
    params: item_graph.ItemGraphParams,
    seed: int,
) -> ListModel:
    return item_graph.fit_item_graph(*prepared, params)


def _nothing(data: TrainingData, params: Any, seed: int) -> None:
    """Nothing is shared: every choice is a training of its own."""


def _of_nothing(data: TrainingData, prepared: None, params: als.AlsParams, seed: int) -> ListModel:
    return als.train(data, params, seed=seed)


def _trending(data: TrainingData, prepared: None, params: popularity.PopularityParams, seed: int) -> ListModel:
    return popularity.train(data, params, seed=seed)


def _category_popularity(
    data: TrainingData, prepared: None, params: category_popularity.CategoryPopularityParams, seed: int
) -> ListModel:
    return category_popularity.train(data, params, seed=seed)


SEARCH_SPACES: dict[str, SearchSpace] = {
    TRENDING: SearchSpace({}, {"half_life_days": Range(1, 60, log=True)}, _nothing, _trending, trials=12),
    CATEGORY_POPULARITY: SearchSpace({}, {"half_life_days": Range(0, 120)}, _nothing, _category_popularity, trials=6),
    SPECTRAL: SearchSpace(
        _OF_GRAM_MATRICES,
        {"ridge": Range(0.02, 60, log=True), "input_exponent": Range(0, 0.6), "output_exponent": Range(-0.2, 0.6)},
        _spectrum,
        _of_spectrum,
        trials=40,
        choices={"rank": (128, 256, 512, 768, 1024)},
    ),
    ITEM_GRAPH: SearchSpace(
        _OF_GRAM_MATRICES,
        {"ridge": Range(0.5, 100, log=True), "input_exponent": Range(0, 0.6), "output_exponent": Range(-0.2, 0.6)},
        _graph,
        _of_graph,
        trials=25,
    ),
    ALS: SearchSpace(
        {},
        {"regularization": Range(0.001, 100, log=True), "alpha": Range(0.5, 100, log=True)},
        _nothing,
        _of_nothing,
        trials=15,
        choices={"factors": (32, 64, 128, 256)},
    ),
}
