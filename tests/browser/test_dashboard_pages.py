"""The dashboard in a real browser: on a phone, in dark colours, for screen readers, and a rollback by keyboard."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from src.core.process_lock import LockOwner
from src.core.progress import Silent
from src.core.records import FollowUp, Run, RunStatus, Score, ServedList
from src.core.settings import Settings
from src.models.settings import read_settings
from src.releases.manifest import TrainingRecord
from src.releases.registry import Registry
from src.releases.release import Draft
from src.store import open_store
from src.workflows.explore import explore_store
from src.workflows.locks import FileLock

Open = Callable[..., Page]
KEY = "admin-key-of-the-browser"
NOW = int(time.time())


def two_releases(settings: Settings) -> tuple[str, str]:
    """Publish a second release; return the versions of the older and the current one."""
    registry = Registry(settings.releases_dir)
    release = registry.active()
    its = release.manifest
    about = TrainingRecord(
        data=its.data, settings=its.settings, metrics=its.metrics, summary=its.summary, gate=its.gate
    )
    draft = Draft(release.pipeline, about, {"report": registry.report(release.version) or {}})
    newer = registry.publish(draft, "f" * 12, datetime.now(UTC))
    registry.activate(newer)
    return release.version, newer


def full_life(settings: Settings) -> None:
    """Store scores with gaps, runs of every kind, one run under way, and lists with follow-ups."""
    store: Any = open_store(settings.store_url)
    for day in range(30):
        figures = (
            {} if day in (7, 8) else {"ndcg_at_10": 0.1 + day / 999, "ndcg_low": 0.09, "ndcg_high": 0.15, "rmse": 0.8}
        )
        store.runs.save_score(Score(NOW - 86_400 * day, "a" if day > 10 else "b", 100, **figures))
    verdict = {
        "checks": [{"name": "x", "passed": ok, "message": f"found {ok}"} for ok in (True, False)],
        "figures": {"n": 1},
    }
    for n, status in enumerate((RunStatus.KEPT, RunStatus.FAILED, RunStatus.INTERRUPTED, RunStatus.SUCCEEDED)):
        at = NOW - 4_000 * (n + 1)
        run = Run(f"run-{n}", "night", at, status, finished_at=at + 60, message="why it ended so", verdict=verdict)
        store.runs.save(run)
    store.runs.save(Run("under-way", "api", NOW, RunStatus.RUNNING, progress="training als"))
    store.served_lists.add(
        [ServedList("q", 1, NOW, "b", "user", None, (("P00001", "blend"), ("P00002", "popularity")))]
    )
    store.served_lists.add_follow_ups([FollowUp("q", "P00001", "click", NOW, "m")])
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    store.close()


@pytest.fixture(scope="module")
def lively(
    trained_var: Path, tmp_path_factory: pytest.TempPathFactory, serve_shop: Callable[..., str]
) -> tuple[str, Settings, str, str]:
    """(address, settings, older release, current release) of a shop in which much has happened."""
    var = Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("dashboard") / "var"))
    settings = read_settings(var=var)
    older, newer = two_releases(settings)
    full_life(settings)
    return serve_shop(var, admin_keys=KEY, refresh_seconds=0.2), settings, older, newer


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "dark"), (320, "light")])
@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/releases/rollback", "/dashboard/releases/pin"])
def test_the_dashboard_has_no_serious_fault_and_fits_every_screen(
    lively: tuple[str, Settings, str, str], open_page: Open, faults: Callable[[Page], list[str]],
    path: str, width: int, scheme: str,
) -> None:  # fmt: skip
    page = open_page(lively[0] + path, width=width, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_dashboard_without_anything_has_no_serious_fault(
    untrained_url: str, open_page: Open, faults: Callable[[Page], list[str]], scheme: str
) -> None:
    page = open_page(f"{untrained_url}/dashboard", width=390, scheme=scheme)
    expect(page.get_by_role("heading", name="Nothing is served yet")).to_be_visible()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_pictures_take_the_colours_of_the_page(lively: tuple[str, Settings, str, str], open_page: Open) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = open_page(f"{lively[0]}/dashboard", scheme=scheme)
        colours.append(page.locator(".chart .column").first.evaluate("bar => getComputedStyle(bar).fill"))
    assert colours[0] != colours[1]


def test_a_picture_has_a_description(lively: tuple[str, Settings, str, str], open_page: Open) -> None:
    page = open_page(f"{lively[0]}/dashboard")
    picture = page.get_by_role("img", name="NDCG@10 on new events")
    expect(picture).to_be_visible()
    assert "broken where there was nothing to measure" in str(picture.locator("desc").first.text_content())
    page.locator("#nights").locator("xpath=..").get_by_text("The numbers of the nights").click()
    expect(page.get_by_role("region", name="The numbers of the nights").get_by_role("row")).to_have_count(31)


def test_a_rollback_by_keyboard_changes_the_served_release(
    lively: tuple[str, Settings, str, str], open_page: Open
) -> None:
    url, settings, older, newer = lively
    registry = Registry(settings.releases_dir)
    page = open_page(f"{url}/dashboard")
    press_until(page, "Roll back")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Roll back?")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Pin it")).to_be_checked()

    press_until(page, "Admin key")
    page.keyboard.type("a wrong key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This is no admin key")
    assert registry.current_version() == newer
    assert page.get_by_label("Admin key").input_value() == ""

    press_until(page, "Admin key")
    page.keyboard.type(KEY)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text(f"release {older} was rolled back to")
    assert (registry.current_version(), registry.is_pinned) == (older, True)
    assert KEY not in page.url
    assert KEY not in page.content()
    expect(page.get_by_role("link", name="Unpin")).to_be_visible()

    registry.activate(newer)  # as it was, for the other tests


def press_until(page: Page, name: str) -> None:
    """Press Tab until the element with this name or label has the focus."""
    said = "it => it.labels?.[0]?.textContent || it.textContent || ''"
    for _ in range(60):
        page.keyboard.press("Tab")
        if name in page.evaluate(f"({said})(document.activeElement)"):
            return
    raise AssertionError(f"no way leads to {name!r} by keyboard")


def test_without_scripts_everything_is_there(lively: tuple[str, Settings, str, str], open_page: Open) -> None:
    page = open_page(f"{lively[0]}/dashboard", java_script_enabled=False)
    for name in ("Is the model better than popularity?", "Runs", "Releases", "The shop", "Health"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.get_by_role("link", name="Roll back").click()
    expect(page.get_by_label("Admin key")).to_be_visible()


def test_the_figures_of_the_shop_appear_by_themselves_once_they_are_counted(
    trained_var: Path, tmp_path_factory: pytest.TempPathFactory, serve_shop: Callable[..., str], open_page: Open
) -> None:
    var = Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("counting") / "var"))
    settings = read_settings(var=var)
    somebody_counts = FileLock(var / "explorer.lock")
    assert somebody_counts.acquire(LockOwner("another worker"))
    page = open_page(f"{serve_shop(var)}/dashboard")
    expect(page.get_by_text("The events are being counted")).to_be_visible()
    store: Any = open_store(settings.store_url)
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    store.close()
    somebody_counts.release()
    expect(page.get_by_role("heading", name="Most bought")).to_be_visible()
    expect(page.get_by_text("The events are being counted")).to_have_count(0)
