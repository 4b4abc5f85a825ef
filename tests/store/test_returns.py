"""Matching of returns to purchases."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.store.returns import Movement, returned_quantities

TIMES = st.none() | st.integers(0, 5)
VALUES = st.sampled_from([0.5, 1.0, 2.0, 3.0])
MOVEMENTS = st.lists(st.tuples(VALUES, TIMES), max_size=6).map(
    lambda rows: [Movement(f"m{at}", value, time) for at, (value, time) in enumerate(rows)]
)


def test_without_returns_the_returned_quantity_is_zero() -> None:
    assert returned_quantities([], []) == {}
    assert returned_quantities([Movement("p", 2, 1)], []) == {"p": 0}
    assert returned_quantities([], [Movement("r", 2, 1)]) == {}


def test_a_return_reduces_the_newest_earlier_purchases_first() -> None:
    purchases = [Movement("old", 2, 10), Movement("new", 2, 20), Movement("later", 9, 40)]
    assert returned_quantities(purchases, [Movement("r", 3, 30)]) == {"old": 1, "new": 2, "later": 0}


def test_a_return_reduces_a_purchase_of_the_same_second() -> None:
    assert returned_quantities([Movement("p", 1, 10)], [Movement("r", 1, 10)]) == {"p": 1}


def test_the_returned_quantity_is_at_most_the_purchase() -> None:
    assert returned_quantities([Movement("p", 1, 10)], [Movement("r", 5, 20), Movement("s", 5, 30)]) == {"p": 1}


def test_the_earlier_return_is_matched_first() -> None:
    purchases = [Movement("one", 1, 10), Movement("two", 1, 20)]
    assert returned_quantities(purchases, [Movement("r", 1, 25), Movement("s", 1, 15)]) == {"one": 1, "two": 1}


@pytest.mark.parametrize(("bought_at", "returned_at"), [(None, 5), (5, None), (None, None)])
def test_movements_without_a_time_match_any_other(bought_at: int | None, returned_at: int | None) -> None:
    assert returned_quantities([Movement("p", 2, bought_at)], [Movement("r", 1, returned_at)]) == {"p": 1}


def test_a_purchase_returned_in_parts_is_returned_exactly() -> None:
    returns = [Movement(f"r{at}", 0.1, at) for at in range(1, 11)]
    assert returned_quantities([Movement("p", 0.7, 0)], returns) == {"p": 0.7}


@given(MOVEMENTS, MOVEMENTS, st.randoms(use_true_random=False))
def test_returned_quantities_do_not_depend_on_the_order_and_count_once(
    purchases: list[Movement], returns: list[Movement], chance: random.Random
) -> None:
    found = returned_quantities(purchases, returns)
    again = returned_quantities(chance.sample(purchases, len(purchases)), chance.sample(returns, len(returns)))
    assert again == found
    assert all(0 <= found[purchase.dedupe_key] <= purchase.value for purchase in purchases)
    assert sum(found.values()) <= sum(back.value for back in returns)
