"""Fixtures for pages in a real browser: headless Chromium, and the application in a thread."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from lively_shop import KEY, FreePort, Shop
from playwright.sync_api import Browser, Page, expect, sync_playwright
from watching import PICTURE, Watched
from werkzeug.serving import make_server

from app import create_app
from app.context import context_of
from src.core.domain import Event, EventKind
from src.core.progress import Silent
from src.core.records import Load, Run, RunStatus, ServedList
from src.models.settings import read_settings
from src.releases.manifest import TrainingRecord
from src.releases.registry import Registry
from src.releases.release import Draft
from src.store import open_store
from src.workflows.explore import explore_store
from src.workflows.record_events import record_events

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MUST_RUN = os.environ.get("AISLE_TEST_BROWSER") == "required"  # as .ci/run says: no test there is left out in silence
WAIT_MS = 60_000  # of a busy machine; a test that succeeds ends its wait at once
expect.set_options(timeout=WAIT_MS)
# Of its own accord Chromium asks after updates, accounts and time; a test's machine may have no network at all.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests. On a machine without one they are skipped, or fail where they must run."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        said = "no Chromium on this machine: apt-get install chromium"
        pytest.fail(said) if MUST_RUN else pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def serve_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Serve var folders until the end of the tests: (folder) → address."""
    ends: list[Callable[[], Any]] = []
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def serve(var: Path, **changes: Any) -> str:
        app = create_app(read_settings(var=var, scheduler="off", cache_seconds=0, **changes))
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        store: Any = context_of(app).store
        ends.extend((server.shutdown, thread.join, server.server_close, store.close))
        return f"http://127.0.0.1:{server.port}"

    yield serve
    for end in ends:
        end()
    logging.getLogger("werkzeug").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def lively(trained_var: Path, tmp_path_factory: pytest.TempPathFactory, serve_shop: Callable[..., str]) -> Shop:
    """A shop with two releases, a bad load, a run under way, its statistics, and a sale that followed a list."""
    var = Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("lively") / "var"))
    settings = read_settings(var=var)
    registry = Registry(settings.releases_dir)
    release = registry.active()
    about = TrainingRecord(
        data=release.manifest.data, settings=release.manifest.settings, metrics=release.manifest.metrics
    )
    draft = Draft(release.pipeline, about, {"report": registry.report(release.version) or {}})
    registry.activate(registry.publish(draft, "f" * 12, datetime.now(UTC)))
    store: Any = open_store(settings.store_url)
    now = int(time.time())
    store.runs.save_load(Load("bad", "orders.csv", "", now - 3_600, 100, 60, 60, 60, 5, rejected={"empty user": 40}))
    settings.rejects_dir.mkdir(parents=True, exist_ok=True)
    (settings.rejects_dir / "in-orders.csv.rejects.csv").write_text("line,reason,row\n7,empty user,;P00012;2\n")
    store.runs.save(Run("under-way", "api", 1_900_000_000, RunStatus.RUNNING, progress="training als"))
    store.served_lists.add(
        [ServedList("asked", 1, now - 600, release.version, "user", None, (("P00012", "blend"),), "basket")]
    )
    bought = Event("U00003", "P00012", EventKind.PURCHASE, 2.0, now - 300, event_id="order-1", request_id="asked")
    record_events(store, [bought])
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    store.close()
    keys = {"admin_keys": KEY, "public_keys": "a-public-key", "log_served": "on"}
    origins = f"http://127.0.0.1:{FreePort.port}"
    return Shop(serve_shop(var, refresh_seconds=0.2, currency="€", origins=origins, **keys), registry)


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a new window: (url, width, scheme, …) → page.

    At the end of the test no page may have complained, about the policy for content for instance, or have asked
    another host for anything but pictures that the test hands out.
    """
    contexts, watched = [], Watched()

    def open_one(url: str, width: int = 1280, scheme: Any = "light", picture: bytes | None = None, **more: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 850}, color_scheme=scheme, **more)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        if picture is not None:
            context.route(PICTURE, lambda route: route.fulfill(body=picture, content_type="image/png"))
        page = context.new_page()
        watched.watch(page)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert watched.said == []
    assert [url for url in watched.asked if not url.startswith(("http://127.0.0.1:", "data:", PICTURE))] == []


@pytest.fixture(scope="session")
def faults() -> Callable[..., list[str]]:
    """Return what axe-core finds on a page: (page, rules) → rule and elements. By default WCAG 2.1 A and AA."""
    axe = Axe()

    def find(page: Page, rules: tuple[str, ...] = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")) -> list[str]:
        found = axe.run(page, options={"runOnly": list(rules), "resultTypes": ["violations"]}).response["violations"]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]

    return find
