"""The pipeline from query to list: excluded products, filled places, and known users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.domain import NO_RATINGS, NO_TIME, SEEN_KINDS, Event, EventBatch, EventKind, PredictedRating, Query, Rules
from src.core.errors import NotReady, UnknownName
from src.core.progress import Silent
from src.interactions.interactions import training_data
from src.models import MODELS, POPULARITY, SPECTRAL, SVD, VBMF
from src.models.settings import AllSettings
from src.models.svd import SvdParams
from src.recommendation.ensemble import ENSEMBLE, build_ensemble
from src.recommendation.pipeline import Pipeline
from src.recommendation.rating_intervals import RatingInterval

N_ITEMS = 12


def make_pipeline(default: str = POPULARITY) -> Pipeline:
    """p0 is the most popular product, p11 the least; p10 and p11 have clicks only, so SVD has no scores for them."""
    rng = np.random.default_rng(0)
    rows = [(f"u{user}", f"p{item}", "rating") for item in range(10) for user in range(24 - 2 * item)]
    rows += [("clicker", "p10", "click"), ("clicker", "p10", "click"), ("clicker", "p11", "click")]
    users, products, kinds = (list(column) for column in zip(*rows, strict=True))
    values = rng.integers(1, 6, len(rows)).astype(float)
    data = training_data([EventBatch(users, products, kinds, values, np.arange(len(rows)))])
    settings = AllSettings(svd_factors=4, svd_epochs=5, vbmf_sweeps=3, spectral_rank=4)
    names = (POPULARITY, SPECTRAL, SVD, VBMF)
    models: dict[str, Any] = {name: MODELS[name].train(data, MODELS[name].params(settings), seed=1) for name in names}
    models[ENSEMBLE] = build_ensemble(models, {SPECTRAL: 1.0}, data, seed=1).indexed(data, Silent())
    return Pipeline(data.users, data.items, models, default, rater=SVD)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return PIPELINE


PIPELINE = make_pipeline()
POPULAR = [f"p{item}" for item in range(N_ITEMS)]
NOTHING_SEEN = Rules(seen=frozenset())


def ids(pipeline: Pipeline, query: Query) -> list[str]:
    return [recommendation.product_id for recommendation in pipeline.recommend(query)]


def did(kind: EventKind, *products: str) -> tuple[Event, ...]:
    return tuple(Event("u", product, kind) for product in products)


@pytest.mark.parametrize("user_id", [None, "nobody", "u1", "clicker", ""])
def test_popularity_is_the_same_for_everybody_best_first(pipeline: Pipeline, user_id: str | None) -> None:
    found = pipeline.recommend(Query(user_id, n=5))
    assert [recommendation.product_id for recommendation in found] == POPULAR[:5]
    assert {recommendation.source for recommendation in found} == {POPULARITY}
    scores = [recommendation.score for recommendation in found]
    assert scores == pytest.approx(np.log1p([24, 22, 20, 18, 16]).tolist())


def test_excluded_products_are_left_out_and_the_list_stays_as_long(pipeline: Pipeline) -> None:
    query = Query(None, n=4, exclude=frozenset({"p0", "p2", "unheard of"}))
    assert ids(pipeline, query) == ["p1", "p3", "p4", "p5"]


@pytest.mark.parametrize("kind", EventKind)
def test_only_rated_and_purchased_products_are_seen(pipeline: Pipeline, kind: EventKind) -> None:
    history = did(kind, "p0", "p3", "gone from the shop")
    expected = ["p1", "p2", "p4", "p5"] if kind in (EventKind.RATING, EventKind.PURCHASE) else POPULAR[:4]
    assert ids(pipeline, Query("u1", history, n=4)) == expected
    assert ids(pipeline, Query("u1", history, n=4, rules=NOTHING_SEEN)) == POPULAR[:4]


def test_excluded_products_are_left_out_with_and_without_seen_products(pipeline: Pipeline) -> None:
    history = did(EventKind.PURCHASE, "p0")
    query = Query(None, history, n=2, exclude=frozenset({"p1"}), rules=NOTHING_SEEN)
    assert ids(pipeline, query) == ["p0", "p2"]


def test_popularity_fills_what_the_wanted_model_leaves_open(pipeline: Pipeline) -> None:
    found = pipeline.recommend(Query("u1", n=N_ITEMS, model=SVD))
    assert [recommendation.source for recommendation in found] == [SVD] * 10 + [POPULARITY] * 2
    assert {recommendation.product_id for recommendation in found[:10]} == set(POPULAR[:10])
    assert [recommendation.product_id for recommendation in found[10:]] == ["p10", "p11"]
    scores = [recommendation.score for recommendation in found[:10]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("user_id", [None, "nobody", "clicker"])
def test_whom_the_wanted_model_does_not_know_gets_popular_products(pipeline: Pipeline, user_id: str | None) -> None:
    found = pipeline.recommend(Query(user_id, n=3, model=SVD))
    assert [recommendation.product_id for recommendation in found] == POPULAR[:3]
    assert {recommendation.source for recommendation in found} == {POPULARITY}


def test_the_default_model_answers_unless_another_is_named() -> None:
    pipeline = make_pipeline(default=SVD)
    assert {r.source for r in pipeline.recommend(Query("u1", n=3))} == {SVD}
    assert {r.source for r in pipeline.recommend(Query("u1", n=3, model=POPULARITY))} == {POPULARITY}


def test_an_unknown_model_is_named_with_the_known_ones(pipeline: Pipeline) -> None:
    with pytest.raises(UnknownName, match=r"'magic'.*popularity, spectral, svd, blend"):
        pipeline.recommend(Query("u1", model="magic"))


@pytest.mark.parametrize("model", [POPULARITY, SPECTRAL, SVD, ENSEMBLE])
@pytest.mark.parametrize("n", [N_ITEMS, N_ITEMS + 1, 10_000])
def test_a_list_longer_than_the_catalogue_is_the_catalogue(pipeline: Pipeline, model: str, n: int) -> None:
    assert sorted(ids(pipeline, Query("u1", n=n, model=model))) == sorted(POPULAR)
    without = Query("u1", did(EventKind.PURCHASE, "p1"), n=n, exclude=frozenset({"p2"}), model=model)
    assert sorted(ids(pipeline, without)) == sorted(set(POPULAR) - {"p1", "p2"})


def test_nothing_is_left_when_everything_is_excluded(pipeline: Pipeline) -> None:
    assert pipeline.recommend(Query("u1", exclude=frozenset(POPULAR), model=SVD)) == []
    assert pipeline.recommend(Query("u1", n=0)) == []


PRODUCTS = st.sampled_from([*POPULAR, "unheard of"])


@given(
    user_id=st.sampled_from([None, "u1", "u20", "clicker", "nobody"]),
    history=st.lists(st.tuples(PRODUCTS, st.sampled_from(EventKind)), max_size=15),
    n=st.integers(0, N_ITEMS + 3),
    exclude=st.frozensets(PRODUCTS),
    exclude_seen=st.booleans(),
    model=st.sampled_from([None, POPULARITY, SPECTRAL, SVD, ENSEMBLE]),
)
def test_every_list_is_as_long_as_it_can_be_without_duplicates_or_barred_products(
    user_id: str | None,
    history: list[tuple[str, EventKind]],
    n: int,
    exclude: frozenset[str],
    exclude_seen: bool,
    model: str | None,
) -> None:
    events = tuple(Event("u", product, kind) for product, kind in history)
    found = ids(PIPELINE, Query(user_id, events, n, exclude, model, rules=Rules() if exclude_seen else NOTHING_SEEN))
    barred = exclude | ({product for product, kind in history if kind in SEEN_KINDS} if exclude_seen else set())
    allowed = set(POPULAR) - barred
    assert len(found) == len(set(found)) == min(n, len(allowed))
    assert set(found) <= allowed


def test_a_predicted_rating_says_what_it_rests_on(pipeline: Pipeline) -> None:
    known = pipeline.predict("u1", "p0")
    assert (known.known_user, known.known_product, known.n_user_ratings, known.n_product_ratings) == (
        True,
        True,
        10,
        24,
    )
    assert 1 <= known.rating <= 5
    clicked = pipeline.predict("clicker", "p11")
    assert (clicked.known_user, clicked.known_product) == (False, False)
    nobody = pipeline.predict("nobody", "nothing")
    assert (nobody.n_user_ratings, nobody.n_product_ratings) == (0, 0)
    assert nobody.rating == pytest.approx(pipeline.models[SVD].mean)  # type: ignore[attr-defined]
    assert pipeline.predict("u1", "p0") == known


def test_the_rater_of_the_release_predicts_and_is_named(pipeline: Pipeline) -> None:
    assert list(pipeline.raters) == [POPULARITY, SVD, VBMF]
    for name in pipeline.raters:
        predicted = replace(pipeline, rater=name).predict("u1", "p0")
        assert predicted.model == name
        assert predicted.rating == pytest.approx(float(pipeline.models[name].rate(np.array([1]), np.array([0]))[0]))


def test_a_model_that_only_predicts_ratings_makes_no_list(pipeline: Pipeline) -> None:
    assert VBMF not in pipeline.list_models
    with pytest.raises(UnknownName, match=r"no list model 'vbmf'"):
        pipeline.recommend(Query("u1", model=VBMF))


def test_a_list_uses_events_of_a_second_ago_for_known_and_unknown_users(pipeline: Pipeline) -> None:
    history = did(EventKind.PURCHASE, "p3", "p8")
    lists = [ids(pipeline, Query(user, history, n=6, model=ENSEMBLE)) for user in ("u1", "nobody", None)]
    assert lists[0] == lists[1] == lists[2]
    assert lists[0] != ids(pipeline, Query("u1", did(EventKind.PURCHASE, "p0"), n=6, model=ENSEMBLE))
    assert {r.source for r in pipeline.recommend(Query(None, history, n=6, model=ENSEMBLE))} == {ENSEMBLE}


def test_without_svd_no_rating_is_predicted() -> None:
    whole = make_pipeline()
    only = Pipeline(whole.users, whole.items, {POPULARITY: whole.models[POPULARITY]}, POPULARITY)
    with pytest.raises(NotReady, match="train_model"):
        only.predict("u1", "p0")


@pytest.mark.parametrize("model", [POPULARITY, SPECTRAL, SVD, ENSEMBLE])
@pytest.mark.parametrize("n", [1, 4, N_ITEMS])
def test_a_withdrawn_product_is_on_no_list_and_the_next_takes_its_place(pipeline: Pipeline, model: str, n: int) -> None:
    every = ids(pipeline, Query("u1", n=N_ITEMS, model=model))
    gone = {every[0], every[2], "unheard of"}
    left = pipeline.without(gone)
    assert ids(left, Query("u1", n=n, model=model)) == [id_ for id_ in every if id_ not in gone][:n]
    assert ids(pipeline, Query("u1", n=N_ITEMS, model=model)) == every


def test_withdrawn_excluded_and_seen_products_are_left_out_together(pipeline: Pipeline) -> None:
    left = pipeline.without({"p0", "p4"})
    query = Query("u1", did(EventKind.PURCHASE, "p1"), n=3, exclude=frozenset({"p2", "p4"}))
    assert ids(left, query) == ["p3", "p5", "p6"]
    assert ids(pipeline.without(POPULAR), Query("u1")) == []


def test_another_word_on_what_is_withdrawn_replaces_the_one_before(pipeline: Pipeline) -> None:
    assert ids(pipeline.without({"p0"}).without({"p1"}), Query(None, n=2)) == ["p0", "p2"]
    assert pipeline.without(()) == pipeline


def test_where_no_rating_was_learned_from_the_prediction_says_so() -> None:
    events = EventBatch(["a", "b"], ["x", "y"], ["click"] * 2, np.ones(2), np.full(2, NO_TIME))
    data = training_data([events])
    models = {SVD: MODELS[SVD].train(data, SvdParams(1, 5, factors=2, epochs=2), seed=1)}
    pipeline = Pipeline(data.users, data.items, models, SVD, rater=SVD)
    known, unknown = pipeline.predict("a", "x"), pipeline.predict("c", "z")
    assert known == PredictedRating(3.0, True, True, 0, 0, NO_RATINGS)
    assert unknown == PredictedRating(3.0, False, False, 0, 0, NO_RATINGS)


def test_a_prediction_has_the_interval_of_what_it_rests_on_within_the_scale(pipeline: Pipeline) -> None:
    intervals = (RatingInterval(0, -9.0, 0.5, 100, 0.9), RatingInterval(1, -0.25, 9.0, 100, 0.9))
    sure = replace(pipeline, intervals=intervals)
    for user in ("u1", "nobody"):
        found, plain = sure.predict(user, "p0"), pipeline.predict(user, "p0")
        assert (plain.low, plain.high) == (None, None)
        low, high = (plain.rating - 0.25, 5.0) if plain.known_user else (1.0, min(plain.rating + 0.5, 5.0))
        assert (found.low, found.high) == pytest.approx((max(low, 1.0), high))
        assert found.rating == plain.rating
