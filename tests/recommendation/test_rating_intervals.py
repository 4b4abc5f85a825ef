"""Intervals of predicted ratings hold nine of ten ratings of every group."""

from __future__ import annotations

import numpy as np
import pytest

from src.core.domain import FloatArray, IntArray
from src.recommendation.rating_intervals import interval_for, rating_intervals


def errors(seed: int, n: int) -> tuple[FloatArray, IntArray]:
    """Skewed errors, three times as large where a prediction rests on nothing."""
    rng = np.random.default_rng(seed)
    support = rng.choice([0, 2, 9, 40], n)
    return (rng.gamma(2, 1, n) - 2) * np.where(support == 0, 3, 1), support


def test_new_ratings_of_every_group_are_inside_nine_times_of_ten() -> None:
    intervals = rating_intervals(*errors(1, 4_000), seed=0)
    assert [each.at_least for each in intervals] == [0, 1, 5, 20]
    error, support = errors(2, 40_000)
    for at, each in enumerate(intervals):
        own = error[support == [0, 2, 9, 40][at]]
        assert np.mean((own >= each.below) & (own <= each.above)) == pytest.approx(0.9, abs=0.025)
        assert each.coverage == pytest.approx(0.9, abs=0.04)
        assert each.below < 0 < each.above
        assert each.above > -each.below  # the errors are skewed
    assert intervals[0].above > 2 * intervals[1].above


def test_a_group_of_few_ratings_is_joined_with_the_next_and_very_few_have_no_interval() -> None:
    error, support = errors(1, 1_000)
    few = np.concatenate([np.flatnonzero(support > 2), np.flatnonzero(support == 2)[:20]])
    intervals = rating_intervals(error[few], support[few], seed=0)
    assert [each.at_least for each in intervals] == [0, 20]
    assert intervals[0].n == np.count_nonzero(support == 9) + 20
    assert rating_intervals(error[:50], support[:50], seed=0) == ()


@pytest.mark.parametrize(("support", "at_least"), [(0, 0), (4, 1), (5, 5), (10_000, 20)])
def test_a_prediction_has_the_interval_of_what_it_rests_on(support: int, at_least: int) -> None:
    found = interval_for(rating_intervals(*errors(1, 4_000), seed=0), support)
    assert found is not None
    assert found.at_least == at_least
    assert interval_for((), support) is None
