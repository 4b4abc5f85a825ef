"""Lists of measured users are the same whether they are made in blocks or one request after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import Query, Recommendation
from src.core.progress import Silent
from src.evaluation import task_lists
from src.evaluation.protocols import ranking_task
from src.evaluation.task_lists import query_for_new, served_lists
from src.interactions.interactions import TrainingData
from src.interactions.splits import split_at_random
from src.models import ALS, ITEM_GRAPH, MODELS
from src.recommendation.ensemble import ENSEMBLE, build_ensemble
from src.recommendation.ensemble_config import fit_models
from src.recommendation.pipeline import Pipeline
from tests.recommendation.test_list_ranker import NAMES, SETTINGS, WEIGHTS, world


def blend_of(train: TrainingData) -> Pipeline:
    params = {name: MODELS[name].params(SETTINGS) for name in (*NAMES, ITEM_GRAPH, ALS)}
    models = fit_models(train, params, 1, Silent())
    models[ENSEMBLE] = build_ensemble(models, {**WEIGHTS, ALS: 0.3}, train, seed=1).indexed(train, Silent())
    return Pipeline(train.users, train.items, models, "popularity", weighting=train.weighting)


def count_requests(monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    asked: list[Query] = []
    recommend = Pipeline.recommend

    def noted(pipeline: Pipeline, query: Query) -> list[Recommendation]:
        asked.append(query)
        return recommend(pipeline, query)

    monkeypatch.setattr(Pipeline, "recommend", noted)
    return asked


def test_blocks_make_the_lists_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = split_at_random(world(), 0.3)
    pipeline = blend_of(parts.train)
    task = ranking_task(parts, 4.0, 40)
    assert len(task.user_idx) > 10
    in_blocks = served_lists(pipeline, parts.train, task, ENSEMBLE, Silent())
    asked = count_requests(monkeypatch)
    monkeypatch.setattr(task_lists, "makes_blocks", lambda _: False)
    np.testing.assert_array_equal(in_blocks, served_lists(pipeline, parts.train, task, ENSEMBLE, Silent()))
    assert len(asked) == len(task.user_idx)


def test_the_list_of_users_without_a_history_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = split_at_random(world(), 0.3)
    new = ranking_task(parts, 4.0, 5).user_idx
    train = parts.train.take(np.flatnonzero(~np.isin(parts.train.events.user_idx, new)))
    pipeline, task = blend_of(train), ranking_task(replace(parts, train=train), 4.0, 40)
    n_new = sum(not history for history in task.histories)
    assert 1 < n_new < len(task.user_idx)
    asked = count_requests(monkeypatch)
    monkeypatch.setattr(task_lists, "makes_blocks", lambda _: False)
    lists = served_lists(pipeline, train, task, ENSEMBLE, Silent())
    assert len(asked) == len(task.user_idx) - n_new + 1
    for at, history in enumerate(task.histories):
        if not history:
            query = query_for_new(pipeline.users.id_of(task.user_idx[at]), history, ENSEMBLE)
            expected = [pipeline.items.idx_of(each.product_id) for each in pipeline.recommend(query)]
            assert lists[at].tolist() == expected
