"""Rows of a catalogue become clean products: nothing raises, and every repair is counted."""

from __future__ import annotations

import csv
import gzip
import json
import math
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.core.domain import Product
from src.ingestion.product_cleaning import DESCRIPTION_LIMIT, TITLE_LIMIT, clean_product

SHARED = Path(__file__).parents[3] / "shared/data"


def made(**cells: object) -> tuple[Product, dict[str, int]]:
    mended: Counter[str] = Counter()
    return clean_product({"product": "P1", **cells}, mended), dict(mended)


def title_of(cell: object) -> str | None:
    return made(title=cell)[0].title


def description_of(cell: object) -> str | None:
    return made(description=cell)[0].description


def category_of(cell: object, main: object = None) -> str | None:
    return made(category=cell, main_category=main)[0].category


def price_of(cell: object) -> float | None:
    return made(price=cell)[0].price


def image_of(cell: object) -> str | None:
    return made(image=cell)[0].image_url


def test_a_clean_row_comes_out_as_it_went_in_and_nothing_is_counted() -> None:
    row, mended = made(
        title="Blue kettle", description="Boils water.", category="Home > Kitchen", brand="Acme", price="12.50",
        image="https://shop.example/kettle.jpg", stock="3", withdrawn="true",
    )  # fmt: skip
    image = "https://shop.example/kettle.jpg"
    assert row == Product("P1", "Blue kettle", "Boils water.", "Home > Kitchen", "Acme", 12.5, image, 3, True)
    assert mended == {}


@pytest.mark.parametrize("nothing", [None, "", "  ", "nan", "NaN", "null", "None", "N/A", "—", [], {}, "[]", math.nan])
def test_what_means_nothing_is_not_known_and_not_counted(nothing: object) -> None:
    roles = ("title", "description", "category", "brand", "price", "image", "stock", "withdrawn", "main_category")
    assert made(**dict.fromkeys(roles, nothing)) == (Product("P1"), {})


def test_a_row_may_have_nothing_but_its_id() -> None:
    assert made() == (Product("P1"), {})


# --- Title and description --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "<3 Hearts", "Mice & Men", "5 < 6", "Cable <2m>", "Cable A->B", "Socket <-> Plug", "R&D; a history",
        "if x<y and y>z",
        "Rock & Roll; live", "Size 3 {Limited}", "The (var) x", "AT&T", '42" screen', "Fish &chips", "Say <hello>",
        "🙂 Smile", "日本語", "Ab (1-year)", "a = b", "C# in a day", ".NET at work", "* New * lamp", "I <a nice thing",
    ],
)  # fmt: skip
def test_a_title_that_only_looks_like_markup_survives(title: str) -> None:
    assert made(title=title) == (Product("P1", title), {})


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("Tea &amp; Milk", "Tea & Milk"), ("Tea &amp;amp; Milk", "Tea & Milk"),
        ("Anna&#39;s caf&eacute;", "Anna's café"),
        ("  Tea \n\t Milk\u00a0 Jug ", "Tea Milk Jug"), ("5 &lt; 6", "5 < 6"), ("&notaname;", "&notaname;"),
        ("<b>Bold</b>ness", "Boldness"), ("One<br>Two", "One Two"), ("&lt;b&gt;Cup&lt;/b&gt;", "Cup"),
        ("Cup <!-- ours --> blue", "Cup blue"), ("<![CDATA[Cup]]>", "Cup"),
        ("<script>var a = '<b>'</script>Cup", "Cup"),
        ("Cup<o:p></o:p>", "Cup"), ('Cup <span class="x"', "Cup"), ("Cup <script>steal()", "Cup"),
        ("</div> Cup", "Cup"),
        ("Cu\x00p\x1b", "Cup"), ("\ud83dCup", "Cup"), ("\ufeffCup", "Cup"), ("<scr\x00ipt>x</script>Cup", "Cup"),
        (".row{color:red} Cup", "Cup"), (1984, "1984"), (300.0, "300"), (["", "Cup", "Jug"], "Cup"),
    ],
)  # fmt: skip
def test_a_title_is_one_line_of_text(raw: object, title: str) -> None:
    assert title_of(raw) == title


