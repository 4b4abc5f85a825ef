"""Every page in German: no text comes from outside the catalogue, but for data and for what is marked as English."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from typing_extensions import override

from app import texts
from app.context import context_of
from app.routes import CALLS, PAGES
from app.routes.action_pages import ACTIONS
from app.routes.dashboard_pages import CHANGES
from app.security.api_keys import Role
from app.texts.english import ENGLISH
from app.texts.german import GERMAN
from app.texts.phrases import GERMAN_STYLE
from src.core.domain import Event, EventKind
from src.core.errors import AisleError
from src.core.experiments import Arm, ExperimentBody
from src.core.messages import MESSAGES, from_record, message, to_record
from src.core.operation_records import ReleaseComparison
from src.core.progress import Silent
from src.core.records import Load, Run, RunStatus, Score, ServedList
from src.core.settings import Settings
from src.core.shop_rules import ShopRule, rules_as_json
from src.ingestion.rejections import RejectionCode
from src.models import MODELS
from src.releases.manifest import TrainingRecord
from src.releases.registry import Registry
from src.releases.release import Draft
from src.store import Store, open_store
from src.workflows.explore import explore_store
from src.workflows.record_events import record_events
from src.workflows.run_records import track_run
from tests.conftest import ADMIN_KEY, app_builder, small_settings

NOW = int(time.time())
OPEN, CLOSE = "\ue000", "\ue001"
SAME = {
    "Release",
    "Releases",
    "in {time}",
    "Bestseller",
    "Name",
    "Training",
    "Trainings",
    "Recall@10",
    "API",
    "NDCG@10",
}
"""German texts that are English ones, too."""
PAGES_SHOWN = [
    "/", "/customers", "/customers?q=zzzzz", "/customers/U00003?product_id=P00012", "/customers/nobody?max_price=cheap",
    "/shop/search", "/shop/search?q=paint", "/shop/search?q=xqzvw", "/shop/search?min_price=cheap",
    "/shop/products/P00012?user_id=U00003", "/shop/products/P000122", "/operations", "/operations?changed=stop",
    "/operations/business", "/operations/quality", "/operations/releases", "/operations/data", "/operations/data/bad",
    "/operations/data/none", "/operations/rules", "/operations/experiments", "/operations/shop", "/docs", "/no/page",
    *(f"/dashboard/releases/{name}" for name in CHANGES), "/dashboard/releases/activate?version=none",
    *(f"/operations/do/{name}?subject=P00012" for name in ACTIONS), "/operations/do/stop?subject=under-way",
    *(it.path for routes in PAGES.values() for it in routes if it.method == "GET" and "<" not in it.path),
]  # fmt: skip


class Page(HTMLParser):
    """What a page shows and reads aloud, without code, data that is marked as such, and English that is."""

    READ_ALOUD = ("alt", "title", "aria-label", "placeholder", "data-lost", "data-gone")
    DATA = frozenset({("dir", "auto"), ("lang", "en"), ("translate", "no")})
    EMPTY = frozenset({"meta", "link", "input", "img", "br", "path", "rect", "use"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shown: list[str] = []
        self._left_out: list[bool] = []
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        is_data = tag in ("code", "pre", "script", "bdi") or bool(self.DATA & set(found.items()))
        left_out = is_data or bool(self._left_out and self._left_out[-1])
        if not left_out:
            self.shown += [f"{found[name]}" for name in self.READ_ALOUD if found.get(name)]
        if tag not in self.EMPTY:
            self._left_out.append(left_out)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            self._left_out.pop()

    @override
    def handle_data(self, data: str) -> None:
        if data.strip() and not (self._left_out and self._left_out[-1]):
            self.shown.append(data)


def fill(settings: Settings) -> None:
    """Make a shop in which everything has happened that a page has words for."""
    registry = Registry(settings.releases_dir)
    release, store = registry.active(), open_store(settings.store_url)
    it = release.manifest
    about = TrainingRecord(data=it.data, settings=it.settings, metrics=it.metrics)
    registry.activate(
        registry.publish(
            Draft(release.pipeline, about, {"report": registry.report(release.version) or {}}),
            "f" * 12,
            datetime.now(UTC),
        )
    )
    rejected = {code.value.format("user id"): 4 for code in RejectionCode}
    store.runs.save_load(
        Load("bad", "orders.csv", "", NOW - 3_600, 400, 60, 60, 60, 5, rejected=rejected, left_out={"gift card": 2},
             by_kind=dict.fromkeys(EventKind, 3), known_products=0.1, known_users=0.1)
    )  # fmt: skip
    _trainings(store, release.version)
    listed = ServedList("asked", 1, NOW - 600, release.version, "user", None, (("P00012", "blend"),), "basket")
    store.served_lists.add([listed])
    bought = Event("U00003", "P00012", EventKind.PURCHASE, 2.0, NOW - 300, event_id="order-1", request_id="asked")
    record_events(store, [bought])
    rules = [ShopRule(action="exclude", product_id="P00013"), ShopRule(action="cap", by="brand", at_most=2)]
    store.rules.save(rules_as_json(rules), "boss", "", None)
    arms = [Arm(name="usual", share=0.5), Arm(name="best", share=0.5, holdout="bestsellers")]
    store.experiments.begin("earns", ExperimentBody(arms=arms), "boss", NOW)
    for action in changes_by_key():
        store.audit.add("boss", action, "P00012", 200)
    versions = [each.version for each in registry.listing()]
    store.comparisons.save(ReleaseComparison(*versions[:2], NOW, NOW, problem="the disk is full"))
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    store.close()


def _trainings(store: Store, version: str) -> None:
    """Record trainings that ended in every way, the last one under way, and a night without anything to measure."""
    for number, said in enumerate(code for code in MESSAGES if code.startswith("run.")):
        ended = RunStatus.FAILED if number % 2 else RunStatus.INTERRUPTED
        store.runs.save(Run(f"r{number}", "night", NOW - 9_000 + number, ended, finished_at=NOW, message=example(said)))
    for trigger in ("command", "api", "page", "drift"):
        run = Run(f"by-{trigger}", trigger, NOW - 100, RunStatus.RUNNING)
        with pytest.raises(AisleError), track_run(store, run):
            raise AisleError("the disk is full. Expected space.")
    store.runs.save(Run("under-way", "api", NOW, RunStatus.RUNNING, progress=message("step.tuning", model="als")))
    store.runs.save_score(Score(NOW, version, message=message("score.nothing_new", version=version)))


def example(code: str) -> str:
    """Return a message with made-up values."""
    values = {
        "n": 2_000,
        "draw": 2,
        "exit": 1,
        "hours": 6.0,
        "share": 0.25,
        "mean": 4.2,
        "spread": 1.1,
        "relevant": 4.0,
    }
    named = re.findall(r"{(\w+)", MESSAGES[code])
    others = {"model": "als", "step": message("step.tuning", model="als"), "rejection": "gift card"}
    return message(code, **{name: values.get(name, others.get(name, "P00012")) for name in named})


def changes_by_key() -> set[str]:
    """Return the actions that the audit log may hold: calls with the admin's key, and forms that ask for it."""
    calls = {f"{it.method} {it.path}" for routes in CALLS.values() for it in routes if it.role is Role.ADMIN}
    forms = {
        f"POST {it.path}" for routes in PAGES.values() for it in routes if it.method == "POST" and "<" not in it.path
    }
    buttons = {f"/dashboard/releases/{name}" for name in CHANGES} | {f"/operations/do/{name}" for name in ACTIONS}
    return {call for call in calls if not call.startswith("GET")} | forms | {f"POST {path}" for path in buttons}


