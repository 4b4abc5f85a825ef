"""Security of browsers: headers, cookies, forms of our own pages only, and no files of other hosts."""

from __future__ import annotations

import gzip
import logging
import re
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, render_template_string, request
from flask.testing import FlaskClient

from src.core.settings import Settings

Checker = Callable[[Any, int], dict[str, Any]]
PAGES = ["/", "/customers/U00003", "/docs", "/operations", "/shop/search?q=mouse", "/shop/products/P00012"]
CALLS = ["/recommend?user_id=a", "/status", "/openapi.json", "/nothing", "/healthz"]


def policy_of(answer: Any) -> dict[str, set[str]]:
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_load_its_own_files_and_pictures_and_nothing_else(reader: FlaskClient, path: str) -> None:
    policy = policy_of(reader.get(path, buffered=True))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == {"'none'"}
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == {"'self'"}
    assert policy["img-src"] == {"'self'", "data:", "https:"}
    assert not any("unsafe" in source or "*" in source for sources in policy.values() for source in sources)


@pytest.mark.parametrize("path", CALLS)
def test_an_answer_that_is_no_page_may_load_nothing(reader: FlaskClient, path: str) -> None:
    policy = policy_of(reader.get(path))
    assert policy["default-src"] == policy["form-action"] == policy["frame-ancestors"] == {"'none'"}


@pytest.mark.parametrize("path", [*PAGES, *CALLS, "/static/aisle.css"])
def test_every_answer_has_the_headers_that_protect(reader: FlaskClient, path: str) -> None:
    headers = reader.get(path, buffered=True).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    for feature in ("camera", "geolocation", "microphone"):
        assert f"{feature}=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/recommend?user_id=a", "/customers/U00003", "/status", "/operations", "/nothing"])
