"""A race drops trials that are behind on a sample of the users, and never the best one."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from src.core.domain import FloatArray, IntArray
from src.tuning.race import Race

N = 6_000


@dataclass
class Measured:
    """An objective whose scorers are arrays of NDCG by user; it counts the users that were asked for."""

    rows: IntArray
    asked: list[int]

    @property
    def queries(self) -> IntArray:
        return self.rows

    def of_users(self, rows: IntArray) -> Measured:
        return Measured(self.rows[rows], self.asked)

    def ndcg(self, scorer: Any) -> FloatArray:
        self.asked.append(len(self.rows))
        return np.asarray(scorer.by_user[self.rows])


def trial(mean: float, seed: int = 0) -> Any:
    return SimpleNamespace(by_user=np.clip(np.random.default_rng(seed).normal(mean, 0.05, N), 0, 1))


def race_of(n: int) -> tuple[Race, list[int]]:
    asked: list[int] = []
    return Race.of(Measured(np.arange(n), asked), seed=3), asked  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 200, 599, 600, 5_000, N])
def test_the_samples_are_all_users_once_and_grow(n: int) -> None:
    race, asked = race_of(n)
    assert race.ndcg(trial(0.5)) == pytest.approx(trial(0.5).by_user[:n].mean())
    assert sum(asked) == n
    assert asked == sorted(asked)


def test_a_trial_that_is_clearly_behind_is_dropped_and_its_figure_is_below_the_best() -> None:
    race, asked = race_of(N)
    best = race.ndcg(trial(0.5))
    asked.clear()
    found = race.ndcg(trial(0.4, seed=1))
    assert found < best
    assert found == pytest.approx(0.4, abs=0.02)
    assert (race.n_dropped, sum(asked)) == (1, 300)


def test_a_better_trial_is_measured_by_all_users_and_becomes_the_one_to_beat() -> None:
    race, asked = race_of(N)
    race.ndcg(trial(0.5))
    asked.clear()
    assert race.ndcg(trial(0.6, seed=1)) == pytest.approx(trial(0.6, seed=1).by_user.mean())
    assert sum(asked) == N
    race.ndcg(trial(0.55, seed=2))
    assert race.n_dropped == 1


def test_of_many_equal_trials_a_third_is_measured_beyond_the_first_sample() -> None:
    race, asked = race_of(N)
    race.ndcg(trial(0.5))
    asked.clear()
    n = 60
    for seed in range(1, n + 1):
        race.ndcg(trial(0.5, seed=seed))
    assert asked.count(300) == n
    assert n / 10 < asked.count(900) < n / 2
    assert asked.count(N - 1_200) < asked.count(900)


def test_a_trial_that_is_dropped_costs_a_twentieth_of_one_measured_by_all_users() -> None:
    race, asked = race_of(N)
    race.ndcg(trial(0.5))
    asked.clear()
    for seed in range(1, 21):
        race.ndcg(trial(0.3, seed=seed))
    assert sum(asked) == N


@pytest.mark.parametrize(("seconds", "samples"), [(0.0, [300]), (60.0, [300, 900, N - 1_200])])
def test_samples_that_would_take_too_long_are_left_out_for_all_trials(seconds: float, samples: list[int]) -> None:
    race, asked = race_of(N)
    race.seconds = seconds
    race.ndcg(trial(0.5))
    assert asked == samples
    asked.clear()
    assert race.ndcg(trial(0.6, seed=1)) == pytest.approx(0.6, abs=0.02)
    assert asked == samples
