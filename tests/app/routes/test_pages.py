"""The shop's pages and the documentation, which load nothing from other hosts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app.context import context_of
from src.core.domain import Event, EventKind, Product
from src.core.progress import Silent
from src.core.settings import Settings
from src.recommendation.ensemble import ENSEMBLE
from src.releases.registry import Registry
from src.store import Store
from src.store.tables import products
from src.workflows.ingest import ingest
from src.workflows.record_events import record_events
from src.workflows.train import train
from src.workflows.training_plan import TrainingRequest

PAGES = [
    "/",
    "/?user_id=U00003&product_id=P00012",
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


def test_the_front_page_shows_popular_products_and_example_users(client: FlaskClient, trained_store: Store) -> None:
    page = text_of(client, "/")
    popular = client.post("/recommend", json={"user_id": "nobody", "n": 12}).get_json()
    assert titles_of(page) == named(trained_store, popular)
    people = re.findall(r'class="chip" href="/\?user_id=(\w+)"', page)
    assert len(people) == 5
    assert all(trained_store.events.history(user) for user in people)


def test_the_page_of_a_user_shows_the_list_of_the_api_and_the_history(
    client: FlaskClient, trained_store: Store
) -> None:
    page = text_of(client, "/?user_id=U00003")
    answer = client.post("/recommend", json={"user_id": "U00003", "n": 12, "explain": True})
    assert titles_of(page) == named(trained_store, [row["product_id"] for row in answer.get_json()["recommendations"]])
    assert answer.headers["X-Release"] in page
    history = page[page.index('id="history"') :]
    newest = trained_store.events.history("U00003")[-1]
    assert escape(named(trained_store, [newest.product_id])[0]) in history


def test_every_place_of_a_list_says_why_it_is_there(
    client: FlaskClient, flask_app: Flask, publish_again: Callable[..., str]
) -> None:
    publish_again(ENSEMBLE)
    context_of(flask_app).recommender.refresh()
    page = text_of(client, "/?user_id=U00003")
    wanted = {"user_id": "U00003", "n": 12, "explain": True}
    rows = client.post("/recommend", json=wanted).get_json()["recommendations"]
    said = re.findall(r'class="why mb-0">([^<]*)<b dir="auto">([^<]*)</b>', page)
    because = [row["explanation"]["because"] for row in rows if row["filled_by"] is None]
    strongest = [reasons[0] if reasons else None for reasons in because]
    assert len(said) == 12
    assert any(strongest)
    for (_, name), row, reason in zip(said, rows, strongest, strict=False):
        if reason is not None and reason["product_id"] != row["product_id"]:
            assert unescape(name) == reason["title"]


def test_the_shown_rating_is_that_of_the_api_with_its_numbers_of_ratings(client: FlaskClient) -> None:
    said = client.post("/predict", json={"user_id": "U00003", "product_id": "P00012"}).get_json()
    for page in ("/?user_id=U00003&product_id=P00012", "/shop/products/P00012?user_id=U00003"):
        text = text_of(client, page)
        assert f'aria-label="{said["rating"]:.1f} of 5 stars"' in text
        assert f'<rect width="{120 * said["rating"] / 5:.1f}" height="24"/>' in text
        assert f"{said['n_product_ratings']} rating" in text


def test_an_unknown_product_is_answered_with_similar_ones(client: FlaskClient, trained_store: Store) -> None:
    (title,) = named(trained_store, ["P00012"])
    page = client.get("/", query_string={"user_id": "U00003", "product_id": title.lower()}).text
    assert "Did you mean" in page
    assert "/?user_id=U00003&amp;product_id=P00012" in page


def test_a_long_history_is_shown_with_the_number_of_shown_events(client: FlaskClient, trained_store: Store) -> None:
    events = [Event("busy", f"P{n % 4:05d}", EventKind.CLICK, at=1_700_000_000 + n) for n in range(1_234)]
    record_events(trained_store, events[:1_000])
    record_events(trained_store, events[1_000:])
    record_events(trained_store, [Event("calm", "P00012", EventKind.VIEW, at=1_700_000_000)])
    assert "The newest of 1,234 things they did, each product once." in text_of(client, "/?user_id=busy")
    assert "The one thing they did." in text_of(client, "/?user_id=calm")


def test_a_search_says_if_more_products_match(client: FlaskClient) -> None:
    assert "The first 24 products" in text_of(client, "/shop/search?max_price=99999")
    few = text_of(client, "/shop/search?category=Toys")
    assert 1 < len(titles_of(few)) < 24
    assert f'role="status">{len(titles_of(few))} products' in few
    assert "The first" not in few


def test_a_title_of_a_paragraph_is_a_smaller_heading(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("P00012", title="All in one breath " * 28)])
    assert '<h1 class="h1-long"' in text_of(client, "/shop/products/P00012")


def test_right_to_left_texts_have_their_direction(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("rtl", title="كتاب الطبخ", description="وصف")])
    record_events(trained_store, [Event("reader", "rtl", EventKind.VIEW, at=1_700_000_000)])
    page = text_of(client, "/shop/products/rtl")
    assert '<h1 dir="auto">كتاب' in page
    assert 'dir="auto">وصف' in page
    assert 'dir="auto">كتاب' in text_of(client, "/?user_id=reader")


def test_a_rating_needs_a_user(client: FlaskClient) -> None:
    assert "pick a user, too" in text_of(client, "/?product_id=P00012")


def test_the_page_of_an_unknown_user_says_so(client: FlaskClient) -> None:
    page = text_of(client, "/?user_id=nobody")
    assert "Nothing is known of this user" in page
    assert titles_of(page) == titles_of(text_of(client, "/"))


def test_a_search_shows_what_the_api_finds_and_links_to_the_products(client: FlaskClient, trained_store: Store) -> None:
    found = client.post("/search", json={"query": "coffee", "top_k": 24}).get_json()["results"]
    page = text_of(client, "/shop/search?q=coffee")
    assert titles_of(page) == [row["title"] for row in found]
    assert f'href="/shop/products/{found[0]["product_id"]}"' in page


def test_a_search_is_narrowed_down_by_category_price_and_stock(client: FlaskClient, trained_store: Store) -> None:
    wanted = {"query": "set", "top_k": 24, "category": "Toys", "max_price": 40}
    found = client.post("/search", json=wanted).get_json()["results"]
    page = client.get("/shop/search", query_string={"q": "set", "category": "Toys", "max_price": "40"}).text
    assert titles_of(page) == [row["title"] for row in found]
    first = found[0]["product_id"]
    trained_store.products.add([Product(first, stock=0)])
    page = client.get("/shop/search", query_string={"q": "set", "category": "Toys", "in_stock": "1"}).text
    assert found[0]["title"] not in titles_of(page)


def test_without_words_a_category_is_looked_through(client: FlaskClient) -> None:
    category = client.get("/categories").get_json()[0]
    page = client.get("/shop/search", query_string={"category": category["category"]}).text
    assert len(titles_of(page)) == category["count"]


def test_a_search_without_finds_says_so_and_offers_to_drop_the_filters(client: FlaskClient) -> None:
    page = text_of(client, "/shop/search?q=coffee&min_price=99999")
    assert "Nothing fits" in page
    assert 'href="/shop/search?q=coffee"' in page


def test_an_invalid_filter_is_reported_at_its_field(client: FlaskClient) -> None:
    page = text_of(client, "/shop/search?q=coffee&min_price=cheap", 422)
    assert 'aria-describedby="min_price-problem"' in page
    assert 'value="cheap"' in page
    assert titles_of(page) == []


def test_the_page_of_a_product_shows_its_fields_and_similar_products(client: FlaskClient, trained_store: Store) -> None:
    product = trained_store.products.get(["P00012"])["P00012"]
    page = text_of(client, "/shop/products/P00012")
    assert f'<h1 dir="auto">{escape(product.title or "")}</h1>' in page
    assert f"{product.price:,.2f}" in page
    assert f'href="/shop/search?category={product.category}"' in page
    similar = client.post("/matrix_factor/similar", json={"item_id": "P00012", "n": 12}).get_json()["recommendations"]
    together = [row["title"] for row in similar if row["source"] == "behaviour"]
    assert titles_of(page)[: len(together)] == together
    assert "Described alike" in page


def test_an_id_with_slashes_has_a_page(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("a/b//c d?", title="Slashed", stock=0)])
    page = client.get("/shop/products/a/b//c%20d%3F")
    assert page.status_code == 200
    assert ">Slashed</h1>" in page.text
    assert "Sold out" in page.text


def test_a_product_that_is_not_there_has_a_page_with_the_nearest_ids(client: FlaskClient) -> None:
    page = text_of(client, "/shop/products/P000122", 404)
    assert "No such product" in page
    assert 'href="/shop/products/P00012"' in page


def test_a_withdrawn_product_says_so(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product("P00012", withdrawn=True)])
    assert "Withdrawn" in text_of(client, "/shop/products/P00012")


def test_prices_have_the_sign_of_the_shop(make_app: Any, trained_settings: Settings) -> None:
    app = make_app(trained_settings.model_copy(update={"currency": "€"}))
    assert re.search(r"€\d", text_of(app.test_client(), "/"))


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(("path", "status"), [("/shop/nothing", 404), ("/suggest/products?q=a", 503), ("/", 503)])
def test_a_browser_gets_errors_as_a_page(untrained_client: FlaskClient, path: str, status: int) -> None:
    answer = untrained_client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "<main" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert ("python data_processing.py" in answer.text) == (status == 503)
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("path", ["/products/P0001O", "/popular?n=0", "/recommend"])
def test_a_call_of_the_api_answers_problems_as_json_even_to_a_browser(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=BROWSER).mimetype == "application/problem+json"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html;q=0.5"])
def test_a_program_gets_the_errors_of_pages_as_json(client: FlaskClient, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    assert client.get("/shop/nothing", headers=headers).mimetype == "application/problem+json"


def test_the_page_for_a_missing_key_keeps_asking_the_browser_for_one(make_app: Any, trained_settings: Settings) -> None:
    app = make_app(trained_settings.model_copy(update={"read_keys": "readers"}))
    answer = app.test_client().get("/", headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert any(value.startswith("Basic") for value in answer.headers.getlist("WWW-Authenticate"))


def test_every_page_leads_to_the_others_and_says_where_it_is(client: FlaskClient) -> None:
    page = text_of(client, "/shop/search")
    assert 'href="/shop/search" aria-current="page"' in page
    for path in ("/", "/docs"):
        assert f'class="nav-place" href="{path}"' in page
    assert page.count('aria-current="page"') == 1


def test_a_shop_without_titles_has_a_page(settings: Settings, store: Store, make_app: Any, no_smoke: None) -> None:
    record_events(store, [Event(f"u{n % 9}", f"p{n % 7}", EventKind.PURCHASE, at=n) for n in range(300)])
    train(settings, store, TrainingRequest(), Silent())
    client = make_app(settings).test_client()
    page = text_of(client, "/?user_id=u1&product_id=p1")
    assert "no rating can be predicted" in page
    predicted = client.post("/predict", json={"user_id": "u1", "product_id": "p1"}).get_json()
    assert (predicted["known_user"], predicted["n_user_ratings"], predicted["model"]) == (True, 0, "none")
    assert ">p1<" in text_of(client, "/shop/products/p1")
    assert "made up" not in page
    found = text_of(client, "/shop/search?q=p")
    assert titles_of(found) == [f"p{n}" for n in range(7)]
    assert "found by their ids only: the release knows no product" in unescape(found)
    for filtered in ("max_price=9", "q=p&max_price=9"):
        assert "Nothing fits" in text_of(client, f"/shop/search?{filtered}"), "no price is known, so none fits"
    assert [row["id"] for row in client.get("/suggest/products?q=p").get_json()] == [f"p{n}" for n in range(7)]


def test_typed_markup_is_shown_as_text(client: FlaskClient, trained_store: Store) -> None:
    evil = "<script>alert(1)</script>"
    trained_store.products.add([Product("evil", title=evil, category=evil)])
    record_events(trained_store, [Event(evil, "evil", EventKind.VIEW, at=5)])
    page = client.get("/", query_string={"user_id": evil}).get_data(as_text=True)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    quoted = client.get("/", query_string={"user_id": '" onfocus="alert(1)'}).get_data(as_text=True)
    assert 'value="&#34; onfocus=' in quoted


@pytest.mark.parametrize(
    ("user_id", "status"), [("\x00", 422), ("💚" * 500, 422), ("  ", 200), ("%s", 200), ("{{ 7 * 7 }}", 200)]
)
def test_any_user_id_gives_a_page(client: FlaskClient, user_id: str, status: int) -> None:
    answer = client.get("/", query_string={"user_id": user_id})
    assert answer.status_code == status
    assert "What would they like?" in answer.text
    assert "For 49" not in answer.text


def test_before_any_release_the_page_says_what_to_do(untrained_client: FlaskClient) -> None:
    for path in ("/", "/?user_id=a", "/shop/search?q=a"):
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
        "/?user_id=U00003",
        "/shop/search?q=chair",
        "/shop/products/c1",
        "/shop/products/p",
        "/dashboard",
    ):
        for headers in (BROWSER, {}):
            page = client.get(path, headers=headers)
            assert page.status_code in (200, 404), path
            assert page.mimetype == "text/html"
            if path != "/dashboard" and page.status_code == 200:
                assert "loaded.csv was loaded: " in page.text
                assert figures in page.text
                assert re.findall(r"<code>(python .*?)</code>", page.text) == commands
    call = client.post("/recommend", json={"user_id": "u"})
    assert (call.status_code, call.mimetype) == (503, "application/problem+json")
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_from_outside_and_all_it_names_is_there(client: FlaskClient, path: str) -> None:
    page = text_of(client, path)
    addresses = [unescape(address) for address in _ADDRESS.findall(page)]
    assert addresses
    for address in addresses:
        if address.startswith("#"):
            assert f'id="{address[1:]}"' in page
            continue
        assert address.startswith(("/", "data:")), address
        assert not address.startswith("//")
        if address.startswith("/"):
            with client.get(address, buffered=True) as there:
                assert there.status_code == 200, address


def test_the_documentation_shows_our_own_description(client: FlaskClient) -> None:
    page = text_of(client, "/docs")
    assert 'id="swagger-ui"' in page
    script = text_of(client, "/static/docs.js")
    assert '"/openapi.json"' in script
    assert "http://" not in script
    assert "https://" not in script
    assert "@import" not in text_of(client, "/docs/css/swagger-ui.css")


@pytest.mark.parametrize("path", [*PAGES, "/recommend?user_id=a", "/nothing", "/openapi.json"])
def test_every_answer_forbids_unneeded_browser_features(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_an_inline_script(client: FlaskClient, path: str) -> None:
    page = text_of(client, path)
    assert re.search(r"<script(?![^>]*\bsrc=)", page) is None
    assert re.search(r"\son\w+\s*=", page) is None


@pytest.mark.parametrize("name", ["../__init__.py", "..%2f__init__.py", "%2e%2e/__init__.py", "css"])
def test_the_documentation_hands_out_its_own_files_only(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404
