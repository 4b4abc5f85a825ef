"""The text model recommends products without purchases by their texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.models import MODELS, TEXT, trainable
from src.models.base import QueryRows
from src.models.text import Text, TextParams, train
from src.recommendation import ensemble as blend_module
from src.recommendation.ensemble import build_ensemble
from src.recommendation.ensemble_config import fit_models

N_USERS, TASTES, OF_EACH = 60, 3, 8


def shop(*, pairs_of_products: bool = True) -> TrainingData:
    """Users buy within a taste; the last product of every taste has no event, and is described like the others."""
    rows = []
    rng = np.random.default_rng(2)
    for user in range(N_USERS):
        taste = user % TASTES
        bought = rng.choice(OF_EACH - 1, 4 if pairs_of_products else 1, replace=False)
        rows += [(f"u{user}", f"p{taste}-{number}") for number in bought]
    users, items = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    batch = EventBatch(users, items, ["purchase"] * n, np.ones(n), np.full(n, NO_TIME, np.int64))
    data = training_data([batch]).with_items(f"p{taste}-{OF_EACH - 1}" for taste in range(TASTES))
    tastes = [int(id_[1]) for id_ in data.items.ids_of(range(len(data.items)))]
    vectors = np.eye(5, dtype=np.float32)[tastes] + 0.3 * rng.random((len(tastes), 5)).astype(np.float32)
    return replace(data, item_vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def row(data: TrainingData, product_id: str) -> int:
    found = data.items.idx_of(product_id)
    assert found is not None
    return found


def of_taste(data: TrainingData, taste: int) -> QueryRows:
    items = [row(data, f"p{taste}-{number}") for number in (0, 1)]
    return QueryRows(None, np.array(items), np.ones(2, np.float32))


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return shop()


@pytest.fixture(scope="module")
def model(data: TrainingData) -> Text:
    return train(data, TextParams(), seed=1)


def test_new_items_are_numbered_after_those_of_events(data: TrainingData) -> None:
    assert data.items.ids_of(range(len(data.items) - TASTES, len(data.items))) == ["p0-7", "p1-7", "p2-7"]
    assert data.histories.shape == (N_USERS, len(data.items))
    assert data.with_items(["p0-7", "p0-0"]) is data


@pytest.mark.parametrize("taste", range(TASTES))
def test_a_product_without_an_event_heads_the_list_of_its_taste(data: TrainingData, model: Text, taste: int) -> None:
    found = model.retrieve(of_taste(data, taste), 5).item_idx.tolist()
    assert row(data, f"p{taste}-7") in found[:2]
    assert not {row(data, f"p{other}-7") for other in range(TASTES) if other != taste} & set(found)


def test_a_product_without_an_event_counts_in_a_history(data: TrainingData, model: Text) -> None:
    query = QueryRows(None, np.array([row(data, "p1-7")]), np.ones(1, np.float32))
    found = data.items.ids_of(model.retrieve(query, 4).item_idx.tolist())
    assert all(id_.startswith("p1-") for id_ in found)


def test_without_users_of_two_products_text_similarity_decides() -> None:
    data = shop(pairs_of_products=False)
    model = train(data, TextParams(), seed=1)
    assert row(data, "p2-7") in model.retrieve(of_taste(data, 2), 5).item_idx.tolist()


def test_a_product_without_a_text_has_no_score(data: TrainingData) -> None:
    assert data.item_vectors is not None
    vectors = data.item_vectors.copy()
    vectors[row(data, "p0-7")] = 0
    model = train(replace(data, item_vectors=vectors), TextParams(), seed=1)
    assert model.score(of_taste(data, 0), np.array([row(data, "p0-7")])).tolist() == [0]


def test_without_texts_nothing_is_learnt() -> None:
    data = replace(shop(), item_vectors=None)
    assert TEXT not in trainable(data)
    assert train(data, TextParams(), seed=1).describe()["n_factors"] == 0


def test_of_very_many_new_products_the_last_ones_are_in_the_index(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    from src.models.settings import AllSettings

    many = data.with_items(f"new-{number}" for number in range(100))
    vectors = np.ones((len(many.items), 5), np.float32) / np.sqrt(5).astype(np.float32)
    many = replace(many, item_vectors=vectors)
    monkeypatch.setattr(blend_module, "FEWEST_NEW", 1)
    names = ("popularity", "spectral", "text")
    models = fit_models(many, {name: MODELS[name].params(AllSettings(spectral_rank=6)) for name in names}, 1, Silent())
    blend = build_ensemble(models, {"spectral": 1.0, "text": 0.4}, many, seed=1).indexed(many, Silent())
    assert blend.index is not None
    has_neighbours = (blend.index.item >= 0).any(axis=1)
    n_bought = int((np.bincount(many.histories.indices, minlength=len(many.items)) > 0).sum())
    assert has_neighbours.sum() == 2 * n_bought
    assert has_neighbours[-n_bought:].all()


def test_the_ensemble_lists_products_without_purchases(data: TrainingData) -> None:
    from src.models.settings import AllSettings

    settings = AllSettings(als_factors=4, als_iterations=2, spectral_rank=6, item_graph_neighbours=5)
    names = ("popularity", "item_graph", "spectral", "text")
    models = fit_models(data, {name: MODELS[name].params(settings) for name in names}, 1, Silent())
    weights = {"spectral": 1.0, "item_graph": 0.2, "text": 0.4, "category_popularity": 0.3}
    blend = build_ensemble(models, weights, data, seed=1).indexed(data, Silent())
    assert set(blend.weights) == {"spectral", "item_graph", "text"}
    for taste in range(TASTES):
        found = blend.retrieve(of_taste(data, taste), 8).item_idx.tolist()
        assert row(data, f"p{taste}-7") in found
