"""Who may do what, and that no key is ever seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access import Keys, Role, made_key
from src.config import Settings

Checker = Callable[[Any, int], dict[str, Any]]
Client = Callable[..., FlaskClient]
EVENT = {"user_id": "me", "product_id": "P00001", "kind": "click"}


@pytest.fixture
def client_of(trained_settings: Settings, make_app: Callable[[Settings], Flask]) -> Client:
    """A client of an application with these keys only."""

    def build(**keys: str) -> FlaskClient:
        none = {"write_keys": "", "admin_keys": "", "read_keys": ""}
        return make_app(trained_settings.model_copy(update={**none, **keys})).test_client()

    return build


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def post(client: FlaskClient, headers: dict[str, str] | None = None) -> Any:
    return client.post("/events", json=EVENT, headers=headers)


def test_without_any_key_set_writing_is_forbidden_and_the_setting_is_named(
    client_of: Client, is_problem: Checker
) -> None:
    client = client_of()
    for headers in (None, bearer("anything"), bearer("")):
        assert "AISLE_WRITE_KEYS" in is_problem(post(client, headers), 403)["detail"]


@pytest.mark.parametrize("keys", ["", " ", ",", " , ,"])
def test_blank_keys_are_no_keys(client_of: Client, is_problem: Checker, keys: str) -> None:
    client = client_of(write_keys=keys)
    for headers in (None, bearer(""), bearer(" "), bearer(",")):
        is_problem(post(client, headers), 403)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        bearer("wrong"),
        bearer("secre"),
        bearer("secret2"),
        bearer("SECRET"),
        bearer("secret,other"),
        bearer(""),
        {"Authorization": "secret"},
        {"Authorization": "Basic secret"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearersecret"},
        {"X-Api-Key": "secret"},
        bearer("schlüssel"),
        bearer("x" * 50_000),
    ],
)
def test_a_missing_or_wrong_key_is_unauthorized(
    client_of: Client, is_problem: Checker, headers: dict[str, str] | None
) -> None:
    answer = post(client_of(write_keys="secret,other"), headers)
    assert "AISLE_WRITE_KEYS" in is_problem(answer, 401)["detail"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["secret", "other", "of the admin"])
def test_every_key_for_writing_and_the_admins_may_write(client_of: Client, key: str) -> None:
    client = client_of(write_keys="secret, other", admin_keys="of the admin")
    assert post(client, bearer(key)).status_code == 201
    assert post(client, {"Authorization": f"bearer  {key} "}).status_code == 201


def test_a_key_for_reading_may_not_write(client_of: Client, is_problem: Checker) -> None:
    is_problem(post(client_of(read_keys="reader", write_keys="writer"), bearer("reader")), 401)
    is_problem(post(client_of(read_keys="reader"), bearer("reader")), 403)


READING = ["/recommend?user_id=a", "/popular", "/status", "/", "/?user_id=U00001"]
OPEN = ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/css/swagger-ui.css"]


@pytest.mark.parametrize("path", READING)
def test_reading_needs_a_key_once_one_is_set_pages_too(client_of: Client, is_problem: Checker, path: str) -> None:
    assert client_of().get(path).status_code == 200
    client = client_of(read_keys="reader", write_keys="writer", admin_keys="admin")
    assert "AISLE_READ_KEYS" in is_problem(client.get(path), 401)["detail"]
    is_problem(client.get(path, headers=bearer("wrong")), 401)
    for key in ("reader", "writer", "admin"):
        assert client.get(path, headers=bearer(key)).status_code == 200


@pytest.mark.parametrize("path", ["/recommend", "/predict"])
def test_asking_by_post_needs_a_key_too(client_of: Client, is_problem: Checker, path: str) -> None:
    body = {"user_id": "a", "product_id": "b"} if path == "/predict" else {"user_id": "a"}
    client = client_of(read_keys="reader")
    is_problem(client.post(path, json=body), 401)
    assert client.post(path, json=body, headers=bearer("reader")).status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_health_and_documentation_stay_open(client_of: Client, path: str) -> None:
    with client_of(read_keys="reader").get(path, buffered=True) as answer:
        assert answer.status_code == 200


def test_the_key_is_asked_for_before_the_body_is_read(client_of: Client, is_problem: Checker) -> None:
    client = client_of(write_keys="secret")
    is_problem(client.post("/events", data=b"{", content_type="application/json"), 401)
    is_problem(client.post("/events", data=b"x" * 2_000_000, content_type="text/plain"), 401)


def test_no_key_is_seen_in_a_repr_in_the_log_or_in_an_answer(
    client_of: Client, trained_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_of(write_keys="Wr1te", admin_keys="Adm1n", read_keys="Re4d")
    answers = [post(client, bearer(key)) for key in ("Wr1te", "Adm1n", "Re4d", "Gue55", "Wr1te2")]
    answers += [client.get("/status", headers=bearer(key)) for key in ("Re4d", "Gue55")]
    answers.append(client.post("/events", data=b"{", headers=bearer("Wr1te"), content_type="application/json"))
    aisle = client.application.extensions["aisle"]
    settings = aisle.settings
    seen = [caplog.text, repr(settings), str(settings), repr(aisle), repr(vars(aisle.keys))]
    seen += [answer.text + str(answer.headers) for answer in answers]
    for text in seen:
        for key in ("Wr1te", "Adm1n", "Re4d", "Gue55"):
            assert key not in text


def test_only_hashes_of_keys_are_kept(trained_settings: Settings) -> None:
    keys = Keys(trained_settings.model_copy(update={"write_keys": "Wr1te"}))
    kept = [value for values in vars(keys)["_accepted"].values() for value in values]
    assert kept
    assert all(len(value) == 32 and isinstance(value, bytes) for value in kept)


def test_a_made_key_is_random_private_and_made_once(tmp_path: Path) -> None:
    path = made_key(tmp_path / "keys", Role.WRITE)
    key = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(key) >= 32
    assert made_key(tmp_path / "keys", Role.WRITE).read_text().strip() == key
    assert made_key(tmp_path / "keys", Role.ADMIN).read_text().strip() != key
    assert made_key(tmp_path / "other", Role.WRITE).read_text().strip() != key
