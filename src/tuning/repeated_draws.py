"""Component scores of several held-out draws: on few users one draw would decide by chance which weights look best."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from src.core.messages import message
from src.interactions.splits import Split, split_at_random, split_by_time
from src.models import MODELS, POPULARITY
from src.models.base import ListModel
from src.recommendation.ensemble import scales_of
from src.recommendation.ensemble_config import fit_models
from src.tuning.hyperparameter_search import Search
from src.tuning.objective import ComponentScores, Objective
from src.tuning.sum_weights import FEWEST_USERS

_MOST_DRAWS, _ENOUGH_USERS, _ENOUGH_OF_WINDOWS = 4, 8_000, 1_500
_PROBED_USERS = 100
_SHARE_OF_TIME = 0.5
"""Share of the time left that the scores of all models may take; the rest is for finding the weights."""
_SHARE_OF_DRAW = 1 / 3
"""Share of the time left that a further draw may take: after it the list ranker can still train all models again."""


def scores_of_draws(search: Search, models: Mapping[str, ListModel], seconds: float) -> list[ComponentScores]:
    """Score the candidates of all draws, each model in units of its scale.

    The first draw is that of the search, or a sample of its users where all would take too long. Where there are few
    users, further ones follow, for which the models are trained anew with the same parameters: other random parts, or,
    of a split by time, the window before the last one, so that no model learns from later events than it is measured
    on (rolling origin: Tashman, "Out-of-sample tests of forecasting accuracy", Int. J. Forecasting 16, 2000).

    Args:
        search: the context of the tuning.
        models: trained on the training part, by name.
        seconds: that a further draw takes; none begins that would take more than a third of the time left.

    Returns:
        The scores for the users of each draw, that of the search first.
    """
    pools = [_scaled(search, in_time(search, models, _SHARE_OF_TIME, FEWEST_USERS), models)]
    split = search.split
    for draw in range(1, _MOST_DRAWS):
        users = sum(len(pool.item) for pool in pools)
        if users >= _enough_users(search) or _SHARE_OF_DRAW * search.clock.left < seconds:
            break
        further = _further(search, split, draw)
        if further is None:
            break
        split = further
        search.reporter.step(message("step.tuning_draw", draw=draw + 1))
        params: dict[str, Any] = {name: model.params for name, model in models.items()}
        popular = MODELS[POPULARITY].train(split.train, params[POPULARITY], seed=search.seed).order
        wanted = search.objective
        objective = Objective.of(
            split, popular, relevant_rating=wanted.relevant_rating, k=wanted.k, seed=search.seed + draw
        )
        if objective is None:
            break
        fitted = fit_models(split.train, params, search.seed, search.reporter)
        pools.append(_scaled(replace(search, split=split), objective, fitted))
    return pools


def seconds_for_draws(search: Search, seconds: float) -> float:
    """Return how much time further draws of so many seconds each need.

    Returns:
        The seconds that have to be left for all of them to begin; 0 where none are made.
    """
    n = min(_MOST_DRAWS, math.ceil(_enough_users(search) / len(search.objective.queries))) - 1
    return (n - 1 + 1 / _SHARE_OF_DRAW) * seconds if n and search.split.how != "given" else 0.0


def _enough_users(search: Search) -> int:
    """Return how many users are enough: of windows fewer, as earlier ones differ from the last."""
    return _ENOUGH_OF_WINDOWS if search.split.how == "time" else _ENOUGH_USERS


def _further(search: Search, last: Split, draw: int) -> Split | None:
    """Return another random split, or that of the training part of the last one by time; None where there is none."""
    train, test = search.split.train, search.split.test
    share = len(test) / (len(train) + len(test))
    if search.split.how == "random":
        return split_at_random(train.joined(test), share, search.seed + draw)
    earlier = split_by_time(last.train, share)
    return earlier if search.split.how == "time" and len(earlier.train) >= len(earlier.test) else None


def in_time(search: Search, models: Mapping[str, ListModel], share: float, fewest: int) -> Objective:
    """Return the objective for as many users as there is time to score.

    Args:
        search: the context of the tuning.
        models: that score candidates.
        share: of the time left that this may take.
        fewest: users of a sample, at least.

    Returns:
        The objective of all users, or of a sample.
    """
    objective, rng = search.objective, np.random.default_rng(search.seed)
    order = rng.permutation(len(objective.queries))
    started = time.perf_counter()
    objective.of_users(np.sort(order[:_PROBED_USERS])).component_scores(models)
    seconds_of_user = (time.perf_counter() - started) / min(_PROBED_USERS, len(order))
    n = max(int(share * search.clock.left / seconds_of_user), fewest)
    return objective if n >= len(order) else objective.of_users(np.sort(order[:n]))


def _scaled(search: Search, objective: Objective, models: Mapping[str, ListModel]) -> ComponentScores:
    return objective.component_scores(models).in_units_of(scales_of(models, search.split.train, seed=search.seed))


def pooled(pools: list[ComponentScores]) -> ComponentScores:
    """Return the scores for the users of all draws; shorter rows of candidates are filled with -1."""
    width = max(pool.item.shape[1] for pool in pools)

    def padded(part: Any, value: float) -> Any:
        blank = [(0, 0)] * (part.ndim - 1) + [(0, width - part.shape[-1])]
        return np.pad(part, blank, constant_values=value)

    return replace(
        pools[0],
        item=np.concatenate([padded(pool.item, -1) for pool in pools]),
        score=np.concatenate([padded(pool.score, 0) for pool in pools], axis=1),
        relevant=np.concatenate([padded(pool.relevant, 0) for pool in pools]),
        n_relevant=np.concatenate([pool.n_relevant for pool in pools]),
    )
