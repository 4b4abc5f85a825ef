"""Findings of several hosts that share a store: each host resolves its own, and nobody's is lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.texts import phrases_in
from app.views import finding_records
from app.views.finding_records import finding_text
from app.views.findings import DiskLow, Finding, NoLeader
from src.core.settings import Settings
from src.store import Store

LOW = DiskLow(free=1, total=10, needed=5.0)


@pytest.fixture
def look(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what a look of a host at a time records, as kinds and subjects that are unresolved."""
    monkeypatch.setattr(finding_records, "resolved_by", lambda aisle, record: "checked")

    def looks(host: str, at: int, *found: Finding) -> set[tuple[str, str]]:
        monkeypatch.setattr(finding_records, "_host_of", lambda aisle: host)
        monkeypatch.setattr(finding_records.time, "time", lambda: at)
        records = finding_records._recorded(SimpleNamespace(store=store), found)  # type: ignore[arg-type]
        return {(each.kind, each.subject) for each in records}

    return looks


def test_a_host_resolves_its_own_findings_and_those_of_all_and_leaves_those_of_others(look: Any, store: Store) -> None:
    assert look("a", 1_000, LOW, NoLeader()) == {("DiskLow", "a"), ("NoLeader", "")}
    assert look("b", 1_010, LOW) == {("DiskLow", "a"), ("DiskLow", "b")}
    assert look("b", 1_020) == {("DiskLow", "a")}
    assert look("a", 1_030) == set()
    assert {each.resolved_by for each in store.findings.newest(9)} == {"checked"}


def test_a_finding_of_a_host_that_is_gone_is_resolved_by_another_one_after_a_while(look: Any, store: Store) -> None:
    look("a", 1_000, LOW)
    assert look("b", 1_800) == {("DiskLow", "a")}
    assert look("b", 2_000) == set()
    assert store.findings.newest(1)[0].resolved_by == "silent"


def test_a_finding_of_one_host_is_worded_with_its_name(look: Any, store: Store, settings: Settings) -> None:
    look("shop-7", 1_000, LOW)
    (record,) = store.findings.unresolved()
    assert finding_text(record, phrases_in("en", settings)).name == "Disk of shop-7"


def test_on_a_store_of_one_host_findings_name_none(look: Any) -> None:
    assert look("", 1_000, LOW) == {("DiskLow", "")}
    assert look("", 1_010) == set()
