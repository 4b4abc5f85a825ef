"""Fixtures for pages in a real browser: headless Chromium, and the application in a thread."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from watching import PICTURE, Watched
from werkzeug.serving import make_server

from app import create_app
from app.context import context_of
from src.core.domain import Event, EventKind, Product
from src.models.settings import read_settings
from src.store import open_store
from src.workflows.record_events import record_events

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MUST_RUN = os.environ.get("AISLE_TEST_BROWSER") == "required"  # as .ci/run says: no test there is left out in silence
WAIT_MS = 15_000
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a file. On a machine without one they are skipped, or fail where they must run."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        said = "no Chromium on this machine: apt-get install chromium"
        pytest.fail(said) if MUST_RUN else pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Serve var folders until the end of the test file: (folder) → address."""
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


@pytest.fixture(scope="module")
def shop_url(trained_var: Path, tmp_path_factory: pytest.TempPathFactory, serve_shop: Callable[..., str]) -> str:
    """Serve the trained shop; one product has a picture, one has only an id, and one is withdrawn."""
    var = Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("browser") / "var"))
    store: Any = open_store(f"sqlite:///{var / 'store.sqlite3'}")
    store.products.add(
        [
            Product("pictured", title="Mug with a picture", category="Home > Kitchen", image_url=PICTURE, price=9.5),
            Product("bare/id with a very long name that nobody breaks " + "x" * 60),
            Product("gone", title="Gone", withdrawn=True),
        ]
    )
    record_events(store, [Event("picture-lover", "pictured", EventKind.VIEW, at=1_700_000_000)])
    store.close()
    return serve_shop(var, currency="€")


@pytest.fixture(scope="module")
def untrained_url(tmp_path_factory: pytest.TempPathFactory, serve_shop: Callable[..., str]) -> str:
    """Serve a shop without a release; return its address."""
    return serve_shop(tmp_path_factory.mktemp("untrained") / "var")


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
def faults() -> Callable[[Page], list[str]]:
    """Return serious and critical findings of axe-core on a page: rule and elements."""
    axe = Axe()

    def find(page: Page) -> list[str]:
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        return [
            f"{each['id']}: {[node['target'] for node in each['nodes']]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

    return find
