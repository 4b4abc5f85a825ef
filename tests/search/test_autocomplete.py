"""Products for a text that is still being typed."""

from __future__ import annotations

import numpy as np
import pytest

from src.core.domain import Product
from src.search.autocomplete import autocomplete
from src.search.bm25 import Bm25Index
from src.search.bm25_build import build_bm25
from tests.search.small_index import PRODUCTS, shelf

WEIGHT = np.array([1, 2, 3, 4, 5, 6], np.float32)


@pytest.fixture(scope="module")
def keywords() -> Bm25Index:
    return build_bm25(shelf())


def ids(keywords: Bm25Index, text: str, n: int = 10, weight: np.ndarray = WEIGHT) -> list[str]:
    return [PRODUCTS[row].product_id for row in autocomplete(keywords, text, weight, n).tolist()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wash", ["p4"]),
        ("machine wash", ["p4"]),  # in any order
        ("TON", ["p1"]),
        ("toner black", ["p1"]),
        ("cups", ["p5"]),  # the plural of the word that is kept
        ("cafe", ["p5"]),
        ("tn-21", ["p1"]),
        ("washing dog", []),
        ("wahsing", []),  # misspelt: that is for a search to forgive
        ("", []),
        (" - ", []),
    ],
)
def test_a_text_finds_products_with_all_its_words_the_last_one_unfinished(
    keywords: Bm25Index, text: str, found: list[str]
) -> None:
    assert ids(keywords, text) == found


def test_a_blank_at_the_end_finishes_the_last_word(keywords: Bm25Index) -> None:
    assert ids(keywords, "wash ") == []
    assert ids(keywords, "washing ") == ["p4"]


def test_the_most_popular_come_first_and_no_more_than_asked_for(keywords: Bm25Index) -> None:
    assert ids(keywords, "w") == ["p4", "p3", "p2"]  # washing, walks and Wuff, watches
    assert ids(keywords, "w", n=2) == ["p4", "p3"]
    assert ids(keywords, "w", n=2, weight=-WEIGHT) == ["p2", "p3"]


def test_what_is_not_listed_is_not_found(keywords: Bm25Index) -> None:
    listed = np.array([True, True, True, False, True, True])
    assert autocomplete(keywords, "w", WEIGHT, 10, listed).tolist() == [2, 1]
    assert listed.tolist() == [True, True, True, False, True, True]


def test_an_unfinished_word_of_half_the_catalogue_leaves_out_rare_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.search.autocomplete._MOST_ROWS", 3)
    products = [Product(f"p{at}", "common") for at in range(3)] + [Product("p3", "comb")]
    keywords = build_bm25(shelf(products))
    assert autocomplete(keywords, "com", np.ones(4, np.float32), 10).tolist() == [0, 1, 2]
    assert autocomplete(keywords, "comb", np.ones(4, np.float32), 10).tolist() == [3]
