"""Events and counts survive the end and restart of workers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from service import Answer, Service, Shop, train_shop

from src.store import Store, open_store
from tests.programs import GUNICORN
from tests.waiting import PATIENCE_SECONDS, wait_until

WRITER = {"Authorization": "Bearer write-key"}
NEW = {"user_id": "new", "n": 5, "model": "item_graph"}
Serve = Callable[..., Service]
MakeFolderOnce = Callable[[str, Callable[[Path], object]], Path]
# What the same people buy; the others buy something else.
RATINGS = "".join(
    f"U{user:05d},P{(user % 4) * 10 + (user + step * 3) % 10:05d},5.0,{1_400_000_000 + user * 999 + step}\n"
    for user in range(80)
    for step in range(6)
)


@pytest.fixture(scope="session")
def grouped_var(make_folder_once: MakeFolderOnce, trained_var: Path) -> Path:
    """A shop with four groups of buyers, trained once with one model; tests take copies."""
    return make_folder_once("e2e-grouped", lambda folder: train_shop(folder, RATINGS, "--model", "item_graph")) / "var"


@pytest.fixture
def shop(new_shop: Shop, grouped_var: Path) -> Shop:
    """The shop of `grouped_var`."""
    shutil.copytree(grouped_var, new_shop.folder / "var")
    return new_shop


def _store(shop: Shop) -> Store:
    return open_store(f"sqlite:///{shop.folder}/var/store.sqlite3")


def _orders(first: int, n: int = 1_000) -> list[dict[str, Any]]:
    return [
        {"user_id": f"E{number % 7}", "product_id": f"P{number % 40:05d}", "kind": "view", "event_id": f"e{number}"}
        for number in range(first, first + n)
    ]


def _stored(shop: Shop, user_ids: range = range(7)) -> int:
    store = _store(shop)
    return sum(len(store.events.history(f"E{number}")) for number in user_ids)


def _counted(service: Service, name: str, labels: str = "") -> float:
    lines = service.get("/metrics").body.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name}{{") and labels in line)


def test_a_thousand_events_survive_a_kill_right_after_the_answer(serve: Serve, shop: Shop) -> None:
    service = serve(GUNICORN, "--workers", "2", "run:app", AISLE_SCHEDULER="off")
    answer = service.post("/events", _orders(0), **WRITER, **{"X-Request-Id": "first"})
    assert (answer.status, answer.body["stored"]) == (201, 1_000)
    os.kill(service.answered("first"), signal.SIGKILL)
    assert _stored(shop) == 1_000
    wait_until(service.ready, "the service with a worker less")
    assert service.post("/events", _orders(1_000), **WRITER).status == 201
    os.killpg(service.process.pid, signal.SIGKILL)
    service.process.wait()
    again = serve(GUNICORN, "--workers", "1", "run:app", AISLE_SCHEDULER="off")
    assert _stored(shop) == 2_000
    assert again.post("/events", _orders(0), **WRITER).body["repeated"] == 1_000
    assert _stored(shop) == 2_000


def test_the_next_list_of_every_worker_knows_a_purchase_and_brings_what_goes_with_it(serve: Serve) -> None:
    service = serve(GUNICORN, "--workers", "2", "run:app", AISLE_SCHEDULER="off")
    bought = "P00020"
    before = service.post("/recommend", NEW).body
    wait_until(lambda: len(service.get("/status").body["workers"]) == 2, "two workers")
    event = {"user_id": "new", "product_id": bought, "kind": "purchase", "event_id": "order-1"}
    assert service.post("/events", event, **WRITER).status == 201
    workers = {each["pid"] for each in service.get("/status").body["workers"]}
    lists: dict[int, list[str]] = {}
    asked = 0
    while set(lists) != workers:
        assert asked < 400, f"only {set(lists)} of {workers} answered"
        together = [f"ask-{asked + place}" for place in range(8)]
        answers = _at_once(service, together)
        asked += len(together)
        for request_id, answer in zip(together, answers, strict=True):
            lists[service.answered(request_id)] = answer.body
    for products in lists.values():
        assert bought not in products
        assert products != before
        # P00020 to P00029 are bought by the same people.
        assert sum("P00020" < product <= "P00029" for product in products) == 5


def _at_once(service: Service, request_ids: list[str]) -> list[Answer]:
    answers: dict[str, Answer] = {}

    def ask(request_id: str) -> None:
        answers[request_id] = service.post("/recommend", NEW, **{"X-Request-Id": request_id})

    askers = [threading.Thread(target=ask, args=(request_id,)) for request_id in request_ids]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    return [answers[request_id] for request_id in request_ids]


def test_counts_of_three_workers_are_one_and_outlive_them(serve: Serve, shop: Shop) -> None:
    service = serve(GUNICORN, "--workers", "3", "run:app", AISLE_SCHEDULER="off")
    wait_until(lambda: len(service.get("/status").body["workers"]) == 3, "three workers")
    asked = 0
    for _ in range(2):
        _at_once(service, [f"r{asked + place}" for place in range(10)])
        asked += 10
        for name in ("aisle_requests_total", "aisle_request_seconds_count"):  # counted a moment after the answer
            wait_until(lambda: _counted(service, name, 'route="/recommend"') >= asked, f"{name} of {asked}")  # noqa: B023
            assert _counted(service, name, 'route="/recommend"') == asked
        os.kill(service.answered(f"r{asked - 1}"), signal.SIGKILL)
        wait_until(service.ready, "the service with a worker less")
    assert _counted(service, "aisle_lists_total", 'made_for="user"') == asked
    assert _counted(service, "aisle_cache_total") == asked
    files = list((shop.folder / "var" / "metrics").rglob("*.db"))
    assert 2 <= len(files) <= 8  # two for each of three workers, and of one more while it comes and goes
    wait_until(lambda: _counted(service, "aisle_release_info", shop.current) == 3, "three living workers")


@pytest.mark.parametrize("command", [(GUNICORN, "--workers", "2", "run:app"), ("run.py",)])
def test_every_log_line_is_json_without_personal_data_and_a_list_is_kept_though_the_service_ends_at_once(
    serve: Serve, shop: Shop, command: tuple[str, ...]
) -> None:
    service = serve(*command, AISLE_SCHEDULER="off", AISLE_LOG_SERVED="on")
    scheduler = service.get("/status").body["scheduler"]
    assert (scheduler["leader"], scheduler["next_run"]) == (None, None)
    service.get("/recommend?user_id=canary7")
    service.get("/products/canary7?canary7")
    service.post("/recommend", {"user_id": "canary7", "model": "canary7"})
    port = int(service.url.rpartition(":")[2])
    for line in (b"GET /canary7 canary7\r\n\r\n", b"canary7\r\n\r\n", b"GET /canary7 HTTP/1.1\r\ncanary7 x: y\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            raw.sendall(line)
            raw.recv(1_000)
    answer = service.post("/recommend", {"user_id": "U00001"}, **{"X-Request-Id": "last"})
    service.process.terminate()
    service.process.wait(PATIENCE_SECONDS)
    kept = {each.request_id: [product for product, _ in each.products] for each in _store(shop).served_lists.newest(5)}
    assert kept["last"] == answer.body
    answered = [line["route"] for line in service.lines() if line["message"] == "answered"]
    assert answered.count("/recommend") == 3
    assert "canary7" not in service.log.read_text()
