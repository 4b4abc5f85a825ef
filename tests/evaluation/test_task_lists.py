"""Lists of measured users are the same whether they are made in blocks or one request after the other."""

from __future__ import annotations

import numpy as np
import pytest

from src.core.progress import Silent
from src.evaluation import task_lists
from src.evaluation.protocols import ranking_task
from src.evaluation.task_lists import served_lists
from src.interactions.splits import split
from src.models import ALS, ITEM_GRAPH, MODELS
from src.recommendation.ensemble import ENSEMBLE, build_ensemble
from src.recommendation.ensemble_config import fit_models
from src.recommendation.pipeline import Pipeline
from tests.recommendation.test_list_ranker import NAMES, SETTINGS, WEIGHTS, world


def test_blocks_make_the_lists_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = split(world(), 0.3)
    params = {name: MODELS[name].params(SETTINGS) for name in (*NAMES, ITEM_GRAPH, ALS)}
    models = fit_models(parts.train, params, 1, Silent())
    blend = build_ensemble(models, {**WEIGHTS, ALS: 0.3}, parts.train, seed=1).indexed(parts.train, Silent())
    models[ENSEMBLE] = blend
    pipeline = Pipeline(parts.train.users, parts.train.items, models, "popularity", weighting=parts.train.weighting)
    task = ranking_task(parts, 4.0, 40)
    assert len(task.user_idx) > 10
    in_blocks = served_lists(pipeline, parts.train, task, ENSEMBLE, Silent())
    n_single = 0

    def recommend(*arguments: object) -> object:
        nonlocal n_single
        n_single += 1
        return single(*arguments)

    single = Pipeline.recommend
    monkeypatch.setattr(Pipeline, "recommend", recommend)
    monkeypatch.setattr(task_lists, "makes_blocks", lambda _: False)
    np.testing.assert_array_equal(in_blocks, served_lists(pipeline, parts.train, task, ENSEMBLE, Silent()))
    assert n_single == len(task.user_idx)
