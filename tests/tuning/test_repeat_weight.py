"""The weight of earlier purchases: found where people buy again, 0 where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import DAY, EventBatch
from src.core.progress import Silent
from src.evaluation.exact_lists import MaskedQueries, queries_of, top_lists
from src.evaluation.metrics import ranking_metrics
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, split_by_time
from src.models import ITEM_GRAPH, MODELS, POPULARITY
from src.models.settings import AllSettings
from src.recommendation.ensemble import build_ensemble
from src.tuning.hyperparameter_search import Clock, Search
from src.tuning.objective import Objective
from src.tuning.repeat_weight import RepeatTrial, tune_repeat_weight

N_USERS, N_ITEMS, N_DAYS = 80, 60, 20


def shop(again: float, kind: str = "purchase") -> TrainingData:
    """Users with a purchase a day, a share of which is of what they bought before."""
    rng = np.random.default_rng(5)
    rows: list[tuple[str, str, int]] = []
    for user in range(N_USERS):
        own: list[int] = []
        for day in range(N_DAYS):
            fresh = np.setdiff1d(np.arange(user % 2, N_ITEMS, 2), own)
            own.append(int(rng.choice(own if own and rng.random() < again else fresh)))
            rows.append((f"u{user}", f"p{own[-1]}", day * DAY))
    users, items, times = (list(column) for column in zip(*rows, strict=True))
    return training_data([EventBatch(users, items, [kind] * len(rows), np.ones(len(rows)), np.array(times, np.int64))])


def trained(parts: Split) -> tuple[Search, dict[str, Any]]:
    settings = AllSettings(item_graph_neighbours=20)
    models = {name: MODELS[name].train(parts.train, MODELS[name].params(settings), seed=1) for name in MODELS_USED}
    objective = Objective.of(parts, models[POPULARITY].order, relevant_rating=4.0, k=10, seed=1)
    assert objective is not None
    return Search(parts, objective, 1, Clock(60), Silent()), models


MODELS_USED = (POPULARITY, ITEM_GRAPH)


def tuned(data: TrainingData) -> tuple[RepeatTrial, Split, dict[str, Any]]:
    parts = split_by_time(data, 0.2)
    search, models = trained(parts)
    return tune_repeat_weight(search, build_ensemble(models, {ITEM_GRAPH: 1.0}, parts.train, seed=1)), parts, models


def test_where_people_buy_again_the_weight_makes_the_lists_that_its_figures_say() -> None:
    found, parts, models = tuned(shop(again=0.7))
    assert found.weight > 0
    users = np.arange(N_USERS)
    queries, _ = queries_of(parts.train, users)
    liked = parts.test.n_seen[users]
    for name, again in (("without", 0.0), ("with", found.weight)):
        blend = build_ensemble(models, {ITEM_GRAPH: 1.0}, parts.train, seed=1, again=again)
        lists = top_lists(blend, MaskedQueries(queries, csr_matrix(liked.shape)), 10)
        hits = np.take_along_axis(liked.toarray(), lists, axis=1) > 0
        ndcg = ranking_metrics(hits, np.diff(liked.indptr))["ndcg"].mean()
        assert found.about[name] == pytest.approx(ndcg, abs=1e-5)
    assert found.about["with"] > 1.5 * found.about["without"]


def test_where_nobody_buys_again_there_is_no_weight() -> None:
    assert tuned(shop(again=0.0))[0] == RepeatTrial(0.0, {})


def test_views_are_no_purchases() -> None:
    assert tuned(shop(again=0.7, kind="view"))[0] == RepeatTrial(0.0, {})
