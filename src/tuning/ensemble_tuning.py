"""Choose how the served list is made, on data held out: parameters of every opinion, then the weights of the blend."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import DAY, NO_TIME, EventKind, JsonDict
from src.core.progress import Reporter
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, SPECTRAL, TEXT
from src.models.base import ListModel
from src.models.kernels import lambdarank
from src.models.settings import AllSettings
from src.recommendation.ensemble import scales_of
from src.recommendation.ensemble_config import EnsembleConfig
from src.recommendation.list_ranker import LearnedOrder
from src.tuning.cold_start_weight import tune_cold_start_weight
from src.tuning.hyperparameter_search import BestTrial, Clock, Search, search_hyperparameters
from src.tuning.list_ranker_training import train_list_ranker
from src.tuning.objective import ComponentScores, Objective
from src.tuning.search_spaces import SEARCH_SPACES

_SHARES = {"trending": 0.05, "category_popularity": 0.02, "spectral": 0.4, "item_graph": 0.25, "als": 0.28}
"""Of the time that is left, as far as these models are there."""
_SEARCH_SHARE = 0.85  # the best models are made once more in the end, and the weights take their time
_STEPS = (0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5)
_ROUNDS = 4
_LEAST_GAIN = 1e-5
_SHARE_FOR_ORDER = 0.25
"""An order of lists takes one more training of all models: of the budget it may take so much, which is then taken from
the search. It is for parts divided by time, where trees learn which opinions hold in the weeks to come; those of random
parts made worse lists than the sum wherever they were tried (Yelp2018: -5 %)."""


def tune_ensemble(
    settings: AllSettings,
    split: Split | None,
    budget_seconds: float,
    reporter: Reporter,
    *,
    start: EnsembleConfig | None = None,
    k: int = 10,
    kept_in: Path | None = None,
) -> EnsembleConfig:
    """The recipe with the highest NDCG@k on split.test, trained on split.train, found within about the budget.

    Every model is tried with the parameters of `start` (by default those of the settings) however small the budget;
    what is left of it goes into their parameters. Without a split, or anybody to judge by, `start` itself.
    Deterministic but for the number of trials that the machine gets done.
    """
    recipe = start or EnsembleConfig.of(settings)
    if split is None:
        return recipe
    train = replace(split.train, weighting=recipe.weighting)
    split = replace(split, train=train)
    popular = MODELS[POPULARITY].train(train, recipe.params[POPULARITY], seed=settings.seed)
    judge = Objective.of(split, popular.order, relevant_rating=settings.relevant_rating, k=k, seed=settings.seed)
    if judge is None:
        return recipe
    not_here = lambdarank.unavailable()
    tries_order = _is_later(split) and not_here is None
    share = _SEARCH_SHARE - (_SHARE_FOR_ORDER if tries_order else 0)
    search = Search(split, judge, settings.seed, Clock(share * budget_seconds), reporter, kept_in)
    search, recipe = _with_best_weighting(search, recipe)
    if search.split.train.weighting != train.weighting:
        popular = MODELS[POPULARITY].train(search.split.train, recipe.params[POPULARITY], seed=settings.seed)
    found = _best_models(search, recipe)
    params = {**recipe.params, **{name: each.params for name, each in found.items()}}
    models: dict[str, ListModel] = {POPULARITY: popular, **{name: each.model for name, each in found.items()}}
    opinions, scales = search.judge.opinions(models), scales_of(models, search.split.train, seed=search.seed)
    weights, ndcg = best_weights(opinions, scales, without=TEXT)
    of_new: JsonDict = {}
    if TEXT in models:
        best, of_new = tune_cold_start_weight(search, opinions, models, weights, ndcg)
        models[TEXT], params[TEXT], weights[TEXT], ndcg = best.text, best.text.params, best.weight, best.ndcg
    made = EnsembleConfig(params, weights, search.split.train.weighting)
    order: LearnedOrder | None = None
    said: JsonDict = {"not tried": "times do not divide the events" if not_here is None else not_here.reason}
    if tries_order:
        once_more = sum(each.seconds for each in found.values())
        said = {"not tried": f"to train everything once more takes {once_more:.1f} s"}
        if once_more < _SHARE_FOR_ORDER * budget_seconds:
            order, said = train_list_ranker(settings, search, made, models)
    seen: JsonDict = {
        f"ndcg_at_{k}": round(ndcg, 5),
        "of_models": {name: round(each.figure, 5) for name, each in found.items()},
        "order": said,
        "new_products": of_new,
        "users": len(judge.queries),
        "seconds": round(search.clock.budget - search.clock.left, 1),
    }
    return replace(made, order=order, found=seen)


def _is_later(split: Split) -> bool:
    """Whether everything held out happened after what is learnt from."""
    train, test = split.train.events, split.test.events
    return split.train.has_times and bool(test.at.min() >= train.at.max())


def _best_models(search: Search, recipe: EnsembleConfig) -> dict[str, BestTrial]:
    """The best of each model that the data have something for, popularity aside."""
    names = [name for name in recipe.params if name != POPULARITY and MODELS[name].learns_from(search.split.train)]
    whole = sum(_SHARES.get(name, 0.0) for name in names) or 1.0
    left = max(search.clock.left, 0.0)
    found: dict[str, BestTrial] = {}
    for name in names:
        deadline = max(search.clock.left, 0.0) - left * _SHARES.get(name, 0.0) / whole
        found[name] = _best_of(search, name, recipe.params[name], deadline)
    return found


def _best_of(search: Search, name: str, its: Any, deadline: float) -> BestTrial:
    """The best that is found of a model until the clock shows less than `deadline`."""
    search.reporter.step(f"tuning {name}")
    train = search.split.train
    if name not in SEARCH_SPACES:
        started = time.perf_counter()
        model = MODELS[name].train(train, its, seed=search.seed)
        seconds = time.perf_counter() - started
        return BestTrial(its, model, float(search.judge.ndcg(model).mean()), seconds)
    space = SEARCH_SPACES[name] if train.has_times else SEARCH_SPACES[name].timeless()
    return search_hyperparameters(search, name, space, its, deadline)


def _with_best_weighting(search: Search, recipe: EnsembleConfig) -> tuple[Search, EnsembleConfig]:
    """The search with the weighting whose spectral model makes the best lists."""
    candidates = list(_weightings(search.split.train, recipe.weighting))
    if len(candidates) == 1:
        return search, recipe
    search.reporter.step("tuning how much an event speaks for its product")
    best: tuple[float, Search] | None = None
    limit = search.clock.left * 0.75
    for weighting in candidates:
        train = replace(search.split.train, weighting=weighting)
        judge = search.judge.with_histories(train)
        model = MODELS[SPECTRAL].train(train, recipe.params[SPECTRAL], seed=search.seed)
        figure = float(judge.ndcg(model).mean())
        if best is None or figure > best[0] * (1 + _LEAST_GAIN):
            best = figure, replace(search, split=replace(search.split, train=train), judge=judge)
        if search.clock.left < limit:
            break
    assert best is not None
    return best[1], replace(recipe, weighting=best[1].split.train.weighting)


def _weightings(train: TrainingData, first: Weighting) -> Iterator[Weighting]:
    """What is worth trying for data of these kinds, the given one first."""
    yield first
    ratings = train.ratings
    if len(ratings) and ratings.value.min() < ratings.value.max():
        yield replace(first, lowest_rating=0.5)
        yield replace(first, lowest_rating=0.1)
    if train.is_kind(EventKind.VIEW, EventKind.CLICK, EventKind.CART).any():
        light = {EventKind.VIEW.value: 0.2, EventKind.CLICK.value: 0.2, EventKind.CART.value: 0.5}
        yield replace(first, kinds={**first.kinds, **light})
        yield replace(first, kinds={**first.kinds, **dict.fromkeys(light, 0.0)})
    if train.has_times:
        span = (train.events.at.max() - train.events.at[train.events.at != NO_TIME].min()) / DAY
        for share in (1 / 3, 1 / 10):
            if span * share >= 1:
                yield replace(first, half_life_days=round(span * share, 2))


def best_weights(
    opinions: ComponentScores, scales: Mapping[str, float], without: str | None = None
) -> tuple[dict[str, float], float]:
    """(weights in units of the scales, mean NDCG@k): coordinate ascent from the best single model.

    In turn every model's weight is set to whichever of a few steps makes the best lists, as long as that helps.
    without: a model whose weight stays 0.
    """
    unit = np.array([0.0 if name == without else 1 / scales[name] for name in opinions.names])
    single = [opinions.ndcg(unit * alone) if unit @ alone else -1.0 for alone in np.eye(len(unit))]
    weights = np.eye(len(unit))[int(np.argmax(single))]
    best = max(single)
    for _ in range(_ROUNDS):
        before = best
        for at in range(len(weights)):
            others = weights.copy()
            others[at] = 0
            if not unit[at] or not others.any():
                continue
            for step in _STEPS:
                tried = others.copy()
                tried[at] = step
                figure = opinions.ndcg(tried * unit)
                if figure > best + _LEAST_GAIN:
                    best, weights = figure, tried
        if best - before < _LEAST_GAIN:
            break
    return {name: float(w) for name, w in zip(opinions.names, weights, strict=True) if w}, best
