"""The cost of a trial is predicted from the trials before it."""

from __future__ import annotations

import pytest

from src.tuning.trial_costs import TrialCosts


def costs(running: dict[int, float], preparing: dict[int, float] | None = None) -> TrialCosts:
    made = TrialCosts()
    for size, seconds in running.items():
        made.ran(size, seconds)
    for size, seconds in (preparing or {}).items():
        made.prepared(size, seconds)
    return made


def test_before_the_first_trial_nothing_is_predicted() -> None:
    assert TrialCosts().predicted(64, 64) == 0


def test_a_trial_of_a_known_size_is_predicted_by_the_slowest_one() -> None:
    made = costs({64: 2.0})
    made.ran(64, 5.0)
    made.ran(64, 1.0)
    assert made.predicted(64, None) == 5.0


def test_a_preparation_that_is_made_already_costs_nothing() -> None:
    made = costs({64: 2.0}, {64: 7.0})
    assert made.predicted(64, None) == 2.0
    assert made.predicted(64, 64) == 9.0


def test_a_larger_model_is_predicted_by_the_growth_of_two_smaller_ones() -> None:
    assert costs({32: 1.0, 64: 3.0}).predicted(128, None) == pytest.approx(9.0)
    assert costs({64: 2.0}).predicted(256, None) == pytest.approx(2 * 4**1.5)


@pytest.mark.parametrize(("small", "large", "limit"), [(1.0, 0.5, 2), (1.0, 100.0, 4)])
def test_noise_of_two_measurements_does_not_make_a_larger_model_cheaper_or_endless(
    small: float, large: float, limit: float
) -> None:
    assert costs({32: small, 64: large}).predicted(128, None) == pytest.approx(limit * large)
