"""The contract of every model in MODELS, by the flags of its row."""

from __future__ import annotations

import gc
import weakref
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from src.core.domain import NO_TIME, EventBatch, FloatArray, IntArray
from src.interactions.interactions import TrainingData, training_data
from src.interactions.item_categories import ItemCategories
from src.models import MODELS, SVD
from src.models.base import QueryBlock, QueryRows, SavedAsArrays
from src.models.settings import AllSettings
from src.models.top_n import Candidates

N_USERS, N_ITEMS = 40, 25
SETTINGS = AllSettings(
    svd_factors=8,
    svd_epochs=5,
    vbmf_factors=3,
    vbmf_sweeps=5,
    als_factors=6,
    als_iterations=4,
    spectral_rank=10,
    item_graph_neighbours=12,
)

LISTS = [name for name, kind in MODELS.items() if kind.lists]
RATERS = [name for name, kind in MODELS.items() if kind.rates]
LOOKS_AT_THE_HISTORY = [name for name in LISTS if not MODELS[name].scores_cold_users and name != SVD]
"""SVD alone makes its list of who asks: of the factors of users it has seen."""

every_model = pytest.mark.parametrize("name", MODELS)
every_list_model = pytest.mark.parametrize("name", LISTS)
every_rater = pytest.mark.parametrize("name", RATERS)

Row = tuple[str, str, str, float]


def make_data(rows: list[Row]) -> TrainingData:
    users, products, kinds, values = (list(column) for column in zip(*rows, strict=True))
    at = np.arange(len(rows), dtype=np.int64) if len(rows) % 2 else np.full(len(rows), NO_TIME, np.int64)
    data = training_data([EventBatch(users, products, kinds, np.array(values, np.float64), at)])
    ids = data.items.ids_of(range(len(data.items)))
    vectors = np.random.default_rng(5).standard_normal((len(ids), 6)).astype(np.float32)
    vectors[:, 0] += [{"even": 5, "odd": -5, "letters": 0}[category_of(id_)] for id_ in ids]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    categories = ItemCategories.of(f"all > {category_of(id_)}" for id_ in ids)
    return replace(data, categories=categories, item_vectors=vectors)


def category_of(product_id: str) -> str:
    return ("even", "odd")[int(product_id[1:]) % 2] if product_id[1:] else "letters"


def mixed_data() -> TrainingData:
    """Two tastes, every kind of event; the last user and the last product have a click only."""
    rng = np.random.default_rng(3)
    rows: list[Row] = []
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


def one_has_everything() -> TrainingData:
    """Data with a user who has many products, most of them alone."""
    rows: list[Row] = [("all", f"p{item}", "purchase", 1) for item in range(600)]
    return make_data([*rows, *((f"u{user}", f"p{user}", "rating", 1 + user % 5) for user in range(9))])


def nothing_speaks() -> TrainingData:
    """Data without a positive weight: all purchases were returned."""
    return make_data([("a", "x", "return", 1), ("b", "x", "return", 1), ("b", "y", "return", 2)])


WORLDS = {
    "mixed": mixed_data,
    "clicks only": clicks_only,
    "one user, one product": one_of_each,
    "one has everything": one_has_everything,
    "nothing speaks": nothing_speaks,
}
every_world = pytest.mark.parametrize("world", WORLDS)


def train(name: str, data: TrainingData, seed: int = 1) -> Any:
    return MODELS[name].train(data, MODELS[name].params(SETTINGS), seed=seed)


def arrays_of(thing: Any) -> dict[str, FloatArray]:
    return {f.name: value for f in fields(thing) if isinstance(value := getattr(thing, f.name), np.ndarray)}


def arrays_of_data(data: TrainingData) -> list[Any]:
    """Return all arrays of training data."""
    histories = [data.histories.data, data.histories.indices, data.histories.indptr]
    return [
        data.kind,
        *(array for part in (data.events, data.ratings, data.feedback) for array in arrays_of(part).values()),
        *histories,
    ]


def query(data: TrainingData, user: int | None) -> QueryRows:
    """Return the query of a user with the stored history; None and -1: an unknown user without one."""
    if user is None or user < 0:
        return QueryRows(user, np.zeros(0, np.int64), np.zeros(0, np.float32))
    history = data.histories[user]
    return QueryRows(user, history.indices.astype(np.int64), history.data)


