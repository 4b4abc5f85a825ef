"""Labels from clicks and purchases after a search or a product view."""

from __future__ import annotations

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.core.records import SearchFeedback
from src.interactions.interactions import TrainingData, training_data
from src.interactions.vocabulary import Vocabulary
from src.recommendation.click_labels import WITHIN, after_looks, after_searches, sample_queries


def events(*rows: tuple[str, str, str, int]) -> TrainingData:
    users, products, kinds, times = (list(column) for column in zip(*rows, strict=True))
    return training_data([EventBatch(users, products, kinds, np.ones(len(rows)), np.array(times, np.int64))])


def looks(*rows: tuple[str, str, str, int]) -> dict[tuple[str, str], float]:
    data = events(*rows)
    name = data.items.id_of
    return {(name(one), name(other)): g for one, its in after_looks(data).items() for other, g in its.items()}


def test_a_search_is_graded_by_the_best_that_followed_it() -> None:
    items = Vocabulary.of(["a", "b", "c"])
    rows = [
        SearchFeedback("lamp", "a", "click", 5, "1"),
        SearchFeedback("lamp", "a", "purchase", 9, "2"),
        SearchFeedback("lamp", "b", "cart", 6, "3"),
        SearchFeedback("desk", "c", "view", 7, "4"),
        SearchFeedback("desk", "gone", "purchase", 7, "5"),
        SearchFeedback("desk", "a", "return", 8, "6"),
    ]
    assert after_searches(rows, items) == {"lamp": {0: 3, 1: 2}, "desk": {2: 1}}


def test_what_a_user_does_after_a_look_is_graded() -> None:
    found = looks(("u", "a", "view", 0), ("u", "b", "click", 60), ("u", "c", "purchase", 120))
    assert found == {("a", "b"): 1, ("a", "c"): 3, ("b", "c"): 3}


@pytest.mark.parametrize(
    "second",
    [("u", "b", "purchase", WITHIN + 1), ("other", "b", "purchase", 5), ("u", "a", "purchase", 5)],
    ids=["too late", "somebody else", "the same product"],
)
def test_what_has_nothing_to_do_with_a_look_is_not(second: tuple[str, str, str, int]) -> None:
    assert looks(("u", "a", "view", 0), second) == {}


def test_only_a_look_begins_a_query_and_times_decide_what_came_after() -> None:
    assert looks(("u", "a", "purchase", 0), ("u", "b", "purchase", 5)) == {}
    assert looks(("u", "b", "purchase", 50), ("u", "a", "click", 10)) == {("a", "b"): 3}
    assert looks(("u", "a", "click", NO_TIME), ("u", "b", "purchase", 5)) == {}


def test_of_many_queries_some_are_drawn_always_the_same_ones() -> None:
    many = {number: {0: 1.0} for number in range(100)}
    some = sample_queries(many, 10, seed=1)
    assert len(some) == 10
    assert some == sample_queries(many, 10, seed=1) != sample_queries(many, 10, seed=2)
    assert sample_queries(many, 100, seed=1) == many
