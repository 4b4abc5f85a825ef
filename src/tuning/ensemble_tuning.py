"""Tune the ensemble on held-out data: event weights, parameters of every model, weights of the models, list ranker."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.core.domain import DAY, NO_TIME, EventKind, JsonDict
from src.core.messages import message
from src.core.progress import Reporter
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY, SPECTRAL, TEXT
from src.models.base import ListModel
from src.models.kernels import lambdarank
from src.models.model_kind import Unavailable
from src.recommendation.ensemble import build_ensemble, scales_of
from src.recommendation.ensemble_config import EnsembleConfig
from src.tuning import cold_start_weight
from src.tuning.cold_start_weight import tune_cold_start_weight
from src.tuning.hyperparameter_search import BestTrial, Clock, Search, search_hyperparameters
from src.tuning.list_ranker_training import ListRankerResult, train_list_ranker
from src.tuning.objective import Objective
from src.tuning.repeat_weight import tune_repeat_weight
from src.tuning.repeated_draws import pooled, scores_of_draws, seconds_for_draws
from src.tuning.search_spaces import SEARCH_SPACES
from src.tuning.sum_search import tune_for_the_sum
from src.tuning.sum_weights import KNOWN_SUM, best_weights

_TIME_SHARES = {
    "trending": 0.03,
    "category_popularity": 0.02,
    "co_occurrence": 0.12,
    "transitions": 0.08,
    "item_graph": 0.1,
    "autoencoder": 0.2,
    "spectral": 0.25,
    "als": 0.2,
}
"""Shares of the remaining time among the models that can be trained."""
_SEARCH_SHARE = 0.85  # the rest is for training the best models once more, and for the weights
_MIN_GAIN = 1e-5
_LIST_MODELS_SHARE = 0.6
"""Share of the time left that the models of the list ranker may take; the rest is for its features and trees."""
_LIST_RANKER_SHARE = 0.25
"""Share of the budget for the list ranker, which needs one more training of all models; the search gets less then. It
is trained on splits by time only, where trees learn which scores hold in later weeks. On random splits its lists were
worse than those of the sum on every data set tried (Yelp2018: -5 %)."""


@dataclass(frozen=True)
class TuningOptions:
    """The objective and the seed of tuning.

    Attributes:
        relevant_rating: lowest rating that counts as liked.
        seed: of models, samples and samplers.
        k: cut-off of NDCG.
        trials_file: see Search.
        models: names of the models that may be blended, beside popularity; None for all that can be trained.
        list_ranker: whether one may be trained.
    """

    relevant_rating: float
    seed: int
    k: int = 10
    trials_file: Path | None = None
    models: Collection[str] | None = None
    list_ranker: bool = True


def tune_ensemble(
    split: Split | None, start: EnsembleConfig, options: TuningOptions, budget_seconds: float, reporter: Reporter
) -> EnsembleConfig:
    """Search for the ensemble with the highest NDCG@k on split.test, trained on split.train.

    Every model is tried with the parameters of `start` however small the budget; the rest of the budget goes into other
    parameters. The result depends on the machine only by the number of trials that fit into the budget.

    Args:
        split: training and validation part; None where there are too few events for one.
        start: configuration to start from.
        options: what is optimised.
        budget_seconds: approximate duration.
        reporter: is told the progress.

    Returns:
        The best configuration; `start` itself without a split, or where no user of split.test liked a new product.
    """
    if split is None:
        return start
    unavailable = _list_ranker_unavailable(split) if options.list_ranker else Unavailable("not asked for")
    share = _SEARCH_SHARE - (_LIST_RANKER_SHARE if unavailable is None else 0)
    search = _search(split, start, options, Clock(budget_seconds), reporter)
    if search is None:
        return start
    search, config = _with_best_weighting(search, start)
    if options.models is not None:
        own = {name: params for name, params in config.params.items() if name in (POPULARITY, *options.models)}
        config = replace(config, params=own)
    kept = (1 - share) * budget_seconds
    trials = _best_models(search, config, kept)
    trials = _best_for_the_sum(search, config, trials, kept)
    tuned = _combine(search, config, trials)
    ranker = ListRankerResult(None, {"not tried": unavailable.reason}) if unavailable else None
    if ranker is None:
        ranker = _list_ranker(search, tuned, sum(trial.seconds for trial in trials.values()), budget_seconds)
    blend = build_ensemble(tuned.models, tuned.config.weights, search.split.train, seed=search.seed, order=ranker.order)
    repeats = tune_repeat_weight(search, blend)
    summary: JsonDict = {
        f"ndcg_at_{options.k}": round(tuned.ndcg, 5),
        "of_models": {name: round(trial.ndcg, 5) for name, trial in trials.items()},
        "searches": {name: trial.about for name, trial in trials.items() if trial.about},
        "order": ranker.summary,
        "new_products": tuned.cold_start,
        "repeats": repeats.about,
        "users": len(search.objective.queries),
        "seconds": round(search.clock.budget - search.clock.left, 1),
    }
    return replace(tuned.config, order=ranker.order, found=summary, again=repeats.weight)


def _list_ranker_unavailable(split: Split) -> Unavailable | None:
    """Return why no list ranker can be trained; None if one can."""
    train, test = split.train.events, split.test.events
    is_by_time = split.train.has_times and bool(test.at.min() >= train.at.max())
    return lambdarank.unavailable() or (None if is_by_time else Unavailable("times do not divide the events"))


def _search(
    split: Split, start: EnsembleConfig, options: TuningOptions, clock: Clock, reporter: Reporter
) -> Search | None:
    """Return the context of the search, with the weighting of `start`; None without a user to measure by."""
    train = replace(split.train, weighting=start.weighting)
    split = replace(split, train=train)
    popular = MODELS[POPULARITY].train(train, start.params[POPULARITY], seed=options.seed)
    objective = Objective.of(
        split, popular.order, relevant_rating=options.relevant_rating, k=options.k, seed=options.seed
    )
    if objective is None:
        return None
    return Search(split, objective, options.seed, clock, reporter, options.trials_file)


class _TunedEnsemble(NamedTuple):
    """A configuration without list ranker, its models, its mean NDCG@k, and what the cold-start simulation measured."""

    config: EnsembleConfig
    models: dict[str, ListModel]
    ndcg: float
    cold_start: JsonDict


def _combine(search: Search, config: EnsembleConfig, trials: Mapping[str, BestTrial]) -> _TunedEnsemble:
    """Choose the weights of the best models, that of text by simulating cold items."""
    train = search.split.train
    params = {**config.params, **{name: trial.params for name, trial in trials.items()}}
    models = _models(search, config, trials)
    draws = scores_of_draws(search, models, sum(trial.model_seconds for trial in trials.values()))
    weights, _ = best_weights(pooled(draws), (config.weights, KNOWN_SUM), without=TEXT, clock=search.clock)
    ndcg = draws[0].ndcg(np.array([weights.get(name, 0.0) for name in draws[0].names]))
    cold_start: JsonDict = {}
    if TEXT in models:
        scores, scales = search.objective.component_scores(models), scales_of(models, train, seed=search.seed)
        ndcg = scores.ndcg(np.array([weights.get(name, 0.0) / scales[name] for name in scores.names]))
        best = tune_cold_start_weight(search, scores, models, weights, ndcg)
        cold_start = {
            f"recall_at_{cold_start_weight.K}": round(best.cold_recall, 5),
            "ndcg_without_texts": round(ndcg, 5),
        }
        models[TEXT], params[TEXT], weights[TEXT], ndcg = best.text, best.text.params, best.weight, best.ndcg
    return _TunedEnsemble(EnsembleConfig(params, weights, train.weighting), models, ndcg, cold_start)


def _models(search: Search, config: EnsembleConfig, trials: Mapping[str, BestTrial]) -> dict[str, ListModel]:
    """Return the models of the sum, popularity included."""
    popular = MODELS[POPULARITY].train(search.split.train, config.params[POPULARITY], seed=search.seed)
    return {POPULARITY: popular, **{name: trial.model for name, trial in trials.items()}}


def _best_for_the_sum(
    search: Search, config: EnsembleConfig, trials: dict[str, BestTrial], kept: float
) -> dict[str, BestTrial]:
    """Return the trials after the second round, which leaves texts alone and time for draws.

    kept: seconds for what comes after these.
    """
    kept += seconds_for_draws(search, sum(trial.model_seconds for trial in trials.values()))
    others = {name: trial for name, trial in trials.items() if name != TEXT}
    return {**trials, **tune_for_the_sum(search, _models(search, config, others), others, kept)}


def _list_ranker(search: Search, tuned: _TunedEnsemble, seconds: float, budget_seconds: float) -> ListRankerResult:
    """Train the list ranker if the budget allows another training of all models, which takes `seconds`, and trees."""
    if seconds >= min(_LIST_RANKER_SHARE * budget_seconds, _LIST_MODELS_SHARE * max(search.clock.left, 0)):
        return ListRankerResult(None, {"not tried": f"to train everything once more takes {seconds:.1f} s"})
    return train_list_ranker(search, tuned.config, tuned.models)


def _best_models(search: Search, config: EnsembleConfig, kept: float) -> dict[str, BestTrial]:
    """Return the best trial of each model that learns something from the data, popularity excluded.

    What a model leaves of its share, or takes beyond it, is divided among those after it. kept: seconds for later.
    """
    names = [name for name in config.params if name != POPULARITY and MODELS[name].learns_from(search.split.train)]
    shares = [_TIME_SHARES.get(name, 0.0) for name in names]
    trials: dict[str, BestTrial] = {}
    for at, name in enumerate(names):
        now = search.clock.left
        share = shares[at] / (sum(shares[at:]) or 1.0)
        trials[name] = _best_model(search, name, config.params[name], now - share * max(now - kept, 0.0))
    return trials


def _best_model(search: Search, name: str, params: Any, deadline: float) -> BestTrial:
    """Return the best trial of a model, found before the clock shows `deadline` seconds left."""
    search.reporter.step(message("step.tuning", model=name))
    train = search.split.train
    if name not in SEARCH_SPACES:
        started = time.perf_counter()
        model = MODELS[name].train(train, params, seed=search.seed)
        seconds = time.perf_counter() - started
        return BestTrial(params, model, float(search.objective.ndcg(model).mean()), seconds, model_seconds=seconds)
    space = SEARCH_SPACES[name] if train.has_times else SEARCH_SPACES[name].timeless()
    return search_hyperparameters(search, name, space, params, deadline)


def _with_best_weighting(search: Search, config: EnsembleConfig) -> tuple[Search, EnsembleConfig]:
    """Return both with the weighting whose spectral model makes the best lists."""
    candidates = list(_weightings(search.split.train, config.weighting))
    if len(candidates) == 1:
        return search, config
    search.reporter.step(message("step.tuning_weighting"))
    best: tuple[float, Search] | None = None
    limit = search.clock.left * 0.75
    for weighting in candidates:
        train = replace(search.split.train, weighting=weighting)
        objective = search.objective.weighted(weighting)
        params = SEARCH_SPACES[SPECTRAL].small(config.params[SPECTRAL])
        ndcg = float(objective.ndcg(MODELS[SPECTRAL].train(train, params, seed=search.seed)).mean())
        if best is None or ndcg > best[0] * (1 + _MIN_GAIN):
            best = ndcg, replace(search, split=replace(search.split, train=train), objective=objective)
        if search.clock.left < limit:
            break
    assert best is not None
    return best[1], replace(config, weighting=best[1].split.train.weighting)


def _weightings(train: TrainingData, first: Weighting) -> Iterator[Weighting]:
    """Yield the weightings to try for the kinds of these data, `first` first."""
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