@pytest.fixture(scope="module")
def german(trained_var: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop in which much has happened, whose German texts are between two signs."""
    settings = small_settings(
        Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("german") / "var")), language="de"
    )
    fill(settings)
    marked = {
        key: OPEN + re.sub(r"{\w+}", lambda value: CLOSE + value[0] + OPEN, text) + CLOSE
        for key, text in GERMAN.items()
    }
    months = tuple(OPEN + name + CLOSE for name in GERMAN_STYLE.months)
    with pytest.MonkeyPatch.context() as patched, app_builder() as build:
        patched.setitem(texts.LANGUAGES, "de", (marked, replace(GERMAN_STYLE, months=months)))  # type: ignore[arg-type]
        yield build(settings)


def data_of(app: Flask) -> str:
    """Return a pattern of what the shop and the machine are called."""
    aisle = context_of(app)
    names = {"Aisle", "boss", "orders.csv", "earns", "usual", "best", "basket", "zzzzz", "xqzvw", "paint", "nobody"}
    names |= {
        "NDCG@10",
        "Recall@10",
        "RMSE",
        "MAE",
        "MB",
        "kB",
        "GB",
        "P000122",
        "{message}",
        "wordllama",
        "openapi.json",
        "UTC",
        "/no/page",
    }
    names |= {each.run_id for each in aisle.store.runs.newest(50)} | {each.host for each in aisle.store.runs.newest(50)}
    names |= {release.version for release in aisle.registry.listing()}
    names |= {f"{aisle.settings.var}/{file}" for file in ("training.log", "keys/admin.key")}
    for products in aisle.store.products.read():
        for each in products:
            names |= {each.product_id, each.title or "", each.brand or "", each.description or "", each.category or ""}
            names |= set((each.category or "").split(" / ")) | {(each.title or each.product_id)[:1].upper()}
    names |= set(aisle.store.events.user_ids("", 1_000))
    return "|".join(re.escape(name) for name in sorted(names - {""}, key=len, reverse=True))


def foreign(html: str, data: str) -> list[str]:
    """Return what a page shows that is neither a text of the catalogue, nor data, nor a number."""
    depth, found = 0, []
    for text in Page(html).shown:
        outside = ""
        for sign in text:
            depth += (sign == OPEN) - (sign == CLOSE)
            outside += sign if not depth and sign != CLOSE else " "
        left = re.sub(rf"(?<!\w)(?:{data})(?!\w)", "", outside)
        if re.search(r"[^\W\d_]{2}", left):
            found.append(left.strip())
    return found


def test_no_page_has_a_text_from_outside_the_german_catalogue(german: Flask) -> None:
    client, data = german.test_client(), data_of(german)
    found: dict[str, str] = {}
    for path in PAGES_SHOWN:
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code < 500, path
        if answer.mimetype == "text/html":
            found |= dict.fromkeys(foreign(answer.text, data), path)
    assert "\n".join(f"{path}: {text}" for text, path in found.items()) == ""


@pytest.mark.parametrize(
    "row",
    [
        {"action-0": "pin", "what-0": "category", "name-0": "Kitchen"}, {"action-0": "exclude"},
        {"action-0": "boost", "name-0": "P00012", "amount-0": "0.5"}, {"action-0": "cap", "amount-0": "x"},
        {"action-0": "bury", "name-0": "P00012", "amount-0": "2"}, {"action-0": "cap"},
        {"action-0": "pin", "name-0": "P00012", "amount-0": "101"}, {"action-0": "pin", "name-0": "x", "amount-0": "y"},
        {"action-0": "exclude", "name-0": "P00012", "from-0": "2026-02-02", "until-0": "2026-02-01"},
        {"action-0": "exclude", "name-0": "P00012", "placement-0": "The Basket"},
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_said_in_german(german: Flask, row: dict[str, str]) -> None:
    client = german.test_client()
    token = re.search(r'csrf_token" value="([^"]+)', client.get("/operations/rules").text)
    assert token is not None
    answer = client.post(
        "/operations/rules", data={**row, "do": "preview", "key": ADMIN_KEY, "csrf_token": token[1]},
        headers={"Accept": "text/html", "Origin": "http://localhost"},
    )  # fmt: skip
    problem = re.search(r'id="problem">(.*?)</p>', answer.text, re.DOTALL)
    assert answer.status_code == 409
    assert problem is not None
    assert foreign(f"<p>{problem[1]}</p>", data_of(german) + "|[xy]|The Basket") == []


def test_the_german_texts_are_no_copies_of_the_english_ones() -> None:
    copied = [key for key, text in ENGLISH.items() if text == GERMAN[key] and text not in SAME]
    assert [key for key in copied if re.search("[a-z]{2}", re.sub("{.*?}", "", ENGLISH[key]))] == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_model_action_of_the_audit_log_and_recorded_message_has_words(language: str) -> None:
    known = texts.LANGUAGES[language][0]
    assert {f"{group}.{name}" for name in MODELS for group in ("model", "means")} - set(known) == set()
    assert {f"audit.did.{action}" for action in changes_by_key()} - set(known) == set()
    assert {code: set(re.findall(r"{(\w+)", known[code])) for code in MESSAGES} == {
        code: set(re.findall(r"{(\w+)", text)) for code, text in MESSAGES.items()
    }


def test_a_message_is_recorded_as_its_code_and_values() -> None:
    said = message("run.killed", step=message("step.training", model="als", n=2_000))
    assert to_record(said) == (
        '{"code": "run.killed", "values": {"step": {"code": "step.training", "values": {"model": "als", "n": 2000}}}}'
    )
    read = from_record(to_record(said))
    assert read == said
    assert to_record(read) == to_record(said)
    assert [from_record(text) for text in ("as it was", '{"code": "of.another", "values": {}}')] == [
        "as it was",
        '{"code": "of.another", "values": {}}',
    ]
