"""The dashboard shows the state of the service, and changes the current release."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.errors import StoreError
from src.core.progress import Silent
from src.core.records import Load, Run, RunStatus, Score
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.workflows.explore import explore_store

KEY = "admin-key-of-the-tests"
NOW = 1_800_000_000
EVIL = '<script>alert("x")</script>'
Publish = Callable[..., str]
MakeApp = Callable[[Settings], Flask]


def page(client: FlaskClient, path: str = "/operations", status: int = 200) -> str:
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


def test_a_store_that_does_not_answer_leaves_everything_else(
    client: FlaskClient, trained_store: Store, trained_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError(f"the store {trained_settings.store_url} refused")

    for owner in map(type, (trained_store.events, trained_store.products, trained_store.runs)):
        for name in ("changed_at", "history", "newest", "scores", "unfinished", "loads", "withdrawn"):
            if hasattr(owner, name):
                monkeypatch.setattr(owner, name, refuse)
    now = page(client)
    assert "It does not answer" in part(now, "health")
    assert "The store does not answer" in part(now, "progress")
    assert "NDCG@10" in part(page(client, "/operations/quality"), "model")
    assert "Pin" in said(page(client, "/operations/releases"))
    for path in ("", "/business", "/quality", "/releases", "/data"):
        assert trained_settings.store_url not in page(client, f"/operations{path}")


# how good it is


def save_scores(store: Store, last: Score) -> None:
    """Save five usual scores as an older version did, then the given last one."""
    for day in range(5):
        store.runs.save_score(Score(NOW + 86_400 * day, "a", 50, 50, ndcg_at_10=0.5, ndcg_low=0.4, ndcg_high=0.6))
    store.runs.save_score(replace(last, at=NOW + 86_400 * 5))


def test_the_nights_are_drawn_with_gaps_and_changes_of_the_release(client: FlaskClient, trained_store: Store) -> None:
    for day, (release, value) in enumerate([("a", 0.1), ("a", 0.12), ("a", None), ("b", 0.2), ("b", 0.21)]):
        trained_store.runs.save_score(Score(NOW + 86_400 * day, release, 50, ndcg_at_10=value, message="scored"))
    html = page(client, "/operations/quality")
    picture = html[html.index('id="night-lists-title"') :]
    picture = picture[: picture.index("</svg>")]
    assert picture.count('class="stroke"') == 2
    assert picture.count('class="dot"') == 4
    assert picture.count('class="mark"') == 1
    assert "1 of 5 times there was nothing to measure." in part(html, "nights")


# runs


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
    runs = part(page(client, "/operations/releases"), "runs")
    for words in ("not passed: NDCG@10 is lower", "passed: size: 3 MB", "0.1234"):
        assert words in runs
    assert "Published by --force, although: NDCG@10 is lower" in said(runs)


def test_an_option_that_overruled_no_check_is_said_to_have_been_unneeded(
    client: FlaskClient, trained_store: Store
) -> None:
    checks = [{"name": "size", "passed": True, "message": "size: 3 MB"}]
    verdict = {"promoted": True, "sentence": "promoted: NDCG@10 .2", "overridden": "--force", "checks": checks}
    trained_store.runs.save(a_run("r", RunStatus.SUCCEEDED, verdict=verdict))
    runs = part(page(client, "/operations/releases"), "runs")
    assert "Published. --force was not needed: no check stood against it." in runs
    assert "although" not in runs


def test_a_run_under_way_is_shown_with_its_progress(client: FlaskClient, trained_store: Store) -> None:
    trained_store.runs.save(a_run("r", RunStatus.RUNNING, finished_at=None, progress="training als", attempt=2))
    assert "training als" in part(page(client), "progress")
    state = client.get("/operations/progress").get_json()
    assert (state["run"]["id"], state["run"]["status"], state["run"]["step"]) == ("r", "running", "training als")


# releases, and the way back


def test_every_release_is_listed_with_its_button(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish
) -> None:
    first = Registry(trained_settings.releases_dir).current_version()
    second = publish_again()
    context_of(client.application).recommender.refresh()
    html = page(client, "/operations/releases")
    releases = part(html, "releases")
    assert releases.index(second) < releases.index(str(first))
    assert f'href="/dashboard/releases/activate?version={first}"' in html
    assert f'href="/dashboard/releases/activate?version={second}"' not in html
    assert 'href="/dashboard/releases/pin"' in html
    assert 'href="/dashboard/releases/rollback"' in page(client)


def test_the_button_leads_to_a_page_that_says_what_it_would_do(
    client: FlaskClient, trained_settings: Settings, publish_again: Publish
) -> None:
    first, second = Registry(trained_settings.releases_dir).current_version(), publish_again()
    asked = page(client, "/dashboard/releases/rollback")
    words = said(asked)
    assert words.index(f"Active now {second}") < words.index(f"To be activated {first}")
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
    assert f"Done: rolled back to release {first}" in done
    assert "It is pinned" in done


def test_a_worker_that_still_serves_the_release_before_names_the_right_one_as_rolled_back_to(
    trained_settings: Settings, make_app: MakeApp, publish_again: Publish, send: Callable[..., Any]
) -> None:
    first, newer = str(Registry(trained_settings.releases_dir).current_version()), publish_again()
    other = make_app(trained_settings).test_client()  # looks for releases on its own, later
    done = part_of_status(page(other, send("rollback").headers["Location"]))
    assert f"rolled back to release {first}" in done
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
    assert "Done:" not in said(page(client, "/operations?changed=rollback"))


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
    assert answer.status_code == 403
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
def test_an_unknown_release_is_a_page_that_says_so(reader: FlaskClient, version: str) -> None:
    answer = reader.get("/dashboard/releases/activate", query_string={"version": version})
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


def test_a_form_without_a_length_is_refused(reader: FlaskClient) -> None:
    answer = reader.post(
        "/dashboard/releases/rollback",
        headers={"Transfer-Encoding": "chunked", "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (400, 411)


def test_where_reading_needs_a_key_the_dashboard_does_too(trained_settings: Settings, make_app: MakeApp) -> None:
    client = make_app(trained_settings.model_copy(update={"read_keys": "reader"})).test_client()
    for path in ("/operations", "/operations/shop", "/dashboard/releases/pin"):
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
    for data, status in (({}, 400), (token, 403)):
        answer = client.post("/dashboard/releases/rollback", data=data, headers={"Accept": "text/html"})
        assert answer.status_code == status
        for version in versions:
            assert str(version) not in answer.text + str(answer.headers)
    assert "X-Release" not in client.get("/operations").headers
    answer = client.post("/dashboard/releases/rollback", data=token, auth=reader)
    assert (answer.status_code, str(versions[1]) in answer.text) == (403, True)
    answer = client.post("/dashboard/releases/rollback", data={**fields, "key": KEY})
    assert answer.status_code == 303


def test_a_form_that_is_cut_is_refused(reader: FlaskClient) -> None:
    environ = {"CONTENT_LENGTH": "99", "wsgi.input_terminated": True}
    answer = reader.post("/dashboard/releases/rollback", data={"key": KEY}, environ_overrides=environ)
    assert answer.status_code == 400
    assert "Content-Length is 99" in answer.text


def test_a_score_without_a_figure_is_described_in_singular_or_plural(client: FlaskClient, trained_store: Store) -> None:
    trained_store.runs.save_score(Score(NOW, "r", message="no event is newer"))
    assert "measured once, without a figure: no event is newer." in part(page(client, "/operations/quality"), "nights")
    trained_store.runs.save_score(Score(NOW + 1, "r", message="no event is newer"))
    assert "It was measured 2 times without a figure." in part(page(client, "/operations/quality"), "nights")


def test_a_line_for_another_release_is_explained_only_where_there_is_one(
    client: FlaskClient, trained_store: Store
) -> None:
    for n, release in enumerate(("a", "a")):
        trained_store.runs.save_score(Score(NOW + n, release, 9, ndcg_at_10=0.1, ndcg_low=0.1, ndcg_high=0.2))
    assert "Dotted line" not in part(page(client, "/operations/quality"), "nights")
    trained_store.runs.save_score(Score(NOW + 9, "b", 9, ndcg_at_10=0.1, ndcg_low=0.1, ndcg_high=0.2))
    assert "Dotted line" in part(page(client, "/operations/quality"), "nights")


# the shop


# what became of the lists


# the page itself


def test_a_broken_release_is_shown_with_the_one_served_instead(
    trained_settings: Settings, publish_again: Publish, make_app: MakeApp
) -> None:
    before = Registry(trained_settings.releases_dir).current_version()
    broken = publish_again()
    with open(next((trained_settings.releases_dir / broken / "models").rglob("*.npy")), "ab") as file:
        file.write(b"!")
    html = page(make_app(trained_settings).test_client())
    assert "Not working – 1 issue" in part(html, "now")
    assert str(before) in part(html, "now")
    found = part(html, "findings")
    assert "was altered or cut" in found
    assert f"The older release {before} is served instead" in found


@pytest.mark.parametrize("message", ["", "NDCG@10 fell", "reworded"])
def test_drift_is_a_finding_whatever_the_message_of_the_score(
    client: FlaskClient, trained_store: Store, message: str
) -> None:
    save_scores(trained_store, Score(NOW, "a", 50, 50, ndcg_at_10=0.1, ndcg_low=0.05, ndcg_high=0.2, message=message))
    found = part(page(client), "findings")
    assert "NDCG@10 on new events fell to 0.1000 (at most 0.2000), where it was 0.5000" in found
    assert "A training was started, or will be." in found


def test_a_message_alone_is_no_drift(client: FlaskClient, trained_store: Store) -> None:
    save_scores(trained_store, Score(NOW, "a", 50, 50, ndcg_at_10=0.5, ndcg_high=0.6, message="it fell to 0.1"))
    assert "fell to" not in part(page(client), "findings")


def test_the_last_file_is_shown_with_what_was_kept_and_what_was_not(client: FlaskClient, trained_store: Store) -> None:
    load = Load("l", "orders.csv", "", NOW, 100, 70, 70, 70, 5, rejected={"empty user": 20}, left_out={"gift card": 10})
    trained_store.runs.save_load(load)
    now = part(page(client), "now")
    assert "orders.csv" in now
    assert "70 of 100 rows kept, 20 rejected" in now
    assert "10 understood, but not counted" in now
    german = client.get("/operations/data", headers={"Accept-Language": "de"}).text
    assert "20 × Kunde ist leer" in part(german, "loads")
    assert "10 × Geschenkgutschein" in part(german, "loads")
    assert "zuletzt geladen" not in german


def test_all_files_are_added_up_each_as_it_was_loaded_last(client: FlaskClient, trained_store: Store) -> None:
    for at, file, n, left_out in ((1, "a.csv", 50, 9), (2, "a.csv", 60, 3), (3, "b.csv", 7, 2)):
        counts = {"left_out": {"gift card": left_out}, "by_kind": {"purchase": n} if file == "a.csv" else {}}
        trained_store.runs.save_load(Load(str(at), file, "", NOW + at, n + left_out, n, n, n, n, **counts))
    loads = part(client.get("/operations/data").text, "loads")
    total = loads[loads.index("These 2 files") :]
    assert "72 67 none 5 × gift card Purchases 60" in total
    assert "Products 7" in loads
