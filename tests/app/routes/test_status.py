"""GET /status, /healthz and /readyz."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core import address_space
from src.core.errors import StoreError
from src.core.records import Run, RunPhase
from src.core.settings import Settings
from src.models import ALS
from src.releases.registry import Registry
from src.store import Store

Checker = Callable[[Any, int], dict[str, Any]]


def test_the_status_counts_the_store_and_describes_the_release(
    client: FlaskClient, trained_settings: Settings, trained_store: Store
) -> None:
    body = client.get("/status").get_json()
    here, release = trained_store.summary(), Registry(trained_settings.releases_dir).active()
    assert body["database"] == {
        "n_ratings": here.n_ratings,
        "n_users": here.n_users,
        "n_products": here.n_products,
        "avg_rating": pytest.approx(here.avg_rating),
        "n_events": here.n_events,
        "by_kind": here.by_kind,
        "made_up": False,
    }
    assert body["matrix_factorization"] == {
        "status": "loaded",
        "n_users": len(release.pipeline.users),
        "n_items": len(release.pipeline.items),
        "n_factors": 4,
    }
    assert body["release"]["version"] == release.version
    assert body["release"]["note"] == ""
    for name in ("created_at", "default_model", "data", "metrics", "verdict", "parent"):
        assert body["release"][name] == release.manifest.to_json()[name]


def test_the_status_tells_the_last_run_and_the_next(client: FlaskClient, trained_store: Store) -> None:
    scheduler = client.get("/status").get_json()["scheduler"]
    (run,) = trained_store.runs.newest(5)
    phases = tuple(RunPhase(**phase) for phase in scheduler["last_run"].pop("phases"))
    assert phases
    assert Run(**scheduler["last_run"], phases=phases) == run
    assert scheduler["leader"] is None
    assert scheduler["next_run"] is None  # AISLE_SCHEDULER=off in these tests


def test_the_status_answers_before_any_release(untrained_client: FlaskClient) -> None:
    body = untrained_client.get("/status").get_json()
    assert body["database"]["n_ratings"] == 0
    assert body["database"]["avg_rating"] is None
    assert body["matrix_factorization"] == {"status": "not_loaded"}
    assert body["release"] == {"version": None, "note": ""}
    assert body["scheduler"]["last_run"] is None


def test_alive_and_ready_with_a_release(reader: FlaskClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = reader.get(path)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_alive_but_not_ready_without_a_release(untrained_client: FlaskClient, is_problem: Checker) -> None:
    assert untrained_client.get("/healthz").status_code == 200
    assert "python train_model.py" in is_problem(untrained_client.get("/readyz"), 503)["detail"]


def test_a_store_that_does_not_answer_is_not_ready_and_no_secret_gets_out(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch, is_problem: Checker
) -> None:
    def fail(*_: Any) -> Any:
        raise StoreError("the store postgresql://user:***@secret-host refused")

    store = context_of(flask_app).store
    parts = ((store.database, "check"), (store.runs, "newest"), (store.events, "history"), (store, "summary"))
    for owner, name in parts:
        monkeypatch.setattr(owner, name, fail)
    for answer in (
        client.get("/readyz"),
        client.get("/status"),
        client.post("/recommend", json={"user_id": "a"}),
        client.get("/customers/a"),
    ):
        body = is_problem(answer, 503)
        assert "the store does not answer" in body["detail"]
        assert "secret-host" not in body["detail"]
    assert client.get("/healthz").status_code == 200


def test_memory_that_runs_out_is_told_as_such(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch, is_problem: Checker
) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(context_of(flask_app).store.events, "history", fail)
    answer = client.post("/recommend", json={"user_id": "a"})
    assert "out of memory" in is_problem(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_library_that_cannot_be_mapped_under_a_limit_is_told_as_memory_that_ran_out(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch, is_problem: Checker
) -> None:
    def fail(*_: Any) -> Any:
        raise ImportError("library.so: failed to map segment from shared object")

    monkeypatch.setattr(context_of(flask_app).store.events, "history", fail)
    monkeypatch.setattr(address_space, "_limit_mib", lambda: 900)
    assert "out of memory" in is_problem(client.post("/recommend", json={"user_id": "a"}), 503)["detail"]


@pytest.mark.parametrize("what", ["var", "file"])
def test_a_store_that_cannot_be_written_is_not_ready(
    client: FlaskClient, trained_settings: Settings, monkeypatch: pytest.MonkeyPatch, is_problem: Checker, what: str
) -> None:
    locked = trained_settings.var if what == "var" else trained_settings.var / "store.sqlite3"
    may = os.access  # rights do not bind root, under whom tests may run
    monkeypatch.setattr("os.access", lambda path, mode: may(path, mode) and path != locked)
    assert f"{locked} cannot be written" in is_problem(client.get("/readyz"), 503)["detail"]
    assert client.post("/recommend", json={"user_id": "a"}).status_code == 200


def test_what_fails_unexpectedly_is_a_problem_without_a_traceback_but_is_logged(
    client: FlaskClient,
    flask_app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    is_problem: Checker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a detail of the inside")

    monkeypatch.setattr(context_of(flask_app).store.events, "history", fail)
    body = is_problem(client.post("/recommend", json={"user_id": "a"}), 500)
    assert "a detail of the inside" not in body["detail"]
    assert "unexpected ZeroDivisionError at POST lists.recommend" in caplog.text


def test_requests_wait_for_a_store_that_is_locked_for_a_moment(client: FlaskClient, trained_settings: Settings) -> None:
    holder = sqlite3.connect(trained_settings.var / "store.sqlite3", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    freed = threading.Timer(0.4, lambda: holder.execute("ROLLBACK"))
    freed.start()
    answer = client.post("/recommend", json={"user_id": "U00001"})
    assert not holder.in_transaction  # it did wait
    freed.join()
    holder.close()
    assert answer.status_code == 200
    assert len(answer.get_json()) == 10


def test_the_status_of_matrix_factorization_is_of_the_model_that_a_training_of_mf_trains(
    client: FlaskClient, flask_app: Flask, publish_again: Callable[..., str]
) -> None:
    recommender = context_of(flask_app).recommender
    als = recommender.release().pipeline.models[ALS]
    publish_again("als", models=("popularity", "als"))
    recommender.refresh()
    described = client.get("/status").get_json()["matrix_factorization"]
    assert described == recommender.model_status("mf")
    assert {name: described[name] for name in als.describe()} == als.describe()
    publish_again("svd", models=("popularity", "svd"))
    recommender.refresh()
    assert client.get("/status").get_json()["matrix_factorization"] == {"status": "not_loaded"}
