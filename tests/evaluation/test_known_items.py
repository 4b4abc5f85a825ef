"""Queries made from a catalogue."""

from __future__ import annotations

import pytest

from src.core.domain import Product
from src.evaluation.known_items import (
    ATTRIBUTE,
    BRAND,
    BY_CATEGORY,
    CATEGORY,
    DESCRIBED,
    FEATURE,
    FRAGMENT,
    FREQUENT,
    JOINED,
    NUMBER,
    OTHER_WORD,
    PLURAL,
    PURPOSE,
    SPLIT,
    SYNONYM,
    TYPE,
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
    Product(
        f"p{at}-{n}",
        f"{maker} {noun.title()} XR-{at}{n}00",
        f"Made in {town} for {noun.split()[-1]} lovers of {town}.",
        f"Goods {at}",
        maker,
    )
    for at, noun in enumerate((*NOUNS, "light shield", "sun hat"))
    for n, (maker, town) in enumerate(
        (("Norberg", "Falun"), ("Castello", "Parma"), ("Brandt", "Essen"), ("Okafor", "Lagos"), ("Lindqvist", "Umea"))
    )
]
OTHERS = [
    Product("o1", "Garden Spade Holder", "Keeps spades", "Goods 0"),
    Product("o2", "Lamp Shade", "Fits a desk lamp", "Goods 1"),
    *(Product(f"o{n}", f"Rope No. {n} {n}00 m", None, "Ropes") for n in range(3, 50)),
]


@pytest.fixture(scope="module")
def catalogue() -> CatalogueText:
    return CatalogueText.of([*PRODUCTS, *OTHERS])


@pytest.fixture(scope="module")
def made(catalogue: CatalogueText) -> dict[str, Judged]:
    return make_known_items(catalogue, 20, 3)


def grades_of(made: dict[str, Judged], catalogue: CatalogueText, kind: str, query: str) -> dict[str, float]:
    """Return title → grade."""
    judged = made[kind]
    return {catalogue.title[row]: g for row, g in judged.grades[judged.queries.index(query)].items()}


def test_every_kind_of_query_has_right_answers_and_the_same_seed_makes_the_same(
    made: dict[str, Judged], catalogue: CatalogueText
) -> None:
    assert {FRAGMENT, TYPE, BRAND, ATTRIBUTE, FEATURE, DESCRIBED, PURPOSE, TYPO, NUMBER, PLURAL, JOINED} <= set(made)
    assert {SPLIT, CATEGORY, WISH, SYNONYM, OTHER_WORD} <= set(made)
    for judged in made.values():
        assert 0 < len(judged) <= 20
        assert all(max(grades.values()) == 3 for grades in judged.grades)
    again = make_known_items(catalogue, 20, 3)
    assert {kind: judged.queries for kind, judged in again.items()} == {k: j.queries for k, j in made.items()}
    assert make_known_items(catalogue, 20, 4)[FRAGMENT].queries != made[FRAGMENT].queries


def test_a_fragment_is_answered_by_all_titles_that_have_it(made: dict[str, Judged], catalogue: CatalogueText) -> None:
    for query, grades in zip(made[FRAGMENT].queries, made[FRAGMENT].grades, strict=True):
        with_all = {at for at, title in enumerate(catalogue.title) if set(words_of(query)) <= set(words_of(title))}
        assert with_all <= set(grades)


def test_a_type_is_answered_by_its_head_noun_and_not_by_what_is_made_for_it(catalogue: CatalogueText) -> None:
    made = make_known_items(catalogue, 100, 1)
    grades = grades_of(made, catalogue, TYPE, "garden spade")
    assert grades["Norberg Garden Spade XR-0000"] == 3
    assert "Garden Spade Holder" not in grades
    assert "Lamp Shade" not in grades_of(made, catalogue, TYPE, "desk lamp")


def test_the_same_type_of_another_brand_is_partly_right(catalogue: CatalogueText) -> None:
    grades = grades_of(make_known_items(catalogue, 100, 1), catalogue, BRAND, "brandt spade")
    assert grades["Brandt Garden Spade XR-0200"] == 3
    assert grades["Okafor Garden Spade XR-0300"] == 1
    assert set(grades.values()) == {1.0, 3.0}


def test_queries_of_descriptions_have_words_of_these(made: dict[str, Judged], catalogue: CatalogueText) -> None:
    for kind in (DESCRIBED, FEATURE):
        for query, grades in zip(made[kind].queries, made[kind].grades, strict=True):
            row = next(row for row, grade in grades.items() if grade == 3)
            title, description = plain(catalogue.title[row]), plain(catalogue.description[row])
            assert any(word in description and word not in title for word in query.split())
    assert any("hat lovers of umea" in query for query in make_known_items(catalogue, 100, 1)[PURPOSE].queries)


def test_a_word_of_the_same_meaning_finds_the_other(catalogue: CatalogueText) -> None:
    queries = make_known_items(catalogue, 100, 1)[OTHER_WORD].queries
    assert "shovel" in queries
    assert not any("spade" in query.split() for query in queries if "shovel" in query)


def test_a_typing_error_is_no_word_of_the_answer(made: dict[str, Judged], catalogue: CatalogueText) -> None:
    differ = 0
    for query, grades in zip(made[TYPO].queries, made[TYPO].grades, strict=True):
        right = next(row for row, grade in grades.items() if grade == 3)
        differ += any(word not in plain(catalogue.title[right]) for word in query.split())
    assert differ >= len(made[TYPO]) - 1  # of two equal letters exchanged nothing is seen


def test_words_are_joined_and_split(made: dict[str, Judged]) -> None:
    assert "sun light" in made[SPLIT].queries
    assert any("gardenspade" in query or "desklamp" in query for query in made[JOINED].queries)


def test_queries_by_category_are_asked_of_a_catalogue_without(
    made: dict[str, Judged], catalogue: CatalogueText
) -> None:
    assert set(BY_CATEGORY) == {CATEGORY, WISH, SYNONYM, FREQUENT}
    assert "goods 3" in made[CATEGORY].queries
    assert len(made[CATEGORY].grades[made[CATEGORY].queries.index("goods 3")]) == 5
    assert set(without_categories(catalogue).category) == {""}


def test_a_catalogue_without_titles_makes_queries_of_its_descriptions_alone() -> None:
    assert make_known_items(CatalogueText.of([Product("p1"), Product("p2", "Lamp")]), 5, 1) == {}
    told = CatalogueText.of([Product("p1", None, "Weekly gossip for rabid gardeners.")])
    assert PURPOSE in make_known_items(told, 5, 1)


def test_a_frequent_word_is_answered_where_it_is_usual_and_not_by_what_is_made_for_it() -> None:
    notebooks = [Product(f"n{at}", f"{name} Notebook", None, "Notebooks") for at, name in enumerate("abcdef")]
    bags = [Product(f"b{at}", f"Bag for Notebook {at}", None, "Bags") for at in range(2)]
    others = [Product(f"o{at}", f"Rucksack {at}", None, "Bags") for at in range(30)]
    made = make_known_items(CatalogueText.of([*notebooks, *bags, *others]), 20, 1)
    assert made[FREQUENT].queries == ["notebook"]
    assert made[FREQUENT].grades == [dict.fromkeys(range(6), 3.0)]
