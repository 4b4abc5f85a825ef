"""What every model promises. Parametrized over MODELS: a new row is tested without a line here."""

from __future__ import annotations

import gc
import weakref
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.config import Settings
from src.dataset.interactions import TrainingData, training_data
from src.domain import NO_TIME, EventBatch, FloatArray
from src.models import MODELS
from src.models.base import Candidates, Model, QueryRows

N_USERS, N_ITEMS = 40, 25
SETTINGS = Settings(svd_factors=8, svd_epochs=5)

pytestmark = pytest.mark.parametrize("name", MODELS)


def make_data(rows: list[tuple[str, str, str, float]]) -> TrainingData:
    users, products, kinds, values = (list(column) for column in zip(*rows, strict=True))
    at = np.arange(len(rows), dtype=np.int64) if len(rows) % 2 else np.full(len(rows), NO_TIME, np.int64)
    return training_data([EventBatch(users, products, kinds, np.array(values, np.float64), at)])


def mixed_data() -> TrainingData:
    """Two tastes, every kind of event; the last user and the last product have a click only."""
    rng = np.random.default_rng(3)
    rows: list[tuple[str, str, str, float]] = []
    for user in range(N_USERS - 1):
        for item in rng.choice(N_ITEMS - 1, 8, replace=False):
            liked = (user + item) % 2 == 0
            rows.append((f"u{user}", f"p{item}", "rating", 5.0 if liked else 2.0))
            rows.append((f"u{user}", f"p{item}", str(rng.choice(["purchase", "cart", "view"])), 1.0))
    rows.append((f"u{N_USERS - 1}", f"p{N_ITEMS - 1}", "click", 1.0))
    return make_data(rows)


def clicks_only() -> TrainingData:
    return make_data([("a", "x", "click", 1), ("b", "x", "click", 1), ("b", "y", "click", 1)])


def one_of_each() -> TrainingData:
    return make_data([("a", "x", "rating", 4)])


WORLDS = {"mixed": mixed_data, "clicks only": clicks_only, "one user, one product": one_of_each}


def train(name: str, data: TrainingData, seed: int = 1) -> Model:
    return MODELS[name].train(data, MODELS[name].params(SETTINGS), seed=seed)


def arrays_of(model: Any) -> dict[str, FloatArray]:
    return {f.name: value for f in fields(model) if isinstance(value := getattr(model, f.name), np.ndarray)}


def query(data: TrainingData, user: int | None) -> QueryRows:
    """A user together with what that user did; None for somebody unknown without a history."""
    if user is None or user < 0:
        return QueryRows(user, np.zeros(0, np.int64))
    return QueryRows(user, data.events.item_idx[data.events.user_idx == user].astype(np.int64))


def assert_is_a_list(found: Candidates, n: int, n_items: int) -> None:
    assert len(found.item_idx) == len(found.score) <= min(n, n_items)
    assert np.issubdtype(found.item_idx.dtype, np.integer)
    assert len(set(found.item_idx.tolist())) == len(found.item_idx)
    assert np.all((found.item_idx >= 0) & (found.item_idx < n_items))
    assert np.all(np.isfinite(found.score))
    assert np.all(np.diff(found.score) <= 0)


@pytest.fixture(scope="module")
def worlds() -> dict[tuple[str, str], tuple[TrainingData, Model]]:
    made = {title: make() for title, make in WORLDS.items()}
    return {(title, name): (data, train(name, data)) for title, data in made.items() for name in MODELS}


Worlds = dict[tuple[str, str], tuple[TrainingData, Model]]


