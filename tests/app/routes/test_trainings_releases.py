"""POST /training, GET /runs/{id}, and releases over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.domain import Event, EventKind
from src.core.process_lock import LockOwner
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.workflows.locks import FileLock
from src.workflows.record_events import record_events
from src.workflows.run_records import QUEUED_SECONDS
from tests.aisle_context import launch_trainings
from tests.waiting import PATIENCE_SECONDS, wait_until

Checker = Callable[[Any, int], dict[str, Any]]
Publish = Callable[..., str]
ADMIN_CALLS = ["/training", "/releases/V/activate", "/releases/rollback", "/releases/pin", "/releases/unpin"]


class Trainer:
    """A trainer process whose outcome and end a test controls."""

    pid = 4_321

    def __init__(self, store: Store, arguments: Sequence[str], outcome: Callable[[Run], Run | None]) -> None:
        self.run_id = arguments[list(arguments).index("--run-id") + 1]
        self.go = threading.Event()
        self._store, self._outcome = store, outcome

    def poll(self) -> int | None:
        return None

    def wait(self) -> int:
        assert self.go.wait(PATIENCE_SECONDS)
        run = self._store.runs.get(self.run_id)
        assert run is not None
        ended = self._outcome(run)
        if ended is None:
            return -9
        self._store.runs.save(ended)
        return 0


class Trainers:
    """All started trainers, with their arguments."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.started: list[Trainer] = []
        self.arguments: list[list[str]] = []
        self.outcome: Callable[[Run], Run | None] = lambda run: replace(
            run, status=RunStatus.SUCCEEDED, release="R", message="promoted"
        )
        self.at_once = False

    def __call__(self, command: Sequence[str], *_: Any) -> Trainer:
        arguments = list(command[2:])
        self.started.append(Trainer(self.store, arguments, self.outcome))
        self.arguments.append(arguments)
        if self.at_once:
            self.started[-1].go.set()
        return self.started[-1]


@pytest.fixture
def trainers(flask_app: Flask, trained_store: Store) -> Trainers:
    found = Trainers(trained_store)
    launch_trainings(flask_app, found)
    return found


@pytest.fixture
def news(trained_store: Store) -> None:
    """Store an event that is newer than the current release."""
    record_events(trained_store, [Event("somebody", "P00001", EventKind.PURCHASE, at=1_700_000_000)])


def train(client: FlaskClient, as_admin: dict[str, str], **body: Any) -> Any:
    return client.post("/training", json=body, headers=as_admin)


def ended(store: Store, run_id: str) -> Run:
    """Wait for the end of a run, which a thread of the worker records."""

    def over() -> Run | None:
        run = store.runs.get(run_id)
        return run if run is not None and run.status.is_over else None

    ended_run: Run = wait_until(over, "the end of the run")
    return ended_run


# who may


@pytest.mark.parametrize("path", ADMIN_CALLS)
def test_only_an_admin_may(client: FlaskClient, is_problem: Checker, as_writer: dict[str, str], path: str) -> None:
    for headers in ({}, as_writer):
        assert "AISLE_ADMIN_KEYS" in is_problem(client.post(path, json={}, headers=headers), 401)["detail"]


# trainings


@pytest.mark.usefixtures("news")
def test_a_training_is_started_in_a_process_of_its_own_and_answered_at_once(
    client: FlaskClient, as_admin: dict[str, str], trainers: Trainers, trained_store: Store
) -> None:
    answer = train(client, as_admin)
    assert answer.status_code == 202
    body = answer.get_json()
    assert (body["status"], body["model_type"]) == ("started", "all")
    assert answer.headers["Location"] == f"/runs/{body['run_id']}"
    assert trainers.arguments == [["--trigger", "api", "--run-id", body["run_id"], "--again", "all"]]
    shown = client.get(answer.headers["Location"]).get_json()
    assert (shown["status"], shown["trigger"]) == ("queued", "api")
    trainers.started[0].go.set()
    assert ended(trained_store, body["run_id"]).status is RunStatus.SUCCEEDED
    assert client.get(answer.headers["Location"]).get_json()["release"] == "R"


@pytest.mark.usefixtures("news")
def test_the_admin_may_send_no_body_at_all(client: FlaskClient, as_admin: dict[str, str], trainers: Trainers) -> None:
    answer = client.post("/training", headers=as_admin)
    assert answer.status_code == 202, answer.text
    trainers.started[0].go.set()


@pytest.mark.usefixtures("news")
def test_one_training_at_a_time(
    client: FlaskClient, as_admin: dict[str, str], trainers: Trainers, trained_store: Store, is_problem: Checker
) -> None:
    first = train(client, as_admin).get_json()["run_id"]
    assert first in is_problem(train(client, as_admin), 409)["detail"]
    trainers.started[0].go.set()
    ended(trained_store, first)
    assert train(client, as_admin).status_code == 202
    trainers.started[1].go.set()


