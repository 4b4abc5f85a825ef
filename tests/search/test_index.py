"""Words and meanings in one list, filters, what is kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.core.domain import Product
from src.search.index import Filter, SearchHits, SearchIndex, fused
from tests.search.small_index import PRODUCTS, Letters, small_search


def ids(found: SearchHits) -> list[str]:
    return [PRODUCTS[row].product_id for row in found.item_idx]


def asked(search: SearchIndex, query: str, n: int = 10, wanted: Filter | None = None) -> list[str]:
    return ids(search.search(query, Letters().encode([query])[0], n, search.matching(wanted or Filter())))


@pytest.fixture(scope="module")
def search() -> SearchIndex:
    return small_search()


def test_a_word_in_common_stands_before_a_meaning(search: SearchIndex) -> None:
    assert asked(search, "dog lead")[0] == "p3"


def test_products_without_a_word_in_common_are_found_by_their_meaning(search: SearchIndex) -> None:
    found = search.search("ooo", Letters().encode(["ooo"])[0], 10)
    assert np.all(found.keyword == 0)
    assert len(found) == 5
    assert np.all(np.diff(found.score) <= 0)
    assert ids(found)[0] == "p3"  # of its vowels most are an o


def test_a_product_without_a_text_is_never_found(search: SearchIndex) -> None:
    assert "p6" not in asked(search, "toner aeo", 100)
    assert search.n_products == 5


def test_without_a_vector_words_decide_alone(search: SearchIndex) -> None:
    assert ids(search.search("toner", None, 10)) == ["p1"]
    assert asked(small_search(with_vectors=False), "toner") == ["p1"]


def test_a_list_is_as_long_as_asked_for(search: SearchIndex) -> None:
    assert len(asked(search, "aeo", 2)) == 2


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(category="Pets"), {"p3"}),
        (Filter(category="pets"), {"p3"}),
        (Filter(category=" laundry "), {"p4"}),
        (Filter(category="Gifts"), {"p5"}),
        (Filter(category="Garden"), set()),
        (Filter(max_price=40), {"p1", "p3"}),
        (Filter(min_price=40), {"p1", "p2", "p4"}),
        (Filter(min_price=13, max_price=99), {"p1", "p2"}),
        (Filter(in_stock=True), {"p1", "p3", "p4", "p5"}),
        (Filter(category="Watches", in_stock=True), set()),
    ],
)
def test_a_filter_leaves_what_fits_it(search: SearchIndex, wanted: Filter, expected: set[str]) -> None:
    assert set(asked(search, "toner aeo", 100, wanted)) == expected


def test_the_fused_score_is_the_share_of_the_best_keyword_score_and_the_weighted_cosine() -> None:
    keyword, similarity = np.array([4.0, 2.0, 0.0], np.float32), np.array([0.0, 0.5, 1.0], np.float32)
    assert fused(keyword, similarity, 4.0, 0.3) == pytest.approx([1.0, 0.65, 0.3])
    assert fused(keyword * 0, similarity, 0.0, 0.3) == pytest.approx([0.0, 0.15, 0.3])


def test_meaning_counts_more_for_a_query_of_one_word(search: SearchIndex) -> None:
    vector = Letters().encode(["ooo"])[0]
    one, two = search.search("xylophone", vector, 1), search.search("xylophone zither", vector, 1)
    assert one.item_idx[0] == two.item_idx[0]
    assert one.score[0] == pytest.approx(3 * two.score[0])


def test_products_like_one_are_named_by_their_likeness(search: SearchIndex) -> None:
    found = search.like(2, 10)
    assert np.all(np.diff(found.score) <= 0)
    assert found.item_idx[0] == 2
    assert len(search.like(5, 10)) == 0


def test_what_was_saved_finds_the_same(search: SearchIndex, tmp_path: Path) -> None:
    search.save(tmp_path)
    loaded = SearchIndex.load(tmp_path)
    assert loaded.describe() == search.describe()
    for query in ("toner", "aeo", "smartwach", "dog"):
        for wanted in (Filter(), Filter(category="pets"), Filter(max_price=50)):
            assert asked(loaded, query, 10, wanted) == asked(search, query, 10, wanted)
    assert not list(tmp_path.rglob("*.pkl"))


def test_a_catalogue_of_one_product_is_searched(tmp_path: Path) -> None:
    search = small_search([Product("p1", "Toner")])
    search.save(tmp_path)
    assert asked(SearchIndex.load(tmp_path), "toner") == ["p1"]
