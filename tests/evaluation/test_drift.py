"""When a release has fallen, and when too little is known to say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from src.core.records import Score
from src.evaluation.drift import fall_of

USUAL = Score(0, "R", 500, 100, 80, 0.1, 0.05, 0.04, 0.06, 0.5, 1.0, 0.9)


def before(n: int = 5, **changes: Any) -> list[Score]:
    return [replace(USUAL, at=-day, **changes) for day in range(n)]


def test_a_night_as_usual_is_no_fall() -> None:
    assert fall_of(USUAL, before(), 0.3) == ""


def test_a_fall_beyond_the_bound_is_said_with_both_figures() -> None:
    fallen = replace(USUAL, ndcg_at_10=0.02, ndcg_low=0.01, ndcg_high=0.03)
    why = fall_of(fallen, before(), 0.3)
    assert why == "NDCG@10 on new events fell to 0.0200 (at most 0.0300), where it was 0.0500; expected at least 0.0350"


def test_errors_that_rise_are_a_fall_too() -> None:
    why = fall_of(replace(USUAL, rmse=1.6, rmse_low=1.5), before(), 0.3)
    assert why.startswith("RMSE on new ratings rose to 1.6000")


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
def test_what_a_few_events_may_do_is_no_fall(score: Score) -> None:
    assert fall_of(score, before(), 0.3) == ""


@pytest.mark.parametrize("earlier", [before(2), before(9, n_users=5, n_ratings=5), []])
def test_without_enough_nights_before_nothing_has_fallen(earlier: list[Score]) -> None:
    fallen = replace(USUAL, ndcg_at_10=0.0, ndcg_high=0.0, rmse=9.0, rmse_low=9.0)
    assert fall_of(fallen, earlier, 0.3) == ""


def test_one_bad_night_before_does_not_lower_the_bar() -> None:
    bad = replace(USUAL, ndcg_at_10=0.001, ndcg_high=0.002)
    assert fall_of(bad, [bad, *before()], 0.3) != ""
