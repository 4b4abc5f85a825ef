"""A shop survives kills, the end of the service during a training, and swaps of releases under load."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from service import Service, Shop

from src.core.domain import Query
from src.core.records import Run, RunStatus
from src.releases.registry import Registry
from src.store import Store, open_store
from tests.programs import GUNICORN, Program
from tests.waiting import PATIENCE_SECONDS, wait_until

Serve = Callable[..., Service]
ADMIN = {"Authorization": "Bearer admin-key"}


@pytest.fixture
def shop(tiny_shop: Shop) -> Shop:
    return tiny_shop


def _store(shop: Shop) -> Store:
    return open_store(f"sqlite:///{shop.folder}/var/store.sqlite3")


def _registry(shop: Shop) -> Registry:
    return Registry(shop.folder / "var" / "releases")


def _expected(shop: Shop, version: str, user: str) -> list[str]:
    history = tuple(_store(shop).events.history(user))
    found = _registry(shop).load(version).pipeline.recommend(Query(user, history, n=10))
    return [recommendation.product_id for recommendation in found]


def _runs(shop: Shop, status: RunStatus) -> list[Run]:
    return [run for run in _store(shop).runs.newest(50) if run.status is status]


def test_a_trainer_killed_at_any_step_leaves_the_served_release_and_the_next_training_succeeds(shop: Shop) -> None:
    served = shop.current
    pipe = shop.folder / "said"
    os.mkfifo(pipe)
    for step in ("training svd", "building the index", "publishing"):
        trainer = Program("train_model.py", folder=shop.folder, environment=shop.environment, output=pipe)
        with open(pipe) as said:
            assert any(line.startswith(step) for line in said), step
            os.killpg(trainer.pid, signal.SIGKILL)
            assert trainer.wait() == -signal.SIGKILL
        release = _registry(shop).active()
        assert (release.version, release.current_problem) == (served, None)
    assert "is active" in shop.door("train_model.py")
    assert shop.current != served
    assert _registry(shop).active().current_problem is None
    assert list(_registry(shop).folder.glob(".tmp-*")) == []
    assert len(_runs(shop, RunStatus.INTERRUPTED)) == 3


def test_two_trainers_started_at_once_make_one_release(shop: Shop) -> None:
    trainer = partial(Program, "train_model.py", folder=shop.folder, environment=shop.environment, output=os.devnull)
    pair = [trainer(), trainer()]
    assert sorted(each.wait() for each in pair) == [0, 1]
    assert len(_registry(shop).versions()) == 2
    assert _registry(shop).active().current_problem is None


def test_the_end_of_the_service_ends_its_training_and_the_next_start_takes_the_night_up_again(
    serve: Serve, shop: Shop
) -> None:
    store = _store(shop)
    for run in store.runs.newest(50):
        store.runs.save(Run(run.run_id, run.trigger, run.started_at - 2 * 86_400, run.status))
    service = serve(GUNICORN, "--workers", "2", "run:app", AISLE_TUNE_SECONDS="30")  # a night that takes its time
    (run,) = wait_until(lambda: _runs(shop, RunStatus.RUNNING), "the night's run")
    service.process.terminate()
    service.process.wait(PATIENCE_SECONDS)
    assert _runs(shop, RunStatus.RUNNING) == []
    (interrupted,) = _runs(shop, RunStatus.INTERRUPTED)
    assert (interrupted.run_id, interrupted.message) == (run.run_id, "ended by SIGTERM")
    serve(GUNICORN, "--workers", "1", "run:app")

    def again() -> Run | None:
        found = store.runs.get(run.run_id)
        return found if found is not None and found.status is RunStatus.SUCCEEDED else None

    assert wait_until(again, "the same night again").attempt == 2
    assert len([each for each in store.runs.newest(50) if each.trigger == "night"]) == 1


@pytest.mark.parametrize("workers", [2])
def test_a_training_asked_for_over_http_is_served_by_every_worker_and_rolled_back_by_one_call(
    serve: Serve, shop: Shop, workers: int
) -> None:
    old = shop.current
    shop.environment["AISLE_ADMIN_KEYS"] = "admin-key"
    service = serve(GUNICORN, "--workers", str(workers), "run:app", AISLE_SCHEDULER="off")
    assert service.post("/training", {}, **ADMIN).body["status"] == "unchanged"
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: service.post("/training", {"force_retrain": True}, **ADMIN), range(8)))
    assert sorted(answer.status for answer in answers) == [202] + 7 * [409]
    (path,) = [answer.headers["Location"] for answer in answers if answer.status == 202]

    def over() -> Any:
        run = service.get(path).body
        return run if run["status"] not in ("queued", "running") else None

    run = wait_until(over, "the training")
    assert (run["status"], run["verdict"]["promoted"]) == ("succeeded", True)
    new = run["release"]

    def all_serve(version: str) -> bool:
        found = service.get("/status").body["workers"]
        return [worker["release"] for worker in found] == workers * [version]

    wait_until(lambda: all_serve(new), "every worker on the new release")
    answer = service.post("/releases/rollback", {"pin": True}, **ADMIN)
    assert answer.body == {"release": old, "pinned": True}
    wait_until(lambda: all_serve(old), "every worker on the old release")


def test_swaps_and_a_rollback_under_load_answer_every_request_with_a_list_of_one_release(
    serve: Serve, shop: Shop
) -> None:
    shop.door("train_model.py", "--no-activate", "--model", "popularity")  # whose lists are others
    versions = _registry(shop).versions()
    service = serve(GUNICORN, "--workers", "2", "run:app", AISLE_SCHEDULER="off", AISLE_CACHE_SECONDS="0")
    seen: list[tuple[int, str, str, Any]] = []
    stop = threading.Event()

    def ask(user: str) -> None:
        while not stop.is_set():
            answer = service.get(f"/recommend?user_id={user}")
            seen.append((answer.status, answer.headers["X-Release"], user, answer.body))

    askers = [threading.Thread(target=ask, args=(f"U0000{number}",)) for number in range(1, 4)]
    for asker in askers:
        asker.start()
    for swap in range(3):
        _registry(shop).activate(versions[(swap + 1) % 2])
        time.sleep(0.5)
    _registry(shop).rollback()
    wait_until(lambda: seen[-1][1] == versions[0], "the rollback")
    stop.set()
    for asker in askers:
        asker.join()
    assert {status for status, *_ in seen} == {200}
    assert {release for _, release, *_ in seen} == set(versions)
    expected = {(v, u): _expected(shop, v, u) for v in versions for u in ("U00001", "U00002", "U00003")}
    assert all(listed == expected[release, user] for _, release, user, listed in seen)


def test_a_release_that_is_cut_under_a_running_service_gives_way_to_the_older_one(serve: Serve, shop: Shop) -> None:
    registry, new, old = _registry(shop), shop.current, "20200101T000000Z-old"
    shutil.copytree(registry.folder / new, registry.folder / old)
    registry.activate(old)
    registry.activate(new)
    service = serve(GUNICORN, "--workers", "2", "run:app", AISLE_SCHEDULER="off", AISLE_CACHE_SECONDS="0")
    assert service.get("/recommend?user_id=U00001").headers["X-Release"] == new
    for path in (registry.folder / new).rglob("*.npy"):
        os.truncate(path, 0)

    def old_serves() -> bool:
        try:
            answers = [service.get(f"/recommend?user_id=U0000{number % 9}") for number in range(20)]
        except OSError:  # a worker that reads what is cut dies of it (SIGBUS), and another one begins
            return False
        assert {answer.status for answer in answers} == {200}
        return {answer.headers["X-Release"] for answer in answers} == {old}

    wait_until(old_serves, "the older release")
    wait_until(lambda: "is served instead" in service.get("/status").body["release"]["note"], "a word of it")


def test_a_night_goes_on_when_the_leader_dies_right_after_it_began_and_when_lock_files_are_removed(
    serve: Serve, shop: Shop
) -> None:
    store = _store(shop)
    for run in store.runs.newest(50):
        store.runs.save(Run(run.run_id, run.trigger, run.started_at - 2 * 86_400, run.status))
    service = serve(GUNICORN, "--workers", "2", "run:app")

    def leader() -> int | None:
        found = service.get("/status").body["scheduler"]["leader"]
        return int(found.split(":")[1]) if found and ":" in found else None

    first = wait_until(leader, "a leader")
    os.kill(first, signal.SIGKILL)
    (shop.folder / "var" / "leader.lock").unlink(missing_ok=True)
    nights = wait_until(lambda: [r for r in store.runs.newest(9) if r.trigger == "night" and r.status.is_over], "it")
    assert [run.status for run in nights] == [RunStatus.SUCCEEDED]
    assert wait_until(leader, "another leader") != first
    assert service.get("/recommend?user_id=U00001").status == 200
