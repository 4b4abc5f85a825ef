"""The sentences about a verdict."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from src.evaluation.metrics import Estimate
from src.ingestion.data_checks import Check
from src.releases.gate_messages import describe_comparison, kept_reasons, verdict_record, verdict_sentence
from src.releases.verdict import (
    FRESH_EVENTS,
    LISTS,
    AgainstChampion,
    GateOutcome,
    GateVerdict,
    ListsCarriedOver,
    NoLists,
    Override,
)

ARCHIVE = Path(__file__).parent / "data" / "release_before_typed_manifest.zip"
WORSE = AgainstChampion(Estimate(0.15, 0.0, 0.355), 0.842, share_worse=1.0, margin=0.05, n_users=6)
NOT_WORSE = AgainstChampion(Estimate(0.85, 0.8, 0.9), 0.842, share_worse=0.0, margin=0.05, n_users=6)
BAD_LISTS = Check(LISTS, False, "lists: NDCG@10 .150 [.000, .355] against .842")
BAD_DATA = Check("events", False, "events: too few")
STALE = Check(FRESH_EVENTS, False, "fresh events: none for a week")


@pytest.mark.parametrize(
    ("verdict", "outcome", "sentence"),
    [
        (GateVerdict(), GateOutcome.PROMOTED, "promoted"),
        (
            GateVerdict((Check(LISTS, True, ""),), NOT_WORSE),
            GateOutcome.PROMOTED,
            "promoted: NDCG@10 .850 [.800, .900] against .842",
        ),
        (
            GateVerdict((BAD_LISTS,), WORSE),
            GateOutcome.KEPT,
            "kept the old model: NDCG@10 .150 [.000, .355] against .842",
        ),
        (
            GateVerdict((BAD_DATA, BAD_LISTS), WORSE, override=Override.SETTING),
            GateOutcome.OVERRIDDEN,
            "promoted by AISLE_GATE=off, although events: too few; NDCG@10 .150 [.000, .355] against .842",
        ),
        (
            GateVerdict((BAD_LISTS,), WORSE, settings_of="R"),
            GateOutcome.RETRAINED,
            "kept the old model: NDCG@10 .150 [.000, .355] against .842; its settings learnt anew from all events",
        ),
        (
            GateVerdict((BAD_DATA, BAD_LISTS), WORSE, settings_of="R"),
            GateOutcome.KEPT,
            "kept the old model: events: too few",
        ),
        (GateVerdict((STALE,)), GateOutcome.PROMOTED, "promoted"),
    ],
)
def test_a_verdict_has_an_outcome_and_a_sentence(verdict: GateVerdict, outcome: GateOutcome, sentence: str) -> None:
    assert verdict.outcome is outcome
    assert verdict.promoted == (outcome is not GateOutcome.KEPT)
    assert verdict_sentence(verdict) == sentence
    record = verdict_record(verdict).to_json()
    assert (record["sentence"], record["promoted"]) == (sentence, verdict.promoted)
    assert list(record) == ["promoted", "sentence", "overridden", "settings_of", "checks", "figures"]
    json.dumps(record, allow_nan=False)


def test_lists_that_were_not_compared_are_described() -> None:
    assert describe_comparison(NoLists()) == "no test user liked anything, so no list was measured"
    assert describe_comparison(ListsCarriedOver(None)) == "the lists are carried over"
    assert describe_comparison(ListsCarriedOver(0.98765)) == "the lists are carried over; RMSE 0.9877"


def old_runs() -> list[dict[str, Any]]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        found: list[dict[str, Any]] = json.loads(archive.read("runs.json"))
    return found


def test_the_reasons_of_a_run_that_an_earlier_program_recorded_are_as_they_were() -> None:
    (kept,) = [run for run in old_runs() if run["status"] == "kept"]
    reasons = kept_reasons(json.loads(kept["verdict"]))
    assert reasons == "NDCG@10 .150 [.000, .355] against .842"
    assert kept["message"] == f"kept the old model: {reasons}"


def test_the_reasons_of_a_new_run_are_those_of_its_sentence() -> None:
    lists = {
        "challenger": {"value": 0.15, "low": 0.0, "high": 0.355, "coverage": 0.4, "short": 0.0},
        "champion": {"value": 0.842, "low": 0.7, "high": 0.9, "coverage": 0.4, "short": 0.0},
        "share_of_resamples_worse_than_margin": 0.3,
        "margin": 0.05,
        "users": 6,
    }
    in_doubt = AgainstChampion(WORSE.ndcg, WORSE.champion, share_worse=0.3, margin=0.05, n_users=6)
    verdict = GateVerdict((STALE, BAD_DATA, BAD_LISTS), in_doubt, {"lists": lists})
    reasons = kept_reasons(verdict_record(verdict).to_json())
    assert reasons is not None
    assert verdict_sentence(verdict) == f"kept the old model: {reasons}"
    assert "worse by more than 5 % in 30 % of the resamples of 6 users" in reasons


def test_refused_settings_that_were_replaced_are_no_reason_that_the_old_release_was_kept() -> None:
    verdict = GateVerdict((BAD_DATA, BAD_LISTS), WORSE, settings_of="R")
    assert verdict_sentence(verdict) == f"kept the old model: {BAD_DATA.message}"
    assert kept_reasons(verdict_record(verdict).to_json()) == BAD_DATA.message


@pytest.mark.parametrize("document", [None, {}, {"promoted": False}, {"promoted": False, "checks": 5}])
def test_a_record_without_a_reason_gives_none(document: dict[str, object] | None) -> None:
    assert kept_reasons(document) is None


@pytest.mark.parametrize("figures", [{}, {"lists": 5}, {"lists": {"champion": 5}}, {"lists": {"champion": {}}}])
def test_a_record_with_other_figures_gives_the_messages_of_its_checks(figures: dict[str, object]) -> None:
    record = verdict_record(GateVerdict((BAD_LISTS,), WORSE, figures)).to_json()
    assert kept_reasons(record) == BAD_LISTS.message
