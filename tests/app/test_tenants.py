"""Several shops in one service: no request crosses, and they train in turn."""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import Client

import app as app_module
from app import start_background
from app.background.erasure_keeper import ErasureKeeper
from app.background.profile_refresher import ProfileRefresher, profile_job
from app.background.release_fetcher import ReleaseFetcher
from app.background.tenant_turns import TenantTurns
from app.context import AisleContext, context_of
from app.routes.request_log import write_logs
from app.schemas.examples import EXAMPLES
from app.serving.shadow_follower import ShadowFollower
from app.telemetry.request_records import RequestRecords
from app.telemetry.served_lists import ServedListLog
from app.tenants import Tenants, apps_of, create_service
from src.core.errors import ConfigError
from src.core.log_format import SHOP
from src.core.process_lock import LockOwner
from src.models.settings import AllSettings, read_settings, settings_of_shops
from src.releases.registry import Registry
from src.workflows.locks import in_turn
from tests.aisle_context import exchange, launch_trainings
from tests.app.redis_server import REDIS, redis_without
from tests.conftest import COMPILED, QUICK
from tests.waiting import PATIENCE_SECONDS

SHOPS = ("books", "toys")
USER = "zoe.of.the.bookshop"
THREADS: dict[str, tuple[Any, str]] = {
    "releases": (app_module, "_watch"),
    "rules": (app_module, "_watch_rules"),
    "erasures": (ErasureKeeper, "_follow"),
    "fetcher": (ReleaseFetcher, "_follow"),
    "shadow": (ShadowFollower, "_answer_for_ever"),
    "served lists": (ServedListLog, "_write_until_stopped"),
    "request records": (RequestRecords, "_write_until_stopped"),
}
"""Name of a thread of an application → what it runs."""


@pytest.fixture
def settings_of_both(tmp_path: Path, trained_var: Path, monkeypatch: pytest.MonkeyPatch) -> AllSettings:
    """Two trained shops, each with a key for everything."""
    for name in SHOPS:
        shutil.copytree(trained_var, tmp_path / "var" / "tenants" / name)
        for role in ("READ", "WRITE", "ADMIN"):
            monkeypatch.setenv(f"AISLE_TENANT_{name.upper()}_{role}_KEYS", f"{role.lower()}-key-of-{name}-0123456789")
    monkeypatch.setenv("AISLE_WRITE_KEYS", "key-of-the-service-0123456789")
    limits = {"admin_rate_limit": "", "wrong_keys_limit": ""}
    return read_settings(var=tmp_path / "var", tenants=",".join(SHOPS), scheduler="off", **limits, **QUICK)


def ended_at_once(*_: Any) -> Any:
    """Stand in for a process."""
    return SimpleNamespace(wait=lambda: 0, poll=lambda: 0, pid=0)


@pytest.fixture
def service(settings_of_both: AllSettings) -> Iterator[Tenants]:
    made = create_service(settings_of_both)
    assert isinstance(made, Tenants)
    for app in made.apps.values():
        app.jinja_env.bytecode_cache = COMPILED
        launch_trainings(app, ended_at_once)
        aisle = context_of(app)
        job = replace(profile_job(aisle.settings), launch=ended_at_once)
        exchange(app, profile_refresher=ProfileRefresher(aisle.settings, aisle.store, job))
    yield made
    for app in made.apps.values():
        context_of(app).store.close()


@pytest.fixture
def shops(service: Tenants) -> dict[str, AisleContext]:
    return {name: context_of(app) for name, app in service.apps.items()}


def key(role: str, shop: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}-key-of-{shop}-0123456789"}


def test_every_call_refuses_the_keys_of_another_shop_and_of_the_service(service: Tenants) -> None:
    client = Client(service)
    described = client.get("/t/books/openapi.json").get_json()
    assert described["servers"] == [{"url": "/t/books"}]
    n_calls = 0
    for path, methods in described["paths"].items():
        address = "/t/books" + re.sub(r"\{\w+\}", "x", path)
        for method, call in methods.items():
            examples = EXAMPLES[f"{method.upper()} {path}"]
            body = {"json": examples[0].body} if examples[0].has_body else {}
            n_calls += 1
            for headers in (
                key("admin", "toys"), key("write", "toys"), key("read", "toys"), {},
                {"Authorization": "Bearer key-of-the-service-0123456789"},
            ):  # fmt: skip
                answer = client.open(address, method=method.upper(), headers=headers, **body)
                if call["security"]:
                    assert answer.status_code == 401, (method, path, headers)
            answer = client.open(address, method=method.upper(), headers=key("admin", "books"), **body)
            assert answer.status_code not in (401, 403), (method, path)
    assert n_calls > 40


