"""Queries made from a catalogue."""

from __future__ import annotations

import pytest

from src.core.domain import Product
from src.evaluation.known_items import (
    CATEGORY,
    FRAGMENT,
    JOINED,
    NUMBER,
    PLURAL,
    SPLIT,
    SYNONYM,
    TYPO,
    WISH,
    make_known_items,
    without_categories,
)
from src.evaluation.search_evaluation import Judged
from src.search.catalogue_text import CatalogueText
from src.search.tokenizer import plain, words_of

NOUNS = ("garden spade", "desk lamp", "dog basket", "sunlight shade", "tea towels")
PRODUCTS = [
    Product(f"p{at}-{n}", f"{maker} {noun.title()} XR-{at}{n}00", f"Made in {maker} by hand", f"Goods {at}")
    for at, noun in enumerate((*NOUNS, "light shield", "sun hat"))
    for n, maker in enumerate(("Norberg", "Castello", "Brandt", "Okafor", "Lindqvist"))
]


@pytest.fixture(scope="module")
def catalogue() -> CatalogueText:
    return CatalogueText.of(PRODUCTS)


@pytest.fixture(scope="module")
def made(catalogue: CatalogueText) -> dict[str, Judged]:
    return make_known_items(catalogue, 20, 3)


def test_every_query_has_an_answer_and_the_same_seed_makes_the_same(
    made: dict[str, Judged], catalogue: CatalogueText
) -> None:
    assert {FRAGMENT, TYPO, NUMBER, PLURAL, JOINED, SPLIT, CATEGORY, WISH, SYNONYM} <= set(made)
    for judged in made.values():
        assert 0 < len(judged) <= 20
        assert all(max(grades.values()) > 0 for grades in judged.grades)
    again = make_known_items(catalogue, 20, 3)
    assert {kind: judged.queries for kind, judged in again.items()} == {k: j.queries for k, j in made.items()}
    assert make_known_items(catalogue, 20, 4)[FRAGMENT].queries != made[FRAGMENT].queries


def test_a_fragment_is_answered_by_all_titles_that_have_it(made: dict[str, Judged], catalogue: CatalogueText) -> None:
    for query, grades in zip(made[FRAGMENT].queries, made[FRAGMENT].grades, strict=True):
        with_all = {at for at, title in enumerate(catalogue.title) if set(words_of(query)) <= set(words_of(title))}
        assert with_all <= set(grades)


def test_a_typing_error_is_no_word_of_the_answer(made: dict[str, Judged], catalogue: CatalogueText) -> None:
    differ = 0
    for query, grades in zip(made[TYPO].queries, made[TYPO].grades, strict=True):
        differ += any(word not in plain(catalogue.title[next(iter(grades))]) for word in query.split())
    assert differ >= len(made[TYPO]) - 1  # of two equal letters exchanged nothing is seen


def test_words_are_joined_and_split(made: dict[str, Judged]) -> None:
    assert "sun light" in made[SPLIT].queries
    assert any("gardenspade" in query or "desklamp" in query for query in made[JOINED].queries)


def test_queries_by_category_are_asked_of_a_catalogue_without(
    made: dict[str, Judged], catalogue: CatalogueText
) -> None:
    assert "goods 3" in made[CATEGORY].queries
    assert len(made[CATEGORY].grades[0]) == 5
    assert set(without_categories(catalogue).category) == {""}


def test_a_catalogue_without_titles_makes_no_query() -> None:
    assert make_known_items(CatalogueText.of([Product("p1"), Product("p2", "Lamp")]), 5, 1) == {}