@pytest.mark.parametrize(
    "raw",
    [
        '<span class="b-size-large b-color-grey"', '<div class="price"> </div>', ' Journals" />', "<br/>", "<span",
        ".b-box{background:#eee}#buy .on{color:red}", ".b-box{background:#eee}#buy .on{col",
        "<style>p{margin:0}</style>",
        "@media print{.b{color:red}}", "var startOfPage = (new Date()).getTime();", "(function(w){w.x=1})(window)",
        "<script>var a = 1", '&lt;span class="x"&gt;', "\n\n<script",
    ],
)  # fmt: skip
def test_a_title_that_is_a_broken_scrape_is_left_empty_and_counted(raw: str) -> None:
    assert made(title=raw) == (Product("P1"), {"title is markup: left empty": 1})


def test_what_is_removed_from_text_is_counted_once_a_row() -> None:
    _, mended = made(title="<b>Cup</b>\x00", description=["<p>One</p>", "<p>Two</p>"], brand="<i>Acme</i>")
    assert mended == {
        "HTML removed from title": 1,
        "control characters removed from title": 1,
        "HTML removed from description": 1,
        "HTML removed from brand": 1,
    }


def test_cells_that_are_no_text_are_left_empty_and_counted() -> None:
    row, mended = made(title=True, description={"a": 1}, brand=object())
    assert row == Product("P1")
    assert mended == {f"{role} is no text: left empty": 1 for role in ("title", "description", "brand")}


def test_long_texts_are_cut_and_counted() -> None:
    row, mended = made(title="word " * 200, description="word " * 5_000)
    assert TITLE_LIMIT - 5 < len(row.title or "") <= TITLE_LIMIT
    assert DESCRIPTION_LIMIT - 5 < len(row.description or "") <= DESCRIPTION_LIMIT
    assert mended == {"title cut to 500 characters": 1, "description cut to 10,000 characters": 1}


def test_a_description_of_several_texts_is_joined_without_empty_ones_and_repeats() -> None:
    assert description_of(["It boils.", "", "<p>It boils.</p>", None, ["It\nwhistles."]]) == "It boils. It whistles."
    assert description_of('["It boils.", "It whistles."]') == "It boils. It whistles."
    assert description_of("['It boils.', \"It's loud.\"]") == "It boils. It's loud."
    assert description_of("[sic] It boils.") == "[sic] It boils."


def test_the_css_that_a_description_begins_with_is_removed() -> None:
    css = ".plus .left{float:left;width:30%} body {margin:0}\n@media screen{#a{top:0}} /* x */ "
    assert description_of(css + "<h1>Kettle</h1><ul><li>Quick</li><li>Quiet</li></ul>") == "Kettle Quick Quiet"


def test_nothing_that_is_built_to_be_slow_is() -> None:
    hard = [
        "<b " * 7_500 + ">", "<!--" * 6_250, "<![" * 7_500, "<a" * 11_250, "&amp;" * 5_000, "-" * 25_000,
        '<b a="' * 3_750,
        "</b " * 6_250, " " * 25_000 + "<", "," * 25_000, ".a{" * 7_500, "/*" * 11_250, "<script>" * 3_125,
        "[" * 6_125,
        '["a",' + "-" * 6_125, "<b a='>" * 3_125, "'" * 25_000, "function" * 3_125, "9 " * 12_500,
        "http://" * 3_750,
        ";{" * 11_250, "&" * 25_000, "<a:" * 7_500, "<b>" * 7_500, "<div>" * 5_000,
        "{}" + "<p>" * 7_500, '"/' * 12_500, "1,000" * 12, "9 " * 30,
    ]  # fmt: skip
    for text in hard:
        start = time.process_time()
        made(
            **dict.fromkeys(("title", "description", "category", "brand", "price", "image", "stock", "withdrawn"), text)
        )
        assert time.process_time() - start < 1, text[:20]


