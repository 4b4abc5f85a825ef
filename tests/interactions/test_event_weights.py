"""Weights of events: every rule, and the same weights in serving and training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.domain import DAY, EVENT_WEIGHTS, NO_TIME, Event, EventBatch, EventKind, FloatArray, Query
from src.interactions.event_weights import (
    KIND_NUMBER,
    KIND_ORDER,
    Weighting,
    ages_by_group,
    combine_events,
    kinds_of,
)
from src.interactions.interactions import TrainingData, training_data
from src.models import POPULARITY
from src.models.base import QueryRows
from src.models.top_n import Candidates
from src.recommendation.pipeline import Pipeline

Row = tuple[str, str, str, float, int | None]
"""User, product, kind, value, time."""
NOW = 1_700_000_000
DECAYING = Weighting(half_life_days=10)


def data_of(rows: Sequence[Row], weighting: Weighting | None = None) -> TrainingData:
    users, products, kinds, values, times = (list(column) for column in zip(*rows, strict=True))
    at = np.array([NO_TIME if time is None else time for time in times], np.int64)
    data = training_data([EventBatch(users, products, kinds, np.array(values, np.float64), at)])
    return replace(data, weighting=weighting or Weighting())


def weights(rows: Sequence[Row], weighting: Weighting | None = None) -> dict[tuple[str, str], float]:
    """Return (user, product) → weight of their events; pairs of weight 0 are left out."""
    data = data_of(rows, weighting)
    table = data.histories.tocoo()
    pairs = zip(data.users.ids_of(table.row), data.items.ids_of(table.col), strict=True)
    return dict(zip(pairs, table.data.tolist(), strict=True))


def of_one(*events: tuple[str, float, int | None], weighting: Weighting | None = None) -> float:
    """The weight of one user's events with one product: kind, value, time."""
    return weights([("u", "p", *event) for event in events], weighting).get(("u", "p"), 0.0)


def of_events(weighting: Weighting, kind: str, values: Sequence[float], age: Sequence[int] | None = None) -> FloatArray:
    kinds = np.full(len(values), KIND_NUMBER[kind], np.int8)
    seconds = np.zeros(len(values), np.int64) if age is None else np.array(age, np.int64)
    return weighting.of_events(kinds, np.array(values, np.float64), seconds)


# single events


@pytest.mark.parametrize("kind", EventKind)
def test_one_event_weighs_what_its_kind_weighs(kind: EventKind) -> None:
    assert of_one((kind, 1.0, None)) == pytest.approx(EVENT_WEIGHTS[kind])
    assert of_one((kind, 1.0, None), weighting=Weighting(kinds={kind: 0.625})) == 0.625


def test_a_kind_that_the_weighting_does_not_name_weighs_nothing() -> None:
    assert of_one(("purchase", 1.0, None), weighting=Weighting(kinds={"rating": 1.0})) == 0


def test_how_many_were_bought_changes_nothing() -> None:
    assert of_one(("purchase", 7.0, None), weighting=Weighting(lowest_rating=0.1)) == 1.0


@pytest.mark.parametrize(("rating", "share"), [(1, 0.2), (2, 0.4), (3, 0.6), (4, 0.8), (5, 1.0)])
def test_a_rating_weighs_from_the_lowest_share_to_all_of_its_weight_along_a_line(rating: float, share: float) -> None:
    weighting = Weighting(1, 5, kinds={**EVENT_WEIGHTS, "rating": 0.5}, lowest_rating=0.2)
    assert of_events(weighting, "rating", [rating]) == pytest.approx(0.5 * share)


def test_a_rating_off_the_scale_weighs_like_the_end_of_it() -> None:
    weighting = Weighting(1, 5, lowest_rating=0.25)
    assert of_events(weighting, "rating", [-3, 1, 5, 99]).tolist() == [0.25, 0.25, 1.0, 1.0]


def test_all_ratings_weigh_the_same_unless_a_lowest_share_is_set() -> None:
    assert of_events(Weighting(1, 5), "rating", [1, 3, 5]).tolist() == [1, 1, 1]


