"""Where little or nothing is known, or parts disagree, the pages say so and show no figure that misleads."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.views.finding_records import forget_look
from src.core.domain import DAY, Event, EventKind, Product
from src.core.progress import Silent
from src.core.records import Load, Run, RunStatus
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.workflows.explore import explore_store
from src.workflows.first_release import publish_popularity
from src.workflows.record_events import record_events

MakeApp = Callable[[Settings], Flask]
NOON = 20_000 * DAY + DAY // 2


def words_of(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.fixture
def explore(trained_settings: Settings, trained_store: Store) -> Callable[..., None]:
    """Make the shop's statistics, as the background process does."""

    def make(**changes: Any) -> None:
        settings = trained_settings.model_copy(update=changes)
        explore_store(settings, trained_store, settings.reports_dir / "exploration.html", Silent())

    return make


def test_without_events_that_name_their_request_earnings_are_unknown_and_not_nothing(
    client: FlaskClient, explore: Callable[..., None]
) -> None:
    explore()
    said = words_of(client, "/operations/business?days=90")
    assert "not known: no event has named its request yet" in said
    assert "95 % interval" not in said
    assert "Revenue after recommendations" not in said
    before = words_of(client, "/operations/business?from=2001-01-01&until=2001-01-31")
    assert "nothing was bought in these days" in before
    assert "of 0 purchases" not in before
    assert not re.search(r"\b0\.0\s%", said)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_first_training_that_published_nothing_is_the_cause_that_is_named_and_no_advice_is_repeated(
    settings: Settings, store: Store, make_app: MakeApp, *, is_replaced: bool
) -> None:
    record_events(store, [Event(f"u{n % 5}", f"p{n % 4}", EventKind.PURCHASE, at=NOON + n) for n in range(40)])
    if is_replaced:
        publish_popularity(settings, store, Silent())
        Registry(settings.releases_dir).deactivate()
    check = {"name": "size", "passed": False, "message": "size: 9 GB"}
    verdict = {"promoted": False, "sentence": "kept the old model: size: 9 GB", "checks": [check]}
    run = Run("r", "command", NOON, RunStatus.KEPT, finished_at=NOON + 9, verdict=verdict)
    store.runs.save(run)
    app = make_app(settings)
    for path in ("/", "/customers/u1", "/operations", "/operations/releases"):
        text = app.test_client().get(path, headers={"Accept": "text/html"}).text
        assert "size: 9 GB" in text, path
        assert "data_processing.py" not in text, "that was done"
        assert "<code>python train_model.py</code>" not in text, "that was done too"
    detail = app.test_client().post("/recommend", json={"user_id": "u1"}).get_json()["detail"]
    assert "the last training was not published (size: 9 GB)" in detail
    assert "--force" in detail
    store.runs.save_load(Load("l", "more.csv", "", NOON + 10, 9, 9, 9, 9, 9))
    context_of(app).recommender.refresh()
    assert "not published" not in app.test_client().post("/recommend", json={"user_id": "u1"}).get_json()["detail"]


def test_rules_of_hundreds_are_folded_and_sent_whole(client: FlaskClient, trained_store: Store) -> None:
    wanted = [{"action": "exclude", "product_id": f"P{number}"} for number in range(47)]
    trained_store.rules.save(wanted, "tests", "", None)
    page = client.get("/operations/rules").text
    assert re.findall(r"Rows (\d+) to (\d+)", page) == [("1", "20"), ("21", "40"), ("41", "50")]
    assert [int(number) for number in re.findall(r'name="action-(\d+)"', page)] == list(range(50))


def test_without_a_currency_no_sign_is_made_up(client: FlaskClient, explore: Callable[..., None]) -> None:
    explore()
    for path in ("/", "/operations/business?days=90", "/shop/products/P00012"):
        assert not re.search(r"[€$£]", words_of(client, path)), path


def test_a_file_whose_ids_do_not_meet_those_of_the_shop_is_a_finding(
    client: FlaskClient, flask_app: Flask, trained_store: Store
) -> None:
    def kinds() -> list[str]:
        forget_look(context_of(flask_app))
        return [each["kind"] for each in client.get("/findings").get_json() if each["state"] == "open"]

    load = Load("c", "catalogue.csv", "", NOON, 500, 500, 0, 0, 500, known_products=0.01)
    trained_store.runs.save_load(load)
    assert "IdsUnknown" in kinds()
    assert "Only 1.0 % of its products were known before." in words_of(client, "/operations").replace("\u00a0", " ")
    trained_store.runs.save_load(Load("d", "catalogue.csv", "", NOON + 9, 500, 500, 0, 0, 500, known_products=0.9))
    assert "IdsUnknown" not in kinds()


def test_a_shop_without_events_for_weeks_is_told_so_and_keeps_its_last_days(
    client: FlaskClient, trained_store: Store, explore: Callable[..., None]
) -> None:
    explore()
    directory = context_of(client.application).directory.current()
    assert directory is not None
    page = client.get("/operations/business").text
    (until,) = re.findall(r'id="until" name="until" value="([\d-]+)"', page)
    assert until == date_of(int(directory.sale_day.max()))


def date_of(day: int) -> str:
    return str(dt.date(1970, 1, 1) + dt.timedelta(days=day))


def test_a_late_sale_is_of_the_shops_day_on_every_page(
    make_app: MakeApp, trained_settings: Settings, trained_store: Store, explore: Callable[..., None]
) -> None:
    late = 21_000 * DAY + 23 * 3_600 + 1_800  # 23:30 UTC, the next day in Berlin
    trained_store.products.add([Product("late", title="Late", price=10.0)])
    record_events(trained_store, [Event("owl", "late", EventKind.PURCHASE, 1.0, late)])
    explore(timezone="Europe/Berlin")
    client = make_app(trained_settings.model_copy(update={"timezone": "Europe/Berlin"})).test_client()
    day = date_of(21_001)
    assert f"{day},1,10.0" in client.get("/operations/business.csv?days=1").text
    chart = client.get("/shop/products/late").text
    shown = f"{int(day[8:])} {('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul')[int(day[5:7]) - 1]} {day[:4]}"
    assert f"<title>{shown}: 1</title>" in chart


@pytest.mark.usefixtures("no_smoke")
def test_on_the_first_day_popular_products_are_named_as_such_and_no_report_as_broken(
    settings: Settings, store: Store, make_app: MakeApp
) -> None:
    record_events(store, [Event(f"u{n % 5}", f"p{n % 4}", EventKind.PURCHASE, at=NOON + n) for n in range(40)])
    publish_popularity(settings, store, Silent())
    client = make_app(settings).test_client()
    for path in ("/", "/operations/quality"):
        assert "Popular products are listed, unmeasured, until the first training has ended." in words_of(client, path)
    assert "cannot be read" not in words_of(client, "/operations/quality")


def test_workers_that_serve_different_releases_are_named(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    aisle = context_of(flask_app)
    workers = [{"host": "h", "pid": pid, "release": release, "note": ""} for pid, release in ((1, "new"), (2, "old"))]
    monkeypatch.setattr(aisle.recommender, "workers", lambda: workers)
    monkeypatch.setattr(aisle.registry, "activated_at", lambda: NOON)
    forget_look(aisle)
    said = words_of(client, "/operations")
    assert "They serve different releases: new, old." in said
    assert "If this stays, restart the web server." in said
