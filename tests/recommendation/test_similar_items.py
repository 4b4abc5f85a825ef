"""Sources of similar products, and products that are never listed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from src.core.domain import Product
from src.models import ITEM_GRAPH, POPULARITY
from src.models.base import QueryRows
from src.models.top_n import Candidates
from src.recommendation.similar_items import (
    BEHAVIOUR,
    ENOUGH,
    TEXT,
    SimilarItem,
    SimilarTo,
    similar,
    with_falling_scores,
)
from src.search.index import SearchIndex
from tests.search.small_index import small_search

SHELF = [
    Product("0", "Oak chair"),
    Product("1", "Oak chair blue"),
    Product("2", "Oak chair red"),
    Product("3", "Oak table"),
    Product("4", "Oak bench"),
    Product("5", "Vase"),
    Product("6"),
]


class Together:
    """A model that retrieves the given products, best first."""

    def __init__(self, *items: int) -> None:
        self.items = items

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        return Candidates(np.array(self.items, np.int64), np.linspace(1, 0.1, len(self.items)))


class Counted:
    def __init__(self, events: float) -> None:
        self.weight = np.full(len(SHELF), np.log1p(events), np.float32)


def models(events: float, *items: int) -> dict[str, Any]:
    return {POPULARITY: Counted(events), ITEM_GRAPH: Together(*items)}


@pytest.fixture(scope="module")
def search() -> SearchIndex:
    return small_search(SHELF)


def sources(found: list[SimilarItem]) -> list[str]:
    return [each.source for each in found]


def items(found: list[SimilarItem]) -> list[int]:
    return [each.item_idx for each in found]


def test_with_enough_events_behaviour_comes_first_and_texts_fill(search: SearchIndex) -> None:
    found = similar(models(ENOUGH, 5, 6), search, SimilarTo(0, None, 4, None))
    assert sources(found) == [BEHAVIOUR, BEHAVIOUR, TEXT, TEXT]
    assert items(found)[:2] == [5, 6]


def test_with_half_of_the_events_half_of_the_list_is_from_behaviour(search: SearchIndex) -> None:
    found = similar(models(ENOUGH / 2, 5, 6, 4), search, SimilarTo(0, None, 4, None))
    assert sources(found) == [BEHAVIOUR, BEHAVIOUR, TEXT, TEXT]
    assert set(items(found)[2:]) == {3, 4} or 4 not in items(found)[:2]


def test_without_an_event_texts_come_first_and_behaviour_fills(search: SearchIndex) -> None:
    found = similar(models(0, 6), search, SimilarTo(0, None, 6, None))
    assert sources(found)[0] == TEXT
    assert found[-1] == SimilarItem(6, 1.0, BEHAVIOUR)


def test_the_product_itself_is_never_named(search: SearchIndex) -> None:
    assert 0 not in items(similar(models(ENOUGH, 0, 5), search, SimilarTo(0, None, 10, None)))


def test_variants_of_one_title_are_listed_once(search: SearchIndex) -> None:
    found = items(similar(models(ENOUGH, 1, 2, 5), search, SimilarTo(0, None, 10, None)))
    assert len({1, 2} & set(found)) == 1
    assert {3, 4, 5} <= set(found)


def test_what_must_not_be_listed_is_not(search: SearchIndex) -> None:
    listed = np.ones(len(SHELF), np.bool_)
    listed[[3, 5]] = False
    assert not {3, 5} & set(items(similar(models(ENOUGH, 5, 6), search, SimilarTo(0, None, 10, listed))))


def test_without_texts_behaviour_alone_answers() -> None:
    assert items(similar(models(ENOUGH, 5, 6), None, SimilarTo(0, None, 10, None))) == [5, 6]
    assert similar({POPULARITY: Counted(3)}, None, SimilarTo(0, None, 10)) == []


def test_no_list_is_longer_than_asked_for(search: SearchIndex) -> None:
    for n in range(1, 6):
        assert len(similar(models(ENOUGH / 3, 5, 6), search, SimilarTo(0, None, n, None))) == n


def test_scores_fall_along_a_list_of_two_sources(search: SearchIndex) -> None:
    for events in (0, ENOUGH / 3, ENOUGH / 2, ENOUGH):
        found = similar(models(events, 5, 6, 4), search, SimilarTo(0, None, 6, None))
        falling = with_falling_scores(found)
        scores = [each.score for each in falling]
        assert scores == sorted(scores, reverse=True)
        assert [(each.item_idx, each.source) for each in falling] == [(each.item_idx, each.source) for each in found]
    assert with_falling_scores([]) == []


def test_inside_a_run_of_one_source_the_ratios_of_scores_stay() -> None:
    listed = [
        SimilarItem(0, 0.2, BEHAVIOUR), SimilarItem(1, 0.1, BEHAVIOUR), SimilarItem(2, 0.8, TEXT),
        SimilarItem(3, 0.4, TEXT), SimilarItem(4, 0.09, BEHAVIOUR), SimilarItem(5, -0.5, TEXT),
    ]  # fmt: skip
    assert [each.score for each in with_falling_scores(listed)] == pytest.approx([0.2, 0.1, 0.1, 0.05, 0.05, -0.5])
