"""The dashboard shows the state of the service, and changes the current release."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.background.profile_refresher import ProfileRefresher, profile_job
from app.context import context_of
from src.core.domain import NO_TIME, Event, EventBatch, EventKind, Product
from src.core.errors import StoreError
from src.core.progress import Silent
from src.core.records import Load, Run, RunStatus, Score, ServedList
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.workflows.explore import explore_store
from src.workflows.record_events import record_events
from tests.aisle_context import exchange

KEY = "admin-key-of-the-tests"
NOW = 1_800_000_000
EVIL = '<script>alert("x")</script>'
Publish = Callable[..., str]
MakeApp = Callable[[Settings], Flask]


def page(client: FlaskClient, path: str = "/dashboard", status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "text/html"
    return answer.text


def said(html: str) -> str:
    """Return the text of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def part(html: str, id_: str) -> str:
    """Return the section whose heading has this id."""
    found = re.search(rf'<section[^>]*aria-labelledby="{id_}".*?</section>', html, re.DOTALL)
    assert found, id_
    return said(found[0])


def part_of_status(html: str) -> str:
    """Return the message about a change."""
    found = re.search(r'<p class="note" role="status">.*?</p>', html, re.DOTALL)
    assert found
    return said(found[0])


def a_run(run_id: str, status: RunStatus, **fields: Any) -> Run:
    return replace(Run(run_id, "night", NOW, status, finished_at=NOW + 125, message="it is said why"), **fields)


@pytest.fixture
def explored(trained_settings: Settings, trained_store: Store) -> None:
    """Make the data profile of the shop."""
    explore_store(trained_settings, trained_store, trained_settings.reports_dir / "exploration.html", Silent())


@pytest.fixture
def send(client: FlaskClient) -> Callable[..., Any]:
    """Fill in and send the form of a button: name, key, and other fields; return the answer."""

    def fill_in(name: str, key: str = KEY, version: str = "", **changes: str | None) -> Any:
        form = client.get(f"/dashboard/releases/{name}?version={version}")
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form.text))
        fields = {**fields, "key": key, **changes}
        sent = {field: value for field, value in fields.items() if value is not None}
        return client.post(f"/dashboard/releases/{name}", data=sent)

    return fill_in


# what is served


def test_the_page_names_the_release_since_when_it_serves_and_its_list(
    client: FlaskClient, trained_settings: Settings
) -> None:
    registry = Registry(trained_settings.releases_dir)
    now = part(page(client), "now")
    assert str(registry.current_version()) in now
    assert "is served since 20" in now
    assert registry.current().pipeline.default in now
    assert "Roll back" not in now  # there is nothing to go back to


def test_the_page_says_all_is_well_only_without_findings(
    client: FlaskClient, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.views.health_checks._OLD_DAYS", 10**6)  # the events of the tests end in the past
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=10**12, free=10**11))
    assert "All is well" in part(page(client), "now")
    trained_store.runs.save(a_run("r", RunStatus.FAILED, message="the disk is full"))
    now = part(page(client), "now")
    assert "All is well" not in now
    assert "The last run failed" in now
    assert "the disk is full" in now
    assert "served on" in now
    assert "training.log" in now


def test_without_a_release_the_page_says_what_to_do(untrained_client: FlaskClient) -> None:
    html = page(untrained_client)
    now = part(html, "now")
    assert "Nothing is served yet" in now
    assert "python train_model.py" in now
    assert "python train_model.py" in part(html, "model")
    assert "python train_model.py" in part(html, "releases")
    assert "No run yet" in part(html, "runs")
    assert "The store holds no events yet" in part(html, "shop")


def test_a_broken_release_is_shown_with_the_one_served_instead(
    trained_settings: Settings, publish_again: Publish, make_app: MakeApp
) -> None:
    before = Registry(trained_settings.releases_dir).current_version()
    broken = publish_again()
    with open(next((trained_settings.releases_dir / broken / "models").rglob("*.npy")), "ab") as file:
        file.write(b"!")
    now = part(page(make_app(trained_settings).test_client()), "now")
    assert "Something is broken" in now
    assert "was altered or cut" in now
    assert f"The older release {before} is served instead" in now


