"""The gate's verdict, from figures alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.gate import promoted_share
from src.core.domain import FloatArray
from src.core.settings import Settings
from src.evaluation.metrics import Estimate
from src.evaluation.protocols import RankingMetrics, RatingMetrics
from src.evaluation.report import Report
from src.ingestion.data_checks import DataFigures
from src.models import POPULARITY
from src.recommendation.ensemble import ENSEMBLE
from src.releases.data_gate import Arrivals, check_events
from src.releases.gate_messages import verdict_record, verdict_sentence
from src.releases.promotion_gate import GateBounds, check_release, compare
from src.releases.release import SmokeTestResult
from src.releases.verdict import GateVerdict, NotCompared, NotComparedReason, Override

BOUNDS = GateBounds.of(Settings())
PROOF = SmokeTestResult(n_bytes=1_000_000, load_seconds=0.1, n_lists=100, p95_ms=3.0, short=0.0)
WEEK = 7 * 86_400


def of_users(mean: float, n: int = 400, seed: int = 0) -> FloatArray:
    """NDCG@10 of n users, most of them 0, with this mean."""
    values = np.random.default_rng(seed).exponential(1, n)
    return values / values.mean() * mean


def lists(ndcg: FloatArray, coverage: float = 0.5, short: float = 0.0) -> RankingMetrics:
    mean = float(ndcg.mean())
    spread = 1.96 * float(ndcg.std()) / len(ndcg) ** 0.5
    figure = Estimate(mean, mean - spread, mean + spread)
    return RankingMetrics(*[figure] * 6, coverage=coverage, novelty=1.0, short=short, of_user=ndcg)


def ratings(rmse: float) -> RatingMetrics:
    return RatingMetrics(*[Estimate(rmse, rmse - 0.1, rmse + 0.1)] * 4)


def report(ndcg: FloatArray, popular: float = 0.02, rmse: float | None = None, **figures: float) -> Report:
    rated = {} if rmse is None else {"svd": ratings(rmse)}
    measured = {POPULARITY: lists(of_users(popular, len(ndcg), 1)), ENSEMBLE: lists(ndcg, **figures)}
    n = len(ndcg)
    return Report("time", 0, 80, 20, n, 100, n, n, 4.0, rated, measured, ENSEMBLE, "svd" if rated else None)


NO_RELEASE = NotCompared(NotComparedReason.NO_RELEASE)


def judged(mine: Report, theirs: Report | None, why_not: NotCompared = NO_RELEASE) -> GateVerdict:
    compared = compare(mine, theirs or why_not, BOUNDS)
    return GateVerdict().with_checks(compared.checks, compared.comparison, **compared.figures)


def test_a_clearly_worse_challenger_keeps_the_old_model_and_the_sentence_gives_the_figures() -> None:
    users = of_users(0.048)
    verdict = judged(report(users * 0.85), report(users))
    assert not verdict.promoted
    assert verdict_sentence(verdict).startswith("kept the old model: NDCG@10 .041 [.0")
    assert verdict_sentence(verdict).endswith("] against .048")
    assert verdict.figures["share_of_resamples_worse_than_margin"] == 1.0
    difference: Any = verdict.figures["difference"]
    assert difference["value"] == pytest.approx(-0.0072)
    assert difference["high"] < 0
    json.dumps(verdict_record(verdict).to_json(), allow_nan=False)


@pytest.mark.parametrize("factor", [0.96, 1.0, 1.5])
def test_a_challenger_within_the_margin_or_better_is_promoted(factor: float) -> None:
    users = of_users(0.048)
    verdict = judged(report(users * factor), report(users))
    assert verdict.promoted
    assert verdict_sentence(verdict).startswith("promoted: NDCG@10 .0")
    assert "against .048" in verdict_sentence(verdict)


def test_users_are_compared_in_pairs_so_that_hard_users_do_not_hide_a_small_loss() -> None:
    users = of_users(0.048, n=60)  # so few that both intervals overlap by far
    mine, theirs = report(users * 0.9), report(users)
    assert mine.lists[ENSEMBLE].ndcg_at_10.high > theirs.lists[ENSEMBLE].ndcg_at_10.value
    assert not judged(mine, theirs).promoted


def test_settings_that_may_be_worse_by_the_margin_are_refused_and_the_sentence_gives_the_share_of_resamples() -> None:
    drawn = np.random.default_rng(3)
    users = of_users(0.05, n=40)
    mine = np.where(drawn.random(40) < 0.5, users, drawn.permutation(users))
    mine *= 0.99 * users.mean() / mine.mean()
    verdict = judged(report(mine), report(users))
    assert not verdict.promoted
    share: Any = verdict.figures["share_of_resamples_worse_than_margin"]
    assert 0.1 < share < 0.5
    assert verdict_sentence(verdict).startswith("kept the old model: NDCG@10 .0")
    assert "and worse by more than 5 % in " in verdict_sentence(verdict)
    assert verdict_sentence(verdict).endswith(" of the resamples of 40 users")


@pytest.mark.parametrize("worse_by", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("n_users", [30, 300])
def test_settings_that_are_worse_by_the_margin_pass_once_in_ten_times_at_most(n_users: int, worse_by: float) -> None:
    passed = promoted_share(n_users, worse_by, 60, BOUNDS)
    assert passed <= 0.2  # three standard errors above a tenth


def test_settings_that_are_clearly_better_pass() -> None:
    assert promoted_share(2_000, -0.2, 20, BOUNDS) >= 0.9


@pytest.mark.parametrize(
    ("not_compared", "why_not"),
    [
        (NotCompared(NotComparedReason.SAME_SETTINGS, "R"), "the settings are those of release R"),
        (NO_RELEASE, "there was no release to compare it with"),
        (
            NotCompared(NotComparedReason.NOT_TRAINABLE, "R", "als cannot be trained here"),
            "not compared with release R: als cannot be trained here",
        ),
    ],
)
def test_without_a_comparison_the_sentence_gives_the_reason(not_compared: NotCompared, why_not: str) -> None:
    verdict = judged(report(of_users(0.05)), None, not_compared)
    assert verdict.promoted
    assert verdict_sentence(verdict) == f"{verdict_sentence(verdict).split(';')[0]}; {why_not}"
    assert "against popularity's .020" in verdict_sentence(verdict)


def test_worse_than_popularity_keeps_the_old_model() -> None:
    verdict = judged(report(of_users(0.01), popular=0.02), None)
    assert not verdict.promoted
    assert "popularity" in verdict_sentence(verdict)


@pytest.mark.parametrize(
    ("mine", "name"), [({"coverage": 0.2}, "coverage"), ({"short": 0.05}, "short lists"), ({"rmse": 1.2}, "ratings")]
)
def test_every_bound_keeps_the_old_model(mine: dict[str, float], name: str) -> None:
    users = of_users(0.05)
    theirs = report(users, rmse=1.0)
    good = report(users, rmse=1.0)
    assert judged(good, theirs).promoted
    verdict = judged(report(users, **{"rmse": 1.0, **mine}), theirs)  # type: ignore[arg-type]
    assert [check.name for check in verdict.failed] == [name]
    assert f"kept the old model: {name}: " in verdict_sentence(verdict)
    assert "expected" in verdict_sentence(verdict)


def test_a_shop_without_test_users_is_promoted_and_says_that_nothing_was_measured() -> None:
    empty = replace(report(of_users(0.05)), lists={})
    verdict = judged(empty, None)
    assert verdict.promoted
    assert "no list was measured" in verdict_sentence(verdict)


def test_ratings_that_are_not_finite_keep_the_old_model() -> None:
    mine = report(of_users(0.05), rmse=float("nan"))
    verdict = judged(mine, None)
    assert not verdict.promoted
    assert "no numbers" in verdict_sentence(verdict)
    json.dumps(verdict_record(verdict).to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "before", "name"),
    [
        ({"p95_ms": 251.0}, None, "latency"),
        ({"short": 0.02}, None, "short lists from disk"),
        ({"n_bytes": 600 << 20}, 100 << 20, "size"),
    ],
)
def test_a_release_that_is_slow_short_or_large_keeps_the_old_model(
    change: dict[str, Any], before: int | None, name: str
) -> None:
    assert GateVerdict(tuple(check_release(PROOF, 1_000_000, BOUNDS))).promoted
    verdict = GateVerdict(tuple(check_release(replace(PROOF, **change), before, BOUNDS)))
    assert [check.name for check in verdict.failed] == [name]


def test_a_small_release_may_grow_by_any_factor() -> None:
    assert GateVerdict(tuple(check_release(replace(PROOF, n_bytes=40 << 20), 1 << 20, BOUNDS))).promoted


def test_an_override_promotes_and_is_recorded() -> None:
    users = of_users(0.048)
    kept = judged(report(users * 0.5), report(users))
    forced = replace(kept, override=Override.COMMAND)
    assert forced.promoted
    assert verdict_sentence(forced).startswith("promoted by --force, although NDCG@10 .024")
    assert verdict_record(forced).to_json()["overridden"] == "--force"
    assert verdict_record(judged(report(users), report(users))).to_json()["overridden"] is None


# data

THEN = DataFigures(n_events=10_000, n_users=1_000, n_products=500, newest_at=1_700_000_000, counted_at=1_700_001_000)
NOW = replace(THEN, n_events=10_100, newest_at=1_700_080_000, counted_at=1_700_090_000)


def test_grown_data_pass() -> None:
    assert GateVerdict(tuple(check_events(NOW, THEN, Arrivals(5_000, 10, 1.0)))).warnings == ()


@pytest.mark.parametrize(
    ("now", "arrivals", "name"),
    [
        ({"n_events": 8_000}, Arrivals(), "events"),
        ({"n_users": 800}, Arrivals(), "users"),
        ({"n_products": 300}, Arrivals(), "products"),
        ({"newest_at": THEN.newest_at and THEN.newest_at - WEEK}, Arrivals(), "newest event"),
        ({}, Arrivals(rows_read=1_000, rows_rejected=300), "rejected rows"),
        ({}, Arrivals(rows_read=1_000, rows_rejected=400, usually_rejected=0.25), "rejected rows"),
        ({}, Arrivals(known_before=0.1), "loaded products"),
        ({}, Arrivals(known_products=0.1), "known products"),
    ],
)
def test_data_that_look_wrong_keep_the_old_model(now: dict[str, Any], arrivals: Arrivals, name: str) -> None:
    verdict = GateVerdict(tuple(check_events(replace(NOW, **now), THEN, arrivals)))
    assert [check.name for check in verdict.failed] == [name]
    assert "kept the old model" in verdict_sentence(verdict)


def test_stale_data_give_a_warning_and_are_trained_on() -> None:
    verdict = GateVerdict(tuple(check_events(replace(NOW, counted_at=NOW.counted_at + WEEK), THEN, Arrivals())))
    assert verdict.promoted
    assert any("fresh events" in warning for warning in verdict.warnings)


def test_a_usual_share_of_rejected_rows_passes() -> None:
    arrivals = Arrivals(rows_read=1_000, rows_rejected=300, usually_rejected=0.25)
    assert GateVerdict(tuple(check_events(NOW, THEN, arrivals))).promoted


def test_a_few_rejected_rows_of_a_small_file_pass() -> None:
    assert GateVerdict(tuple(check_events(NOW, THEN, Arrivals(rows_read=10, rows_rejected=9)))).promoted