def test_answers_about_users_are_not_cached(reader: FlaskClient, path: str) -> None:
    assert reader.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/static//pages.css", "//static/pages.css", "/static//evil.example/x", "/shop//search", "//evil.example//"]
)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:81", "[::1]", "[", "a b"])
def test_no_redirect_follows_the_host_header(reader: FlaskClient, path: str, host: str) -> None:
    answer = reader.get("/", environ_overrides={"PATH_INFO": path, "HTTP_HOST": host}, buffered=True)
    assert answer.status_code < 500
    location = answer.headers.get("Location", "/")
    assert re.match(r"/(?!/)", location)
    assert host not in location.replace("/static/evil.example/x", "")


def test_files_are_kept_until_they_change(reader: FlaskClient) -> None:
    page = reader.get("/").get_data(as_text=True)
    (address,) = re.findall(r'href="(/static/pages\.css\?v=[0-9a-f]+)"', page)
    plain, zipped = reader.get(address), reader.get(address, headers={"Accept-Encoding": "gzip"})
    assert "immutable" in plain.headers["Cache-Control"]
    assert gzip.decompress(zipped.data) == plain.data
    assert reader.get(address, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304
    assert "immutable" not in reader.get("/static/pages.css?v=another").headers["Cache-Control"]


def test_the_script_for_a_shops_own_page_is_small(reader: FlaskClient) -> None:
    zipped = reader.get("/static/aisle.js", headers={"Accept-Encoding": "gzip"}).data
    assert gzip.decompress(zipped).startswith(b"/* Aisle in a shop's own page")
    assert len(zipped) <= 5_000


# cookies and forms


@pytest.fixture
def form_client(flask_app: Flask) -> FlaskClient:
    """Return a client of the application with one more page, which has a form."""
    extra = Blueprint("extra", __name__)
    template = '<form method="post"><input name="csrf_token" value="{{ csrf_token() }}"></form>'
    extra.add_url_rule("/form", "show", lambda: render_template_string(template))
    extra.add_url_rule("/form", "send", lambda: Response("done"), methods=["POST"])
    flask_app.register_blueprint(extra)
    return flask_app.test_client()


def token_of(answer: Any) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.get_data(as_text=True))
    assert found
    return found[1]


@pytest.mark.parametrize("path", [*PAGES, *CALLS])
def test_nothing_sets_a_cookie_that_needs_none(reader: FlaskClient, path: str) -> None:
    assert "Set-Cookie" not in reader.get(path, buffered=True).headers


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_the_cookie_of_a_form_is_out_of_reach_for_scripts_and_other_sites(
    form_client: FlaskClient, scheme: str, secure: bool
) -> None:
    cookie = form_client.get("/form", base_url=f"{scheme}://shop.example").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert ("Secure" in cookie) is secure


def test_a_form_of_ours_is_taken_and_any_other_refused(form_client: FlaskClient, flask_app: Flask) -> None:
    token = token_of(form_client.get("/form"))
    assert form_client.post("/form", data={"csrf_token": token}).text == "done"
    for data in ({}, {"csrf_token": ""}, {"csrf_token": token[:-2]}):
        assert form_client.post("/form", data=data).status_code == 400
    # The token without the cookie, as a foreign page would have it.
    assert flask_app.test_client().post("/form", data={"csrf_token": token}).status_code == 400


def test_a_form_over_https_must_come_from_the_same_site(form_client: FlaskClient) -> None:
    shop: dict[str, Any] = {"base_url": "https://shop.example"}
    token = token_of(form_client.get("/form", **shop))
    for referrer, status in (("https://shop.example/form", 200), ("https://evil.example/", 400), (None, 400)):
        headers = {"Referer": referrer} if referrer else {}
        answer = form_client.post("/form", data={"csrf_token": token}, headers=headers, **shop)
        assert answer.status_code == status


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", ["/events", "/training", "/recommend"])
def test_what_a_foreign_form_can_send_is_no_call(
    client: FlaskClient, as_admin: dict[str, str], is_problem: Checker, path: str, kind: str
) -> None:
    body = b'{"user_id": "a", "product_id": "b", "kind": "click", "x": "="}'
    is_problem(client.post(path, data=body, content_type=kind, headers=as_admin), 415)


def test_all_workers_share_one_secret_and_a_form_of_one_is_taken_by_another(
    trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    one, other = make_app(trained_settings), make_app(trained_settings)
    assert one.config["SECRET_KEY"] == other.config["SECRET_KEY"]
    path = trained_settings.var / "keys" / "session.key"
    assert path.stat().st_mode & 0o777 == 0o600
    given = make_app(trained_settings.model_copy(update={"secret_key": "given"}))
    assert given.config["SECRET_KEY"] == "given"


def test_a_folder_that_cannot_store_the_secret_does_not_stop_the_service(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], caplog: pytest.LogCaptureFixture
) -> None:
    (trained_settings.var / "keys").write_text("a file in the way")
    with caplog.at_level(logging.WARNING):
        app = make_app(trained_settings)
    assert len(app.config["SECRET_KEY"]) >= 32
    assert "AISLE_SECRET_KEY" in caplog.text
    assert app.config["SECRET_KEY"] not in caplog.text


def test_https_is_believed_only_from_as_many_proxies_as_there_are(
    trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    said = {"X-Forwarded-Proto": "https"}
    for proxies, secure in ((0, False), (1, True)):
        app = make_app(trained_settings.model_copy(update={"proxies": proxies}))
        seen: list[bool] = []
        app.before_request(partial(_note, seen))
        app.test_client().get("/readyz", headers=said)
        assert seen == [secure]


def _note(seen: list[bool]) -> None:
    seen.append(request.is_secure)


# nothing from another host


class _Loaded(HTMLParser):
    """Addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        names = {"link": ("href",), "form": ("action",), "object": ("data",), "use": ("href",)}.get(tag, ())
        self.addresses += [given[name] or "" for name in (*names, "src", "srcset", "poster") if name in given]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_and_its_files_load_nothing_from_another_host(reader: FlaskClient, path: str) -> None:
    """Pictures of products are an exception, but the test shop has none."""
    loaded = _Loaded()
    loaded.feed(reader.get(path, buffered=True).get_data(as_text=True))
    files = [address for address in loaded.addresses if not address.startswith(("data:", "#"))]
    assert any(address.partition("?")[0].endswith((".css", ".js")) for address in files)
    for address in files:
        assert address.startswith("/"), address
        assert not address.startswith("//"), address
        with reader.get(address, buffered=True) as answer:
            assert answer.status_code == 200, address
            if answer.mimetype == "text/css":
                text = answer.get_data(as_text=True)
                outside = re.findall(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", text)
                assert outside == [], address


def test_no_script_of_ours_names_another_host(flask_app: Flask) -> None:
    scripts = list(Path(str(flask_app.static_folder)).glob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert re.findall(r"https?://|[\"'`]//", text) == [], script.name