def test_what_happens_in_one_shop_is_unknown_in_the_other(service: Tenants, shops: dict[str, AisleContext]) -> None:
    client = Client(service)
    lists = [client.post(f"/t/{name}/recommend", json={"user_id": USER}, headers=key("read", name)) for name in SHOPS]
    assert lists[0].get_json() == lists[1].get_json()
    first = lists[0].get_json()[0]
    told = {"user_id": USER, "product_id": first, "kind": "purchase"}
    assert client.post("/t/books/events", json=told, headers=key("write", "books")).status_code == 201
    rules = {"rules": [{"action": "exclude", "product_id": lists[0].get_json()[1]}], "note": ""}
    assert client.put("/t/books/rules", json=rules, headers=key("admin", "books")).status_code == 200
    client.delete("/t/books/users/U00001", headers=key("admin", "books"))
    for shop in shops.values():
        shop.recommender.follow()
        shop.recommender.refresh()
    books, toys = (
        client.post(f"/t/{name}/recommend", json={"user_id": USER}, headers=key("read", name)).get_json()
        for name in SHOPS
    )
    assert toys == lists[1].get_json() != books
    known = client.get("/t/toys/users/U00001/export", headers=key("admin", "toys")).get_json()
    assert known["events"]
    audited = client.get("/t/toys/audit", headers=key("admin", "toys")).get_json()
    assert [entry["action"] for entry in audited] == ["GET /users/<id:user_id>/export"], "of this shop alone"
    assert client.get(f"/t/toys/users/{USER}/export", headers=key("admin", "toys")).get_json()["events"] == []
    files = [path for path in shops["toys"].settings.var.rglob("*") if path.is_file()]
    assert not [path for path in files if USER.encode() in path.read_bytes()]
    metrics = client.get("/t/toys/metrics", headers=key("read", "toys")).text
    assert 'aisle_requests_total{method="POST",route="/recommend",status="200",tenant="toys"} 2.0' in metrics
    assert "books" not in metrics


def test_pages_link_within_their_shop_and_cookies_stay_there(service: Tenants) -> None:
    client = Client(service)
    page = client.get("/t/books/operations", headers=key("read", "books"))
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
    assert links
    assert all(link.startswith("/t/books/") for link in links)
    form = client.get("/t/books/operations/do/train", headers=key("read", "books"))
    assert "Path=/t/books" in form.headers["Set-Cookie"]
    assert client.get("/t/books", headers=key("read", "books")).status_code in (200, 308)


def test_an_address_without_a_shop_says_what_to_ask_and_names_none(service: Tenants) -> None:
    client = Client(service)
    for address in ("/", "/recommend", "/t/", "/t/gone/healthz", "/t/BOOKS/status"):
        answer = client.get(address, headers=key("admin", "toys"))
        assert answer.status_code == 404, address
        assert "toys" not in answer.text
    assert client.get("/healthz").get_json() == client.get("/readyz").get_json() == {"status": "ok"}
    assert client.get("/t/books/../toys/status", headers=key("admin", "toys")).status_code in (401, 404)


def test_one_shop_trains_at_a_time_and_each_gets_its_turn(
    settings_of_both: AllSettings, shops: dict[str, AisleContext]
) -> None:
    started: list[tuple[str, Any]] = []

    class Running:
        """A training that goes on until it is told to end."""

        pid = 0

        def __init__(self) -> None:
            self.code: int | None = None

        def poll(self) -> int | None:
            return self.code

        def wait(self) -> int:
            return 0

    def launcher(name: str) -> Callable[..., Running]:
        def launch(*_: Any) -> Running:
            started.append((name, Running()))
            return started[-1][1]

        return launch

    for name, shop in shops.items():
        object.__setattr__(shop.scheduler._training, "launch", launcher(name))
        with shop.store.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM runs")
    turns = TenantTurns(settings_of_both, {name: shop.scheduler for name, shop in shops.items()})
    assert turns._lock.acquire(LockOwner.this_process())
    assert {shop.scheduler.status()["leader"] is None for shop in shops.values()} == {False}
    for _ in range(3):
        turns.check()
    assert [name for name, _ in started] == ["books"], "the other one waits"
    started[0][1].code = 0
    turns.check()
    turns.check()
    assert [name for name, _ in started][:2] == ["books", "toys"]
    turns.stop()


