"""Drift of scores is detected, or there are too few scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from src.core.records import Score
from src.evaluation.drift import Drift, DriftKind, describe_drift, detect_drift

USUAL = Score(0, "R", 500, 100, 80, 0.1, 0.05, 0.04, 0.06, 0.5, 1.0, 0.9)


def before(n: int = 5, **changes: Any) -> list[Score]:
    return [replace(USUAL, at=-day, **changes) for day in range(n)]


def test_a_score_as_usual_is_no_drift() -> None:
    assert detect_drift(USUAL, before(), 0.3) is None


def test_lists_beyond_the_bound_have_drifted() -> None:
    drift = detect_drift(replace(USUAL, ndcg_at_10=0.02, ndcg_low=0.01, ndcg_high=0.03), before(), 0.3)
    assert drift == Drift(DriftKind.LISTS, 0.02, 0.03, 0.05, pytest.approx(0.035))
    assert describe_drift(drift) == (
        "NDCG@10 on new events fell to 0.0200 (at most 0.0300), where it was 0.0500; expected at least 0.0350"
    )


def test_errors_beyond_the_bound_have_drifted() -> None:
    drift = detect_drift(replace(USUAL, rmse=1.6, rmse_low=1.5), before(), 0.3)
    assert drift == Drift(DriftKind.RATINGS, 1.6, 1.5, 1.0, pytest.approx(1.3))
    assert describe_drift(drift) == (
        "RMSE on new ratings rose to 1.6000 (at least 1.5000), where it was 1.0000; expected at most 1.3000"
    )


@pytest.mark.parametrize(
    "score",
    [
        replace(USUAL, ndcg_at_10=0.02, ndcg_low=0.0, ndcg_high=0.04),  # its interval reaches the bound
        replace(USUAL, ndcg_at_10=0.0, ndcg_high=0.0, n_users=29),
        replace(USUAL, ndcg_at_10=None, ndcg_high=None, n_users=0),
        replace(USUAL, rmse=9.0, rmse_low=1.2),
        replace(USUAL, rmse=9.0, rmse_low=9.0, n_ratings=49),
    ],
)
def test_a_score_that_chance_explains_is_no_drift(score: Score) -> None:
    assert detect_drift(score, before(), 0.3) is None


@pytest.mark.parametrize("earlier", [before(2), before(9, n_users=5, n_ratings=5), []])
def test_without_enough_earlier_scores_there_is_no_drift(earlier: list[Score]) -> None:
    fallen = replace(USUAL, ndcg_at_10=0.0, ndcg_high=0.0, rmse=9.0, rmse_low=9.0)
    assert detect_drift(fallen, earlier, 0.3) is None


def test_one_bad_score_does_not_lower_the_bound() -> None:
    bad = replace(USUAL, ndcg_at_10=0.001, ndcg_high=0.002)
    assert detect_drift(bad, [bad, *before()], 0.3) is not None
