"""Keys allow their calls only, and are never shown or logged."""

from __future__ import annotations

import hmac
import logging
import os
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.security.api_keys import Keys, Role, generate_key, hashed_key, write_secret_once
from src.core.errors import ConfigError
from src.core.settings import Settings
from src.models.settings import read_settings
from tests.forked import run_script

Checker = Callable[[Any, int], dict[str, Any]]
Client = Callable[..., FlaskClient]
ROOT = Path(__file__).resolve().parents[3]
EVENT = {"user_id": "me", "product_id": "P00001", "kind": "click"}


@pytest.fixture
def client_of(trained_settings: Settings, make_app: Callable[[Settings], Flask]) -> Client:
    """Return a client of an application with these keys only."""

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
        detail = is_problem(post(client, headers), 403)["detail"]
        assert "AISLE_WRITE_KEYS" in detail
        assert "python run.py --make-keys" in detail


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


READING = ["/recommend?user_id=a", "/popular", "/status", "/", "/customers/U00001", "/operations"]
OPEN = ["/healthz", "/readyz", "/openapi.json", "/docs", "/static/pages.css"]


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
    aisle = context_of(client.application)
    settings = aisle.settings
    seen = [caplog.text, repr(settings), str(settings), repr(aisle), repr(vars(aisle.access.keys))]
    seen += [answer.text + str(answer.headers) for answer in answers]
    for text in seen:
        for key in ("Wr1te", "Adm1n", "Re4d", "Gue55"):
            assert key not in text


def test_only_hashes_of_keys_are_kept(trained_settings: Settings) -> None:
    keys = Keys(trained_settings.model_copy(update={"write_keys": "Wr1te"}))
    kept = [value for values in vars(keys)["_accepted"].values() for value in values]
    assert kept
    assert all(len(value) == 32 and isinstance(value, bytes) for value in kept)


def test_a_made_key_is_random_private_and_write_secret_once(tmp_path: Path) -> None:
    path = generate_key(tmp_path / "keys", Role.WRITE)
    key = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(key) >= 32
    assert generate_key(tmp_path / "keys", Role.WRITE).read_text().strip() == key
    assert generate_key(tmp_path / "keys", Role.ADMIN).read_text().strip() != key
    assert generate_key(tmp_path / "other", Role.WRITE).read_text().strip() != key


def test_of_many_processes_that_make_a_secret_at_once_all_read_the_same_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "session.key"
    with ThreadPoolExecutor(16) as threads:
        read = list(threads.map(lambda _: write_secret_once(path).read_text(), range(64)))
    assert set(read) == {path.read_text()}
    assert len(path.read_text().strip()) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [left.name for left in path.parent.iterdir()] == ["session.key"]


@pytest.mark.parametrize("keys", [hashed_key("secret"), f"other, {hashed_key('secret')}", f"{hashed_key('secret')},x"])
def test_a_setting_may_hold_the_hash_of_a_key(client_of: Client, is_problem: Checker, keys: str) -> None:
    client = client_of(write_keys=keys)
    assert post(client, bearer("secret")).status_code == 201
    is_problem(post(client, bearer(hashed_key("secret"))), 401)
    is_problem(post(client, bearer(hashed_key("secret").removeprefix("sha256:"))), 401)


@pytest.mark.parametrize(
    "keys",
    ["sha256:", "sha256:abc", "good, sha256:" + "g" * 64, "sha256:" + "a" * 63, "sha256:" + "A" * 64, hashed_key("")],
)
def test_an_invalid_hash_or_one_of_an_empty_key_is_refused_and_not_shown(keys: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_settings(write_keys=keys)
    assert "AISLE_WRITE_KEYS" in str(refused.value)
    assert keys.rpartition(":")[2][:8] not in str(refused.value) or keys == "sha256:"


def test_a_key_is_compared_with_every_known_one_whichever_it_is(
    client_of: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(write_keys="first,second,third")
    compared: list[int] = []
    real = hmac.compare_digest
    monkeypatch.setattr("app.security.api_keys.hmac.compare_digest", lambda a, b: compared.append(1) or real(a, b))
    for key in ("first", "third", "wrong"):
        compared.clear()
        post(client, bearer(key))
        assert len(compared) == 3


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'anybody:{password}'.encode()).decode()}"}


def test_a_key_typed_in_the_browser_gives_access_to_pages_only(client_of: Client, is_problem: Checker) -> None:
    client = client_of(read_keys="reader", write_keys="writer", admin_keys="admin")
    refused = client.get("/operations")
    assert any("Basic" in said for said in refused.headers.getlist("WWW-Authenticate"))
    assert client.get("/operations", headers=basic("reader")).status_code == 200
    is_problem(client.get("/operations", headers=basic("wrong")), 401)
    # A browser sends what was typed along with whatever a foreign page makes it ask for.
    is_problem(client.get("/status", headers=basic("reader")), 401)
    is_problem(post(client, basic("writer")), 401)
    is_problem(client.post("/releases/rollback", headers=basic("admin")), 401)
    assert client.get("/status").headers.getlist("WWW-Authenticate") == ["Bearer"]


def test_static_files_need_no_key(client_of: Client) -> None:
    client = client_of(read_keys="reader")
    for path in ("/static/pages.css", "/static/aisle.js"):
        with client.get(path, buffered=True) as answer:
            assert answer.status_code in (200, 404)


def test_allowed_methods_are_answered_without_a_key(client_of: Client) -> None:
    answer = client_of(read_keys="reader", write_keys="writer").options("/events")
    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_head_answers_like_get_without_a_body_and_needs_the_same_key(client_of: Client) -> None:
    client = client_of(read_keys="reader")
    assert client.head("/popular").status_code == 401
    answer = client.head("/popular", headers=bearer("reader"))
    assert (answer.status_code, answer.data) == (200, b"")


def test_the_door_hashes_a_key_that_it_reads_from_its_input(tmp_path: Path) -> None:
    done, empty = (
        run_script(ROOT / "run.py", "--hash-key", folder=tmp_path, environment=os.environ, typed=typed)
        for typed in ("secret\n", " \n")
    )
    assert (done.returncode, done.stdout) == (0, hashed_key("secret") + "\n")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert "Traceback" not in empty.stderr