def askers(data: TrainingData, most: int = 1_000) -> list[int]:
    """Return an unknown user, the first users, and the one with the longest history."""
    users = [*range(min(most, len(data.users))), int(np.argmax(np.diff(data.histories.indptr)))]
    return [-1, *dict.fromkeys(users)]


def block(data: TrainingData, users: list[int]) -> QueryBlock:
    """Return the queries of these users, -1 for an unknown one."""
    with_stranger = csr_matrix(vstack([data.histories, csr_matrix((1, len(data.items)), dtype=np.float32)]))
    return QueryBlock(np.array(users, np.int64), with_stranger[np.array(users, np.int64)])


def pairs(data: TrainingData, most: int = 60) -> IntArray:
    """(user, product) row numbers of many, -1 for unknown ones."""
    users, items = range(-1, min(len(data.users), most)), range(-1, min(len(data.items), most))
    return np.array([(user, item) for user in users for item in items])


def assert_is_a_list(found: Candidates, n: int, n_items: int) -> None:
    assert len(found.item_idx) == len(found.score) <= min(n, n_items)
    assert np.issubdtype(found.item_idx.dtype, np.integer)
    assert len(set(found.item_idx.tolist())) == len(found.item_idx)
    assert np.all((found.item_idx >= 0) & (found.item_idx < n_items))
    assert np.all(np.isfinite(found.score))
    assert np.all(np.diff(found.score) <= 0)


@pytest.fixture(scope="module")
def worlds() -> dict[tuple[str, str], tuple[TrainingData, Any]]:
    made = {title: make() for title, make in WORLDS.items()}
    return {(title, name): (data, train(name, data)) for title, data in made.items() for name in MODELS}


Worlds = dict[tuple[str, str], tuple[TrainingData, Any]]


