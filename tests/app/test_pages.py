"""What people look at: the front page and the documentation, without anything from outside."""

from __future__ import annotations

import re
from html import escape, unescape

import pytest
from flask.testing import FlaskClient

from src.domain import Event, EventKind, Product
from src.store import Store
from src.workflows.record import record

PAGES = ["/", "/?user_id=U00003", "/docs"]
_ADDRESS = re.compile(r"""(?:src|href|action)\s*=\s*["']([^"']*)["']""")


def text_of(client: FlaskClient, path: str, status: int = 200) -> str:
    with client.get(path, buffered=True) as answer:
        assert answer.status_code == status
        return answer.get_data(as_text=True)


def test_the_front_page_shows_popular_products_by_their_titles(client: FlaskClient, trained_store: Store) -> None:
    page = text_of(client, "/")
    for row in client.get("/popular?n=10").get_json():
        assert escape(row["title"]) in page
        assert f"{row['count']} bought or rated" in page


def test_the_page_of_a_user_shows_the_list_of_the_api_and_what_it_rests_on(
    client: FlaskClient, trained_store: Store
) -> None:
    page = text_of(client, "/?user_id=U00003")
    answer = client.post("/recommend", json={"user_id": "U00003"})
    places = [page.index(f">{product} ") for product in answer.get_json()]
    assert places == sorted(places)
    assert answer.headers["X-Release"] in page
    catalogue = trained_store.products(event.product_id for event in trained_store.history("U00003"))
    newest = trained_store.history("U00003")[-1]
    title = catalogue[newest.product_id].title
    assert title is not None
    assert escape(title) in page[page.index('id="history"') : page.index('id="popular"')]


def test_an_unknown_user_is_told_that_nothing_is_known(client: FlaskClient) -> None:
    assert "Nothing is known of this user" in text_of(client, "/?user_id=nobody")


def test_what_was_typed_is_shown_as_text_and_never_as_a_tag(client: FlaskClient, trained_store: Store) -> None:
    evil = "<script>alert(1)</script>"
    trained_store.add_products([Product("evil", title=evil, category=evil)])
    record(trained_store, [Event(evil, "evil", EventKind.VIEW, at=5)])
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
    assert "<h1>Aisle</h1>" in answer.text
    assert "For 49" not in answer.text


def test_before_any_release_the_page_says_what_to_do(untrained_client: FlaskClient) -> None:
    page = text_of(untrained_client, "/", 503)
    assert "python train_model.py" in page
    assert "python train_model.py" in text_of(untrained_client, "/?user_id=a", 503)


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
            assert text_of(client, address)


def test_the_documentation_shows_our_own_description(client: FlaskClient) -> None:
    page = text_of(client, "/docs")
    assert 'id="swagger-ui"' in page
    script = text_of(client, "/static/docs.js")
    assert '"/openapi.json"' in script
    assert "http://" not in script
    assert "https://" not in script
    assert "@import" not in text_of(client, "/docs/css/swagger-ui.css")


@pytest.mark.parametrize("path", [*PAGES, "/recommend?user_id=a", "/nothing", "/openapi.json"])
def test_every_answer_forbids_what_it_does_not_need(client: FlaskClient, path: str) -> None:
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
