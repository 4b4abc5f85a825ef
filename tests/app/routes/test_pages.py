"""The shop's pages and the documentation, which load nothing from other hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import update

from app.context import context_of
from src.core.domain import Event, EventKind, Product
from src.core.progress import Silent
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.store.tables import products
from src.workflows.explore import explore_store
from src.workflows.ingest import ingest
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

PAGES = [
    "/",
    "/customers",
    "/customers/U00003?product_id=P00012",
    "/shop/search",
    "/shop/search?q=paint",
    "/shop/products/P00012?user_id=U00003",
    "/docs",
]
_ADDRESS = re.compile(r"""(?:src|href|action)\s*=\s*["']([^"']*)["']""")


def text_of(client: FlaskClient, path: str, status: int = 200) -> str:
    with client.get(path, buffered=True) as answer:
        assert answer.status_code == status
        return answer.get_data(as_text=True)


def titles_of(page: str) -> list[str]:
    """Return the titles of the cards of a page, in order."""
    return [unescape(title) for title in re.findall(r'class="card-link"[^>]*>([^<]*)</a>', page)]


def named(store: Store, ids: Iterable[str]) -> list[str]:
    known = store.products.get(ids)
    return [known[id_].title or id_ for id_ in ids]


def test_a_title_of_a_paragraph_is_a_smaller_heading(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("P00012", title="All in one breath " * 28)])
    assert '<h1 class="h1-long"' in text_of(client, "/shop/products/P00012")


def test_returns_are_shown_on_the_overview_and_beside_the_sales_of_a_product(
    trained_settings: Settings, trained_store: Store, make_app: Any
) -> None:
    client = make_app(trained_settings).test_client()
    at = 1_700_000_000
    events = [Event("u", "P00012", EventKind.PURCHASE, 4.0, at), Event("u", "P00012", EventKind.RETURN, 1.0, at + 60)]
    events += [Event("u", "P00013", EventKind.PURCHASE, 6.0, at), Event("v", "P00012", EventKind.PURCHASE, 1.0, at)]
    explore = trained_settings.reports_dir / "exploration.html"
    explore_store(trained_settings, trained_store, explore, Silent())
    assert "Returned" not in text_of(client, "/")
    record_events(trained_store, [replace(event, at=event.at + 10**8) for event in events if event.at])
    explore_store(trained_settings, trained_store, explore, Silent())
    overview = re.sub(r"<[^>]+>", " ", text_of(client, "/"))
    assert "Returned, last 90 days of sales" in overview
    assert "9.1" in overview
    assert "1 of 11 sold" in overview
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(client, "/shop/products/P00012")))
    assert "Sold in 90 days, net of returns 4" in page
    assert "Returned of these days’ sales 1" in page


def test_products_bought_together_show_how_many_customers_took_both(
    client: FlaskClient, trained_settings: Settings, trained_store: Store
) -> None:
    explore_store(trained_settings, trained_store, trained_settings.reports_dir / "exploration.html", Silent())
    directory = context_of(client.application).directory.current()
    assert directory is not None
    page = text_of(client, "/shop/products/P00012")
    shelf = page[page.index('id="together"') : page.index('id="alike"') if 'id="alike"' in page else None]
    ids = re.findall(r'class="card-link" href="/shop/products/(\w+)"', shelf)
    counts = [n for n in directory.owners_of_both("P00012", ids) if n]
    assert counts
    said = re.findall(r">(\d+) customers? (?:bought|rated) both<", shelf)
    assert [int(n) for n in said] == counts
    users = trained_store.events.user_ids("", 100)
    owned = [{event.product_id for event in trained_store.events.history(user)} for user in users]
    assert counts[0] <= sum({"P00012", ids[0]} <= products for products in owned)


def test_search_results_can_be_narrowed_by_price(reader: FlaskClient) -> None:
    page = unescape(text_of(reader, "/shop/search?sort=name"))
    chip = r'href="(/shop/search\?[^"]*max_price=[^"&]+[^"]*)">[^<]*<span class="quiet">(\d+)<'
    href, n = re.findall(chip, page)[0]
    narrowed = text_of(reader, href)
    assert len(titles_of(narrowed)) == int(n)
    assert f"{n} product" in narrowed


def test_right_to_left_texts_have_their_direction(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("rtl", title="كتاب الطبخ", description="وصف")])
    record_events(trained_store, [Event("reader", "rtl", EventKind.VIEW, at=1_700_000_000)])
    page = text_of(client, "/shop/products/rtl")
    assert '<h1 dir="auto">كتاب' in page
    assert 'dir="auto">وصف' in page
    assert 'dir="auto">كتاب' in text_of(client, "/customers/reader")


def test_without_words_a_category_is_looked_through(reader: FlaskClient) -> None:
    category = reader.get("/categories").get_json()[0]
    page = reader.get("/shop/search", query_string={"category": category["category"]}).text
    assert len(titles_of(page)) == category["count"]


@pytest.mark.parametrize("id_", [".", "..", "../x", "a/./b", "~.", "a/..", "~~..", ".a", "a..b"])
def test_a_link_to_an_id_of_dots_reaches_its_page(flask_app: Flask, trained_store: Store, id_: str) -> None:
    trained_store.products.add([Product(id_, title="Dotted")])
    with flask_app.test_request_context():
        link = url_for("pages.product", product_id=id_)
    assert not {".", ".."} & set(link.split("/")), "browsers take such segments out of an address"
    assert "Dotted" in flask_app.test_client().get(link).text


def test_an_id_with_slashes_has_a_page(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("a/b//c d?", title="Slashed", stock=0)])
    page = client.get("/shop/products/a/b//c%20d%3F")
    assert page.status_code == 200
    assert ">Slashed</h1>" in page.text
    assert "Sold out" in page.text


def test_a_product_that_is_not_there_has_a_page_with_the_nearest_ids(reader: FlaskClient) -> None:
    page = text_of(reader, "/shop/products/P000122", 404)
    assert "No such product" in page
    assert 'href="/shop/products/P00012"' in page


def test_a_withdrawn_product_says_so(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("P00012", withdrawn=True)])
    assert "Withdrawn" in text_of(client, "/shop/products/P00012")


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(("path", "status"), [("/shop/nothing", 404), ("/suggest/products?q=a", 503), ("/", 503)])
def test_a_browser_gets_errors_as_a_page(untrained_client: FlaskClient, path: str, status: int) -> None:
    answer = untrained_client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "<main" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert ("python data_processing.py" in answer.text) == (status == 503)
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_an_address_without_a_page_is_named_in_the_language_of_the_browser(client: FlaskClient) -> None:
    german = client.get("/nowhere/<b>", headers=BROWSER | {"Accept-Language": "de"})
    assert german.status_code == 404
    assert "Unter „/nowhere/&lt;b&gt;“ gibt es keine Seite." in german.text
    assert "There is" not in german.text


@pytest.mark.parametrize("path", ["/products/P0001O", "/popular?n=0", "/recommend"])
def test_a_call_of_the_api_answers_problems_as_json_even_to_a_browser(reader: FlaskClient, path: str) -> None:
    assert reader.get(path, headers=BROWSER).mimetype == "application/problem+json"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html;q=0.5"])
def test_a_program_gets_the_errors_of_pages_as_json(reader: FlaskClient, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    assert reader.get("/shop/nothing", headers=headers).mimetype == "application/problem+json"


def test_the_page_for_a_missing_key_keeps_asking_the_browser_for_one(make_app: Any, trained_settings: Settings) -> None:
    app = make_app(trained_settings.model_copy(update={"read_keys": "readers"}))
    answer = app.test_client().get("/", headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert any(value.startswith("Basic") for value in answer.headers.getlist("WWW-Authenticate"))


def test_every_page_leads_to_the_others_and_says_where_it_is(reader: FlaskClient) -> None:
    page = text_of(reader, "/shop/search")
    assert 'href="/shop/search" aria-current="page"' in page
    for path in ("/", "/customers", "/operations", "/docs"):
        assert f'class="nav-place" href="{path}"' in page
    assert page.count('aria-current="page"') == 1


@pytest.mark.usefixtures("no_smoke")
def test_a_shop_without_titles_has_pages(settings: Settings, store: Store, make_app: Any) -> None:
    events = [Event(f"u{n % 9}", f"p{n % 7}", EventKind.PURCHASE, at=n) for n in range(300)]
    record_events(store, [*events, Event("new", "p0", EventKind.PURCHASE, at=300)])
    train(settings, store, TrainingRequest(), Silent())
    client = make_app(settings).test_client()
    assert re.findall(r'<h3><a href="/shop/products/(\w+)"[^>]*>\1<', text_of(client, "/customers/new"))
    assert ">p1</h1>" in text_of(client, "/shop/products/p1")
    assert set(titles_of(text_of(client, "/"))) == {f"p{n}" for n in range(7)}
    assert titles_of(text_of(client, "/shop/search?q=p")) == [f"p{n}" for n in range(7)]


def test_typed_markup_is_shown_as_text(client: FlaskClient, trained_store: Store) -> None:
    evil = "<script>alert(1)</script>"
    trained_store.products.add([Product("evil", title=evil, category=evil)])
    record_events(trained_store, [Event(evil, "evil", EventKind.VIEW, at=5)])
    page = client.get(f"/customers/{quote(evil)}").get_data(as_text=True)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    quoted = client.get("/customers/" + quote('" onfocus="alert(1)')).get_data(as_text=True)
    assert 'value="&#34; onfocus=' in quoted


@pytest.mark.parametrize(("user_id", "status"), [("\x00", 422), ("💚" * 500, 422), ("%s", 200), ("{{ 7 * 7 }}", 200)])
def test_any_user_id_gives_a_page(reader: FlaskClient, user_id: str, status: int) -> None:
    answer = reader.get("/customers/" + quote(user_id))
    assert answer.status_code == status
    assert "Recommendations for a customer" in answer.text
    assert "for 49" not in answer.text


def test_before_any_release_the_page_says_what_to_do(untrained_client: FlaskClient) -> None:
    for path in ("/", "/customers/a", "/shop/search?q=a"):
        page = untrained_client.get(path, headers=BROWSER)
        assert page.status_code == 503
        assert "python train_model.py" in page.text


CATALOGUE = "product_id,title,category,price\n" + "".join(f"c{n},Chair {n},Chairs,{n + 10}\n" for n in range(30))
ORDERS = "user,product,rating\nu,p,5\n"


@pytest.mark.parametrize(
    ("text", "figures", "commands"),
    [
        (CATALOGUE, "30 products and 0 events", ["python data_processing.py orders.csv", "python train_model.py"]),
        (ORDERS, "and 1 events", ["python train_model.py"]),
    ],
    ids=["catalogue", "ratings"],
)
def test_pages_answer_200_after_a_file_replaced_the_made_up_shop(
    trained_settings: Settings,
    make_app: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    figures: str,
    commands: list[str],
) -> None:
    app = make_app(trained_settings)
    client, aisle = app.test_client(), context_of(app)
    monkeypatch.setattr(Registry, "is_made_up", lambda *_: True)
    with aisle.store.database.write() as connection:
        connection.execute(update(products).values(made_up=True))
    (tmp_path / "loaded.csv").write_text(text)
    ingest(trained_settings, aisle.store, tmp_path / "loaded.csv", Silent())
    aisle.recommender.refresh()
    for path in (
        "/",
        "/customers/U00003",
        "/shop/search?q=chair",
        "/shop/products/c1",
        "/shop/products/p",
        "/operations",
    ):
        for headers in (BROWSER, {}):
            page = client.get(path, headers=headers)
            assert page.status_code in (200, 404), path
            assert page.mimetype == "text/html"
            if path != "/operations" and page.status_code == 200:
                assert "loaded.csv was loaded: " in page.text
                assert figures in page.text
                assert re.findall(r"<code>(python .*?)</code>", page.text) == commands
    call = client.post("/recommend", json={"user_id": "u"})
    assert (call.status_code, call.mimetype) == (503, "application/problem+json")
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_outside_and_all_it_names_is_there(reader: FlaskClient, path: str) -> None:
    page = text_of(reader, path)
    addresses = [unescape(address) for address in _ADDRESS.findall(page)]
    assert addresses
    for address in addresses:
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in page
            continue
        assert address.startswith(("/", "data:")), address
        assert not address.startswith("//")
        if address.startswith("/"):
            with reader.get(address, buffered=True) as there:
                assert there.status_code == 200, address


@pytest.mark.parametrize("path", [*PAGES, "/recommend?user_id=a", "/nothing", "/openapi.json"])
def test_every_answer_forbids_unneeded_browser_features(reader: FlaskClient, path: str) -> None:
    headers = reader.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_an_inline_script(reader: FlaskClient, path: str) -> None:
    page = text_of(reader, path)
    assert re.search(r"<script(?![^>]*\bsrc=)", page) is None
    assert re.search(r"\son\w+\s*=", page) is None


def test_the_overview_says_what_it_is_and_shows_bestsellers_and_an_example(
    client: FlaskClient, trained_store: Store
) -> None:
    page = text_of(client, "/")
    assert "Recommendations for your shop" in page
    popular = client.post("/recommend", json={"user_id": "nobody", "n": 12}).get_json()
    assert titles_of(page) == named(trained_store, popular)
    people = re.findall(r'class="chip" href="/customers/(\w+)"', page)
    assert people
    assert f"An example: customer {people[0]}" in page
    assert client.get("/?user_id=U00003").headers["Location"] == "/customers/U00003"


def test_a_customers_page_shows_the_list_of_the_api_and_why_a_product_is_missing(
    client: FlaskClient, trained_store: Store
) -> None:
    listed = client.post("/recommend", json={"user_id": "U00003", "n": 5}).get_json()
    page = unescape(text_of(client, "/customers/U00003?n=5"))
    places = re.findall(r'<h3><a href="/shop/products/([^"]+)"', page)
    assert places == listed
    missing = next(id_ for id_ in named_ids(trained_store) if id_ not in listed)
    why = client.post("/why-not", json={"user_id": "U00003", "n": 5, "product_id": missing}).get_json()["detail"]
    assert why in unescape(text_of(client, f"/customers/U00003?n=5&product_id={missing}"))
    assert "Did you mean" in text_of(client, "/customers/U00003?product_id=coffee") or "No product has" in page


def named_ids(store: Store) -> list[str]:
    return [product.product_id for products in store.products.read() for product in products]


def test_pages_speak_the_language_of_the_browser_unless_one_is_set(
    client: FlaskClient, make_app: Any, trained_settings: Settings
) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    assert "Empfehlungen für Ihren Shop" in client.get("/", headers=german).text
    assert 'lang="en"' in client.get("/", headers={"Accept-Language": "fr"}).text
    english = make_app(trained_settings.model_copy(update={"language": "en"})).test_client()
    assert 'lang="en"' in english.get("/", headers=german).text


def test_a_search_has_counts_an_order_and_only_filters_that_the_data_answer(reader: FlaskClient) -> None:
    page = text_of(reader, "/shop/search?sort=price")
    prices = [float(price) for price in re.findall(r'class="price">([\d.]+)<', page)]
    assert prices == sorted(prices)
    assert 'aria-label="Category"' in page
    wrong = reader.get("/shop/search?q=paint&min_price=cheap")
    assert wrong.status_code == 422
    assert "Enter a number, e.g. 19.99" in wrong.text
    assert "Nothing found" in text_of(reader, "/shop/search?q=paint&min_price=9999")


def test_a_sold_out_or_withdrawn_product_is_marked(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("P00012", stock=0), Product("P00013", withdrawn=True)])
    assert "Sold out" in text_of(client, "/shop/products/P00012")
    assert "Withdrawn" in text_of(client, "/shop/products/P00013")
    trained_store.rules.save([{"action": "exclude", "product_id": "P00012"}], "tests", "", None)
    context_of(client.application).recommender.rules.refresh()
    page = text_of(client, "/shop/products/P00012")
    assert "Sold out" in page, "one mark hides no other"
    assert "Excluded by a rule" in page


def test_the_api_page_shows_every_call_without_scripts(reader: FlaskClient) -> None:
    page = text_of(reader, "/docs")
    paths = reader.get("/openapi.json").get_json()["paths"]
    assert page.count('<details class="panel call"') == sum(len(calls) for calls in paths.values())
    assert "curl -s localhost:5000/recommend" in page


def test_a_page_is_compressed_where_the_browser_wants_it(reader: FlaskClient) -> None:
    answer = reader.get("/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) < len(reader.get("/").data) / 3
