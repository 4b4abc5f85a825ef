"""The weight of texts is tuned so that new products are listed and known ones lose nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.progress import Silent
from src.evaluation.exact_lists import queries_of, top_lists
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import held_out
from src.models import TEXT
from src.models.settings import AllSettings
from src.models.text import TextParams, train
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble
from src.tuning import cold_start_weight as module
from src.tuning.ensemble_tuning import TuningOptions, tune_ensemble

SETTINGS = AllSettings(als_factors=8, als_iterations=3, spectral_rank=16, item_graph_neighbours=20)
N_USERS, N_ITEMS, TASTES = 1000, 120, 4
"""With 300 users chance decides NDCG by more than the loss that tuning allows, and which models get a weight."""


def shop(*, telling: bool = True) -> TrainingData:
    """Users buy within a group of products that texts name or do not name; every fifth product has no event."""
    rng = np.random.default_rng(3)
    rows = []
    for user in range(N_USERS):
        known = [item for item in range(user % TASTES, N_ITEMS, TASTES) if item % 5]
        rows += [(f"u{user}", f"p{item}") for item in rng.choice(known, 9, replace=False)]
    users, items = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    data = training_data([EventBatch(users, items, ["purchase"] * n, np.ones(n), np.full(n, NO_TIME, np.int64))])
    data = data.with_items(f"p{item}" for item in range(0, N_ITEMS, 5))
    taste = np.array([int(id_[1:]) % TASTES for id_ in data.items.ids_of(range(len(data.items)))])
    vectors = np.eye(8, dtype=np.float32)[taste] if telling else np.zeros((len(taste), 8), np.float32)
    vectors = vectors + 0.3 * rng.random((len(taste), 8)).astype(np.float32)
    return replace(data, item_vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def tune(data: TrainingData) -> EnsembleConfig:
    options = TuningOptions(SETTINGS.relevant_rating, SETTINGS.seed)
    return tune_ensemble(held_out(data), EnsembleConfig.of(SETTINGS), options, 0.0, Silent())


@pytest.fixture(scope="module")
def few_places() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "K", 20)
        yield


@pytest.fixture(scope="module")
def recipe(few_places: object) -> EnsembleConfig:
    return tune(shop())


def test_products_without_events_are_listed_by_a_tuned_ensemble(recipe: EnsembleConfig) -> None:
    """Each product is relevant for a quarter of the users; a group has 30 products."""
    data = shop()
    lists = top_lists(fit_ensemble(data, recipe, 1, Silent()), queries_of(data, np.arange(N_USERS)), 25)
    new = np.flatnonzero(data.events.count_by_item() == 0)
    taste = np.array([int(id_[1:]) % TASTES for id_ in data.items.ids_of(range(len(data.items)))])
    mine = np.array([int(id_[1:]) % TASTES for id_ in data.users.ids_of(range(N_USERS))])
    hits = np.isin(lists, new) & (taste[lists] == mine[:, None])
    assert hits.sum(axis=1).mean() > 3


def test_the_chosen_weight_hardly_lowers_the_ndcg_of_known_products(recipe: EnsembleConfig) -> None:
    seen = recipe.found["new_products"]
    assert seen["recall_at_20"] > 0.3
    assert recipe.found["ndcg_at_10"] >= 0.989 * seen["ndcg_without_texts"]
    assert recipe.weights[TEXT] > 0


def test_uninformative_texts_get_a_lower_weight(few_places: object, recipe: EnsembleConfig) -> None:
    found = tune(shop(telling=False))
    assert found.found["new_products"]["recall_at_20"] < recipe.found["new_products"]["recall_at_20"]

    def loud(its: EnsembleConfig) -> float:
        return float(its.weights[TEXT] * (1 + its.params[TEXT].boost))

    assert loud(found) < loud(recipe)


def test_changing_the_boost_equals_training_with_it() -> None:
    data = shop()
    events = np.asarray(data.histories.sum(axis=0)).ravel()
    other = train(data, TextParams(boost=16.0), seed=1)
    found = train(data, TextParams(), seed=1).with_boost(other.params, events)
    assert found.params == other.params
    np.testing.assert_allclose(found.wanted, other.wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.itself, other.itself, rtol=1e-4, atol=1e-6)


def test_without_readable_texts_no_product_counts_as_new(few_places: object) -> None:
    data = replace(shop(), item_vectors=np.zeros((N_ITEMS, 8), np.float32))
    found = tune(data).found
    assert found["new_products"]["recall_at_20"] == 0
    assert found["ndcg_at_10"] == pytest.approx(found["new_products"]["ndcg_without_texts"], abs=1e-4)
