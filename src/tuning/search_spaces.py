"""The search space of each model's parameters, and the computations that several trials share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from src.interactions.interactions import TrainingData
from src.models import (
    ALS,
    AUTOENCODER,
    CATEGORY_POPULARITY,
    CO_OCCURRENCE,
    ITEM_GRAPH,
    SPECTRAL,
    TRANSITIONS,
    TRENDING,
    als,
    autoencoder,
    category_popularity,
    co_occurrence,
    item_graph,
    popularity,
    spectral,
    transitions,
)
from src.models.base import ListModel
from src.models.normalization import NormalizedHistories, normalize_histories
from src.models.sparse_rows import Pairs

NORMALISATION, FADING = "normalisation", "fading"
_EXPONENTS = ((0.35, 0.4), (0.5, 0.5), (0.0, 0.0), (0.35, 0.5), (0.2, 0.4), (0.5, 0.4), (0.35, 0.3), (0.2, 0.2))
_HALF_LIVES = (0.0, 30.0, 14.0, 60.0, 7.0, 180.0)
_MAX_RANK = 1024
_TRIED_RANK, _TRIED_FACTORS, _TRIED_PRODUCTS, _MAX_PRODUCTS = 256, 64, 3_000, 12_000
_TRIED_NEIGHBOURS = 60
_TRIED_ITERATIONS, _TRIED_PASSES = 2, 6
"""Power iterations of spectral, and passes of ALS, while settings are compared: more hardly change their order."""


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
        recipes: well-known settings to begin at, beside those that the search is given.
        sizes: parameters of `choices` that make models larger → the highest value while others are searched; larger
            ones are tried with the best of these. A small model orders settings as a large one does.
    """

    costly: Mapping[str, tuple[Mapping[str, Any], ...]]
    ranges: Mapping[str, Range]
    prepare: Callable[[TrainingData, Any, int], Any]
    finish: Callable[[TrainingData, Any, Any, int], ListModel]
    trials: int
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    recipes: tuple[Mapping[str, Any], ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    def is_small(self, params: Any) -> bool:
        """Return whether no size is above that of a search."""
        return all(getattr(params, name) <= size for name, size in self.sizes.items())

    def small(self, params: Any) -> Any:
        """Return the parameters with sizes that are searched with."""
        return replace(params, **{name: min(getattr(params, name), size) for name, size in self.sizes.items()})

    def size_of(self, params: Any) -> int:
        """Return the product of all sizes of a model, 1 without any."""
        return math.prod(getattr(params, name) for name in self.sizes)

    def prepared_size_of(self, params: Any) -> int:
        """Return the size that a preparation is made for: it serves all models of a search, or all larger ones."""
        small = self.is_small(params)
        return math.prod(size if small else max(self.choices[name]) for name, size in self.sizes.items())

    def larger_sizes(self) -> list[dict[str, Any]]:
        """Return the sizes beyond those of a search, ascending."""
        return [{name: value} for name, size in self.sizes.items() for value in self.choices[name] if value > size]

    def drawn_sizes(self, best: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """Draw the sizes of the next trial.

        Args:
            best: the best values so far.
            rng: draws.

        Returns:
            Size → the best value in about every other trial, else any that is searched with.
        """
        small = {name: [v for v in self.choices[name] if v <= size] for name, size in self.sizes.items()}
        return {name: best[name] if rng.random() < 0.5 else rng.choice(values).item() for name, values in small.items()}

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
    if params.rank <= _TRIED_RANK:
        return normalized, spectral.eigenvectors(normalized, _TRIED_RANK, seed=seed, iterations=_TRIED_ITERATIONS)
    return normalized, spectral.eigenvectors(normalized, _MAX_RANK, seed=seed)


def _finish_spectral(
    data: TrainingData, prepared: tuple[NormalizedHistories, spectral.Spectrum], params: Any, seed: int
) -> ListModel:
    return spectral.fit_spectral(*prepared, params)


def _prepare_autoencoder(data: TrainingData, params: autoencoder.AutoencoderParams, seed: int) -> Any:
    normalized = _normalized(data, params)
    products = _TRIED_PRODUCTS if params.products <= _TRIED_PRODUCTS else max(_MAX_PRODUCTS, params.products)
    return normalized, autoencoder.gram_of_popular(normalized, products)


def _finish_autoencoder(
    data: TrainingData, prepared: tuple[NormalizedHistories, autoencoder.Gram], params: Any, seed: int
) -> ListModel:
    return autoencoder.fit_autoencoder(*prepared, params)


def _prepare_item_graph(data: TrainingData, params: item_graph.ItemGraphParams, seed: int) -> Any:
    normalized = _normalized(data, params)
    return normalized, item_graph.strongest_pairs(normalized)


def _finish_item_graph(
    data: TrainingData, prepared: tuple[NormalizedHistories, Pairs], params: Any, seed: int
) -> ListModel:
    return item_graph.fit_item_graph(*prepared, params)


def _prepare_co_occurrence(
    data: TrainingData, params: co_occurrence.CoOccurrenceParams, seed: int
) -> NormalizedHistories:
    return normalize_histories(data.decayed_histories(params.half_life_days), 0, 0)


def _finish_co_occurrence(
    data: TrainingData, prepared: NormalizedHistories, params: co_occurrence.CoOccurrenceParams, seed: int
) -> ListModel:
    return co_occurrence.fit_co_occurrence(prepared, params, seed)


def _prepare_nothing(data: TrainingData, params: Any, seed: int) -> None:
    """Share nothing: every trial is a training of its own."""


def _finish_als(data: TrainingData, prepared: None, params: als.AlsParams, seed: int) -> ListModel:
    if params.factors > _TRIED_FACTORS:
        return als.train(data, params, seed=seed)
    tried = replace(params, iterations=min(params.iterations, _TRIED_PASSES))
    return replace(als.train(data, tried, seed=seed), params=params)


def _finish_transitions(
    data: TrainingData, prepared: None, params: transitions.TransitionsParams, seed: int
) -> ListModel:
    return transitions.train(data, params, seed=seed)


def _finish_trending(data: TrainingData, prepared: None, params: popularity.PopularityParams, seed: int) -> ListModel:
    return popularity.train(data, params, seed=seed)


def _finish_category_popularity(
    data: TrainingData, prepared: None, params: category_popularity.CategoryPopularityParams, seed: int
) -> ListModel:
    return category_popularity.train(data, params, seed=seed)


_GF_CF = dict.fromkeys(("user_exponent", "item_exponent", "input_exponent", "output_exponent"), 0.5)

SEARCH_SPACES: dict[str, SearchSpace] = {
    TRENDING: SearchSpace(
        {}, {"half_life_days": Range(1, 60, log=True)}, _prepare_nothing, _finish_trending, trials=12
    ),
    CATEGORY_POPULARITY: SearchSpace(
        {}, {"half_life_days": Range(0, 120)}, _prepare_nothing, _finish_category_popularity, trials=6
    ),
    CO_OCCURRENCE: SearchSpace(
        {FADING: _GRAM_MATRIX[FADING]},
        {"user_exponent": Range(0, 0.7), "input_exponent": Range(0.2, 1.2), "output_exponent": Range(-0.9, 0.3)},
        _prepare_co_occurrence,
        _finish_co_occurrence,
        trials=60,
        recipes=(
            {"user_exponent": 0.5, "input_exponent": 1.0, "output_exponent": 0.0},
            {"user_exponent": 0.5, "input_exponent": 1.0, "output_exponent": -0.3},
            {"user_exponent": 0.35, "input_exponent": 0.45, "output_exponent": -0.55},
        ),
    ),
    TRANSITIONS: SearchSpace(
        {FADING: _GRAM_MATRIX[FADING]},
        {
            "distance_exponent": Range(0.2, 2),
            "backward": Range(0, 1),
            "input_exponent": Range(0, 1),
            "output_exponent": Range(-0.7, 0.3),
        },
        _prepare_nothing,
        _finish_transitions,
        trials=40,
    ),
    SPECTRAL: SearchSpace(
        _GRAM_MATRIX,
        {"ridge": Range(0.02, 60, log=True), "input_exponent": Range(0, 0.6), "output_exponent": Range(-0.2, 0.6)},
        _prepare_spectral,
        _finish_spectral,
        trials=60,
        choices={"rank": (128, 256, 512, 768, 1024), "filter": ("ease", "ideal")},
        recipes=(
            {"filter": "ideal"},
            {"filter": "ideal"} | _GF_CF,
            {"ridge": 10.0} | dict.fromkeys(_GF_CF, 0.0),  # EASE
        ),
        sizes={"rank": _TRIED_RANK},
    ),
    ITEM_GRAPH: SearchSpace(
        _GRAM_MATRIX,
        {"ridge": Range(0.5, 100, log=True), "input_exponent": Range(0, 0.6), "output_exponent": Range(-0.2, 0.6)},
        _prepare_item_graph,
        _finish_item_graph,
        trials=40,
        choices={"neighbours": (_TRIED_NEIGHBOURS, 120, 200)},
        sizes={"neighbours": _TRIED_NEIGHBOURS},
    ),
    AUTOENCODER: SearchSpace(
        _GRAM_MATRIX,
        {
            "ridge": Range(0.2, 300, log=True),
            "dropout": Range(0, 0.8),
            "relaxation": Range(0, 1),
            "input_exponent": Range(0, 0.6),
            "output_exponent": Range(-0.2, 0.6),
        },
        _prepare_autoencoder,
        _finish_autoencoder,
        trials=60,
        choices={"products": (_TRIED_PRODUCTS, 6_000, _MAX_PRODUCTS)},
        recipes=(
            {"ridge": 2.0, "dropout": 0.5},  # EDLAE
            {"relaxation": 0.5},  # RDLAE
            {"ridge": 100.0},
            {"user_exponent": 0.35, "item_exponent": 0.4, "input_exponent": 0.2, "output_exponent": 0.15},
        ),
        sizes={"products": _TRIED_PRODUCTS},
    ),
    ALS: SearchSpace(
        {},
        {
            "regularization": Range(0.001, 100, log=True),
            "alpha": Range(0.5, 100, log=True),
            "user_exponent": Range(0, 0.7),
            "item_exponent": Range(0, 0.7),
        },
        _prepare_nothing,
        _finish_als,
        trials=30,
        choices={"factors": (32, 64, 128, 256)},
        recipes=(
            {"regularization": 20.0, "alpha": 30.0, "user_exponent": 0.3, "item_exponent": 0.3},
            {"regularization": 20.0, "alpha": 1.0},
            {"regularization": 1.0, "alpha": 10.0},
        ),
        sizes={"factors": _TRIED_FACTORS},
    ),
}