# --- Category and brand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "category"),
    [
        ("Pets", "Pets"), ("Home > Kitchen", "Home > Kitchen"), ("Home>Kitchen", "Home > Kitchen"), ("A/B", "A/B"),
        ("Home›Kitchen", "Home > Kitchen"), ("Home » Kitchen", "Home > Kitchen"),
        ("Home &gt; Kitchen", "Home > Kitchen"),
        ("<a href='/h'>Home</a> &gt; <a>Kitchen</a>", "Home > Kitchen"),
        ("Drama|Children's|Drama", "Drama | Children's"),
        ("Home > Pans | Garden", "Home > Pans"), (["Toys", "Arts &amp; Crafts"], "Toys > Arts & Crafts"),
        (["Toys", "Toys", "Puzzles"], "Toys > Puzzles"), (["Drama|Comedy"], "Drama | Comedy"), ("|Pets|", "Pets"),
        ([["Books", "Art"], ["Books", "Maps"]], "Books > Art"), ([["Books"], ["Books", "Maps"]], "Books > Maps"),
        (["Home > Pans", "Garden"], "Home > Pans"), ("['Toys', 'Puzzles']", "Toys > Puzzles"), (7, "7"),
        ("[['Books'], ['Books', 'Maps']]", "Books > Maps"), ('["Toys", null, "Puzzles"]', "Toys > Puzzles"),
        ([{"id": 3, "name": "Toys"}, {"id": 5, "name": "Puzzles"}], "Toys > Puzzles"), ({"name": "Toys"}, "Toys"),
        (np.array(["Toys", "Puzzles"], dtype=object), "Toys > Puzzles"), (("Toys", "A|B"), "Toys > A/B"),
    ],
)  # fmt: skip
def test_a_category_is_a_path_or_a_list_of_equals(raw: object, category: str) -> None:
    assert category_of(raw) == category


@pytest.mark.parametrize("junk", ["</span></span>", "No fees, no expiry.", "Handy " * 30, '<span class="x"'])
def test_features_behind_a_category_are_left_out_and_counted(junk: str) -> None:
    row, mended = made(category=["Gifts", "Cards", junk, "Made of paper"])
    assert row.category == "Gifts > Cards"
    assert mended == {"what is no name left out of category": 1}


def test_the_main_category_replaces_an_empty_one() -> None:
    assert category_of([], "Toys") == "Toys"
    assert category_of(["</span>"], "Toys") == "Toys"
    assert category_of("Books", "Toys") == "Books"
    assert category_of(None, '<img src="/logo.png" class="nav" alt="SHOES &amp; BAGS"/>') == "SHOES & BAGS"


def test_a_category_without_any_name_is_left_empty_and_counted() -> None:
    assert made(category="</span>") == (Product("P1"), {"category is no name: left empty": 1})
    assert made(category=False) == (Product("P1"), {"category is no name: left empty": 1})


@pytest.mark.parametrize(
    ("raw", "brand"),
    [
        ("Acme", "Acme"), ("by Acme", "Acme"), ("by\n   \n  Acme", "Acme"), ("Visit the Acme Store", "Acme"),
        ("By Anna", "By Anna"),
        ("Brand: Acme", "Acme"), ("Acme &amp; Sons", "Acme & Sons"), ({"name": "Acme"}, "Acme"), (["Acme"], "Acme"),
        ("Visit the Apple Store Store", "Apple Store"), ("Bye Bye", "Bye Bye"), ('<span class="x"', None),
        ({"id": 3}, None),
    ],
)  # fmt: skip
def test_a_brand_is_its_name_only(raw: object, brand: str | None) -> None:
    assert made(brand=raw)[0].brand == brand


