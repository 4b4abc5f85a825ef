"""Popularity: weights of a product's events, all or recent, and its damped mean rating."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import DAY, NO_TIME, EventBatch
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData, training_data
from src.models import MODELS, TRENDING
from src.models.popularity import Popularity, PopularityParams, train
from src.models.settings import AllSettings

Row = tuple[str, str, float, int]
"""Product, kind, value, time; every event is another user's."""
NOW = 1_700_000_000
PARAMS = PopularityParams(1, 5)
LATELY = replace(PARAMS, half_life_days=30)


def data_of(*rows: Row) -> TrainingData:
    products, kinds, values, times = (list(column) for column in zip(*rows, strict=True))
    users = [f"u{at}" for at in range(len(rows))]
    return training_data([EventBatch(users, products, kinds, np.array(values, np.float64), np.array(times, np.int64))])


def bought(product: str, at: int = NO_TIME, times: int = 1) -> list[Row]:
    return [(product, "purchase", 1.0, at)] * times


def weights(data: TrainingData, params: PopularityParams) -> dict[str, float]:
    """Return product → sum of the weights of its events."""
    model = train(data, params, seed=1)
    return dict(zip(data.items.ids_of(range(len(data.items))), np.expm1(model.weight).tolist(), strict=True))


def listed(data: TrainingData, params: PopularityParams) -> list[str]:
    return data.items.ids_of(train(data, params, seed=1).order)


def test_its_score_is_the_logarithm_of_one_and_the_sum_of_the_feedback() -> None:
    data = data_of(*bought("x", times=3), ("x", "view", 1, 5), ("y", "cart", 1, 5), ("z", "return", 1, 5))
    np.testing.assert_allclose(train(data, PARAMS, seed=1).weight, np.log1p([3.05, 0.3, 0]), rtol=1e-6)


def test_products_with_equal_feedback_are_in_the_order_of_rows_and_those_without_any_last() -> None:
    data = data_of(("nothing", "return", 1, 5), *bought("x"), *bought("y"), *bought("z", times=2))
    assert listed(data, PARAMS) == ["z", "x", "y", "nothing"]


def test_it_weighs_kinds_as_the_data_do() -> None:
    data = data_of(("x", "view", 1, 5), ("y", "cart", 1, 5))
    assert weights(data, PARAMS) == pytest.approx({"x": 0.05, "y": 0.3})
    other = replace(data, weighting=Weighting(kinds={"view": 1.0, "cart": 0.5}))
    assert weights(other, PARAMS) == pytest.approx({"x": 1.0, "y": 0.5})


@pytest.mark.parametrize("half_lives", [0, 0.5, 1, 2, 10])
def test_an_event_weighs_half_per_half_life_before_the_newest_of_all(half_lives: float) -> None:
    data = data_of(*bought("new", NOW), *bought("old", NOW - int(half_lives * 30 * DAY)))
    assert weights(data, LATELY) == pytest.approx({"new": 1, "old": 0.5**half_lives}, rel=1e-3)


def test_what_many_bought_long_ago_trends_less_than_what_few_bought_lately() -> None:
    data = data_of(*bought("old", NOW - 120 * DAY, times=20), *bought("new", NOW, times=2))
    assert listed(data, PARAMS) == ["old", "new"]
    assert listed(data, LATELY) == ["new", "old"]


def test_an_event_without_a_time_weighs_all_it_weighs() -> None:
    data = data_of(*bought("new", NOW), *bought("timeless"))
    assert weights(data, LATELY) == pytest.approx({"new": 1, "timeless": 1})


def test_where_no_event_has_a_time_what_trends_is_what_is_popular() -> None:
    data = data_of(*bought("x", times=2), *bought("y"), ("y", "view", 1, NO_TIME))
    assert weights(data, LATELY) == weights(data, PARAMS)


def test_the_half_life_of_a_users_history_is_no_matter_of_popularity() -> None:
    data = data_of(*bought("old", NOW - 300 * DAY), *bought("new", NOW))
    assert weights(replace(data, weighting=Weighting(half_life_days=1)), PARAMS) == weights(data, PARAMS)


def test_time_changes_no_mean_rating() -> None:
    data = data_of(("x", "rating", 5, NOW - 900 * DAY), ("x", "rating", 1, NOW), ("y", "rating", 3, NOW))
    one, other = (train(data, params, seed=1) for params in (PARAMS, LATELY))
    np.testing.assert_array_equal(one.item_mean, other.item_mean)
    assert one.mean == other.mean == pytest.approx(3)


def test_a_mean_rating_is_damped_by_average_ratings() -> None:
    data = data_of(("x", "rating", 5, NOW), ("y", "rating", 2, NOW), ("y", "rating", 2, NOW))
    model = train(data, replace(PARAMS, damping=4.0), seed=1)
    np.testing.assert_allclose(model.item_mean, [(5 + 4 * 3) / 5, (4 + 4 * 3) / 6], rtol=1e-6)
    assert model.rate(np.array([0, -1]), np.array([-1, 0])).tolist() == pytest.approx([3.0, 3.4])


def test_trending_is_popularity_with_the_half_life_of_the_settings() -> None:
    params = MODELS[TRENDING].params(AllSettings(trending_half_life_days=7, rating_max=10, relevant_rating=6))
    assert params == PopularityParams(1, 10, half_life_days=7)
    assert isinstance(MODELS[TRENDING].train(data_of(*bought("x")), params, seed=1), Popularity)
    assert PopularityParams.of(AllSettings()).half_life_days == 0