@pytest.mark.parametrize("world", WORLDS)
def test_a_list_is_distinct_products_best_first_at_most_n_and_finite(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    for user in [None, -1, *range(len(data.users))]:
        for n in (0, 1, 3, len(data.items), 1_000):
            assert_is_a_list(model.retrieve(query(data, user), n), n, len(data.items))


def test_a_shorter_list_is_the_beginning_of_a_longer_one(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    for user in (0, 7):
        long = model.retrieve(query(data, user), 20).item_idx.tolist()
        assert len(long) == 20
        for n in (1, 5, 19):
            assert model.retrieve(query(data, user), n).item_idx.tolist() == long[:n]


@pytest.mark.parametrize("world", WORLDS)
def test_the_score_of_a_product_is_the_one_of_the_list(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    for user in [None, -1, *range(min(5, len(data.users)))]:
        asked = query(data, user)
        found = model.retrieve(asked, 1_000)
        np.testing.assert_allclose(model.score(asked, found.item_idx), found.score, rtol=1e-5)
        backwards = found.item_idx[::-1]
        np.testing.assert_allclose(model.score(asked, backwards), found.score[::-1], rtol=1e-5)
        everything = model.score(asked, np.arange(len(data.items)))
        assert everything.shape == (len(data.items),)
        # What was not listed, though there was room, is what the model has no opinion on.
        assert set(np.flatnonzero(np.isfinite(everything)).tolist()) == set(found.item_idx.tolist())
        assert model.score(asked, np.zeros(0, np.int64)).shape == (0,)


@pytest.mark.parametrize("world", WORLDS)
def test_saved_and_loaded_it_answers_the_same_from_mapped_arrays(
    worlds: Worlds, name: str, world: str, tmp_path: Path
) -> None:
    data, model = worlds[world, name]
    model.save(tmp_path / "model")
    loaded = MODELS[name].load(tmp_path / "model")
    assert type(loaded) is type(model)
    assert {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()} <= {".npy", ".json"}
    for path in (tmp_path / "model").rglob("*.npy"):
        np.load(path, allow_pickle=False)
    assert arrays_of(loaded).keys() == arrays_of(model).keys() != set()
    for array in arrays_of(loaded).values():
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
    assert (loaded.params, loaded.describe()) == (model.params, model.describe())
    n_users, n_items = len(data.users), len(data.items)
    for user in [None, -1, *range(n_users)]:
        before, after = (m.retrieve(query(data, user), 10) for m in (model, loaded))
        np.testing.assert_array_equal(before.item_idx, after.item_idx)
        np.testing.assert_array_equal(before.score, after.score)
    pairs = np.array([(user, item) for user in range(-1, n_users) for item in range(-1, n_items)])
    np.testing.assert_array_equal(model.rate(*pairs.T), loaded.rate(*pairs.T))
    assert [model.n_ratings(u, i) for u, i in pairs.tolist()] == [loaded.n_ratings(u, i) for u, i in pairs.tolist()]


def test_the_same_seed_and_data_make_the_same_model(worlds: Worlds, name: str) -> None:
    _, model = worlds["mixed", name]
    again = train(name, mixed_data())
    for array, same in zip(arrays_of(model).values(), arrays_of(again).values(), strict=True):
        np.testing.assert_array_equal(array, same)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("user", [None, -1])
def test_the_row_says_whether_strangers_get_a_list(worlds: Worlds, name: str, world: str, user: int | None) -> None:
    data, model = worlds[world, name]
    found = model.retrieve(query(data, user), 5)
    assert (len(found.item_idx) > 0) is MODELS[name].has_opinion_on_strangers
    assert np.isfinite(model.score(query(data, user), np.array([0]))).all() == MODELS[name].has_opinion_on_strangers


@pytest.mark.parametrize("world", WORLDS)
def test_predicted_ratings_are_on_the_scale_for_known_and_unknown(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    pairs = np.array([(u, i) for u in range(-1, len(data.users)) for i in range(-1, len(data.items))])
    rated = model.rate(*pairs.T)
    assert rated.shape == (len(pairs),)
    assert np.all((rated >= SETTINGS.rating_min) & (rated <= SETTINGS.rating_max))


def test_without_any_rating_everything_is_expected_in_the_middle_of_the_scale(worlds: Worlds, name: str) -> None:
    _, model = worlds["clicks only", name]
    pairs = np.array([(u, i) for u in (-1, 0, 1) for i in (-1, 0, 1)])
    np.testing.assert_allclose(model.rate(*pairs.T), 3.0)
    assert model.n_ratings(0, 0) == (0, 0)


def test_it_says_how_many_ratings_it_learnt_from(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    users, items = data.ratings.count_by_user(), data.ratings.count_by_item()
    assert users[0] == 8
    assert users[-1] == items[-1] == 0
    for user in (0, N_USERS - 1):
        for item in (0, N_ITEMS - 1):
            assert model.n_ratings(user, item) == (users[user], items[item])
    assert model.n_ratings(-1, -1) == (0, 0)
    assert model.n_ratings(0, -1) == (8, 0)


def test_it_describes_its_shape_in_whole_numbers(worlds: Worlds, name: str) -> None:
    _, model = worlds["mixed", name]
    described = model.describe()
    assert (described["n_users"], described["n_items"]) == (N_USERS, N_ITEMS)
    assert {type(value) for value in described.values()} == {int}


def test_training_neither_changes_the_data_nor_keeps_it(name: str) -> None:
    data = mixed_data()
    handed_in = [data.kind, data.events.user_idx, data.events.item_idx, data.events.value, data.events.at]
    before = [array.copy() for array in handed_in]
    for array in handed_in:
        array.flags.writeable = False
    model = train(name, data)
    for array, copy in zip(handed_in, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    of_data = [*handed_in, *arrays_of(data.ratings).values(), *arrays_of(data.feedback).values()]
    assert not any(np.shares_memory(mine, theirs) for mine in arrays_of(model).values() for theirs in of_data)
    alive = weakref.ref(data), weakref.ref(data.events)
    del data, of_data
    gc.collect()
    assert [ref() for ref in alive] == [None, None]
    assert model.describe()["n_users"] == N_USERS


def test_asking_changes_nothing(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    before = {key: array.copy() for key, array in arrays_of(model).items()}
    first = model.retrieve(query(data, 0), 10)
    model.rate(np.array([0, -1]), np.array([-1, 0]))
    model.score(query(data, 1), np.array([0, 1]))
    second = model.retrieve(query(data, 0), 10)
    np.testing.assert_array_equal(first.score, second.score)
    for key, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, before[key])