def test_a_store_that_does_not_answer_leaves_everything_else(
    client: FlaskClient,
    explored: None,
    trained_store: Store,
    trained_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError(f"the store {trained_settings.store_url} refused")

    for owner in map(type, (trained_store.events, trained_store.products, trained_store.runs)):
        for name in ("changed_at", "history", "newest", "scores", "unfinished", "loads", "withdrawn"):
            if hasattr(owner, name):
                monkeypatch.setattr(owner, name, refuse)
    html = page(client)
    assert "Something is broken" in part(html, "now")
    assert "It does not answer" in part(html, "now")
    assert trained_settings.store_url not in html
    assert "NDCG@10" in part(html, "model")
    assert "Pin" in part(html, "releases")
    assert "The store does not answer" in part(html, "runs")
    assert "Most bought" in part(html, "shop")


# how good it is


def test_every_list_of_the_report_is_shown_with_popularity_and_its_interval(
    client: FlaskClient, trained_settings: Settings
) -> None:
    registry = Registry(trained_settings.releases_dir)
    report = registry.report(str(registry.current_version()))
    assert report is not None
    model = part(page(client), "model")
    lists: Any = report["lists"]
    for name, figures in lists.items():
        ndcg, gain = figures["ndcg_at_10"], figures["beyond_popularity"]
        word = (
            "—"
            if name == "popularity"
            else "better"
            if gain["low"] > 0
            else "worse"
            if gain["high"] < 0
            else "not clear"
        )
        row = model[model.index(f" {name} ") :]
        assert f"{ndcg['value']:.4f} {ndcg['low']:.4f} – {ndcg['high']:.4f}" in row
        assert word in row[:150]
    ratings: Any = report["ratings"]
    for figures in ratings.values():
        assert f"{figures['rmse']['value']:.4f}" in model
    assert registry.current().manifest.to_json()["verdict"] in model


@pytest.mark.parametrize("document", [None, {}, {"lists": {"blend": {}}}, {"lists": 3}, []])
def test_an_unreadable_report_leaves_the_rest_of_the_page(
    client: FlaskClient, trained_settings: Settings, monkeypatch: pytest.MonkeyPatch, document: Any
) -> None:
    monkeypatch.setattr(Registry, "report", lambda self, version: document)
    html = page(client)
    assert "evaluate_model.py" in part(html, "model")
    assert "Releases" in html


def test_the_nights_are_drawn_with_gaps_and_changes_of_the_release(client: FlaskClient, trained_store: Store) -> None:
    for day, (release, value) in enumerate([("a", 0.1), ("a", 0.12), ("a", None), ("b", 0.2), ("b", 0.21)]):
        score = Score(NOW + 86_400 * day, release, 50, ndcg_at_10=value, message="scored")
        trained_store.runs.save_score(score)
    html = page(client)
    picture = html[html.index('id="night-lists-title"') :]
    picture = picture[: picture.index("</svg>")]
    assert picture.count('class="stroke"') == 2
    assert picture.count('class="dot"') == 4
    assert re.findall(r'class="mark"[^>]*><title>([^<]*)', picture) == ["b begins to serve"]
    nights = part(html, "nights")
    assert "1 of 5 times there was nothing to measure by" in nights
    assert "0.2100" in nights


def save_scores(store: Store, last: Score) -> None:
    """Save five usual scores as an older version did, then the given last one."""
    for day in range(5):
        store.runs.save_score(Score(NOW + 86_400 * day, "a", 50, 50, ndcg_at_10=0.5, ndcg_low=0.4, ndcg_high=0.6))
    store.runs.save_score(replace(last, at=NOW + 86_400 * 5))


@pytest.mark.parametrize("message", ["", "NDCG@10 fell", "reworded"])
def test_drift_is_reported_for_any_message_of_the_score(
    client: FlaskClient, trained_store: Store, message: str
) -> None:
    worse = Score(NOW, "a", 50, 50, ndcg_at_10=0.1, ndcg_low=0.05, ndcg_high=0.2, message=message)
    save_scores(trained_store, worse)
    now = part(page(client), "now")
    assert "NDCG@10 on new events fell to 0.1000" in now
    assert "where it was 0.5000" in now
    assert "A training was started, or will be." in now


def test_a_message_alone_raises_no_alarm(client: FlaskClient, trained_store: Store) -> None:
    save_scores(trained_store, Score(NOW, "a", 50, 50, ndcg_at_10=0.5, ndcg_high=0.6, message="it fell to 0.1"))
    assert "fell to" not in part(page(client), "now")


# runs


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RunStatus.KEPT, "the gate kept the old release"),
        (RunStatus.FAILED, "The last run failed"),
        (RunStatus.INTERRUPTED, "The last run was interrupted"),
    ],
)
def test_the_last_run_is_shown_with_its_reason(
    client: FlaskClient, trained_store: Store, status: RunStatus, words: str
) -> None:
    trained_store.runs.save(a_run("r", status, message=EVIL))
    html = page(client)
    now = part(html, "now")
    assert words in now
    assert EVIL in now
    assert EVIL not in html
    assert "2 minutes" in part(html, "runs")


