"""Always-valid intervals, checked on simulated experiments whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from bench.interleaving import decided_after, interleaved_visits, rankers, split_visits
from src.evaluation.sequential_tests import (
    LEVEL,
    Lift,
    Sample,
    lift,
    outcomes_needed,
    paired_lift,
    share_mismatch,
    standard_errors,
)

N_EXPERIMENTS, N_DAYS, DAILY_USERS, PLANNED = 2_000, 40, 15, 1_000
PURCHASES = 0.04
"""Of a user and day."""


def simulated(rates: tuple[float, float], seed: int, n: int = N_EXPERIMENTS) -> np.ndarray:
    """Return Sample fields float[2 arms, n experiments, days, 4]: users come every day and go on buying.

    Args:
        rates: purchases of a user and day in each arm.
        seed: of the random numbers.
        n: number of experiments.
    """
    rng = np.random.default_rng(seed)
    fields = np.zeros((2, n, N_DAYS, 4))
    for arm, rate in enumerate(rates):
        bought = np.zeros((n, N_DAYS * DAILY_USERS))
        # Users differ: some buy five times as much as others.
        taste = rng.gamma(2.0, 0.5, bought.shape)
        for day in range(N_DAYS):
            present = (day + 1) * DAILY_USERS
            bought[:, :present] += rng.poisson(rate * taste[:, :present])
            total = bought.sum(axis=1)
            fields[arm, :, day] = np.column_stack((np.full(n, present), total, np.square(bought).sum(axis=1), total))
    return fields


def lifts(fields: np.ndarray, experiment: int) -> list[Lift | None]:
    """Return what is said of an experiment on each day."""
    days = fields[:, experiment]
    samples = [[Sample(int(n), total, squares, int(many)) for n, total, squares, many in arm] for arm in days]
    return [lift(*pair, PLANNED) for pair in zip(*samples, strict=True)]


def is_sure(found: Lift | None) -> bool:
    return found is not None and not found.low <= 0 <= found.high


def test_no_difference_is_rarely_taken_for_one_although_it_is_looked_for_every_day() -> None:
    fields = simulated((PURCHASES, PURCHASES), seed=1)
    alarms = sum(any(map(is_sure, lifts(fields, at))) for at in range(N_EXPERIMENTS))
    assert alarms <= LEVEL * N_EXPERIMENTS
    # An interval for one look would have raised many: the test would notice.
    single = fields[:, :, 5:]
    means = single[..., 1] / single[..., 0]
    variances = (single[..., 2] / single[..., 0] - means**2) / single[..., 0]
    peeked = np.abs(means[1] - means[0]) > 1.96 * np.sqrt(variances.sum(axis=0))
    assert peeked.any(axis=1).mean() > 3 * LEVEL


def test_a_real_difference_is_found_as_often_as_calculated_and_the_interval_holds_its_size_on_all_days() -> None:
    effect = 0.4
    fields = simulated((PURCHASES, PURCHASES * (1 + effect)), seed=2, n=400)
    found = [lifts(fields, at) for at in range(400)]
    n, total, squares, _ = fields[:, :, -1].mean(axis=1).T
    relative = (squares / n / (total / n) ** 2 - 1) / n
    wanted = np.log(1 + effect) / np.sqrt(relative.sum())
    calculated = NormalDist().cdf(wanted - standard_errors(total.sum(), PLANNED))
    assert 0.5 < calculated < 0.99
    assert np.mean([is_sure(days[-1]) for days in found]) == pytest.approx(calculated, abs=0.05)
    misses = [any(day is not None and not day.low <= effect <= day.high for day in days) for days in found]
    assert np.mean(misses) <= LEVEL


def clicks(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return what users do, and its single outcomes: here clicks, of some users many times as many as of others."""
    made = rng.poisson(2 * rng.gamma(2.0, 0.5, shape))
    return made, made