def test_a_lowest_share_of_nothing_makes_the_lowest_rating_no_part_of_the_history() -> None:
    found = weights([("u", "bad", "rating", 1, None), ("u", "good", "rating", 5, None)], Weighting(lowest_rating=0))
    assert found == {("u", "good"): 1.0}


# several events


def test_several_events_of_one_user_with_one_product_add_up_like_independent_evidence() -> None:
    found = of_one(("view", 1.0, None), ("cart", 1.0, None), ("view", 1.0, 5))
    assert found == pytest.approx(1 - 0.95 * 0.7 * 0.95)


def test_twenty_views_come_near_a_purchase_and_never_above_it() -> None:
    twenty, thousand = (of_one(*[("view", 1.0, None)] * times) for times in (20, 1_000))
    assert 0.6 < twenty < thousand <= of_one(("purchase", 1.0, None)) == 1.0


def test_more_events_say_no_more_than_a_purchase_does() -> None:
    assert of_one(("purchase", 1.0, None), ("rating", 5.0, None), ("view", 1.0, None)) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_evidence_taken_together_is_one_minus_the_product_of_the_doubts(each: list[float]) -> None:
    pair, found = combine_events(np.zeros(len(each), np.int64), np.array(each))
    expected = np.float32(1 - np.prod(1 - np.array(each)))
    if expected > 1e-6:
        assert pair.tolist() == [0]
        assert found == pytest.approx(expected, rel=1e-5)
    assert (found > 0).all()
    assert (found <= 1).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.05, 0.3, 1.0])), max_size=30))
def test_pairs_come_out_ascending_each_once_and_those_that_weigh_nothing_not_at_all(
    rows: list[tuple[int, float]],
) -> None:
    pair, found = combine_events(np.array([p for p, _ in rows], np.int64), np.array([w for _, w in rows], np.float64))
    assert pair.tolist() == sorted({p for p, w in rows if w > 0})
    assert found.dtype == np.float32
    for one, weight in zip(pair.tolist(), found.tolist(), strict=True):
        assert weight == pytest.approx(1 - np.prod([1 - w for p, w in rows if p == one]), rel=1e-6)


@pytest.mark.parametrize("weight", [1e-12, 1e-30, 1e-40, 1e-60, 1e-300])
def test_a_pair_weighs_what_it_weighs_however_little_or_goes(weight: float) -> None:
    pair, found = combine_events(np.array([3, 4]), np.array([weight, 1.0]))
    assert found.tolist() == [w for w in (float(np.float32(weight)), 1.0) if w]
    assert len(pair) == len(found)


# time


def test_without_a_half_life_time_changes_nothing() -> None:
    assert of_one(("cart", 1.0, 5), ("view", 1.0, NOW)) == pytest.approx(1 - 0.7 * 0.95)


def test_after_a_half_life_before_the_users_newest_event_an_event_weighs_half() -> None:
    rows: list[Row] = [
        ("u", "newest", "cart", 1, NOW),
        ("u", "one half-life ago", "cart", 1, NOW - 10 * DAY),
        ("u", "two ago", "cart", 1, NOW - 20 * DAY),
        ("u", "half of one ago", "cart", 1, NOW - 5 * DAY),
    ]
    found = {product: weight for (_, product), weight in weights(rows, DECAYING).items()}
    expected = {"newest": 0.3, "one half-life ago": 0.15, "two ago": 0.075, "half of one ago": 0.3 * 0.5**0.5}
    assert found == pytest.approx(expected)


def test_decay_counts_from_the_newest_event_of_the_same_user() -> None:
    rows: list[Row] = [
        ("then", "x", "cart", 1, NOW - 1_000 * DAY),
        ("then", "y", "cart", 1, NOW - 1_010 * DAY),
        ("now", "x", "cart", 1, NOW),
    ]
    found = weights(rows, DECAYING)
    assert found["then", "x"] == found["now", "x"] == pytest.approx(0.3)
    assert found["then", "y"] == pytest.approx(0.15)


