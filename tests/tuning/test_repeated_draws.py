"""On few users, weights are chosen by several held-out draws: random parts, or windows of time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, held_out, split_by_time
from src.models import ITEM_GRAPH, MODELS, POPULARITY
from src.models.settings import AllSettings
from src.tuning import repeated_draws
from src.tuning.hyperparameter_search import Clock, Search
from src.tuning.objective import Objective

SETTINGS = AllSettings(item_graph_neighbours=10)


def purchases(how: str) -> TrainingData:
    rng = np.random.default_rng(6)
    users, items = rng.integers(0, 40, 600), rng.integers(0, 30, 600)
    names = [[f"{letter}{row}" for row in rows] for rows, letter in ((users, "u"), (items, "p"))]
    at = np.arange(600) if how == "time" else np.full(600, NO_TIME)
    return training_data([EventBatch(*names, ["purchase"] * 600, np.ones(600), at)])


def split_of(how: str) -> Split:
    split = held_out(purchases(how))
    return replace(split, how=how)


def search_of(split: Split, budget: float) -> Search:
    order = np.argsort(-split.train.events.count_by_item(), kind="stable")
    objective = Objective.of(split, order, relevant_rating=4.0, k=10, seed=1)
    assert objective is not None
    return Search(split, objective, 1, Clock(budget), Silent())


@pytest.mark.parametrize(
    ("how", "budget", "draws"),
    [("random", 1_000.0, 4), ("time", 1_000.0, 4), ("given", 1_000.0, 1), ("random", 0.0, 1), ("time", 0.0, 1)],
)
def test_further_draws_are_made_while_there_is_time(
    how: str, budget: float, draws: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = search_of(split_of(how), budget)
    kinds = {name: MODELS[name] for name in (POPULARITY, ITEM_GRAPH)}
    models = {name: kind.train(search.split.train, kind.params(SETTINGS), seed=1) for name, kind in kinds.items()}
    parts = [search.split]
    further = repeated_draws._further

    def spy(search: Search, last: Split, draw: int) -> Split | None:
        found = further(search, last, draw)
        parts.extend([found] if found else [])
        return found

    monkeypatch.setattr(repeated_draws, "_further", spy)
    of_draws = repeated_draws.scores_of_draws(search, models, seconds=1.0)
    assert len(parts) == len(of_draws) == draws
    scores = repeated_draws.pooled(of_draws)
    objectives = [search_of(part, budget).objective for part in parts]
    assert len(scores.item) == sum(len(objective.queries) for objective in objectives)
    assert scores.score.shape == (2, *scores.item.shape) == (2, *scores.relevant.shape)
    assert len(scores.n_relevant) == len(scores.item)
    assert not scores.relevant[scores.item < 0].any()
    assert (scores.relevant.sum(axis=1) <= scores.n_relevant).all()


def test_windows_lie_one_before_the_other_and_end_where_the_larger_part_is_no_longer_earlier() -> None:
    data = purchases("time")
    last, search = split_by_time(data, 0.25), search_of(split_by_time(data, 0.25), 1.0)
    for draw in (1, 2, 3):
        earlier = repeated_draws._further(search, last, draw)
        assert earlier is not None
        assert earlier.cut is not None
        assert len(earlier.train) + len(earlier.test) == len(last.train)
        assert earlier.train.events.at.max() < earlier.cut <= earlier.test.events.at.max() < (last.cut or 0)
        last = earlier
    at_once = data.take(np.flatnonzero(data.events.at == 0))
    assert repeated_draws._further(search, replace(last, train=at_once), 4) is None


@pytest.mark.parametrize(("how", "draws"), [("random", 4), ("time", 4), ("given", 1)])
def test_the_seconds_for_draws_are_enough_for_all_of_them(how: str, draws: int) -> None:
    search = search_of(split_of(how), 0.0)
    wanted = left = repeated_draws.seconds_for_draws(search, 10.0)
    made = 1
    while left >= 30.0:
        left, made = left - 10.0, made + 1
    assert made == draws
    assert wanted <= 10.0 * (draws + 1)