# --- Price, stock, withdrawn ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "price"),
    [
        (0, 0.0), (5, 5.0), (12.99, 12.99), ("12.99", 12.99), ("$12.99", 12.99), ("USD 1,234.50", 1234.5),
        ("12,99", 12.99),
        ("1.234,50 €", 1234.5), ("£5", 5.0), ("from 9.99", 9.99), ("From: $9.99", 9.99), ("1,234", 1234.0),
        ("0,125", 0.125),
        ("1.234", 1.234), ("1,234,567", 1234567.0), ("1.234.567", 1234567.0), ("1 234,50 kr", 1234.5),
        ("1'234.50 CHF", 1234.5),
        ("12,-", 12.0), ("12.– €", 12.0), ("&pound;5", 5.0), ("<span>$12.99</span>", 12.99), ("US$5", 5.0),
        ("1e3", 1000.0),
        ("₹1,23,456.00", 123456.0), ("12,5 zł", 12.5), ("Rs. 50", 50.0), (".99", 0.99), ("$ .99", 0.99),
        (Decimal("1.5"), 1.5),
        (["12.99"], 12.99), ({"amount": "12.99", "currency": "EUR"}, 12.99), (np.float64(2.5), 2.5), ("-0.0", 0.0),
        ("5\u00a0€", 5.0),
    ],
)  # fmt: skip
def test_a_price_is_read_however_it_is_written(raw: object, price: float) -> None:
    row, mended = made(price=raw)
    assert row.price == price
    assert mended == {}