def test_every_event_decays_by_itself_before_they_add_up() -> None:
    found = of_one(("cart", 1.0, NOW), ("cart", 1.0, NOW - 10 * DAY), weighting=DECAYING)
    assert found == pytest.approx(1 - 0.7 * 0.85)


def test_an_event_without_a_time_never_decays() -> None:
    rows: list[Row] = [("u", "old", "cart", 1, NOW - 100 * DAY), ("u", "timeless", "cart", 1, None)]
    found = weights([*rows, ("u", "new", "cart", 1, NOW)], DECAYING)
    assert found["u", "timeless"] == pytest.approx(0.3)
    assert found["u", "old"] < 0.001
    assert weights([("u", "p", "cart", 1, None)], DECAYING) == {("u", "p"): pytest.approx(0.3)}


def test_events_that_have_decayed_to_0_are_not_in_the_history() -> None:
    rows: list[Row] = [("u", "ages ago", "purchase", 1, NOW - 3_000 * DAY), ("u", "new", "view", 1, NOW)]
    assert list(weights(rows, DECAYING)) == [("u", "new")]


def test_ages_are_seconds_before_the_newest_event_of_the_same_group() -> None:
    group, at = np.array([0, 1, 0, 1, 2, 0]), np.array([100, 7, 40, 9, NO_TIME, NO_TIME])
    assert ages_by_group(group, at, 4).tolist() == [0, 2, 60, 0, NO_TIME, NO_TIME]
    assert ages_by_group(np.zeros(0, np.int64), np.zeros(0, np.int64), 1).tolist() == []


def test_the_feedback_of_all_users_does_not_decay() -> None:
    data = data_of([("u", "p", "cart", 1, NOW - 100 * DAY), ("u", "p", "cart", 1, NOW)], DECAYING)
    assert data.feedback.value.tolist() == pytest.approx([0.3, 0.3])


# returns


def test_a_return_weighs_nothing_and_takes_nothing_away() -> None:
    assert of_one(("return", 1.0, NOW)) == 0
    assert of_one(("cart", 1.0, None), ("return", 3.0, None)) == pytest.approx(0.3)
    assert weights([("u", "p", "return", 1, None)]) == {}


# histories


