"""Checks, drift and reasons of rejected rows are written in the reader's language, by their figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest

from app.texts import phrases_in
from app.texts.phrases import Phrases, plain
from app.views.finding_texts import text_of
from app.views.findings import Drifted, RunKept
from app.views.rejection_texts import rejection_text
from app.views.verdict_texts import check_text, reasons_text, verdict_text
from src.core.records import RunStatus
from src.core.settings import Settings
from src.evaluation.drift import Drift, DriftKind
from src.evaluation.metrics import Estimate
from src.evaluation.protocols import RankingMetrics, RatingMetrics
from src.evaluation.report import Report
from src.ingestion.data_checks import Check, DataFigures
from src.ingestion.rejections import Rejection, RejectionCode
from src.models import POPULARITY
from src.models.settings import read_settings
from src.recommendation.ensemble import ENSEMBLE
from src.releases.data_gate import Arrivals, check_events
from src.releases.gate_messages import verdict_record
from src.releases.promotion_gate import GateBounds, check_release, compare
from src.releases.release import SmokeTestResult
from src.releases.verdict import GateVerdict

T, D = (phrases_in(language, read_settings()) for language in ("en", "de"))
BOUNDS = GateBounds.of(Settings())
DAY = 86_400


def report(ndcg: float, popular: float, rmse: float) -> Report:
    def lists(value: float, seed: int) -> RankingMetrics:
        users = np.random.default_rng(seed).exponential(value, 200)
        figure = Estimate(float(users.mean()), value / 2, value * 2)
        return RankingMetrics(*[figure] * 6, coverage=value, novelty=1.0, short=0.9, of_user=users)

    rated = {"svd": RatingMetrics(*[Estimate(rmse, rmse, rmse)] * 4)}
    measured = {POPULARITY: lists(popular, 1), ENSEMBLE: lists(ndcg, 2)}
    return Report("time", 0, 80, 20, 200, 100, 200, 200, 4.0, rated, measured, ENSEMBLE, "svd")


def failed_verdict() -> GateVerdict:
    """A verdict in which every check that there is has failed."""
    now = DataFigures(1_000, 500, 200, 100 * DAY, 120 * DAY)
    before = DataFigures(9_000, 5_000, 2_000, 110 * DAY, 110 * DAY)
    broken = compare(report(0.1, 0.2, float("nan")), report(0.1, 0.2, 1.0), BOUNDS)
    compared = compare(report(0.01, 0.2, 2.0), report(0.4, 0.2, 1.0), BOUNDS)
    untimed = check_events(replace(now, newest_at=None), before, Arrivals())
    data = check_events(now, before, Arrivals(1_000, 900, 0.0, 0.1, 0.1))
    disk = check_release(SmokeTestResult(900 << 20, 0.1, 100, 9_999.0, 0.9), 60 << 20, BOUNDS)
    verdict = GateVerdict().with_checks([*data, *untimed, *broken.checks, *disk])
    return verdict.with_checks(compared.checks, compared.comparison, lists=compared.figures)


def failed_checks() -> Iterator[Check]:
    yield from (check for check in failed_verdict().checks if not check.passed)


def test_every_check_is_written_in_every_language_by_its_figures() -> None:
    record = verdict_record(failed_verdict()).to_json()
    texts = {check.name for check in failed_checks()}
    assert len(texts) >= 13
    for check in failed_checks():
        said = {t.language: plain(check_text(asdict(check), t, record)) for t in (T, D)}
        assert said["de"] not in (check.message, said["en"]), check
        assert "expected" not in said["de"], check
        assert "{" not in said["de"] + said["en"], check


def test_numbers_of_a_check_are_written_as_the_language_does() -> None:
    (latency,) = [check for check in failed_checks() if check.name == "latency"]
    assert "9,999 ms" in check_text(asdict(latency), T)
    assert "9.999 ms" in check_text(asdict(latency), D)
    events = next(check for check in failed_checks() if check.name == "events")
    assert check_text(asdict(events), D).startswith("1.000 Ereignisse, beim letzten Training 9.000; erlaubt sind 10,0")


def test_a_check_of_an_older_version_keeps_its_message() -> None:
    old = {"name": "latency", "passed": False, "message": "latency: <slow>"}
    assert check_text(old, T) == "latency: <slow>"
    quoted = '<q lang="en">latency: &lt;slow&gt;</q>'
    assert check_text(old, D) == quoted
    verdict = {"promoted": False, "checks": [old], "figures": {}}
    assert (reasons_text(verdict, "", T), reasons_text(verdict, "", D)) == ("latency: &lt;slow&gt;", quoted)


def test_a_run_that_was_not_published_says_why_in_the_language_of_the_page() -> None:
    record = verdict_record(failed_verdict()).to_json()
    kept = RunKept(RunStatus.KEPT, 0, 60, "kept the old model", record)
    assert "Katalog auf Listen" in text_of(kept, D).state
    assert "gegen" in verdict_text(record, "", D)
    assert "Catalogue on lists" in text_of(kept, T).state


@pytest.mark.parametrize("kind", DriftKind)
def test_drift_is_written_by_its_kind(kind: DriftKind) -> None:
    found = Drifted(Drift(kind, 0.1, 0.2, 0.5, 0.4))
    words = {DriftKind.LISTS: "fiel auf 0,1000", DriftKind.RATINGS: "stieg auf 0,1000"}
    assert words[kind] in text_of(found, D).state


@pytest.mark.parametrize("t", [T, D], ids=["en", "de"])
@pytest.mark.parametrize("code", RejectionCode)
def test_every_reason_of_rejected_rows_has_words(code: RejectionCode, t: Phrases) -> None:
    sentence = str(Rejection(code, "user" if "{}" in code else ""))
    said = plain(rejection_text(sentence, t))
    assert (said == sentence) == (t is T), said
    assert "{" not in said


def test_an_unknown_reason_stays_as_it_is() -> None:
    assert rejection_text("eaten by <mice>", D) == "eaten by <mice>"
