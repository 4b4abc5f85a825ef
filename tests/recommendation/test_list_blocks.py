"""Lists of a block of histories are those of single requests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import Event, EventKind, Query
from src.core.progress import Silent
from src.interactions.interactions import TrainingData
from src.models import ALS, ITEM_GRAPH, MODELS, POPULARITY, TRENDING
from src.models.base import QueryBlock
from src.recommendation import ensemble, list_blocks
from src.recommendation.ensemble import ENSEMBLE, build_ensemble
from src.recommendation.ensemble_config import fit_models
from src.recommendation.list_blocks import UserBlocks, block_lists, makes_blocks
from src.recommendation.pipeline import Pipeline
from src.recommendation.prepared_lists import LENGTH, prepare_lists
from tests.recommendation.test_list_ranker import NAMES, SETTINGS, WEIGHTS, order, world


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return world()


@pytest.fixture(scope="module", params=[False, True], ids=["sum", "trees"])
def pipeline(request: pytest.FixtureRequest, data: TrainingData) -> Pipeline:
    params = {name: MODELS[name].params(SETTINGS) for name in (*NAMES, ITEM_GRAPH, ALS)}
    models = fit_models(data, params, 1, Silent())
    weights, by_trees = {**WEIGHTS, ALS: 0.3, TRENDING: 0.05}, order() if request.param else None
    blend = build_ensemble(models, weights, data, seed=1, order=by_trees).indexed(data, Silent())
    return Pipeline(data.users, data.items, {**models, ENSEMBLE: blend}, ENSEMBLE, weighting=data.weighting)


def queries_of(data: TrainingData, n: int) -> list[Query]:
    events = data.events
    products = [events.items.ids_of(events.item_idx[events.user_idx == user]) for user in range(len(data.users))]
    return [Query(None, tuple(Event("", id_, EventKind.PURCHASE) for id_ in ids), n=n) for ids in products]


@pytest.mark.parametrize("most_items", [list_blocks.MOST_ITEMS, 0], ids=["all scored", "candidates scored"])
@pytest.mark.parametrize(("n", "n_withdrawn"), [(1, 0), (10, 0), (10, 3), (10, 40), (45, 0)])
def test_a_block_makes_the_lists_of_requests(
    pipeline: Pipeline, data: TrainingData, monkeypatch: pytest.MonkeyPatch, n: int, n_withdrawn: int, most_items: int
) -> None:
    monkeypatch.setattr(list_blocks, "MOST_ITEMS", most_items)
    if most_items == 0 and pipeline.models[ENSEMBLE].ranker is not None:
        assert not makes_blocks(pipeline)
        return
    monkeypatch.setattr(ensemble, "CANDIDATES", 12)  # of 60 products, so that it matters which are candidates
    monkeypatch.setattr(ensemble, "_CANDIDATES_PER_PLACE", 1)
    pipeline, queries = pipeline.without(pipeline.items.ids_of(range(n_withdrawn))), queries_of(data, n)
    seen = np.zeros((len(queries), len(pipeline.items)), np.bool_)
    for row, query in zip(seen, queries, strict=True):
        row[pipeline.items.rows_of(list(query.seen))] = True
    assert makes_blocks(pipeline)
    made = block_lists(pipeline, QueryBlock(np.full(len(queries), -1), data.histories), csr_matrix(seen), n)
    assert made.is_whole.any()
    assert made.is_whole.all() == (n_withdrawn < 40)
    for at in np.flatnonzero(made.is_whole).tolist():
        single = pipeline.recommend(queries[at])
        assert pipeline.items.ids_of(made.item[at].tolist()) == [place.product_id for place in single]
        assert made.score[at] == pytest.approx([place.score for place in single], rel=1e-4, abs=1e-5)


def test_prepared_in_blocks_lists_are_those_of_requests(
    pipeline: Pipeline, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensemble, "CANDIDATES", 12)
    monkeypatch.setattr(ensemble, "_CANDIDATES_PER_PLACE", 1)
    in_blocks = UserBlocks(pipeline, data, LENGTH)
    made = prepare_lists(pipeline, data, 600, Silent(), in_blocks)
    alone = prepare_lists(pipeline, data, 600, Silent())
    assert made is not None
    assert alone is not None
    is_made = in_blocks(np.arange(-1, len(data.users)))[2]
    assert is_made.tolist() == [False, *[True] * len(data.users)]
    assert (made.low.tolist(), made.high.tolist()) == (alone.low.tolist(), alone.high.tolist())
    np.testing.assert_array_equal(made.item, alone.item)
    assert made.score == pytest.approx(alone.score, rel=1e-4, abs=1e-5)
    for numbers, name_of in ((made, made.names), (alone, alone.names)):
        assert {name_of[at] for at in numbers.source[numbers.item >= 0].tolist()} <= {ENSEMBLE, POPULARITY}
    fillers = [np.array([*each.names, ""])[each.filled_by].tolist() for each in (made, alone)]
    assert fillers[0] == fillers[1]


def test_the_highest_values_of_a_row_are_chosen_and_of_equal_ones_the_first() -> None:
    value = np.array([[3.0, 1.0, 3.0, 3.0, 9.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    exists = np.array([[True, True, True, True, False], [False, True, True, False, True]])
    chosen = list_blocks._highest(value, exists, np.array([2, 3]))
    assert chosen.tolist() == [[True, False, True, False, False], [False, True, True, False, True]]