def test_log_lines_and_commands_name_their_shop(
    service: Tenants, shops: dict[str, AisleContext], capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    kept = root.handlers[:], root.level, threading.excepthook
    try:
        write_logs(shops["toys"].settings.model_copy(update={"log_format": "json"}))
        client = Client(service)
        client.post("/t/toys/recommend", json={"user_id": USER}, headers=key("read", "toys"))
        client.get("/healthz")
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        root.handlers, root.level, threading.excepthook = kept[0], kept[1], kept[2]
    assert {line.get("tenant") for line in lines} == {"toys"}
    assert USER not in str(lines)
    page = unescape(client.get("/t/toys/docs", headers=key("read", "toys")).text)
    commands = re.findall(r"curl -s.*?localhost:5000(/[^\s']*)", page)
    assert len(commands) > 40
    assert all(address.startswith("/t/toys/") for address in commands)
    assert "var/tenants/toys/keys/admin.key" in page
    assert (
        "localhost:5000/t/toys/experiments"
        in client.get("/t/toys/operations/experiments", headers=key("read", "toys")).text
    )


def test_background_threads_name_their_shop_in_what_they_log(service: Tenants, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[tuple[str, str]] = []
    began = threading.Barrier(len(THREADS) + 1)

    def note(*_: Any) -> None:
        named.append((threading.current_thread().name, SHOP.get()))
        began.wait(30)

    for holder, method in THREADS.values():
        monkeypatch.setattr(holder, method, note)
    shop = service.apps["toys"]
    monkeypatch.setattr(Registry, "shared_state", "reached")
    object.__setattr__(context_of(shop).served_list_log, "_keeps_lists", True)
    start_background(shop)
    began.wait(30)
    assert sorted(named) == sorted((name, "toys") for name in THREADS)
    assert SHOP.get() == "", "the thread that started them works for no shop"


def test_shops_count_requests_of_an_address_apart_in_a_shared_redis(
    settings_of_both: AllSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SHOPS:  # nobody is told apart by a key
        monkeypatch.delenv(f"AISLE_TENANT_{name.upper()}_READ_KEYS")
    with redis_without("LIMITS:*"):
        limited = settings_of_both.model_copy(update={"rate_limit": "2/hour", "rate_storage": REDIS})
        service = create_service(AllSettings.model_validate(limited.model_dump(exclude_unset=True)))
        client = Client(service)
        statuses = {name: [client.get(f"/t/{name}/status").status_code for _ in range(3)] for name in SHOPS}
        for app in apps_of(service):
            context_of(app).store.close()
    assert statuses == {name: [200, 200, 429] for name in SHOPS}


def test_a_training_asked_for_by_hand_waits_while_another_shop_trains(shops: dict[str, AisleContext]) -> None:
    books, toys = (shops[name].settings for name in SHOPS)
    waits, began, done = threading.Event(), threading.Event(), threading.Event()

    def train() -> None:
        with in_turn(toys, waits.set):
            began.set()
        done.set()

    with in_turn(books, lambda: None):
        thread = threading.Thread(target=train)
        thread.start()
        assert waits.wait(PATIENCE_SECONDS)
        assert not began.is_set()
    thread.join(PATIENCE_SECONDS)
    assert done.is_set()
    with in_turn(toys.model_copy(update={"tenant": ""}), lambda: None), in_turn(books, lambda: None):
        pass


def test_shops_share_no_store_and_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"var": tmp_path, "tenants": "a,b"}
    monkeypatch.setenv("AISLE_DATABASE_URL", "postgresql://db/everybody")
    monkeypatch.setenv("AISLE_ADMIN_KEYS", "of-the-service")
    monkeypatch.setenv("AISLE_RELEASES_URL", str(tmp_path / "shared"))
    monkeypatch.setenv("AISLE_TENANT_B_KEEP_RELEASES", "7")
    a, b = settings_of_shops(read_settings(**wanted)).values()
    assert (a.store_url, b.store_url) == tuple(f"sqlite:///{tmp_path}/tenants/{name}/store.sqlite3" for name in "ab")
    assert (a.releases_url, b.releases_url) == ("", "")
    assert (a.admin_keys, a.keep_releases, b.keep_releases) == ("", 5, 7)
    for name in "AB":
        monkeypatch.setenv(f"AISLE_TENANT_{name}_DATABASE_URL", "postgresql://db/everybody")
    with pytest.raises(ConfigError, match="a and b have the same"):
        settings_of_shops(read_settings(**wanted))
    monkeypatch.setenv("AISLE_TENANT", "b")
    assert read_settings(**wanted).var == tmp_path / "tenants" / "b"
    for wrong in ("Books", "a,a", "../x"):
        with pytest.raises(ConfigError, match="no name of one shop"):
            read_settings(var=tmp_path, tenants=wrong)
    monkeypatch.setenv("AISLE_TENANT_B_KEEP_RELEASES", "one")
    with pytest.raises(ConfigError, match=r"shop b: .*AISLE_TENANT_B_"):
        read_settings(**wanted)
