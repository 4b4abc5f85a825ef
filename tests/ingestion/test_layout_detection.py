"""Layouts of public files and shops are detected; hints give the ones that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import Event, read

from src.core.domain import Product
from src.core.errors import UnusableFile
from src.ingestion.layout import LAYOUTS, Hints, parse_columns
from src.ingestion.layout_detection import open_table

Write = Callable[..., Path]
AT = 1_300_000_000
U_ITEM = (
    "{}|{} (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?{}|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
    "2|GoldenEye (1995)|01-Jan-1995||http://x|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
)
UCI = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,WHITE HANGING HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
    '536366,71053,"LANTERN, WHITE",2,12/1/2010 8:28,3.39,17850.0,United Kingdom\n'
    "536367,22633,,4,12/13/2010 8:28,1.85,,United Kingdom\n"
    "C536379,71053,MANUAL,-1,12/14/2010 9:41,3.39,17850,United Kingdom\n"
)
UCI_II = UCI.replace("InvoiceNo", "Invoice").replace("UnitPrice", "Price").replace("CustomerID", "Customer ID")
UCI_EVENTS: list[Event] = [
    ("17850", "85123A", "purchase", 6.0, 1_291_191_960),
    ("17850", "71053", "purchase", 2.0, 1_291_192_080),
    ("17850", "71053", "return", 1.0, 1_292_319_660),
]
ROCKET: list[Event] = [
    ("257597", "355908", "view", 1.0, 1_433_221_332),
    ("257597", "355908", "cart", 1.0, 1_433_221_400),
    ("257597", "355908", "purchase", 1.0, 1_433_221_500),
]
REVIEW_2018 = (
    '{"overall": 5.0, "verified": true, "reviewTime": "03 13, 2011", "reviewerID": "A1", "asin": "B1", '
    '"style": {"Size:": " S"}, "reviewerName": "Ann", "reviewText": "Nice", "summary": "Yes", '
    '"unixReviewTime": 1300000000}\n'
)
REVIEW_2023 = (
    '{"rating": 5.0, "title": "Such a lovely scent", "text": "Nice", "images": [], "asin": "B0", "parent_asin": "B1", '
    '"user_id": "A1", "timestamp": 1300000000123, "helpful_vote": 0, "verified_purchase": true}\n'
)
RATED: list[Event] = [("A1", "B1", "rating", 5.0, AT)]
RATED_TWICE: list[Event] = [*RATED, ("A2", "B2", "rating", 4.0, AT + 1)]
FOUR, THREE = f"A1,B1,5.0,{AT}\nA2,B2,4.0,{AT + 1}\n", "A1,B1,5.0\nA2,B2,4.0\n"
TIMELESS: list[Event] = [(user, product, kind, value, -1) for user, product, kind, value, _ in RATED_TWICE]

FILES: list[tuple[str, str, str, list[Event]]] = [
    ("amazon on kaggle", "userId,productId,Rating,timestamp\n" + FOUR, "ratings", RATED_TWICE),
    ("amazon 50x5", "user_id,prod_id,rating\n" + THREE, "ratings", TIMELESS),
    ("amazon beauty", "UserId,ItemId,rating,timestamp\n" + FOUR, "ratings", RATED_TWICE),
    ("amazon 2023 ratings only", "user_id,parent_asin,rating,timestamp\n" + FOUR, "ratings", RATED_TWICE),
    ("amazon without header", FOUR, "ratings", RATED_TWICE),
    ("three columns without header", THREE, "ratings", TIMELESS),
    (
        "names in another writing",
        "USER ID; Prod-Id ;Rating;Unix Time\n" + FOUR.replace(",", ";"),
        "ratings",
        RATED_TWICE,
    ),
    ("a column of row numbers", ",user,item,rating,timestamp\n0,A1,B1,5,1300000000\n", "ratings", RATED),
    ("german", "Kundennummer;Artikelnummer;Bewertung;Datum\nA1;B1;5,0;13.03.2011 07:06:40\n", "ratings", RATED),
    ("u.data", FOUR.replace(",", "\t"), "ratings", RATED_TWICE),
    ("ratings.dat", FOUR.replace(",", "::"), "ratings", RATED_TWICE),
    ("movielens csv", "userId,movieId,rating,timestamp\n" + FOUR, "ratings", RATED_TWICE),
    ("amazon 2014 and 2018 reviews", REVIEW_2018, "ratings", RATED),
    ("amazon 2023 reviews", REVIEW_2023, "ratings", RATED),
    ("uci retail", UCI, "purchases", UCI_EVENTS),
    ("uci retail ii", UCI_II, "purchases", UCI_EVENTS),
    (
        "retailrocket",
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
        "1433221400000,257597,addtocart,355908,\n1433221500000,257597,transaction,355908,4000\n",
        "events",
        ROCKET,
    ),
    (
        "event log",
        "timestamp,user_id,item_id,event\n1433221332,257597,355908,view\n1433221400,257597,355908,cart\n"
        "1433221500,257597,355908,purchase\n",
        "events",
        ROCKET,
    ),
    (
        "rees46",
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
        "2011-03-13 07:06:40 UTC,remove_from_cart,B0,1,x.y,acme,5.0,A1,s\n"
        "2011-03-13 07:06:40 UTC,purchase,B1,1,x.y,acme,5.0,A1,s\n",
        "events",
        [("A1", "B1", "purchase", 1.0, AT)],
    ),
    (
        "clicks",
        "user_id,product_clicked,purchased\nA1,B1,0\nA1,B2,1\n",
        "clicks",
        [("A1", "B1", "click", 1.0, -1), ("A1", "B2", "click", 1.0, -1), ("A1", "B2", "purchase", 1.0, -1)],
    ),
    ("pairs", "user_id,item_id,timestamp\nA1,B1,1300000000\n", "pairs", [("A1", "B1", "purchase", 1.0, AT)]),
    (
        "lightgcn",
        "0 7 8\n1 7\n",
        "lists",
        [(u, p, "purchase", 1.0, -1) for u, p in (("0", "7"), ("0", "8"), ("1", "7"))],
    ),
]


@pytest.mark.parametrize(("text", "layout", "events"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
@pytest.mark.parametrize("packed", [False, True])
def test_files_of_events_are_understood(
    write: Write, text: str, layout: str, events: list[Event], packed: bool
) -> None:
    found = read(write(text, packed=packed))
    assert (found.layout, found.events) == (layout, events)
    assert layout in LAYOUTS
    assert found.table.describe().startswith(f"{layout}, ")
    found.table.describe().encode()


def meta(**cells: object) -> Product:
    return Product(**{"product_id": "B1", "title": "A lamp", **cells})  # type: ignore[arg-type]


CATALOGUES: list[tuple[str, str | bytes, str, list[Product]]] = [
    (
        "amazon metadata 2014",
        "{'asin': 'B1', 'title': 'A lamp', 'price': 9.5, 'imUrl': 'http://x/i.jpg', 'related': {'bought': ['B2']}, "
        "'salesRank': {'Home': 5}, 'brand': \"Acme's\", 'categories': [['Home', 'Lamps']]}\n",
        "products",
        [meta(price=9.5, image_url="http://x/i.jpg", brand="Acme's", category="Home > Lamps")],
    ),
    (
        "amazon metadata 2018",
        '{"category": ["Home", "Lamps"], "description": ["It shines."], "title": "A lamp", "also_buy": [], '
        '"brand": "Acme", "rank": "5 in Home", "main_cat": "Home", "price": "$9.50", "asin": "B1", "imageURL": [], '
        '"imageURLHighRes": ["https://x/i.jpg"]}\n',
        "products",
        [meta(description="It shines.", price=9.5, image_url="https://x/i.jpg", brand="Acme", category="Home > Lamps")],
    ),
    (
        "amazon metadata 2023",
        '{"main_category": "Home", "title": "A lamp", "average_rating": 4.5, "rating_number": 3, "features": ["f"], '
        '"description": ["It shines."], "price": 9.5, "images": [{"large": "https://x/i.jpg", "variant": "MAIN"}], '
        '"videos": [], "store": "Acme", "categories": ["Home", "Lamps"], "details": {"a": "b"}, "parent_asin": "B1"}\n',
        "products",
        [meta(description="It shines.", price=9.5, image_url="https://x/i.jpg", brand="Acme", category="Home > Lamps")],
    ),
    (
        "movies.dat",
        "1::Café (1995)::Animation|Comedy\n2::Other (1995)::Drama\n".encode("latin-1"),
        "products",
        [
            Product("1", "Café (1995)", category="Animation | Comedy"),
            Product("2", "Other (1995)", category="Drama"),
        ],
    ),
    (
        "u.item",
        U_ITEM.format("1", "Café", "x").encode("latin-1"),
        "genres",
        [
            Product("1", "Café (1995)", category="Animation | Children's | Comedy"),
            Product("2", "GoldenEye (1995)", category=None),
        ],
    ),
    ("movies.csv", 'movieId,title,genres\n1,"Lamp, A",Drama|Comedy\n', "products", [
        Product("1", "Lamp, A", category="Drama | Comedy")
    ]),
    (
        "a shop's own",
        "SKU;Name;Brand;Unit Price;Image URL;Stock;Discontinued\nB1;A lamp;Acme;9,50;https://x/i.jpg;3;no\n",
        "products",
        [meta(brand="Acme", price=9.5, image_url="https://x/i.jpg", stock=3)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "layout", "products"), [row[1:] for row in CATALOGUES], ids=[row[0] for row in CATALOGUES]
)
def test_files_of_products_are_understood(
    write: Write, content: str | bytes, layout: str, products: list[Product]
) -> None:
    found = read(write(content))
    assert (found.layout, found.events, found.rejected) == (layout, [], [])
    assert found.n_rows == len(products)
    if layout != "genres":
        assert found.products == products
    else:
        assert [product.title for product in found.products] == [product.title for product in products]
        assert found.products[0].category == products[0].category


def test_products_in_files_of_events_are_learnt_but_not_what_reviews_are_called(write: Write) -> None:
    assert read(write(REVIEW_2023)).products == []
    assert read(write(REVIEW_2018)).products == []
    retail = read(write(UCI)).products
    assert [(p.product_id, p.title, p.price) for p in retail] == [
        ("85123A", "WHITE HANGING HEART", 2.55),
        ("71053", "LANTERN, WHITE", 3.39),
    ]
    rated = read(write("user_id,product_id,rating,title,product_title\nA1,B1,5,I like it,A lamp\n"))
    assert rated.products == [Product("B1", "A lamp")]


@pytest.mark.parametrize(
    "text",
    [
        "1::F::1::10::48067\n2::M::56::16::70072\n",
        "1|24|M|technician|85711\n2|53|F|other|94043\n",
        "dear diary\ntoday I sold a lamp\n",
        "a,b\nc,d\n",
        "a,b,1,2,3\nc,d,1,2,3\n",
        "user_id,rating\na,5\n",
        "user_id\na\n",
        "title,price\nA lamp,5\n",
        "a,b,not a number,1\n",
        "A1,B1,5,17\nA2,B2,5,18\n",
        '{"a": 1}\n',
        "{}\n",
        "[]\n",
        "[1, 2]\n",
    ],
)
def test_an_unrelated_file_is_refused_with_what_was_found_and_expected(write: Write, text: str) -> None:
    with pytest.raises(UnusableFile) as caught:
        read(write(text))
    assert str(caught.value).startswith(str(write(text)))
    assert "Expected" in str(caught.value)
    assert "--columns" in str(caught.value)


def test_judgements_of_a_search_are_refused_with_their_columns(write: Write) -> None:
    with pytest.raises(UnusableFile, match=r"its columns are query, docid, rating\. No column was found for the user"):
        read(write("query,docid,rating\nlaptop,1229111,0\n"))


def test_a_bad_first_row_does_not_hide_the_layout(write: Write) -> None:
    found = read(write("what is this\n" + FOUR * 3))
    assert (found.layout, found.n_rows, found.reasons) == ("ratings", 7, [(1, "missing field")])


# --- Notes ------------------------------------------------------------------------------------------------------------


def notes(path: Path, hints: Hints | None = None) -> str:
    return "\n".join(open_table(path, hints).layout.notes)


def test_where_another_reading_was_possible_a_note_says_how_to_choose_it(write: Write) -> None:
    both = "user_id,asin,parent_asin,rating\nA1,B0,B1,5\n"
    assert read(write(both)).events[0][1] == "B1"
    assert "--columns product=asin" in notes(write(both))
    assert "--columns user=2,product=1,rating=3,time=4" in notes(write(FOUR))
    assert "--kind view" in notes(write("user_id,item_id\nA1,B1\n"))
    assert "--kind view" in notes(write("0 7 8\n1 7\n"))
    assert "--layout purchases" in notes(write("user,product,rating,quantity\nA1,B1,5,2\n"))
    assert notes(write("user_id,product_id,rating,timestamp\n" + FOUR)) == ""


@pytest.mark.parametrize("swap", ["user=2,product=1", "user=2,product=1,rating=3", "user=2,product=1,rating=3,time=4"])
def test_what_a_note_proposes_works(write: Write, swap: str) -> None:
    found = read(write(FOUR), Hints(columns=parse_columns(swap)))
    assert found.events == [("B1", "A1", "rating", 5.0, AT), ("B2", "A2", "rating", 4.0, AT + 1)]


def dates(*rows: str) -> str:
    return "user,item,quantity,date\n" + "".join(f"A1,B1,1,{row}\n" for row in rows)


def test_ambiguous_dates_are_noted_with_the_option_to_choose(write: Write) -> None:
    path = write(dates("3/4/2010", "", "5/6/2010"))
    assert "'3/4/2010'" in notes(path)
    assert "--dates day-first" in notes(path)
    assert [event[4] for event in read(path).events] == [1_267_660_800, -1, 1_273_104_000]
    assert [event[4] for event in read(path, Hints(day_first=True)).events] == [1_270_252_800, -1, 1_275_696_000]
    assert notes(path, Hints(day_first=True)) == ""
    assert "--dates month-first" in notes(write(dates("3.4.2010")))


def test_what_tells_days_from_months_says_nothing_of_the_other_shapes_of_times(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.ingestion.input_files.CHUNK_BYTES", 1_000)
    mixed = ["3/4/2010", "3/4/2010 8:26"] * 100
    found = read(write(dates(*mixed, *["nonsense"] * 60, *["2010-04-03"] * 60, *["13/4/2010"] * 60, *mixed)))
    assert {event[4] for event in found.events} == {1_270_252_800, 1_270_283_160, 1_271_116_800}
    assert {reason for _, reason in found.reasons} == {"time is not readable"}
    assert len(found.reasons) == 60  # nonsense; days that begin with the year can mean one thing only


@pytest.mark.parametrize(("late", "at"), [("13/4/2010", 1_270_252_800), ("4/13/2010", 1_267_660_800)])
def test_a_day_above_the_twelfth_far_down_tells_days_from_months(
    write: Write, late: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.ingestion.input_files.CHUNK_BYTES", 1_000)
    found = read(write(dates(*["3/4/2010"] * 500, *[""] * 200, late)))
    assert found.events[0][4] == at
    assert (found.rejected, found.table.layout.notes) == ([], ())