def test_histories_are_rows_of_users_with_ascending_columns() -> None:
    rows: list[Row] = [("a", "x", "view", 1, None), ("b", "x", "cart", 1, None), ("c", "x", "return", 1, None)]
    rows += [("b", "y", "purchase", 1, None), ("a", "z", "rating", 2, None), ("b", "x", "view", 1, None)]
    histories = data_of(rows).histories
    assert histories.dtype == np.float32
    assert histories.has_sorted_indices
    expected = [[0.05, 0, 1], [1 - 0.7 * 0.95, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(histories.toarray(), expected, rtol=1e-6)
    assert histories.nnz == 4


def test_no_events_make_empty_histories() -> None:
    data = data_of([("u", "p", "view", 1, None)])
    assert data.take(np.zeros(0, np.int64)).histories.shape == (1, 1)
    assert training_data([]).histories.shape == (0, 0)


def test_the_weighting_goes_along_when_events_are_taken() -> None:
    data = data_of([("u", "p", "view", 1, NOW), ("u", "p", "view", 1, NOW - 10 * DAY)], DECAYING)
    assert data.take(np.array([1])).weighting == DECAYING


# fading


def test_what_is_learnt_from_fades_from_the_newest_event_of_all_and_queries_do_not() -> None:
    rows: list[Row] = [("a", "x", "purchase", 1, NOW - 30 * DAY), ("a", "y", "purchase", 1, NOW - 10 * DAY)]
    rows += [("b", "x", "purchase", 1, NOW), ("b", "y", "view", 1, NOW - 20 * DAY), ("b", "z", "purchase", 1, None)]
    data = data_of(rows)
    faded = data.decayed_histories(10)
    assert faded.dtype == np.float32
    np.testing.assert_allclose(faded.toarray(), [[1 / 8, 1 / 2, 0], [1, 0.05 / 4, 1]], rtol=1e-6)
    np.testing.assert_allclose(data.histories.toarray(), [[1, 1, 0], [1, 0.05, 1]], rtol=1e-6)
    assert data.decayed_histories(0) is data.histories


def test_fading_comes_on_top_of_a_taste_that_changes() -> None:
    rows: list[Row] = [("a", "x", "purchase", 1, NOW - 20 * DAY), ("a", "y", "purchase", 1, NOW - 10 * DAY)]
    data = data_of([*rows, ("b", "x", "purchase", 1, NOW)], DECAYING)
    np.testing.assert_allclose(data.decayed_histories(20).toarray(), [[2**-2, 2**-0.5], [1, 0]], rtol=1e-6)


def test_where_no_event_has_a_time_nothing_fades() -> None:
    data = data_of([("a", "x", "purchase", 1, None), ("b", "x", "cart", 1, None)])
    np.testing.assert_array_equal(data.decayed_histories(1).toarray(), data.histories.toarray())
    assert training_data([]).decayed_histories(1).shape == (0, 0)


# serving


@dataclass
class Spy:
    """A model without results that records its queries."""

    asked: list[QueryRows] = field(default_factory=list)

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        self.asked.append(query)
        return Candidates(np.zeros(0, np.int64), np.zeros(0, np.float32))


KINDS = st.sampled_from([kind.value for kind in KIND_ORDER])
TIMES = st.one_of(st.none(), st.integers(NOW - 400 * DAY, NOW))
EVENTS = st.lists(st.tuples(st.sampled_from("xyz"), KINDS, st.sampled_from([1.0, 2.5, 5.0]), TIMES), max_size=25)
WEIGHTINGS = st.builds(
    Weighting,
    kinds=st.sampled_from([dict(EVENT_WEIGHTS), {"view": 0.2, "cart": 0.5, "rating": 0.9, "purchase": 1.0}]),
    lowest_rating=st.sampled_from([1.0, 0.5, 0.0]),
    half_life_days=st.sampled_from([0.0, 0.5, 30.0]),
)


def asked_with(data: TrainingData, history: Sequence[Event]) -> QueryRows:
    """Return the query that a model of the served pipeline gets for this history."""
    spy = Spy()
    models: dict[str, Any] = {POPULARITY: spy}
    pipeline = Pipeline(data.users, data.items, models, POPULARITY, weighting=data.weighting)
    pipeline.recommend(Query("u", tuple(history)))
    (asked,) = spy.asked
    return asked


@given(EVENTS, WEIGHTINGS)
def test_serving_weighs_a_history_as_training_does(
    events: list[tuple[str, str, float, int | None]], weighting: Weighting
) -> None:
    others: list[Row] = [("v", product, "purchase", 1, NOW + 9 * DAY) for product in "zyx"]
    data = data_of([*others, *(("u", *event) for event in events)], weighting)
    asked = asked_with(data, [Event("u", p, EventKind(kind), value, at) for p, kind, value, at in events])
    mine = data.histories[-1] if events else data.histories[:0]
    assert asked.item_idx.tolist() == mine.indices.tolist()
    assert asked.weight.dtype == np.float32
    np.testing.assert_allclose(asked.weight, mine.data, rtol=1e-6)
    assert asked.user_idx == (1 if events else None)


def test_products_that_the_release_does_not_know_shape_no_list() -> None:
    data = data_of([("u", "x", "purchase", 1, NOW)], DECAYING)
    history = [
        Event("u", "x", EventKind.PURCHASE, 1.0, NOW - 10 * DAY),
        Event("u", "new in the shop", EventKind.CART, 1.0, NOW),
    ]
    asked = asked_with(data, history)
    assert (asked.item_idx.tolist(), asked.weight.tolist()) == ([0], [1.0])


def test_products_that_a_release_does_not_know_shape_no_weights() -> None:
    """Their events neither weigh anything nor make the others older."""
    events = [Event("", "old", EventKind.PURCHASE, at=NOW), Event("", "unknown", EventKind.VIEW, at=NOW + 30 * DAY)]
    both = DECAYING.of_history(events, np.array([7, -1]), kinds_of(events))
    assert (both.pair.tolist(), both.weight.tolist()) == ([7], [1.0])
