"""On few users without times, weights are chosen by several held-out draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, held_out
from src.models import ITEM_GRAPH, MODELS, POPULARITY
from src.models.settings import AllSettings
from src.tuning.hyperparameter_search import Clock, Search
from src.tuning.objective import Objective
from src.tuning.repeated_draws import pooled_scores, seconds_for_draws

SETTINGS = AllSettings(item_graph_neighbours=10)


def purchases() -> TrainingData:
    rng = np.random.default_rng(6)
    users, items = rng.integers(0, 40, 600), rng.integers(0, 30, 600)
    names = [[f"{letter}{row}" for row in rows] for rows, letter in ((users, "u"), (items, "p"))]
    return training_data([EventBatch(*names, ["purchase"] * 600, np.ones(600), np.full(600, NO_TIME))])


def search_of(split: Split, budget: float) -> Search:
    order = np.argsort(-split.train.events.count_by_item(), kind="stable")
    objective = Objective.of(split, order, relevant_rating=4.0, k=10, seed=1)
    assert objective is not None
    return Search(split, objective, 1, Clock(budget), Silent())


@pytest.mark.parametrize(("how", "budget", "draws"), [("random", 1_000.0, 4), ("time", 1_000.0, 1), ("random", 0.0, 1)])
def test_further_draws_are_made_of_random_splits_while_there_is_time(how: str, budget: float, draws: int) -> None:
    data = purchases()
    split = replace(held_out(data), how=how)
    search = search_of(split, budget)
    kinds = {name: MODELS[name] for name in (POPULARITY, ITEM_GRAPH)}
    models = {name: kind.train(split.train, kind.params(SETTINGS), seed=1) for name, kind in kinds.items()}
    scores = pooled_scores(search, models, seconds=1.0)
    assert round(len(scores.item) / len(search.objective.queries)) == draws
    assert scores.score.shape == (2, *scores.item.shape) == (2, *scores.relevant.shape)
    assert len(scores.n_relevant) == len(scores.item)
    assert not scores.relevant[scores.item < 0].any()
    assert (scores.relevant.sum(axis=1) <= scores.n_relevant).all()


@pytest.mark.parametrize(("how", "draws"), [("random", 4), ("time", 1)])
def test_the_seconds_for_draws_are_enough_for_all_of_them(how: str, draws: int) -> None:
    search = search_of(replace(held_out(purchases()), how=how), 0.0)
    wanted, left, made = seconds_for_draws(search, 10.0), seconds_for_draws(search, 10.0), 1
    while left >= 20.0:
        left, made = left - 10.0, made + 1
    assert made == draws
    assert wanted <= 10.0 * (draws + 1)