@every_world
@every_model
def test_what_is_set_aside_is_the_same_model(
    worlds: Worlds, name: str, world: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.models.base._LARGE", 1)
    _, model = worlds[world, name]
    if not isinstance(model, SavedAsArrays):
        return
    aside = model.set_aside(tmp_path)
    for array in model.ARRAYS:
        np.testing.assert_array_equal(getattr(aside, array), getattr(model, array))
        assert not getattr(aside, array).nbytes or not getattr(aside, array).flags.writeable
    assert (aside.params, type(aside)) == (model.params, type(model))


# lists


@every_world
@every_list_model
def test_a_list_is_distinct_products_best_first_at_most_n_and_finite(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    for user in askers(data):
        for n in (0, 1, 3, len(data.items), 1_000):
            assert_is_a_list(model.retrieve(query(data, user), n), n, len(data.items))


@every_list_model
def test_a_shorter_list_is_the_beginning_of_a_longer_one(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    for user in (0, 7):
        long = model.retrieve(query(data, user), 20).item_idx.tolist()
        assert len(long) == 20
        for n in (1, 5, 19):
            assert model.retrieve(query(data, user), n).item_idx.tolist() == long[:n]


@every_world
@every_list_model
def test_the_score_of_a_product_is_the_one_of_the_list(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    for user in askers(data, 5):
        asked = query(data, user)
        found = model.retrieve(asked, 1_000)
        np.testing.assert_allclose(model.score(asked, found.item_idx), found.score, rtol=1e-5, atol=1e-6)
        backwards = found.item_idx[::-1]
        np.testing.assert_allclose(model.score(asked, backwards), found.score[::-1], rtol=1e-5, atol=1e-6)
        everything = model.score(asked, np.arange(len(data.items)))
        assert everything.shape == (len(data.items),)
        # What was not listed, though there was room, is what the model has no opinion on: 0 is none in a sum.
        says_something = np.isfinite(everything)
        if name in LOOKS_AT_THE_HISTORY:
            says_something &= everything != 0
        assert set(np.flatnonzero(says_something).tolist()) == set(found.item_idx.tolist())
        assert not np.isinf(everything).any()
        assert model.score(asked, np.zeros(0, np.int64)).shape == (0,)


@every_world
@every_list_model
def test_scores_of_many_queries_at_once_are_those_of_each(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    users = [*askers(data, 30), -1]
    found = model.score_all(block(data, users))
    assert found.shape == (len(users), len(data.items))
    assert found.dtype == np.float32
    items = np.arange(len(data.items))
    for user, row in zip(users, found, strict=True):
        np.testing.assert_allclose(row, model.score(query(data, user), items), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            row, model.score_all(QueryBlock.of(query(data, user), len(items)))[0], rtol=1e-4, atol=1e-5
        )


@every_world
@every_list_model
def test_only_the_columns_asked_for_in_their_order(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    asked = block(data, askers(data, 30))
    whole = model.score_all(asked)
    n_items = len(data.items)
    for items in (np.arange(n_items)[::-1], np.arange(0, n_items, 3), np.array([n_items - 1]), np.zeros(0, np.int64)):
        found = model.score_all(asked, items)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, whole[:, items], rtol=1e-5, atol=1e-6)


@every_world
@every_list_model
def test_score_and_score_all_have_scores_for_the_same_products(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    users = askers(data, 30)
    together = np.isnan(model.score_all(block(data, users)))
    for user, silent in zip(users, together, strict=True):
        alone = np.isnan(model.score(query(data, user), np.arange(len(data.items))))
        assert silent.tolist() == alone.tolist()
        # A blend asks of the first product only: no opinion is none on any product.
        assert not MODELS[name].blends or len(set(silent.tolist())) == 1


@every_list_model
def test_scores_are_a_new_array_that_the_asker_may_change(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    asked = block(data, [0, 1, -1])
    before = asked.history.copy()
    first = model.score_all(asked)
    expected = first.copy()
    first[:] = -np.inf
    np.testing.assert_array_equal(model.score_all(asked), expected)
    assert not any(np.shares_memory(first, array) for array in arrays_of(model).values())
    assert (asked.history != before).nnz == 0


@every_list_model
def test_an_empty_block_has_no_scores(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    assert model.score_all(block(data, [])).shape == (0, N_ITEMS)
    assert model.score_all(block(data, []), np.array([2, 1])).shape == (0, 2)


@every_world
@every_list_model
@pytest.mark.parametrize("user", [None, -1])
def test_the_row_says_whether_unknown_users_get_a_list(worlds: Worlds, name: str, world: str, user: int | None) -> None:
    data, model = worlds[world, name]
    found = model.retrieve(query(data, user), 5)
    assert (len(found.item_idx) > 0) is MODELS[name].scores_cold_users
    assert np.isfinite(model.score(query(data, user), np.array([0]))).all() == MODELS[name].scores_cold_users


@every_world
@pytest.mark.parametrize("name", LOOKS_AT_THE_HISTORY)
def test_a_list_depends_on_the_history_and_not_on_the_user(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    items = np.arange(len(data.items))
    for user in askers(data, 12)[1:]:
        known = query(data, user)
        unseen = QueryRows(None, known.item_idx, known.weight)
        one, other = (model.retrieve(asked, 10) for asked in (known, unseen))
        np.testing.assert_array_equal(one.item_idx, other.item_idx)
        np.testing.assert_array_equal(one.score, other.score)
        np.testing.assert_array_equal(model.score(known, items), model.score(unseen, items))
        assert (len(one.item_idx) > 0) is bool((np.nan_to_num(model.score(known, items)) != 0).any())


@pytest.mark.parametrize("name", LOOKS_AT_THE_HISTORY)
def test_the_order_of_a_history_changes_no_list(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    asked = query(data, 3)
    backwards = QueryRows(3, asked.item_idx[::-1].copy(), asked.weight[::-1].copy())
    items = np.arange(N_ITEMS)
    np.testing.assert_allclose(model.score(asked, items), model.score(backwards, items), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LOOKS_AT_THE_HISTORY)
def test_another_history_and_other_weights_make_another_list(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    asked, items = query(data, 3), np.arange(N_ITEMS)
    heavier = QueryRows(
        3, asked.item_idx, np.where(np.arange(len(asked.weight)) == 0, 1, asked.weight * 0.1).astype("f4")
    )
    scores = [model.score(each, items) for each in (asked, heavier, query(data, 4))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.allclose(scores[one], scores[other], rtol=1e-3)


@pytest.mark.parametrize("name", LOOKS_AT_THE_HISTORY)
def test_who_likes_one_half_of_the_shop_is_shown_more_of_that_half(name: str) -> None:
    rows: list[Row] = [
        (f"u{user}", f"p{item}", "rating", 4.0 + user % 2)
        for user in range(60)
        for item in np.random.default_rng(user).choice(np.arange(user % 2, 30, 2), 8, replace=False)
    ]
    data = make_data([*rows, ("one more", "p0", "view", 1.0)])  # an odd number of rows has times
    model = train(name, data)
    half = np.array([int(id_[1:]) % 2 for id_ in data.items.ids_of(range(len(data.items)))])
    for user in range(10):
        asked = query(data, user)
        new = [item for item in model.retrieve(asked, 15).item_idx if item not in asked.item_idx]
        assert half[new[:5]].tolist() == [user % 2] * 5


# ratings


@every_world
@every_rater
def test_predicted_ratings_are_on_the_scale_for_known_and_unknown(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    rated = model.rate(*pairs(data).T)
    assert rated.shape == (len(pairs(data)),)
    assert np.all((rated >= SETTINGS.rating_min) & (rated <= SETTINGS.rating_max))


@pytest.mark.parametrize("world", ["clicks only", "nothing speaks"])
@every_rater
def test_without_any_rating_everything_is_expected_in_the_middle_of_the_scale(
    worlds: Worlds, name: str, world: str
) -> None:
    _, model = worlds[world, name]
    asked = np.array([(u, i) for u in (-1, 0, 1) for i in (-1, 0, 1)])
    np.testing.assert_allclose(model.rate(*asked.T), 3.0)
    assert model.n_ratings(0, 0) == (0, 0)


@every_rater
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


@every_rater
def test_no_pairs_have_no_ratings(worlds: Worlds, name: str) -> None:
    _, model = worlds["mixed", name]
    nothing = np.zeros(0, np.int64)
    assert model.rate(nothing, nothing).shape == (0,)


# both


def answers(data: TrainingData, name: str, model: Any) -> list[FloatArray]:
    """Return the answers of a model to all kinds of queries."""
    said: list[FloatArray] = []
    if MODELS[name].lists:
        for user in askers(data):
            found = model.retrieve(query(data, user), 10)
            said += [found.item_idx, found.score]
        said.append(model.score_all(block(data, askers(data))))
    if MODELS[name].rates:
        asked = pairs(data)
        said += [model.rate(*asked.T), np.array([model.n_ratings(u, i) for u, i in asked.tolist()])]
    return said


@every_model
def test_a_model_makes_lists_or_predicts_ratings_or_both(name: str) -> None:
    kind = MODELS[name]
    assert kind.lists or kind.rates
    assert kind.lists or not (kind.blends or kind.scores_cold_users)


@every_world
@every_model
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
    for key, array in arrays_of(loaded).items():
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable
        assert array.dtype == arrays_of(model)[key].dtype
    assert (loaded.params, loaded.describe()) == (model.params, model.describe())
    for before, after in zip(answers(data, name, model), answers(data, name, loaded), strict=True):
        np.testing.assert_array_equal(before, after)


@every_world
@every_model
def test_the_same_seed_and_data_make_the_same_model(worlds: Worlds, name: str, world: str) -> None:
    _, model = worlds[world, name]
    again = train(name, WORLDS[world]())
    for array, same in zip(arrays_of(model).values(), arrays_of(again).values(), strict=True):
        np.testing.assert_array_equal(array, same)


@every_world
@every_model
def test_all_that_a_model_is_made_of_is_finite(worlds: Worlds, name: str, world: str) -> None:
    _, model = worlds[world, name]
    for key, array in arrays_of(model).items():
        assert np.isfinite(array).all(), key


@every_world
@every_model
def test_it_describes_its_shape_in_whole_numbers(worlds: Worlds, name: str, world: str) -> None:
    data, model = worlds[world, name]
    described = model.describe()
    assert described["n_items"] == len(data.items)
    assert described.get("n_users") == (len(data.users) if MODELS[name].rates else described.get("n_users"))
    assert described.get("n_users", len(data.users)) == len(data.users)
    assert {type(value) for value in described.values()} == {int}


@every_model
def test_training_neither_changes_the_data_nor_keeps_it(name: str) -> None:
    data = mixed_data()
    handed_in = arrays_of_data(data)
    before = [array.copy() for array in handed_in]
    for array in handed_in:
        array.flags.writeable = False
    model = train(name, data)
    for array, copy in zip(handed_in, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert not any(np.shares_memory(mine, theirs) for mine in arrays_of(model).values() for theirs in handed_in)
    alive = weakref.ref(data), weakref.ref(data.events)
    del data, handed_in
    gc.collect()
    assert [ref() for ref in alive] == [None, None]
    assert model.describe()["n_items"] == N_ITEMS


@every_model
def test_asking_changes_nothing(worlds: Worlds, name: str) -> None:
    data, model = worlds["mixed", name]
    before = {key: array.copy() for key, array in arrays_of(model).items()}
    first, second = answers(data, name, model), answers(data, name, model)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    for key, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, before[key])