def test_the_gate_is_shown_with_all_that_it_looked_at(client: FlaskClient, trained_store: Store) -> None:
    verdict: dict[str, object] = {
        "promoted": True,
        "sentence": "promoted by --force, although it is worse",
        "overridden": "--force",
        "checks": [
            {"name": "lists", "passed": False, "message": "NDCG@10 is lower"},
            {"name": "size", "passed": True, "message": "size: 3 MB"},
        ],
        "figures": {"ndcg": {"now": 0.1234}},
    }
    trained_store.runs.save(a_run("r", RunStatus.SUCCEEDED, verdict=verdict))
    runs = part(page(client), "runs")
    for words in ("not passed: NDCG@10 is lower", "passed: size: 3 MB", "0.1234", "The gate had no say: --force"):
        assert words in runs


def test_a_run_under_way_is_shown_with_its_progress(client: FlaskClient, trained_store: Store) -> None:
    trained_store.runs.save(a_run("r", RunStatus.RUNNING, finished_at=None, progress="training als", attempt=2))
    runs = part(page(client), "runs")
    assert "A run is under way" in runs
    assert "training als" in runs
    assert "attempt 2" in runs


# releases, and the way back


def test_every_release_is_listed_with_its_button(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish
) -> None:
    first = Registry(trained_settings.releases_dir).current_version()
    second = publish_again()
    context_of(client.application).recommender.refresh()
    html = page(client)
    releases = part(html, "releases")
    assert releases.index(second) < releases.index(str(first))
    assert f'href="/dashboard/releases/activate?version={first}"' in html
    assert f'href="/dashboard/releases/activate?version={second}"' not in html
    assert 'href="/dashboard/releases/pin"' in html
    assert 'href="/dashboard/releases/rollback"' in html


def test_the_button_leads_to_a_page_that_says_what_it_would_do(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish
) -> None:
    first, second = Registry(trained_settings.releases_dir).current_version(), publish_again()
    asked = page(client, "/dashboard/releases/rollback")
    words = said(asked)
    assert words.index(f"Served now {second}") < words.index(f"To be served {first}")
    field = re.search(r'<input[^>]*name="key"[^>]*>', asked)
    assert field is not None
    assert 'type="password"' in field[0]
    assert 'autocomplete="off"' in field[0]
    assert Registry(trained_settings.releases_dir).current_version() == second


def test_with_the_key_the_release_before_serves_again_pinned_if_wanted(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish, send: Callable[..., Any]
) -> None:
    registry = Registry(trained_settings.releases_dir)
    first, _ = str(registry.current_version()), publish_again()
    answer = send("rollback", pin="on")
    assert answer.status_code == 303
    assert (registry.current_version(), registry.is_pinned) == (first, True)
    assert client.get("/recommend?user_id=a").headers["X-Release"] == first
    done = said(page(client, answer.headers["Location"]))
    assert f"Done: release {first} was rolled back to" in done
    assert "It is pinned" in done


def test_a_worker_that_still_serves_the_release_before_names_the_right_one_as_rolled_back_to(
    trained_settings: Settings, make_app: MakeApp, publish_again: Publish, send: Callable[..., Any]
) -> None:
    first, newer = str(Registry(trained_settings.releases_dir).current_version()), publish_again()
    other = make_app(trained_settings).test_client()  # looks for releases on its own, later
    done = part_of_status(page(other, send("rollback").headers["Location"]))
    assert f"release {first} was rolled back to" in done
    assert newer not in done
    assert "This worker" not in done


