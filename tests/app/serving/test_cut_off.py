"""A host that is cut off from the database, or from the releases that all hosts share, serves on and says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.background.release_fetcher import ReleaseFetcher
from app.context import context_of
from app.views.finding_records import forget_look
from src.core.errors import StoreAway, StoreError
from src.core.settings import Settings
from src.releases.shared_registry import open_registry
from src.store.database import Database
from tests.conftest import small_settings

USER = "U00003"


def test_without_the_database_a_list_is_made_of_the_request_alone_and_says_so(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = client.post("/recommend", json={"user_id": "nobody has this id", "n": 5}).get_json()
    known = client.post("/recommend", json={"user_id": USER, "history": ["P00001"], "n": 5})
    assert "X-Degraded" not in known.headers

    def fail(*_: Any) -> Any:
        raise StoreAway("the store could not be reached")

    store = context_of(flask_app).store
    for owner, name in ((store.database, "check"), (store.events, "history"), (store.products, "get")):
        monkeypatch.setattr(owner, name, fail)
    bare = client.post("/recommend", json={"user_id": USER, "n": 5, "in_stock": True})
    assert (bare.status_code, bare.headers["X-Degraded"]) == (200, "store")
    assert len(bare.get_json()) == 5
    assert client.get(f"/recommend?user_id={USER}&n=5").get_json() == stranger
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_database_that_cannot_be_reached_is_asked_by_one_request_at_a_time(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.store.database._AWAY_SECONDS", 60.0)
    database, asked = Database(postgresql), []
    connect = database.engine.connect

    def unreachable() -> Any:
        asked.append(1)
        raise OperationalError("connect", {}, OSError("timed out"))

    monkeypatch.setattr(database.engine, "connect", unreachable)
    for _ in range(3):
        with pytest.raises(StoreAway), database.read():
            pass
    assert len(asked) == 1
    monkeypatch.setattr(database.engine, "connect", connect)
    database._away_until = 0.0
    database.check()
    database.check()
    database.engine.dispose()


def test_the_server_asks_after_a_silent_host_within_seconds(postgresql: str) -> None:
    database = Database(f"{postgresql}?options=-c%20statement_timeout%3D7s")
    with database.read() as connection:
        shown = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "statement_timeout")
        ]
    database.engine.dispose()
    assert shown == ["5", "3", "3", "7s"]


@pytest.fixture
def shared_settings(trained_settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a host that shares its release with others."""
    (tmp_path / "shared").mkdir()
    settings = small_settings(trained_settings.var, releases_url=str(tmp_path / "shared"))
    registry = open_registry(settings)
    registry.activate(str(registry.current_version()))
    return settings


def test_a_new_host_takes_up_what_another_one_serves(
    shared_settings: Settings, make_app: Callable[[Settings], Flask], tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    shutil.copy(shared_settings.var / "store.sqlite3", tmp_path / "new")
    app = make_app(small_settings(tmp_path / "new", releases_url=shared_settings.releases_url))
    aisle, client = context_of(app), app.test_client()
    assert client.get("/readyz").status_code == 503
    ReleaseFetcher(aisle.settings, aisle.registry).look()
    aisle.recommender.refresh()
    assert client.get("/readyz").status_code == 200
    answer = client.post("/recommend", json={"user_id": USER})
    assert answer.headers["X-Release"] == open_registry(shared_settings).current_version()


def test_a_host_that_does_not_see_the_shared_releases_serves_says_so_and_does_not_lead(
    shared_settings: Settings, make_app: Callable[[Settings], Flask], tmp_path: Path
) -> None:
    app = make_app(shared_settings)
    aisle, client = context_of(app), app.test_client()
    fetcher = ReleaseFetcher(aisle.settings, aisle.registry)
    fetcher.look()
    assert aisle.registry.is_in_touch
    assert b"aisle_shared_releases_up 1.0" in client.get("/metrics").data
    (tmp_path / "shared").rename(tmp_path / "away")
    fetcher.look()
    forget_look(aisle)
    assert not aisle.registry.is_in_touch
    assert client.get("/readyz").status_code == 200
    assert client.post("/recommend", json={"user_id": USER}).status_code == 200
    status = client.get("/status").get_json()
    assert "there is no folder" in status["release"]["shared"]["problem"]
    assert "SharedReleasesUnseen" in [finding["kind"] for finding in status["findings"]]
    assert b"aisle_shared_releases_up 0.0" in client.get("/metrics").data
    assert "does not see the releases that all hosts share" in client.get("/operations").text
    (tmp_path / "away").rename(tmp_path / "shared")
    fetcher.look()
    assert aisle.registry.is_in_touch


def test_a_host_that_never_saw_a_shared_release_says_why_it_serves_nothing(
    make_app: Callable[[Settings], Flask], tmp_path: Path
) -> None:
    app = make_app(small_settings(tmp_path / "var", releases_url=str(tmp_path / "missing")))
    aisle = context_of(app)
    ReleaseFetcher(aisle.settings, aisle.registry).look()
    assert "there is no folder" in app.test_client().get("/readyz").get_json()["detail"]


def test_an_error_of_a_database_that_answers_is_no_reason_for_a_list_without_history(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise StoreError("refused")

    monkeypatch.setattr(context_of(flask_app).store.events, "history", fail)
    assert client.post("/recommend", json={"user_id": USER}).status_code == 503
