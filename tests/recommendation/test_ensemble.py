"""The ensemble: scores add up as documented, and lists of the index equal those of the whole catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from src.core.domain import DAY, EventBatch, FloatArray, IntArray, Query
from src.core.progress import Silent
from src.interactions.interactions import TrainingData, training_data
from src.interactions.item_categories import ItemCategories
from src.models import (
    ALS,
    AUTOENCODER,
    CATEGORY_POPULARITY,
    CO_OCCURRENCE,
    ITEM_GRAPH,
    MODELS,
    POPULARITY,
    SPECTRAL,
    TEXT,
    TRANSITIONS,
    TRENDING,
)
from src.models.base import QueryBlock, QueryRows
from src.models.settings import AllSettings
from src.models.top_n import Candidates, top_n
from src.recommendation import ensemble
from src.recommendation.candidate_index import CandidateIndex
from src.recommendation.ensemble import CANDIDATES, ENSEMBLE, Ensemble, build_ensemble, scales_of
from src.recommendation.ensemble_config import EnsembleConfig, fit_ensemble, fit_models
from src.recommendation.pipeline import Pipeline
from src.recommendation.score_sums import ScoreSum

N_USERS, N_ITEMS, N_TASTES = 700, 2_400, 12
SETTINGS = AllSettings(als_factors=16, als_iterations=5, spectral_rank=48, item_graph_neighbours=60)
WEIGHTS = {SPECTRAL: 1.0, ALS: 0.3, ITEM_GRAPH: 0.2, TRENDING: 0.05}
NOTHING = QueryRows(None, np.zeros(0, np.int64), np.zeros(0, np.float32))


def random_world() -> TrainingData:
    """Random events with groups of users, and popular products in each group."""
    rng = np.random.default_rng(6)
    by_popularity = 1 / (5 + np.arange(N_ITEMS // N_TASTES))
    rows: list[tuple[str, str, str, int]] = []
    for user in range(N_USERS):
        n = int(rng.integers(4, 40))
        places = rng.choice(len(by_popularity), n, p=by_popularity / by_popularity.sum())
        tastes = np.where(rng.random(n) < 0.8, user % N_TASTES, rng.integers(0, N_TASTES, n))
        for place, taste in zip(places.tolist(), tastes.tolist(), strict=True):
            kind = str(rng.choice(["purchase", "cart", "view"]))
            rows.append((f"u{user}", f"p{place * N_TASTES + taste}", kind, int(rng.integers(0, 100 * DAY))))
    users, items, kinds, times = (list(column) for column in zip(*rows, strict=True))
    data = training_data([EventBatch(users, items, kinds, np.ones(len(rows)), np.array(times, np.int64))])
    tastes = [int(id_[1:]) % N_TASTES for id_ in data.items.ids_of(range(len(data.items)))]
    vectors = np.eye(8, dtype=np.float32)[[taste % 4 for taste in tastes]] + 0.1 * np.eye(8, dtype=np.float32)[5]
    categories = ItemCategories.of(f"all > taste {taste}" for taste in tastes)
    return replace(data, categories=categories, item_vectors=vectors)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return random_world()


@pytest.fixture(scope="module")
def models(data: TrainingData) -> dict[str, Any]:
    params = {name: MODELS[name].params(SETTINGS) for name in MODELS if MODELS[name].blends}
    return fit_models(data, params, 1, Silent())


@pytest.fixture(scope="module")
def plain(models: dict[str, Any], data: TrainingData) -> Ensemble:
    """Without an index."""
    return build_ensemble(models, WEIGHTS, data, seed=1)


@pytest.fixture(scope="module")
def indexed(plain: Ensemble, data: TrainingData) -> Ensemble:
    return plain.indexed(data, Silent())


def query(data: TrainingData, user: int) -> QueryRows:
    history = data.histories[user]
    return QueryRows(user, history.indices.astype(np.int64), history.data)


def test_earlier_purchases_are_candidates_and_count_the_same_one_by_one_and_in_blocks(
    indexed: Ensemble, data: TrainingData, tmp_path: Path
) -> None:
    restocking = replace(indexed, again=2.0)
    restocking.save(tmp_path)
    restocking = Ensemble.load(tmp_path, indexed.models)
    users = np.arange(0, N_USERS, 50)
    bought = data.n_seen[users].toarray()
    plain = indexed.score_all(block(data, users))
    scored = restocking.score_all(replace(block(data, users), n_seen=data.n_seen[users]))
    assert scored == pytest.approx(plain + 2 * np.log1p(bought), abs=1e-3)
    assert restocking.score_all(block(data, users)) == pytest.approx(plain)
    for at, user in enumerate(users.tolist()):
        alone = query(data, user)
        again = replace(alone, n_seen=bought[at][alone.item_idx])
        assert set(np.flatnonzero(bought[at])) <= set(restocking.candidates(again, CANDIDATES).tolist())
        items = restocking.retrieve(again, 20)
        assert items.score == pytest.approx(np.sort(scored[at])[::-1][:20], abs=1e-3)


@pytest.mark.parametrize("some", [False, True])
def test_summed_at_once_models_score_as_one_by_one(models: dict[str, Any], data: TrainingData, some: bool) -> None:
    items = np.array([5, 2_000, 0, 77]) if some else None
    history = data.histories[[0, 3, 650]].tolil()
    history[1] = 0
    queries = QueryBlock(np.full(3, -1), csr_matrix(history))
    factors = {name: 0.5 + at for at, name in enumerate(models)}
    expected = sum(factors[name] * np.nan_to_num(model.score_all(queries, items)) for name, model in models.items())
    total, is_scored = ScoreSum.of(models, factors, items).of_block(queries)
    assert total == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert is_scored.all()
    personal = {name: factors[name] for name in (SPECTRAL, ITEM_GRAPH)}
    assert ScoreSum.of(models, personal, items).of_block(queries)[1].tolist() == [True, False, True]


def block(data: TrainingData, users: IntArray) -> QueryBlock:
    return QueryBlock(users, data.histories[users])


@dataclass(frozen=True)
class Fixed:
    """A model with the same scores for all users; NaN: no score. It may have none without a history."""

    opinion: FloatArray
    needs_a_history: bool = True

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        silent = self.needs_a_history and not len(query.item_idx)
        return np.full(len(item_idx), np.nan, np.float32) if silent else self.opinion[item_idx]

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        opinion = self.opinion if items is None else self.opinion[items]
        scores = np.tile(opinion, (len(queries), 1))
        if self.needs_a_history:
            scores[np.diff(queries.history.indptr) == 0] = np.nan
        return scores

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        return top_n(self.score(query, np.arange(len(self.opinion))), n)

    @property
    def n_items(self) -> int:
        return len(self.opinion)


def fixed_models() -> dict[str, Any]:
    popular = Fixed(np.array([4, 3, 2, 1, 0], np.float32), needs_a_history=False)
    spectral = Fixed(np.array([0, 8, 0, 4, -4], np.float32))
    als = Fixed(np.array([1, 0, 0.5, 0, 0], np.float32))
    return {POPULARITY: popular, SPECTRAL: spectral, ALS: als}


def fixed_blend(weights: Mapping[str, float], scales: Mapping[str, float]) -> Ensemble:
    return Ensemble({name: fixed_models()[name] for name in {*weights, POPULARITY}}, weights, scales)


SOMETHING = QueryRows(0, np.array([2]), np.ones(1, np.float32))


# how opinions add up


def test_a_score_is_the_sum_of_weight_by_scale_times_model_score() -> None:
    blend = fixed_blend({SPECTRAL: 1.0, ALS: 0.5}, {SPECTRAL: 4.0, ALS: 0.25})
    expected = [2.0, 2.0, 1.0, 1.0, -1.0]
    assert blend.score(SOMETHING, np.arange(5)).tolist() == near(expected)
    assert blend.score(SOMETHING, np.array([4, 1])).tolist() == near([-1.0, 2.0])
    assert blend.score_all(QueryBlock.of(SOMETHING, 5))[0].tolist() == near(expected)
    assert blend.score_all(QueryBlock.of(SOMETHING, 5), np.array([3, 0]))[0].tolist() == near([1.0, 2.0])


def test_contributions_name_every_model_of_the_sum_and_add_up_to_the_score() -> None:
    blend = fixed_blend({SPECTRAL: 1.0, ALS: 0.5}, {SPECTRAL: 4.0, ALS: 0.25})
    parts = blend.contributions(SOMETHING, np.arange(5))
    assert {term.model: term.weight for term in parts.terms} == {SPECTRAL: 1.0, ALS: 0.5}
    assert sum(term.weight * term.score for term in parts.terms).tolist() == near(parts.total.tolist())
    assert parts.total.tolist() == blend.score(SOMETHING, np.arange(5)).tolist()
    assert not parts.is_reranked


def test_a_plain_model_is_its_only_contribution_and_displays_the_scores_it_retrieves_by(
    models: dict[str, Any], data: TrainingData
) -> None:
    asked, items = query(data, 3), np.arange(len(data.items))
    for name, model in models.items():
        parts = model.contributions(asked, items)
        assert [(term.model, term.weight) for term in parts.terms] == [(None, 1.0)]
        np.testing.assert_array_equal(parts.total, model.score(asked, items))
        assert model.without_reranking() is model
        assert model.n_items == model.describe()["n_items"] == len(items)
        retrieved = set(model.retrieve(asked, len(items)).item_idx.tolist())
        assert set(np.flatnonzero(np.isfinite(model.display_scores(asked, items))).tolist()) == retrieved, name


def near(scores: list[float]) -> Any:
    """Compare up to the tie-breaking of equal scores."""
    return pytest.approx(scores, abs=1e-5)


def test_products_that_no_history_supports_are_in_the_order_of_popularity() -> None:
    models = {**fixed_models(), SPECTRAL: Fixed(np.array([0, 0, 0, 1, 0], np.float32))}
    models[POPULARITY] = Fixed(np.array([1, 4, 2, 0, 3], np.float32), needs_a_history=False)
    blend = Ensemble(models, {SPECTRAL: 1.0}, {SPECTRAL: 1.0})
    assert blend.retrieve(SOMETHING, 5).item_idx.tolist() == [3, 1, 4, 2, 0]
    assert np.argsort(-blend.score_all(QueryBlock.of(SOMETHING, 5))[0]).tolist() == [3, 1, 4, 2, 0]


def test_popularity_counts_in_a_score_only_when_it_has_a_weight() -> None:
    scales = {SPECTRAL: 1.0, POPULARITY: 2.0}
    without = fixed_blend({SPECTRAL: 1.0}, scales)
    with_it = fixed_blend({SPECTRAL: 1.0, POPULARITY: 1.0}, scales)
    difference = with_it.score(SOMETHING, np.arange(5)) - without.score(SOMETHING, np.arange(5))
    assert difference.tolist() == near([2, 1.5, 1, 0.5, 0])


def test_a_model_without_a_score_adds_nothing() -> None:
    blend = fixed_blend({SPECTRAL: 1.0, POPULARITY: 1.0}, {SPECTRAL: 1.0, POPULARITY: 1.0})
    assert blend.score(NOTHING, np.arange(5)).tolist() == near([4, 3, 2, 1, 0])
    both = QueryBlock(np.array([-1, 0]), csr_matrix(np.array([[0, 0, 0, 0, 0], [0, 0, 1, 0, 0]], np.float32)))
    nobody, somebody = blend.score_all(both).tolist()
    assert (nobody, somebody) == (near([4, 3, 2, 1, 0]), near([4, 11, 2, 5, -4]))


def test_without_a_score_of_any_model_there_is_none() -> None:
    blend = fixed_blend({SPECTRAL: 1.0, ALS: 0.5}, {SPECTRAL: 1.0, ALS: 1.0})
    assert np.isnan(blend.score(NOTHING, np.arange(5))).all()
    assert np.isnan(blend.score_all(QueryBlock.of(NOTHING, 5))).all()
    assert len(blend.retrieve(NOTHING, 3).item_idx) == 0


def test_equal_scores_are_in_the_order_of_their_rows() -> None:
    blend = fixed_blend({SPECTRAL: 1.0, ALS: 0.5}, {SPECTRAL: 4.0, ALS: 0.25})
    assert blend.retrieve(SOMETHING, 9).item_idx.tolist() == [0, 1, 2, 3, 4]


def test_weights_of_nothing_are_left_out(models: dict[str, Any], data: TrainingData) -> None:
    blend = build_ensemble(models, {SPECTRAL: 0.5, ALS: 0.0, TRENDING: 0.0}, data, seed=1)
    assert blend.weights == {SPECTRAL: 0.5}
    assert set(blend.models) == {SPECTRAL, POPULARITY}
    assert set(blend.scales) == {SPECTRAL}
    assert blend.params == {"weights": {SPECTRAL: 0.5}}


def test_a_scale_is_the_mean_over_users_of_the_deviation_of_their_scores(
    models: dict[str, Any], data: TrainingData
) -> None:
    some = data.take(np.flatnonzero(data.events.user_idx < 200))  # as many as are looked at, and no more
    found = scales_of(models, some, seed=1)
    everybody = block(some, np.flatnonzero(np.diff(some.histories.indptr)))
    bought = np.unique(some.histories.indices)  # what nobody has, most models say nothing of
    assert len(bought) < len(data.items)
    for name, model in models.items():
        assert found[name] == pytest.approx(model.score_all(everybody)[:, bought].std(axis=1).mean(), rel=1e-4)


def test_of_many_users_a_sample_gives_the_scales_always_the_same_one(
    models: dict[str, Any], data: TrainingData
) -> None:
    one, again, other = (scales_of(models, data, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    for name in (SPECTRAL, ALS, ITEM_GRAPH):
        assert one[name] == pytest.approx(other[name], rel=0.2)


def test_a_model_with_equal_scores_has_scale_1(data: TrainingData) -> None:
    flat = Fixed(np.full(len(data.items), 3.0, np.float32))
    assert scales_of({SPECTRAL: flat}, data, seed=1) == {SPECTRAL: 1.0}  # type: ignore[dict-item]
    nobody = data.take(np.zeros(0, np.int64))
    assert scales_of({SPECTRAL: flat}, nobody, seed=1) == {SPECTRAL: 1.0}  # type: ignore[dict-item]


def test_scores_of_many_at_once_are_those_of_each(plain: Ensemble, data: TrainingData) -> None:
    users = np.arange(0, N_USERS, 25)
    together = plain.score_all(block(data, users))
    for user, row in zip(users.tolist(), together, strict=True):
        alone = plain.score(query(data, user), np.arange(len(data.items)))
        np.testing.assert_allclose(row, alone, rtol=1e-3, atol=1e-4)


# lists


def test_without_an_index_the_whole_catalogue_is_scored(plain: Ensemble, data: TrainingData) -> None:
    exact = plain.score_all(block(data, np.arange(30)))
    for user, row in enumerate(exact):
        found = plain.retrieve(query(data, user), 20)
        # Nearly equal scores may change places between one sum and the other.
        np.testing.assert_allclose(row[found.item_idx], top_n(row, 20).score, rtol=1e-3)


@pytest.mark.parametrize(
    "weights",
    [
        WEIGHTS,
        {AUTOENCODER: 1.0},
        {TRANSITIONS: 1.0},
        {AUTOENCODER: 1.0, TRANSITIONS: 0.3, CO_OCCURRENCE: 0.6, SPECTRAL: 0.6, ALS: 0.3, ITEM_GRAPH: 0.5},
    ],
)
def test_the_list_out_of_the_index_is_nearly_always_that_of_the_whole_catalogue(
    models: dict[str, Any], data: TrainingData, weights: dict[str, float]
) -> None:
    indexed = build_ensemble(models, weights, data, seed=1).indexed(data, Silent())
    users = np.arange(0, N_USERS, 3)
    exact = indexed.score_all(block(data, users))
    same = []
    for user, row in zip(users.tolist(), exact, strict=True):
        asked = query(data, user)
        row[asked.item_idx] = np.nan
        found = [item for item in indexed.retrieve(asked, 100).item_idx.tolist() if item not in asked.item_idx][:20]
        same += [one == other for one, other in zip(found, top_n(row, 20).item_idx.tolist(), strict=True)]
    assert len(same) == 20 * len(users)
    assert np.mean(same) >= 0.98


def test_what_is_listed_has_its_exact_score(indexed: Ensemble, data: TrainingData) -> None:
    asked = query(data, 5)
    found = indexed.retrieve(asked, 30)
    exact = indexed.score_all(QueryBlock.of(asked, len(data.items)))[0]
    np.testing.assert_allclose(found.score, exact[found.item_idx], rtol=1e-4)
    assert np.all(np.diff(found.score) <= 0)
    assert found.item_idx.dtype == np.int64


@pytest.mark.parametrize("again", [0.0, 0.5])
def test_summed_by_pairs_of_products_lists_are_those_of_the_models_one_by_one(
    models: dict[str, Any], data: TrainingData, monkeypatch: pytest.MonkeyPatch, again: float
) -> None:
    weights = {**WEIGHTS, CO_OCCURRENCE: 0.2, CATEGORY_POPULARITY: 0.1, TRANSITIONS: 0.1, AUTOENCODER: 0.2, TEXT: 0.3}
    monkeypatch.setattr(ensemble, "PAIRED_ITEMS", len(data.items))
    fast = build_ensemble(models, weights, data, seed=1, again=again).indexed(data, Silent(), growing=True)
    slow = replace(fast, index=None, pairs=None)
    assert fast.pairs is not None
    for user in range(40):
        known = query(data, user)
        known = replace(known, n_seen=np.ones(len(known.item_idx), np.float32)) if again else known
        one, other = fast.retrieve(known, 50), slow.retrieve(known, 50)
        assert one.item_idx.tolist() == other.item_idx.tolist()
        np.testing.assert_allclose(one.score, other.score, rtol=1e-4)
    np.testing.assert_array_equal(fast.score(NOTHING, np.arange(9)), slow.score(NOTHING, np.arange(9)))


def test_far_from_the_whole_catalogue_is_scored_for_a_list(indexed: Ensemble, data: TrainingData) -> None:
    for user in range(20):
        found = indexed.candidates(query(data, user), CANDIDATES)
        assert found.tolist() == sorted(set(found.tolist()))
        assert CANDIDATES <= len(found) <= 3 * CANDIDATES < len(data.items)


def test_a_long_list_has_candidates_enough(indexed: Ensemble, data: TrainingData) -> None:
    assert len(indexed.retrieve(query(data, 5), 500).item_idx) == 500


def test_the_popular_are_candidates_for_everybody(
    indexed: Ensemble, data: TrainingData, models: dict[str, Any]
) -> None:
    asked = query(data, 5)
    found = set(indexed.candidates(asked, CANDIDATES).tolist())
    for name in (POPULARITY, TRENDING):
        assert set(models[name].retrieve(asked, CANDIDATES).item_idx.tolist()) <= found


def test_a_user_without_a_history_gets_trending_products_of_the_ensemble(
    indexed: Ensemble, models: dict[str, Any]
) -> None:
    found = indexed.retrieve(NOTHING, 10)
    assert found.item_idx.tolist() == models[TRENDING].retrieve(NOTHING, 10).item_idx.tolist()
    personal = indexed.personal()
    assert personal is not None
    assert len(personal.retrieve(NOTHING, 10).item_idx) == 0


def test_popularity_fills_the_list_of_a_user_without_ensemble_scores(
    indexed: Ensemble, data: TrainingData, models: dict[str, Any]
) -> None:
    personal = indexed.personal()
    pipeline = Pipeline(data.users, data.items, {**models, ENSEMBLE: personal}, ENSEMBLE)
    found = pipeline.recommend(Query("nobody", n=12))
    assert {each.source for each in found} == {POPULARITY}
    expected = models[POPULARITY].retrieve(NOTHING, 12).item_idx
    assert [each.product_id for each in found] == data.items.ids_of(expected)


def test_the_personal_part_is_what_depends_on_the_history(indexed: Ensemble) -> None:
    personal = indexed.personal()
    assert personal is not None
    assert set(personal.weights) == {SPECTRAL, ALS, ITEM_GRAPH}
    assert replace(indexed, weights={TRENDING: 1.0}).personal() is None


def test_a_blend_of_what_is_the_same_for_everybody_needs_no_index(models: dict[str, Any], data: TrainingData) -> None:
    blend = build_ensemble(models, {TRENDING: 1.0, POPULARITY: 0.2}, data, seed=1).indexed(data, Silent())
    assert blend.index is None
    found = blend.retrieve(query(data, 3), 7)
    assert found.item_idx.tolist() == blend.retrieve(NOTHING, 7).item_idx.tolist()


# on disk


@pytest.mark.parametrize("with_index", [True, False])
def test_saved_and_loaded_it_answers_the_same(
    indexed: Ensemble, plain: Ensemble, models: dict[str, Any], data: TrainingData, tmp_path: Path, with_index: bool
) -> None:
    blend = indexed if with_index else plain
    blend.save(tmp_path / "blend")
    loaded = Ensemble.load(tmp_path / "blend", models)
    assert {path.suffix for path in (tmp_path / "blend").rglob("*") if path.is_file()} <= {".npy", ".json"}
    assert (loaded.weights, loaded.scales, loaded.params) == (blend.weights, blend.scales, blend.params)
    assert loaded.describe() == blend.describe()
    assert set(loaded.models) == set(blend.models)
    if with_index:
        assert isinstance(loaded.index, CandidateIndex)
        assert isinstance(loaded.index.item.base, np.memmap)
    else:
        assert loaded.index is None
    for user in (0, 3, 77):
        one, other = (each.retrieve(query(data, user), 10) for each in (blend, loaded))
        np.testing.assert_array_equal(one.item_idx, other.item_idx)
        np.testing.assert_array_equal(one.score, other.score)


def test_it_describes_its_shape(indexed: Ensemble, plain: Ensemble, data: TrainingData) -> None:
    assert plain.describe() == {"n_items": len(data.items), "n_models": 4}
    assert indexed.describe() == {"n_items": len(data.items), "n_models": 4, "n_neighbours": 200}


def test_a_release_cannot_be_loaded_without_a_model_of_its_blend(plain: Ensemble, tmp_path: Path) -> None:
    plain.save(tmp_path)
    with pytest.raises(KeyError):
        Ensemble.load(tmp_path, {POPULARITY: plain.models[POPULARITY]}).retrieve(SOMETHING, 3)


# recipes


def test_a_recipe_is_trained_with_its_own_weighting_and_only_the_models_it_needs(data: TrainingData) -> None:
    recipe = EnsembleConfig.of(SETTINGS)
    other = replace(recipe, weights={ITEM_GRAPH: 1.0}, weighting=replace(recipe.weighting, kinds={"purchase": 1.0}))
    one, two = (fit_ensemble(data, each, 1, Silent()) for each in (replace(recipe, weights={ITEM_GRAPH: 1.0}), other))
    assert set(one.models) == set(two.models) == {POPULARITY, ITEM_GRAPH}
    assert one.index is two.index is None
    assert not np.array_equal(one.models[ITEM_GRAPH].data, two.models[ITEM_GRAPH].data)  # type: ignore[attr-defined]
    assert one.models[POPULARITY].weight.sum() > two.models[POPULARITY].weight.sum()  # type: ignore[attr-defined]


def test_a_model_from_which_training_continued_is_let_go(data: TrainingData, models: dict[str, Any]) -> None:
    start = {ALS: models[ALS], SPECTRAL: models[SPECTRAL]}
    continued = fit_models(data, {ALS: models[ALS].params}, 1, Silent(), start)
    assert list(start) == [SPECTRAL]
    assert not np.array_equal(continued[ALS].item_factors, models[ALS].item_factors)
