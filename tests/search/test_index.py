"""The search index: fused results, filters, and saved files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import Product, ProductFilter
from src.interactions.vocabulary import Vocabulary
from src.search.index import SearchHits, SearchIndex
from src.search.meaning import Noise, fused, with_typical_first
from tests.search.small_index import PRODUCTS, Letters, small_search


def ids(found: SearchHits) -> list[str]:
    return [PRODUCTS[row].product_id for row in found.item_idx]


def asked(search: SearchIndex, query: str, n: int = 10, wanted: ProductFilter | None = None) -> list[str]:
    return ids(
        search.search(query, Letters().encode([query])[0], n, search.attributes.fitting(wanted or ProductFilter()))
    )


@pytest.fixture(scope="module")
def search() -> SearchIndex:
    return small_search()


def test_a_common_word_ranks_above_a_similar_meaning(search: SearchIndex) -> None:
    assert asked(search, "dog lead")[0] == "p3"


def test_products_without_a_word_in_common_are_found_by_their_meaning(search: SearchIndex) -> None:
    found = search.search("ooo", Letters().encode(["ooo"])[0], 10)
    assert np.all(found.keyword == 0)
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
        (ProductFilter(categories=frozenset({"Pets"})), {"p3"}),
        (ProductFilter(categories=frozenset({"pets"})), {"p3"}),
        (ProductFilter(categories=frozenset({" laundry "})), {"p4"}),
        (ProductFilter(categories=frozenset({"Gifts"})), {"p5"}),
        (ProductFilter(categories=frozenset({"Garden"})), set()),
        (ProductFilter(max_price=40), {"p1", "p3"}),
        (ProductFilter(min_price=40), {"p1", "p2", "p4"}),
        (ProductFilter(min_price=13, max_price=99), {"p1", "p2"}),
        (ProductFilter(in_stock=True), {"p1", "p3", "p4", "p5"}),
        (ProductFilter(categories=frozenset({"Watches"}), in_stock=True), set()),
    ],
)
def test_a_filter_leaves_what_fits_it(search: SearchIndex, wanted: ProductFilter, expected: set[str]) -> None:
    assert set(asked(search, "toner aeo", 100, wanted)) == expected


def test_meaning_counts_more_where_words_cover_less_of_the_query() -> None:
    covered, similarity = np.array([1.0, 0.5, 0.0], np.float32), np.array([0.2, 0.6, 1.0], np.float32)
    noise = Noise(typical=0.2, high=0.3)
    assert fused(covered, similarity, 1.0, noise) == pytest.approx([1.0, 0.5**2.5 + 0.05, 0.1])
    assert fused(covered / 2, similarity, 0.5, noise) == pytest.approx([0.5**2.5, 0.25**2.5 + 0.125, 0.25])
    assert fused(covered * 0, similarity, 0.0, noise) == pytest.approx([0.0, 0.2, 0.4])


def test_the_most_similar_products_of_a_sentence_count_though_random_letters_reach_as_high() -> None:
    covered = np.array([0.2, *[0.0] * 9], np.float32)
    similarity = np.array([0.0, 0.2, *[0.05] * 8], np.float32)
    scores = fused(covered, similarity, 0.2, Noise(typical=0.3, high=0.4))
    assert int(np.argmax(scores)) == 1
    assert scores[2:] == pytest.approx(np.zeros(8))


def test_of_products_with_the_same_words_those_like_most_of_them_come_first() -> None:
    rows = np.array([[0, 1], [1, 0], [0.8, 0.6], [0, 0], [0, 1]], np.float32)
    score = with_typical_first(np.array([1, 1, 1, 1, 0], np.float32), rows)
    assert np.argsort(-score).tolist() == [2, 1, 0, 3, 4]  # the mean is [1.8, 1.6], without the last one
    assert score[2] == pytest.approx(1 + 0.2 * (0.8 * 1.8 + 0.6 * 1.6) / np.hypot(1.8, 1.6))
    assert np.all(with_typical_first(np.zeros(5, np.float32), rows) == 0)


def test_products_like_one_are_named_by_their_likeness(search: SearchIndex) -> None:
    found = search.like(2, 10)
    assert np.all(np.diff(found.score) <= 0)
    assert found.item_idx[0] == 2
    assert len(search.like(5, 10)) == 0


def test_a_loaded_index_finds_the_same(search: SearchIndex, tmp_path: Path) -> None:
    search.save(tmp_path)
    loaded = SearchIndex.load(tmp_path)
    assert loaded.describe() == search.describe()
    for query in ("toner", "aeo", "smartwach", "dog"):
        for wanted in (ProductFilter(), ProductFilter(categories=frozenset({"pets"})), ProductFilter(max_price=50)):
            assert asked(loaded, query, 10, wanted) == asked(search, query, 10, wanted)
    assert not list(tmp_path.rglob("*.pkl"))


def test_a_catalogue_of_one_product_is_searched(tmp_path: Path) -> None:
    search = small_search([Product("p1", "Toner")])
    search.save(tmp_path)
    assert asked(SearchIndex.load(tmp_path), "toner") == ["p1"]


def test_a_category_with_two_blanks_is_found_under_its_name_with_one() -> None:
    search = small_search([Product("p1", "Hoe", category="Home  Garden > Tools"), Product("p2", "Hoe")])
    for name in ("Home Garden", "home  garden"):
        assert asked(search, "hoe", wanted=ProductFilter(categories=frozenset({name}))) == ["p1"]


def save_as_older_versions_did(search: SearchIndex, folder: Path) -> None:
    """Write the attributes as they were saved when a search index had columns of its own."""
    search.save(folder)
    shutil.rmtree(folder / "attributes")
    attributes, numbers = search.attributes, dict[str, int]()
    rows = [sorted(attributes.categories.keys[number]) for number in attributes.category]
    flat = [numbers.setdefault(name, len(numbers)) for row in rows for name in row]
    arrays = {
        "price": attributes.price.astype(np.float32),
        "stock": attributes.stock,
        "category": np.array(flat, np.int32),
        "category_pointer": np.cumsum([0, *map(len, rows)]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    Vocabulary.of(list(numbers)).save(folder / "categories")


def test_the_search_index_of_an_older_release_finds_the_same(search: SearchIndex, tmp_path: Path) -> None:
    save_as_older_versions_did(search, tmp_path)
    loaded = SearchIndex.load(tmp_path)
    wanted = [
        ProductFilter(),
        *(ProductFilter(categories=frozenset({name})) for name in ("pets", "Home", "Laundry", "gifts", "Garden")),
        *(ProductFilter(min_price=price) for price in (12.5, 40.0)),
        ProductFilter(in_stock=True),
    ]
    for each in wanted:
        assert asked(loaded, "toner aeo", 100, each) == asked(search, "toner aeo", 100, each)
    attributes = loaded.attributes
    assert attributes.categories.keys[attributes.category[3]] == {"home", "laundry"}
