"""Category popularity: popular products in the categories of the history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import DAY, EventBatch
from src.interactions.interactions import TrainingData, training_data
from src.interactions.item_categories import ItemCategories
from src.models.base import QueryRows
from src.models.category_popularity import CategoryPopularity, CategoryPopularityParams, train

CATEGORIES = {
    "saw": "home > tools",
    "hammer": "home > tools",
    "drill": "home > tools",
    "lamp": "home > light",
    "novel": "books",
    "pen": None,
}
BUYERS = {"saw": 2, "hammer": 9, "drill": 3, "lamp": 8, "novel": 20, "pen": 20}


def shop(days_ago: dict[str, int] | None = None) -> TrainingData:
    """Everybody buys one product."""
    products = [product for product, n in BUYERS.items() for _ in range(n)]
    users = [f"u{at}" for at in range(len(products))]
    at = np.array([1000 * DAY - (days_ago or {}).get(product, 0) * DAY for product in products])
    data = training_data([EventBatch(users, products, ["purchase"] * len(users), np.ones(len(users)), at)])
    return replace(data, categories=ItemCategories.of(CATEGORIES[id_] for id_ in data.items.ids_of(range(len(BUYERS)))))


def best_for(data: TrainingData, *history: str, half_life: float = 0) -> list[str]:
    model = train(data, CategoryPopularityParams(half_life), seed=1)
    found = model.retrieve(asked(data, *history), 10)
    return [id_ for id_, score in zip(data.items.ids_of(found.item_idx), found.score, strict=True) if score > 1e-6]


def asked(data: TrainingData, *history: str) -> QueryRows:
    rows = np.sort(np.array([data.items.idx_of(product) for product in history], np.int64))
    return QueryRows(None, rows, np.ones(len(rows), np.float32))


def test_what_shares_narrow_categories_comes_first_then_what_shares_wide_ones_the_popular_before_others() -> None:
    assert best_for(shop(), "saw") == ["hammer", "drill", "lamp"]


def test_a_product_does_not_support_itself() -> None:
    assert best_for(shop(), "novel") == []
    assert best_for(shop(), "lamp") == ["hammer", "drill", "saw"]


def test_a_product_without_a_category_says_nothing() -> None:
    data = shop()
    model = train(data, CategoryPopularityParams(), seed=1)
    np.testing.assert_array_equal(model.score(asked(data, "pen"), np.arange(6)), np.zeros(6))
    assert best_for(data, "pen", "saw") == best_for(data, "saw")


def test_a_longer_history_of_one_category_outweighs_a_shorter_one_of_another() -> None:
    # The lamp shares only the wide category with each tool, and the tools all of it.
    data = shop()
    model = train(data, CategoryPopularityParams(), seed=1)
    hammer, lamp = data.items.idx_of("hammer"), data.items.idx_of("lamp")
    score = model.score(asked(data, "saw", "drill"), np.array([hammer, lamp]))
    assert score[0] > score[1]
    assert score[0] == pytest.approx(2 * model.score(asked(data, "saw"), np.array([hammer]))[0], rel=1e-5)


def test_with_a_half_life_it_is_what_is_popular_now() -> None:
    data = shop({"hammer": 60})
    assert best_for(data, "saw")[0] == "hammer"
    assert best_for(data, "saw", half_life=10)[0] == "drill"


def test_without_categories_every_score_is_zero() -> None:
    model = train(replace(shop(), categories=None), CategoryPopularityParams(), seed=1)
    assert isinstance(model, CategoryPopularity)
    np.testing.assert_array_equal(model.score(asked(shop(), "saw"), np.arange(6)), np.zeros(6))


def test_categories_are_all_names_of_a_path_or_list() -> None:
    found = ItemCategories.of(["a > b", None, "b | c", "a"])
    assert found is not None
    np.testing.assert_array_equal(found.member.toarray(), [[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 0, 0]])
    assert ItemCategories.of([None, ""]) is None
    assert ItemCategories.of([]) is None