@pytest.mark.parametrize("raw", ["$12.99 - $20.00", "20 to 12.99 USD", "12,99–20,00 €", "from $12.99 to $20"])
def test_of_a_range_of_prices_the_lowest_is_taken(raw: str) -> None:
    row, mended = made(price=raw)
    assert row.price == 12.99
    assert mended == {"price is a range: the lowest taken": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (".b-box{background:#fff}", "not readable"), ("\n\n<div class='b'", "not readable"), ("ask us", "not readable"),
        ("12 pieces", "not readable"), ("1,23.4", "not readable"), ("12 5", "not readable"), (True, "not readable"),
        ("1..2", "not readable"), ({"a": 1}, "not readable"), (-1, "below 0"), ("-5 €", "below 0"),
        ("$-5.00", "below 0"),
        (math.inf, "far too high"), (1e9, "far too high"), (10**400, "far too high"), ("1e999", "far too high"),
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_left_empty_and_counted(raw: object, reason: str) -> None:
    assert made(price=raw) == (Product("P1"), {f"price is {reason}: left empty": 1})


@pytest.mark.parametrize(
    ("raw", "stock"),
    [
        (12, 12), ("12", 12), ("12.0", 12), (12.0, 12), ("1,234", 1234), (0, 0), ("0", 0), (True, None),
        ("in stock", None),
        ("Yes", None), ("in_stock", None), (False, 0), ("out of stock", 0), ("Sold out", 0),
        ("https://schema.org/InStock", None),
        ("https://schema.org/OutOfStock", 0), (np.int64(4), 4),
    ],
)  # fmt: skip
def test_stock_is_a_whole_number_or_a_word_for_none(raw: object, stock: int | None) -> None:
    row, mended = made(stock=raw)
    assert row.stock == stock
    assert type(row.stock) in (int, type(None))
    assert mended == {}


@pytest.mark.parametrize("raw", ["12.5", 12.5, -1, "-1", "many", math.inf, 10**400, {"a": 1}, "1" * 20])
def test_stock_that_is_no_whole_number_is_left_empty_and_counted(raw: object) -> None:
    assert made(stock=raw) == (Product("P1"), {"stock is not a whole number: left empty": 1})


@pytest.mark.parametrize(
    ("raw", "withdrawn"),
    [
        *[(raw, True) for raw in (True, 1, 1.0, "1", "1.0", "TRUE", "yes", "withdrawn", "Discontinued", "inactive")],
        ("deleted", True),
        *[(raw, None) for raw in (False, 0, "0", "false", "no", "active", "available")],
    ],
)  # fmt: skip
def test_a_withdrawn_column_can_only_withdraw_products(raw: object, withdrawn: bool | None) -> None:
    assert made(withdrawn=raw) == (Product("P1", withdrawn=withdrawn), {})


@pytest.mark.parametrize("raw", ["2024-01-01", 2, [1, 2][1:], {"a": 1}])
def test_withdrawn_that_is_neither_is_left_empty_and_counted(raw: object) -> None:
    assert made(withdrawn=raw) == (Product("P1"), {"withdrawn is neither yes nor no: left empty": 1})


# --- Image ------------------------------------------------------------------------------------------------------------

A, B, C = (f"https://img.example/{name}.jpg" for name in "abc")


@pytest.mark.parametrize(
    ("raw", "image"),
    [
        (A, A), ("/static/a.jpg", "/static/a.jpg"), ("//img.example/a.jpg", A),
        ("HTTP://img.example/a", "HTTP://img.example/a"),
        ([A, B], A), (["javascript:x()", None, B], B), (f'["{A}", "{B}"]', A), (f"{A}|{B}", A), (f"{A}, {B}", A),
        ([[A]], A),
        ("https://img.example/a,1,2_.jpg?x=1&amp;y=2", "https://img.example/a,1,2_.jpg?x=1&y=2"),
        ("https://img.example/a b.jpg", "https://img.example/a%20b.jpg"), ([{"src": A}], A), ({"url": A}, A),
        ([{"thumb": C, "large": B, "hi_res": None, "variant": "PT01"}, {"thumb": A, "variant": "MAIN"}], A),
        ([{"thumb": C, "large": B, "hi_res": None, "variant": "MAIN"}], B), ({"hi_res": [None, C], "large": [A, B]}, A),
        ({"hi_res": [B, A], "large": [C, C], "variant": ["PT01", "MAIN"]}, A), (f'{{"hi_res": ["{A}"]}}', A),
        ({"hi_res": np.array([A], dtype=object), "large": np.array([B], dtype=object)}, A),
        (np.array([A], dtype=object), A),
    ],
)  # fmt: skip
def test_the_first_good_and_largest_address_of_an_image_is_taken(raw: object, image: str) -> None:
    assert made(image=raw) == (Product("P1", image_url=image), {})


@pytest.mark.parametrize(
    "raw",
    [
        "javascript:alert(1)", "data:image/png;base64,AAAA", "kettle.jpg", "ftp://img.example/a.jpg", "https://",
        "http:///a", "/",
        "java\nscript:x", "https://[::1/a.jpg", 'https://img.example/"><b>', "/\\evil.example",
        "https://img.example/" + "a" * 3000,
        ["javascript:x()"], [{"thumb": "data:x"}], 5, True, [{"other": A}],
    ],
)  # fmt: skip
def test_invalid_image_addresses_are_left_empty_and_counted(raw: object) -> None:
    assert made(image=raw) == (Product("P1"), {"image is no address: left empty": 1})


# --- Anything ---------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["<script", "<b>", "</b>", "<", ">", "&lt;", "&amp;", "&#0;", "&#xfeff;", "script>", "<!--", "-->", "<![", "CDATA[",
     "]]>", " | ", " > ", "{", "}", ".a{b:c}", "'", '"', "/>", "=", "\x00", "\ud800", "\u202e", "$", "1,000", "- 5",
     "https://", "[", "]",
     "var a =", "style", "<img alt='&lt;script&gt;'", "\\", "plaintext>", "<textarea>", "?", "\n", "nan", "x"]
)  # fmt: skip
TEXTS = st.text() | st.lists(PIECES, max_size=12).map("".join)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from([10**400, -(10**400)])
KEYS = st.sampled_from(["hi_res", "large", "thumb", "variant", "url", "name", "amount", "value", "a"])
CELLS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
ROLES = ("title", "description", "category", "brand", "price", "image", "stock", "withdrawn", "main_category")


