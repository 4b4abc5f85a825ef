"""Words, typing errors, part numbers, BM25."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.core.domain import Product
from src.search.bm25 import Bm25Index
from src.search.bm25_build import build_bm25
from src.search.tokenizer import title_key, words_of
from tests.search.small_index import PRODUCTS, shelf


def found(keywords: Bm25Index, query: str) -> list[str]:
    scores, matching = keywords.scores(query)
    assert np.all(scores[matching] > 0)
    assert np.count_nonzero(scores) == len(matching)
    return [PRODUCTS[row].product_id for row in matching[np.argsort(-scores[matching], kind="stable")]]


@pytest.fixture(scope="module")
def keywords() -> Bm25Index:
    return build_bm25(shelf())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Brother TN-2110", ["brother", "tn", "2110", "tn2110"]),
        ("Crème brûlée", ["creme", "brulee"]),
        ("Batteries, boxes & laptops", ["battery", "box", "laptop"]),
        ("glass bus analysis gas", ["glass", "bus", "analysis", "gas"]),
        ("  ", []),
        ("日本語", ["日本", "本語"]),
        ("無線マウスUSB 茶", ["無線", "線マ", "マウ", "ウス", "usb", "茶"]),
        ("Straße Ørsted ﬁne İstanbul", ["strasse", "orsted", "fine", "istanbul"]),
        ("C7115AS GT-1030s", ["c7115as", "gt", "1030s", "gt1030s"]),
        ("a" * 100, ["a" * 40]),
    ],
)
def test_words_are_compared_without_case_accents_and_plurals(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("tn-2110", "p1"),
        ("TN2110", "p1"),
        ("tn 2110", "p1"),
        ("brother", "p1"),
        ("washing machines", "p4"),
        ("wahsing machine", "p4"),
        ("wasching", "p4"),
        ("smart watch", "p2"),
        ("smartwach", "p2"),
        ("cafe creme", "p5"),
        ("doglead", "p3"),
        ("P3", "p3"),
        ("laundry", "p4"),
    ],
)
def test_part_numbers_brands_plurals_and_typing_errors_find_their_product(
    keywords: Bm25Index, query: str, first: str
) -> None:
    assert found(keywords, query)[0] == first


@pytest.mark.parametrize("query", ["xylophone", "", "!!", "zz", "p"])
def test_words_that_no_product_has_find_nothing(keywords: Bm25Index, query: str) -> None:
    assert found(keywords, query) == []


def test_a_word_of_the_title_counts_more_than_one_of_the_description() -> None:
    products = [Product("a", "Lamp", "for a desk, with a long cable"), Product("b", "Desk", "with a lamp and a cable")]
    scores, _ = build_bm25(shelf(products)).scores("lamp")
    assert scores[0] > scores[1] > 0


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("C 7115 A", "HP C7115A LaserJet toner"),
        ("c7115", "HP C7115A LaserJet toner"),
        ("WH 1000 XM4", "Sony WH-1000XM4 headphones"),
        ("tn2110", "Brother TN 2110 toner"),
        ("iphone13", "Apple iPhone 13"),
        ("usb-c 2m", "USB-C Kabel 2 m"),
        ("hdd 500gb", "HDD 500 GB"),
        ("hdd 500 gb", "HDD 500GB"),
        ("wasch maschine", "Bosch Waschmaschine"),
        ("waschmaschinen", "Bosch Waschmaschine"),
        ("kaffee automat", "Kaffeevollautomat Magnifica"),
        ("damen schuhe", "Damenschuhe rot"),
        ("strasse", "Straße aus Kreide"),
        ("鼠标", "无线鼠标"),
        ("чайники", "Чайник 1.7 л"),
        ("loreal", "L'Oréal lipstick"),
        ("t-shirts", "Tshirt blue"),
    ],
)
def test_it_does_not_matter_how_a_shop_writes_it(query: str, title: str) -> None:
    others = ("Vitamin D 1000", "Siemens machine", "USB-A cable 1m", "Herrenschuhe", "Apple 13", "toner 7", "鼠年")
    products = [Product(str(at), each) for at, each in enumerate((*others, title, "HDD 1 TB"))]
    scores, _ = build_bm25(shelf(products)).scores(query)
    assert int(np.argmax(scores)) == len(others)


def test_a_text_with_all_words_ranks_above_one_that_repeats_a_word() -> None:
    products = [
        Product("loud", "Gaming monitor", "Immersive gaming"),
        Product("both", "Alienware AW510K gaming keyboard, black or white keys, lights of many colours"),
        *(Product(f"k{at}", f"keyboard tray {at}") for at in range(4)),
        *(Product(f"g{at}", f"gaming chair {at}") for at in range(4)),
        *(Product(f"m{at}", f"optical mouse {at}") for at in range(50)),
    ]
    scores, _ = build_bm25(shelf(products)).scores("gaming keyboard")
    assert int(np.argmax(scores)) == 1


def test_every_word_of_a_long_query_counts_once() -> None:
    keywords = build_bm25(shelf([Product("a", "usb hub"), Product("b", "usb fan")]))
    assert np.array_equal(keywords.scores("usb " * 200 + "fan")[0], keywords.scores("usb fan")[0])


@pytest.mark.parametrize(
    ("query", "first"),
    [("labtop", "laptop"), ("fridgemagnet", "fridge magnet"), ("bookend", "book end"), ("smokedglass", "smoked glass")],
)
def test_a_word_is_split_only_into_words_that_titles_have_together(query: str, first: str) -> None:
    titles = ("slime lab", "top panel", "laptop", "fridge", "fridge magnet", "book end", "book", "smoked glass")
    keywords = build_bm25(shelf([Product(title, title) for title in titles]))
    scores, matching = keywords.scores(query)
    assert titles[matching[np.argmax(scores[matching])]] == first


def test_a_word_that_is_known_is_not_corrected(keywords: Bm25Index) -> None:
    assert found(keywords, "lead") == ["p3"]


def test_a_loaded_model_scores_the_same(keywords: Bm25Index, tmp_path: Path) -> None:
    keywords.save(tmp_path)
    loaded = Bm25Index.load(tmp_path, keywords.n_items)
    for query in ("toner", "tonre", "smart watch", "nothing at all"):
        assert np.array_equal(loaded.scores(query)[0], keywords.scores(query)[0])


def test_a_catalogue_without_a_word_finds_nothing() -> None:
    scores, matching = build_bm25(shelf([Product("--")])).scores("toner")
    assert scores.tolist() == [0]
    assert len(matching) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("T-shirt, blue, XL", "t-shirt red S", True),
        ("Oak Coat Stand", "coat stand oak", True),
        ("Paint set 24", "Paint set 36", False),
        ("Red", "Blue", False),
        ("Dog lead", "Cat lead", False),
    ],
)
def test_titles_that_differ_in_colour_and_size_are_variants(one: str, other: str, same: bool) -> None:
    assert (title_key(one) == title_key(other)) is same
