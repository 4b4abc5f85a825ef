"""Explanations of lists are true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_list_builder import STOCKED
from test_pipeline import PIPELINE, did, ids

from src.core.domain import Boost, Event, EventBatch, EventKind, Explanation, Query, Recommendation, Rules
from src.core.progress import Silent
from src.interactions.interactions import training_data
from src.models import ITEM_GRAPH, MODELS, POPULARITY, SPECTRAL, SVD
from src.models.settings import AllSettings
from src.models.trees import Trees
from src.recommendation.ensemble import BOUGHT_BEFORE, ENSEMBLE, Ensemble, build_ensemble
from src.recommendation.list_ranker import LearnedOrder, ListRanker
from src.recommendation.pipeline import Pipeline


@pytest.fixture(scope="module")
def checkerboard() -> Pipeline:
    """Half of the users have even products only, the others odd ones, so products of one parity support each other."""
    rng = np.random.default_rng(3)
    rows = [(f"u{user}", f"p{item}") for user in range(60) for item in range(user % 2, 16, 2) if rng.random() < 0.5]
    users, products = (list(column) for column in zip(*rows, strict=True))
    data = training_data(
        [EventBatch(users, products, ["purchase"] * len(rows), np.ones(len(rows)), np.arange(len(rows)))]
    )
    settings = AllSettings(spectral_rank=4, als_factors=4, als_iterations=3)
    names = (POPULARITY, ITEM_GRAPH, SPECTRAL, "als")
    models = {name: MODELS[name].train(data, MODELS[name].params(settings), seed=1) for name in names}
    weights = {ITEM_GRAPH: 1.0, SPECTRAL: 0.5, "als": 0.7, POPULARITY: 0.1}
    models[ENSEMBLE] = build_ensemble(models, weights, data, seed=1).indexed(data, Silent())
    return Pipeline(data.users, data.items, models, ENSEMBLE)


# A stump at each of many thresholds: the lower the blended score, the more of them say 1.
_STUMPS = np.linspace(-2, 10, 400)[:, None]
UPSIDE_DOWN = Trees(
    np.zeros(_STUMPS.shape, np.int64),
    _STUMPS,
    np.full(_STUMPS.shape, 0b01, np.uint64),
    np.full(_STUMPS.shape, 0b10, np.uint64),
    np.tile([1.0, 0.0], (len(_STUMPS), 1)),
)

ANY = Rules(seen=frozenset())
HISTORY = did(EventKind.PURCHASE, "p0", "p1", "p2", "p4")


def told(pipeline: Pipeline, query: Query) -> list[tuple[Recommendation, Explanation]]:
    listed = pipeline.recommend(replace(query, explain=True))
    return [(item, item.explanation) for item in listed if item.explanation is not None]


def test_an_explanation_changes_nothing_of_the_list_and_comes_only_when_it_is_asked_for(checkerboard: Pipeline) -> None:
    query = Query(None, HISTORY, n=6)
    plain = checkerboard.recommend(query)
    assert {item.explanation for item in plain} == {None}
    explained = told(checkerboard, query)
    assert [item._replace(explanation=None) for item, _ in explained] == plain


def test_the_score_terms_of_the_ensemble_add_up_to_the_score(checkerboard: Pipeline) -> None:
    blend = checkerboard.models[ENSEMBLE]
    for item, why in told(checkerboard, Query(None, HISTORY, n=8)):
        assert sum(each.contribution for each in why.opinions) == pytest.approx(item.score, abs=2e-5)
        assert {each.model for each in why.opinions} <= set(blend.weights)
        for each in why.opinions:
            assert each.weight == blend.weights[each.model]
            assert each.contribution == pytest.approx(each.weight * each.score)
        sizes = [abs(each.contribution) for each in why.opinions]
        assert sizes == sorted(sizes, reverse=True)


def test_what_was_bought_before_stands_higher_on_lists_that_may_hold_it_and_on_no_other(checkerboard: Pipeline) -> None:
    blend = checkerboard.models[ENSEMBLE]
    restocking = replace(checkerboard, models={**checkerboard.models, ENSEMBLE: replace(blend, again=3.0)})
    history = HISTORY + did(EventKind.PURCHASE, "p2", "p1") + did(EventKind.VIEW, "p6")
    assert ids(restocking, Query(None, history)) == ids(checkerboard, Query(None, history))

    listed = told(restocking, Query(None, history, rules=ANY))
    plain = {each.product_id: each.score for each, _ in told(checkerboard, Query(None, history, n=16, rules=ANY))}
    for item, why in listed:
        n_bought = {"p0": 1, "p1": 2, "p2": 2, "p4": 1}.get(item.product_id, 0)
        assert item.score == pytest.approx(plain[item.product_id] + 3 * np.log1p(n_bought), abs=2e-5)
        assert sum(each.contribution for each in why.opinions) == pytest.approx(item.score, abs=2e-5)
        assert (BOUGHT_BEFORE in {each.model for each in why.opinions}) == (n_bought > 0)
        reasons = {reason.product_id: reason.contribution for reason in why.because}
        if n_bought:
            assert reasons[item.product_id] > 3 * np.log1p(n_bought) - 1


def test_history_products_of_the_same_group_explain_a_product(checkerboard: Pipeline) -> None:
    for item, why in told(checkerboard, Query(None, HISTORY, n=4)):
        odd = int(item.product_id[1:]) % 2
        assert int(why.because[0].product_id[1:]) % 2 == odd, item
        assert {reason.product_id for reason in why.because} <= {"p0", "p1", "p2", "p4"}


@pytest.mark.parametrize("model", [ENSEMBLE, ITEM_GRAPH, SPECTRAL, "als"])
def test_a_reason_is_what_the_score_loses_without_it_and_the_top_one_costs_most(
    checkerboard: Pipeline, model: str
) -> None:
    query = Query(
        None, HISTORY, n=12, exclude=frozenset({"p0", "p1", "p2", "p4"}), rules=Rules(seen=frozenset()), model=model
    )
    explained = told(checkerboard, query)
    assert len(explained) >= 6
    for item, why in explained:
        if item.source != model:
            assert why.because == ()
            continue
        lost = {}
        for product in ("p0", "p1", "p2", "p4"):
            without = replace(query, history=tuple(event for event in HISTORY if event.product_id != product))
            scores = {each.product_id: each.score for each in checkerboard.recommend(without) if each.source == model}
            lost[product] = item.score - scores.get(item.product_id, 0.0)
        said = {reason.product_id: reason.contribution for reason in why.because}
        assert said == pytest.approx({product: loss for product, loss in lost.items() if product in said}, abs=1e-4)
        assert {product for product, loss in lost.items() if loss > 1e-4} <= set(said)
        if why.because:
            assert lost[why.because[0].product_id] == pytest.approx(max(lost.values()), abs=1e-4)


def test_where_nothing_of_the_history_matters_no_reason_is_made_up(checkerboard: Pipeline) -> None:
    for query in (Query("nobody", n=3), Query(None, HISTORY, n=3, model=POPULARITY)):
        for item, why in told(checkerboard, query):
            assert why.because == ()
            if item.source == POPULARITY:
                assert [(each.model, each.weight) for each in why.opinions] == [(POPULARITY, 1.0)]
    assert all(why.because == () for _, why in told(PIPELINE, Query("u1", did(EventKind.VIEW, "p0"), n=3, model=SVD)))


def test_an_explanation_contains_the_boost(checkerboard: Pipeline) -> None:
    rules = Rules(boosts=(Boost("brand", "Brand 1", 3.0),))
    explained = told(STOCKED, Query(None, n=4, rules=rules))
    for item, why in explained:
        assert sum(each.contribution for each in why.opinions) == pytest.approx(item.score)
    boosted = {item.product_id: {each.model for each in why.opinions} for item, why in explained}
    assert boosted["p1"] == {POPULARITY, "boost"}
    assert boosted["p0"] == {POPULARITY}


def test_the_explanation_says_if_trees_permuted_the_scores(checkerboard: Pipeline) -> None:
    blend: Ensemble = checkerboard.models[ENSEMBLE]  # type: ignore[assignment]
    ranker = ListRanker(LearnedOrder((), UPSIDE_DOWN), np.zeros(len(checkerboard.items), np.float32))
    ranked = replace(checkerboard, models={**checkerboard.models, ENSEMBLE: replace(blend, ranker=ranker)})
    query = Query(None, HISTORY, n=10)
    assert ids(ranked, query) != ids(checkerboard, query)
    moved = 0
    for item, why in told(ranked, query):
        assert sum(each.contribution for each in why.opinions) == pytest.approx(item.score, abs=2e-5)
        moved += any(each.model == "trees" for each in why.opinions)
    assert moved > 0


def test_a_very_long_history_is_explained_by_what_weighs_most(checkerboard: Pipeline) -> None:
    many = tuple(Event("u", f"p{at % 16}", EventKind.VIEW) for at in range(5_000))
    query = Query(None, (*many, *did(EventKind.PURCHASE, "p3")), n=3)
    for _, why in told(checkerboard, query):
        assert len(why.because) <= 10