def robots_click(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return clicks, with one program among 500 users that clicks a thousand times."""
    made = clicks(rng, shape)[0] + 1_000 * (rng.random(shape) < 0.002)
    return made, made


def heavy_revenue(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return revenue: most users buy nothing, and one purchase is worth a hundred others."""
    bought = rng.random(shape) < 0.3
    return bought * rng.lognormal(0.0, 2.0, shape), bought.astype(int)


@pytest.mark.parametrize("outcomes", [clicks, robots_click, heavy_revenue])
@pytest.mark.parametrize("sizes", [(108, 12), (40, 40, 40)], ids=str)
def test_equal_arms_are_rarely_told_apart_whatever_is_counted_and_however_they_are_divided(
    outcomes: Callable[..., tuple[np.ndarray, np.ndarray]], sizes: tuple[int, ...]
) -> None:
    """Several arms share the level; sizes: users of each arm between two looks."""
    rng, looks = np.random.default_rng(6), 8
    sums = []
    for size in sizes:
        done, single = outcomes(rng, (N_EXPERIMENTS, looks, size))
        sums.append([each.sum(axis=2).cumsum(axis=1).tolist() for each in (done, done * done, single)])
    alarms = 0
    for at in range(N_EXPERIMENTS):
        arms = [
            [Sample(size * (look + 1), *(each[at][look] for each in arm)) for look in range(looks)]
            for size, arm in zip(sizes, sums, strict=True)
        ]
        pairs = (pair for arm in arms[1:] for pair in zip(arms[0], arm, strict=True))
        alarms += any(is_sure(lift(*pair, 10_000, LEVEL / (len(sizes) - 1))) for pair in pairs)
    assert alarms <= LEVEL * N_EXPERIMENTS


def test_a_few_users_who_do_nearly_everything_say_nothing() -> None:
    many, few = Sample(1_000, 2_000, 6_000, 2_000), Sample(1_000, 5_000, 3_000_000, 5_000)
    assert few.effective_users == pytest.approx(25 / 3)
    assert lift(many, many, PLANNED) is not None
    assert lift(many, few, PLANNED) is lift(few, many, PLANNED) is None
    assert paired_lift(few, few, 3_000_000, PLANNED) is None


def test_too_few_outcomes_say_nothing() -> None:
    assert lift(Sample(1_000, 49, 49, 49), Sample(1_000, 80, 80, 80), PLANNED) is None
    assert lift(Sample(1_000, 50, 50, 50), Sample(1_000, 80, 80, 80), PLANNED) is not None


def test_the_forecast_says_when_the_interval_is_narrow_enough() -> None:
    control, treatment = Sample(1_000, 100, 130, 100), Sample(1_000, 110, 140, 110)
    now = lift(control, treatment, PLANNED)
    assert now is not None
    half = (now.high - now.low) / 2
    needed = outcomes_needed(210, half, 0.1, PLANNED)
    factor = needed / 210
    grown = [
        Sample(*(int(part * factor) for part in (each.n, each.total, each.squares, each.n_outcomes)))
        for each in (control, treatment)
    ]
    later = lift(*grown, PLANNED)
    assert later is not None
    assert (later.high - later.low) / 2 == pytest.approx(0.1, rel=0.1)
    assert outcomes_needed(210, half, half, PLANNED) == 210


def test_the_interval_is_narrowest_near_the_planned_size() -> None:
    at_plan = standard_errors(PLANNED, PLANNED)
    assert at_plan < min(standard_errors(PLANNED / 50, PLANNED), standard_errors(PLANNED * 200, PLANNED))
    assert 2 < at_plan < 3.1


def test_a_broken_division_is_found_and_chance_is_not_taken_for_one() -> None:
    rng = np.random.default_rng(3)
    fair = np.cumsum(rng.random((2_000, 5_000)) < 0.5, axis=1)[:, 99::100]
    alarms = sum(
        any(
            share_mismatch((int(ones), n - int(ones)), (0.5, 0.5))
            for n, ones in zip(range(100, 5_001, 100), row, strict=True)
        )
        for row in fair
    )
    assert alarms <= 2_000 * 0.001 + 5
    assert share_mismatch((10_420, 9_580), (0.5, 0.5))  # 52.1 %
    assert not share_mismatch((521, 479), (0.5, 0.5))
    assert share_mismatch((9_400, 600), (0.9, 0.1))


def test_an_interleaving_of_equals_is_rarely_decided_although_users_prefer_one_or_the_other() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(N_EXPERIMENTS):
        users = 150
        prefers = rng.beta(2.0, 2.0, users)
        credited = rng.poisson(0.15 * rng.gamma(2.0, 0.5, users), (N_DAYS, users)).cumsum(axis=0)
        new = np.diff(credited, axis=0, prepend=0)
        other = rng.binomial(new, prefers).cumsum(axis=0)
        one = credited - other
        sums = [(each.sum(axis=1), np.square(each).sum(axis=1)) for each in (one, other)]
        shared = (one * other).sum(axis=1)
        for day in range(0, N_DAYS, 2):
            samples = [Sample(users, float(t[day]), float(s[day]), int(t[day])) for t, s in sums]
            if is_sure(paired_lift(samples[0], samples[1], float(shared[day]), PLANNED)):
                alarms += 1
                break
    assert alarms <= LEVEL * N_EXPERIMENTS


def test_an_interleaving_needs_a_fraction_of_the_visits_of_a_split() -> None:
    made = rankers((1.2, 1.0), users=4_000, products=80)
    assert made.true_lift > 0.02
    split, drafted = (
        [decided_after(method(made, seed)) for seed in range(5)] for method in (split_visits, interleaved_visits)
    )
    assert all(better is True for _, better in drafted)
    assert np.median([n for n, _ in drafted]) < 0.25 * np.median([n for n, _ in split])