class Scripts(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in ("script", "style", "img", "iframe") else []


def assert_clean(row: Product) -> None:
    for text, limit in (
        (row.title, TITLE_LIMIT), (row.description, DESCRIPTION_LIMIT), (row.category, 5_000),
        (row.brand, 200), (row.image_url, 2_000),
    ):  # fmt: skip
        if text is not None:
            assert text == text.strip() != ""
            assert len(text) <= limit
            assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
            assert Scripts(text).found == []
    assert row.price is None or (type(row.price) is float and 0 <= row.price < 1e9)
    assert row.stock is None or (type(row.stock) is int and row.stock >= 0)
    assert row.withdrawn in (None, True, False)
    assert row.image_url is None or row.image_url.lower().startswith(("http://", "https://", "/"))
    assert row.image_url is None or not row.image_url.startswith("//")


@settings(max_examples=100)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ROLES, CELLS)))
@example(dict.fromkeys(ROLES, "[" * 40_000 + "]" * 40_000))
@example(dict.fromkeys(ROLES, "<scr<script>ipt>alert(1)</scr</script>ipt>"))
@example(dict.fromkeys(ROLES, "&amp;amp;amp;amp;amp;lt;script&amp;amp;amp;amp;amp;gt;"))
@example({"category": ["x <script", "b"]})
@example({"category": ["x <img", "alt"], "description": ["x <img", "alt > y"]})
def test_no_cell_raises_and_every_product_is_clean(cells: dict[str, object]) -> None:
    row, mended = made(**cells)
    assert_clean(row)
    assert all(count == 1 for count in mended.values())


def test_lists_within_lists_have_no_end_that_raises() -> None:
    cell: object = {"name": "x"}
    for _ in range(5_000):
        cell = [cell]
    row, _ = made(**dict.fromkeys(ROLES, cell))
    assert_clean(row)


# --- Public files -----------------------------------------------------------------------------------------------------


def rows_of(path: str) -> Iterator[dict[str, object]]:
    if not (SHARED / path).exists():
        pytest.skip(f"{SHARED / path} is missing: this test measures on public files that are not part of the project")
    with gzip.open(SHARED / path, "rt", encoding="utf-8") as lines:
        yield from (csv.DictReader(lines) if ".csv" in path else map(json.loads, lines))


def test_broken_titles_of_a_scraped_catalogue_are_found_and_all_others_kept() -> None:
    mended: Counter[str] = Counter()
    for row in rows_of("amazon-2018-magazine-giftcards/meta_Magazine_Subscriptions.jsonl.gz"):
        assert_clean(clean_product({**row, "product": row["asin"], "main_category": row["main_cat"]}, mended))
        assert title_of(row["title"]) is not None or '<span class="' in str(row["title"]) or '" />' in str(row["title"])
    assert mended["title is markup: left empty"] == 3_163
    assert mended["price is not readable: left empty"] == 18


def test_features_do_not_pass_for_categories_in_a_scraped_catalogue() -> None:
    found: Counter[str | None] = Counter()
    for row in rows_of("amazon-2018-magazine-giftcards/meta_Gift_Cards.jsonl.gz"):
        clean, _ = made(**{**row, "main_category": row["main_cat"]})
        assert clean.title is not None
        found[clean.category] += 1
    assert sorted(found.values()) == [28, 1_519]
    assert None not in found


def test_titles_of_shops_are_kept_as_they_are() -> None:
    changed = 0
    for row in rows_of("icecat-search/products.jsonl.gz"):
        changed += title_of(row["title"]) != row["title"]
    assert changed == 5
    names = {str(row["Description"]) for row in rows_of("online-retail-uci/online_retail.csv.gz")}
    assert [name for name in names if title_of(name) != " ".join(name.split()) and name] == []