def test_of_simultaneous_requests_one_starts_a_training(
    flask_app: Flask, as_admin: dict[str, str], trainers: Trainers, trained_store: Store
) -> None:
    answers: list[int] = []
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        answers.append(train(flask_app.test_client(), as_admin, force_retrain=True).status_code)

    askers = [threading.Thread(target=ask) for _ in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(answers) == [202] + 5 * [409]
    assert len(trainers.started) == 1
    trainers.started[0].go.set()
    ended(trained_store, trainers.started[0].run_id)


def test_a_training_by_hand_under_way_is_a_conflict(
    client: FlaskClient, as_admin: dict[str, str], trained_settings: Settings, is_problem: Checker
) -> None:
    lock = FileLock(trained_settings.var / "trainer.lock")
    assert lock.acquire(LockOwner("here", 77, "command"))
    try:
        assert "here:77" in is_problem(train(client, as_admin, force_retrain=True), 409)["detail"]
    finally:
        lock.release()


def test_nothing_is_trained_when_no_event_is_new_and_the_answer_says_so(
    client: FlaskClient, as_admin: dict[str, str], trainers: Trainers, trained_settings: Settings
) -> None:
    answer = train(client, as_admin)
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "unchanged"
    assert (
        f"no event is newer than release {Registry(trained_settings.releases_dir).current_version()}"
        in (body["message"])
    )
    assert trainers.started == []
    assert train(client, as_admin, force_retrain=True).status_code == 202
    trainers.started[0].go.set()


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize("model_type", ["svd", "mf", "ss", "all"])
def test_a_waiting_request_is_answered_at_the_end_with_the_served_release(
    client: FlaskClient, as_admin: dict[str, str], trainers: Trainers, model_type: str
) -> None:
    trainers.at_once = True
    answer = train(client, as_admin, wait=True, model_type=model_type)
    assert answer.status_code == 200
    body = answer.get_json()
    assert (body["status"], body["model_type"], body["message"]) == ("success", model_type, "promoted")
    if model_type == "ss":
        assert body["stats"] == client.get("/status").get_json()["similarity_search"]
    else:
        assert (body["stats"]["status"], body["stats"]["n_items"]) == ("loaded", 40)
    assert model_type in trainers.arguments[0]


@pytest.mark.usefixtures("news")
def test_a_waiting_request_is_told_that_the_gate_kept_the_old_model(
    client: FlaskClient, as_admin: dict[str, str], trainers: Trainers
) -> None:
    trainers.at_once = True
    trainers.outcome = lambda run: replace(run, status=RunStatus.KEPT, message="kept the old model: …")
    body = train(client, as_admin, wait=True, force=True).get_json()
    assert (body["status"], body["message"]) == ("kept", "kept the old model: …")
    assert "release" not in body
    assert trainers.arguments[0][-1] == "--force"


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (lambda run: replace(run, status=RunStatus.FAILED, message="the disk is full"), "the disk is full"),
        (lambda run: None, "the trainer ended with exit code -9"),
    ],
)
def test_a_failed_or_killed_training_is_a_problem_for_a_waiting_request(
    client: FlaskClient,
    as_admin: dict[str, str],
    trainers: Trainers,
    is_problem: Checker,
    outcome: Callable[[Run], Run | None],
    said: str,
) -> None:
    trainers.at_once = True
    trainers.outcome = outcome
    assert said in is_problem(train(client, as_admin, wait=True), 500)["detail"].replace(".log", "")


@pytest.mark.usefixtures("news")
def test_a_trainer_that_cannot_be_started_leaves_no_run_under_way(
    client: FlaskClient, as_admin: dict[str, str], trained_store: Store, is_problem: Checker
) -> None:
    is_problem(train(client, as_admin), 500)
    assert trained_store.runs.unfinished() == []
    assert any("could not be started" in run.message for run in trained_store.runs.newest(5))


@pytest.mark.usefixtures("news")
def test_a_run_queued_by_a_dead_worker_does_not_block_trainings_for_ever(
    client: FlaskClient, as_admin: dict[str, str], trainers: Trainers, trained_store: Store, is_problem: Checker
) -> None:
    run = Run("left", "api", int(time.time()), RunStatus.QUEUED)
    trained_store.runs.save(run)
    is_problem(train(client, as_admin), 409)
    trained_store.runs.save(replace(run, started_at=run.started_at - QUEUED_SECONDS - 1))
    assert train(client, as_admin).status_code == 202
    trainers.started[0].go.set()
    left = trained_store.runs.get("left")
    assert left is not None
    assert left.status is RunStatus.INTERRUPTED


@pytest.mark.parametrize("body", [{"model_type": "lsd"}, {"wait": 1}, {"force_retrain": "yes"}, {"models": "all"}])
def test_a_wrong_field_is_named(
    client: FlaskClient, as_admin: dict[str, str], is_problem: Checker, body: dict[str, Any]
) -> None:
    assert next(iter(body)) in is_problem(client.post("/training", json=body, headers=as_admin), 422)["detail"]