def test_a_change_that_was_undone_is_not_reported_as_done(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish, send: Callable[..., Any]
) -> None:
    newer = publish_again()
    told = send("rollback").headers["Location"]
    assert "Done:" in said(page(client, told))
    Registry(trained_settings.releases_dir).activate(newer)
    assert "Done:" not in said(page(client, told))
    assert "Done:" not in said(page(client, "/dashboard?changed=rollback"))


def test_activate_pin_and_unpin_change_the_pointer(
    trained_settings: Settings, publish_again: Publish, send: Callable[..., Any]
) -> None:
    registry = Registry(trained_settings.releases_dir)
    first, second = str(registry.current_version()), publish_again()
    for name, version, current, pinned in (
        ("activate", first, first, False),
        ("pin", "", first, True),
        ("unpin", "", first, False),
        ("activate", second, second, False),
    ):
        assert send(name, version=version).status_code == 303
        assert (registry.current_version(), registry.is_pinned) == (current, pinned)


@pytest.mark.parametrize("key", ["", "wrong", "write-key-of-the-tests", KEY + "x", "ключ", "\x00"])
def test_a_key_that_is_not_the_admins_changes_nothing_and_is_not_shown_or_logged(
    trained_settings: Settings,
    publish_again: Publish,
    send: Callable[..., Any],
    key: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    second = publish_again()
    answer = send("rollback", key=key)
    assert answer.status_code == 401
    assert answer.mimetype == "text/html"
    assert "This is no admin key, so nothing was changed" in answer.text
    assert 'role="alert"' in answer.text
    assert Registry(trained_settings.releases_dir).current_version() == second
    if len(key) > 4:
        assert f'"{key}"' not in answer.text
        assert "write-key-of-the-tests" not in answer.text
        assert key not in caplog.text


def test_a_form_of_another_page_is_refused(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish, send: Callable[..., Any]
) -> None:
    second = publish_again()
    for token in (None, "", "made-up"):
        answer = send("rollback", csrf_token=token)
        assert answer.status_code == 400
        assert answer.mimetype == "text/html"
        assert "Load the page again" in said(answer.text)
    assert Registry(trained_settings.releases_dir).current_version() == second


def test_a_form_does_not_undo_a_change_made_since_it_was_loaded(
    trained_settings: Settings, publish_again: Publish, send: Callable[..., Any]
) -> None:
    before, second = str(Registry(trained_settings.releases_dir).current_version()), publish_again()
    answer = send("rollback", before=before)
    assert answer.status_code == 409
    assert "has been activated meanwhile" in answer.text
    assert Registry(trained_settings.releases_dir).current_version() == second


def test_a_release_that_does_not_verify_is_not_activated(
    trained_settings: Settings, publish_again: Publish, send: Callable[..., Any]
) -> None:
    registry = Registry(trained_settings.releases_dir)
    first, second = str(registry.current_version()), publish_again()
    with open(next((trained_settings.releases_dir / first / "models").rglob("*.npy")), "ab") as file:
        file.write(b"!")
    answer = send("activate", version=first)
    assert answer.status_code == 409
    assert "was altered or cut" in answer.text
    assert registry.current_version() == second


@pytest.mark.parametrize("version", ["", "no-such", "..", EVIL])
def test_an_unknown_release_is_a_page_that_says_so(client: FlaskClient, version: str) -> None:
    answer = client.get("/dashboard/releases/activate", query_string={"version": version})
    assert answer.status_code == 404
    assert "There is no such release" in answer.text
    assert EVIL not in answer.text


def test_where_no_admin_key_is_set_the_page_says_how(
    trained_settings: Settings, publish_again: Publish, make_app: MakeApp
) -> None:
    second = publish_again()
    client = make_app(trained_settings.model_copy(update={"admin_keys": ""})).test_client()
    form = client.get("/dashboard/releases/rollback").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    answer = client.post("/dashboard/releases/rollback", data={**fields, "key": "any"})
    assert answer.status_code == 403
    assert "AISLE_ADMIN_KEYS" in answer.text
    assert Registry(trained_settings.releases_dir).current_version() == second


def test_a_form_without_a_length_is_refused(client: FlaskClient) -> None:
    answer = client.post(
        "/dashboard/releases/rollback",
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (400, 411)


def test_where_reading_needs_a_key_the_dashboard_does_too(trained_settings: Settings, make_app: MakeApp) -> None:
    client = make_app(trained_settings.model_copy(update={"read_keys": "reader"})).test_client()
    for path in ("/dashboard", "/dashboard/shop", "/dashboard/releases/pin"):
        assert client.get(path).status_code == 401
        assert client.get(path, auth=("anybody", "reader")).status_code == 200


def test_a_form_without_the_read_key_names_no_release(
    trained_settings: Settings, publish_again: Publish, make_app: MakeApp
) -> None:
    versions = [Registry(trained_settings.releases_dir).current_version(), publish_again()]
    client = make_app(trained_settings.model_copy(update={"read_keys": "reader"})).test_client()
    reader = ("anybody", "reader")
    form = client.get("/dashboard/releases/rollback", auth=reader).text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    token = {"csrf_token": fields["csrf_token"], "version": "guess", "key": "wrong"}
    for data, status in (({}, 400), (token, 401)):
        answer = client.post("/dashboard/releases/rollback", data=data, headers={"Accept": "text/html"})
        assert answer.status_code == status
        for version in versions:
            assert str(version) not in answer.text + str(answer.headers)
    assert "X-Release" not in client.get("/dashboard").headers
    answer = client.post("/dashboard/releases/rollback", data=token, auth=reader)
    assert (answer.status_code, str(versions[1]) in answer.text) == (401, True)
    answer = client.post("/dashboard/releases/rollback", data={**fields, "key": KEY})
    assert answer.status_code == 303


def test_a_form_that_is_cut_is_refused(client: FlaskClient) -> None:
    environ = {"CONTENT_LENGTH": "99", "wsgi.input_terminated": True}
    answer = client.post("/dashboard/releases/rollback", data={"key": KEY}, environ_overrides=environ)
    assert answer.status_code == 400
    assert "Content-Length is 99" in answer.text


def test_a_score_without_a_figure_is_described_in_singular_or_plural(client: FlaskClient, trained_store: Store) -> None:
    trained_store.runs.save_score(Score(NOW, "r", message="no event is newer"))
    assert "It was scored once, without a figure: no event is newer." in part(page(client), "nights")
    trained_store.runs.save_score(Score(NOW + 1, "r", message="no event is newer"))
    assert "It was scored 2 times, each time without a figure." in part(page(client), "nights")


def test_a_line_for_another_release_is_explained_only_where_there_is_one(
    client: FlaskClient, trained_store: Store
) -> None:
    for n, release in enumerate(("a", "a")):
        trained_store.runs.save_score(Score(NOW + n, release, 9, ndcg_at_10=0.1, ndcg_low=0.1, ndcg_high=0.2))
    assert "dotted upright line" not in part(page(client), "nights")
    trained_store.runs.save_score(Score(NOW + 9, "b", 9, ndcg_at_10=0.1, ndcg_low=0.1, ndcg_high=0.2))
    assert "dotted upright line" in part(page(client), "nights")


# the shop


def test_the_shop_is_shown_with_its_figures(client: FlaskClient, explored: None, trained_store: Store) -> None:
    shop = part(page(client), "shop")
    here = trained_store.summary()
    for count in here.by_kind.values():
        assert f"{count:,}" in shop
    for words in (
        "Most clicked and viewed", "Most bought", "From looking to buying", "How many of each rating", "The long tail",
        "Preferences by category", "Purchases by week", "Half of all events lie on",
    ):  # fmt: skip
        assert words in shop
    top = client.get("/popular?kind=purchase&n=1").get_json()[0]
    assert top["title"] in shop


def test_products_and_categories_of_the_shop_lead_to_their_pages(client: FlaskClient, explored: None) -> None:
    html = page(client)
    top = client.get("/popular?kind=purchase&n=1").get_json()[0]["product_id"]
    category = client.get(f"/products/{top}").get_json()["categories"][0]
    for address in (f"/shop/products/{top}", f"/shop/search?category={category}"):
        assert f'<a href="{address}"><bdi>' in html
        assert client.get(address).status_code == 200


def test_before_the_profile_is_made_the_page_says_so_and_reloads(client: FlaskClient, flask_app: Flask) -> None:
    class Counts:
        pid = 1

        def poll(self) -> None:
            return None

        def wait(self) -> int:
            return 0

    aisle = context_of(flask_app)
    job = replace(profile_job(aisle.settings), launch=lambda *_: Counts())
    exchange(flask_app, profile_refresher=ProfileRefresher(aisle.settings, aisle.store, job))
    html = page(client)
    assert "The events are being counted" in part(html, "shop")
    assert 'data-look-again="3000"' in html
    assert "NDCG@10" in part(html, "model")


def test_the_shop_section_can_be_requested_alone(client: FlaskClient, explored: None) -> None:
    alone = page(client, "/dashboard/shop")
    assert "Most bought" in part(alone, "shop")
    assert "data-look-again" not in alone
    assert "<html" not in alone


def test_markup_in_the_catalogue_or_in_runs_is_shown_as_text(
    settings: Settings, store: Store, make_app: MakeApp
) -> None:
    store.products.add([Product(EVIL, title=EVIL, category=EVIL)])
    record_events(store, [Event("a", EVIL, kind, 1.0, NOW) for kind in (EventKind.CLICK, EventKind.PURCHASE)])
    store.runs.save_load(Load("1", EVIL, "ratings", NOW, 2, 1, 1, 1, 0, rejected={EVIL: 1}))
    store.runs.save(a_run("r", RunStatus.FAILED, message=EVIL, host=EVIL, trigger=EVIL))
    store.runs.save_score(Score(NOW, EVIL, message=EVIL))
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    html = page(make_app(settings).test_client())
    assert EVIL not in html
    assert unescape(html).count(EVIL) >= 9


@pytest.mark.parametrize("kind", ["rating", "purchase", "cart", "view", "click"])
@pytest.mark.parametrize("at", [None, NOW])
def test_one_event_of_any_kind_makes_a_page(
    settings: Settings, store: Store, make_app: MakeApp, kind: str, at: int | None
) -> None:
    times = np.array([NO_TIME if at is None else at], np.int64)
    store.events.add(EventBatch(["a"], ["p"], [kind], np.array([3.0]), times, [""]))
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    shop = part(page(make_app(settings).test_client()), "shop")
    assert "Events 1" in shop
    assert "nan" not in shop
    assert ("no activity over time" in shop) == (at is None)


# what became of the lists


def test_follow_ups_of_lists_are_shown_by_source_and_position(client: FlaskClient, trained_store: Store) -> None:
    assert "AISLE_LOG_SERVED" in part(page(client), "lists")
    served = ServedList("r1", 1, int(time.time()), "v", "user", None, (("P00001", "blend"), ("P00002", "popularity")))
    trained_store.served_lists.add([served])
    lists = part(page(client), "lists")
    assert "blend 1 0.0 %" in lists
    assert "popularity 1 0.0 %" in lists


# the page itself


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/releases/pin", "/dashboard/shop"])
def test_a_page_has_nothing_inline_and_nothing_from_outside(client: FlaskClient, explored: None, path: str) -> None:
    html = page(client, path)
    assert re.search(r"\sstyle\s*=|<style|\son\w+\s*=|<script(?![^>]*\bsrc=)|javascript:", html) is None
    for address in re.findall(r"""(?:src|href|action)\s*=\s*["']([^"']*)["']""", html):
        assert address.startswith(("/", "#", "data:")), address
        assert not address.startswith("//")
        if address.startswith("/") and not address.startswith("/dashboard/releases"):
            with client.get(address, buffered=True) as answer:
                assert answer.status_code == 200, address


def test_every_picture_has_a_text_and_ids_are_unique(client: FlaskClient, explored: None) -> None:
    html = page(client)
    pictures = re.findall(r"<svg[^>]*>", html[html.index("<main") : html.index("</main>")])
    assert len(pictures) > 10
    for picture in pictures:
        labels = re.search(r'aria-labelledby="([^"]+)"', picture)
        assert 'aria-hidden="true"' in picture or (labels and 'role="img"' in picture)
        for id_ in labels[1].split() if labels else ():
            assert re.search(rf'<(title|desc) id="{id_}">[^<]+<', html), id_
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_the_dashboard_does_not_read_all_events_and_is_not_cached(
    client: FlaskClient, explored: None, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a page must not look through all events")

    events, products = trained_store.events, trained_store.products
    for owner, name in ((trained_store, "summary"), (events, "popular"), (products, "categories"), (products, "read")):
        monkeypatch.setattr(type(owner), name, refuse)
    answer = client.get("/dashboard")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
