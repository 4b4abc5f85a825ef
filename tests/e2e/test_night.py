"""With three workers the nightly training runs once, even if the leader dies."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable

import pytest
from service import Service, Shop

from src.core.records import Run, RunStatus
from src.store import Store, open_store
from tests.programs import GUNICORN
from tests.waiting import wait_until

TWO_DAYS = 2 * 86_400
Serve = Callable[..., Service]


@pytest.fixture
def shop(tiny_shop: Shop) -> Shop:
    return tiny_shop


def _store(shop: Shop) -> Store:
    return open_store(f"sqlite:///{shop.folder}/var/store.sqlite3")


def _nights(shop: Shop) -> list[Run]:
    return [run for run in _store(shop).runs.newest(50) if run.trigger == "night"]


def _let_days_pass(shop: Shop) -> None:
    """Move all runs two days into the past, so that a training is due."""
    store = _store(shop)
    for run in store.runs.newest(50):
        due = None if run.due is None else run.due - TWO_DAYS
        store.runs.save(dataclasses.replace(run, started_at=run.started_at - TWO_DAYS, due=due))


def _leader(service: Service) -> int | None:
    leader = service.get("/status").body["scheduler"]["leader"]
    return None if leader is None else int(leader.split(":")[1])


def _night_is_over(shop: Shop, count: int) -> bool:
    nights = _nights(shop)
    return len(nights) >= count and all(run.status is RunStatus.SUCCEEDED for run in nights)


def test_three_workers_do_one_run_a_night_and_a_dead_leader_is_replaced(serve: Serve, shop: Shop) -> None:
    _let_days_pass(shop)
    before = shop.current
    service = serve(GUNICORN, "--workers", "3", "run:app")

    wait_until(lambda: _night_is_over(shop, 1), "the first night's run")
    first = shop.current
    assert first != before
    wait_until(lambda: len(service.serving(first)) == 3, "three workers on the night's release")
    assert service.post("/recommend", {"user_id": "U00001"}).headers["X-Release"] == first
    checks = 6
    time.sleep(checks * float(shop.environment["AISLE_CHECK_SECONDS"]))  # many looks later: still one
    assert len(_nights(shop)) == 1

    leader = wait_until(lambda: _leader(service), "a leader")
    os.kill(leader, signal.SIGKILL)
    assert service.post("/recommend", {"user_id": "U00001"}).status == 200
    wait_until(lambda: _leader(service) not in (None, leader), "another leader")

    _let_days_pass(shop)
    wait_until(lambda: _night_is_over(shop, 2), "the second night's run, by the new leader")
    assert shop.current not in (before, first)
    assert service.get("/status").body["scheduler"]["last_run"]["status"] == "succeeded"