def test_an_unknown_run_says_where_the_last_ones_are(reader: FlaskClient, is_problem: Checker) -> None:
    assert "GET /status" in is_problem(reader.get("/runs/nothing"), 404)["detail"]


def test_a_run_shows_the_verdict_of_the_gate(client: FlaskClient, trained_store: Store) -> None:
    (run,) = trained_store.runs.newest(1)
    shown = client.get(f"/runs/{run.run_id}").get_json()
    assert shown["verdict"]["promoted"] is True
    assert shown["verdict"]["sentence"] == shown["message"]
    assert shown["verdict"]["figures"]["lists"]["challenger"]["value"] > 0


# releases


def test_the_releases_are_listed_newest_first(client: FlaskClient, publish_again: Publish) -> None:
    old = client.get("/releases").get_json()[0]
    new = publish_again()
    listed = client.get("/releases").get_json()
    assert [row["version"] for row in listed] == [new, old["version"]]
    assert [(row["is_current"], row["is_previous"]) for row in listed] == [(True, False), (False, True)]
    assert old["is_current"]
    assert old["n_bytes"] > 1_000
    assert old["ndcg_at_10"] is not None
    assert old["verdict"].startswith("promoted")


def test_rolling_back_and_activating_are_served_when_the_answer_comes(
    client: FlaskClient, as_admin: dict[str, str], publish_again: Publish
) -> None:
    old = client.get("/status").headers["X-Release"]
    new = publish_again()
    answer = client.post("/releases/rollback", headers=as_admin)
    assert answer.get_json() == {"release": old, "pinned": False}
    assert answer.headers["X-Release"] == old
    answer = client.post(f"/releases/{new}/activate", json={"pin": True}, headers=as_admin)
    assert answer.get_json() == {"release": new, "pinned": True}
    assert client.get("/healthz").headers["X-Release"] == new
    assert client.get("/status").get_json()["release"]["pinned"] is True
    assert client.post("/releases/unpin", headers=as_admin).get_json() == {"release": new, "pinned": False}
    assert client.post("/releases/pin", headers=as_admin).get_json() == {"release": new, "pinned": True}


def test_what_cannot_be_served_is_refused_with_a_reason_and_the_old_one_stays(
    client: FlaskClient,
    as_admin: dict[str, str],
    publish_again: Publish,
    trained_settings: Settings,
    is_problem: Checker,
) -> None:
    old = client.get("/healthz").headers["X-Release"]
    is_problem(client.post("/releases/rollback", headers=as_admin), 404)
    is_problem(client.post("/releases/never/activate", headers=as_admin), 404)
    broken = publish_again(activate=False)
    path = next((trained_settings.releases_dir / broken).rglob("user_bias.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    said = is_problem(client.post(f"/releases/{broken}/activate", headers=as_admin), 409)["detail"]
    assert "user_bias.npy was altered or cut" in said
    assert client.get("/healthz").headers["X-Release"] == old


def test_a_folder_that_cannot_be_written_is_a_clear_refusal(
    client: FlaskClient,
    as_admin: dict[str, str],
    publish_again: Publish,
    monkeypatch: pytest.MonkeyPatch,
    is_problem: Checker,
) -> None:
    new = publish_again(activate=False)

    def read_only(*_: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.replace", read_only)
    said = is_problem(client.post(f"/releases/{new}/activate", headers=as_admin), 409)["detail"]
    assert "Read-only file system" in said
    assert "What was served is untouched" in said


# what is served by whom


@pytest.mark.parametrize("path", ["/healthz", "/status", "/docs", "/products/P00001", "/products/nothing", "/nowhere"])
def test_every_answer_names_the_release(client: FlaskClient, trained_settings: Settings, path: str) -> None:
    with client.get(path, buffered=True) as answer:
        assert answer.headers["X-Release"] == Registry(trained_settings.releases_dir).current_version()


def test_without_a_release_no_answer_names_one(untrained_client: FlaskClient) -> None:
    assert "X-Release" not in untrained_client.get("/healthz").headers


def test_a_worker_reports_its_release(
    flask_app: Flask, client: FlaskClient, publish_again: Publish, trained_settings: Settings
) -> None:
    recommender = context_of(flask_app).recommender
    assert client.get("/status").get_json()["workers"] == []  # no worker yet: its threads are not started
    recommender.announce()
    (worker,) = client.get("/status").get_json()["workers"]
    assert worker["release"] == recommender.version
    new = publish_again()
    recommender.refresh()
    (worker,) = client.get("/status").get_json()["workers"]
    assert (worker["release"], worker["note"]) == (new, "")
    recommender.leave()
    assert client.get("/status").get_json()["workers"] == []
    assert list(Path(trained_settings.var / "workers").iterdir()) == []
