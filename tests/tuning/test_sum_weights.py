"""The weights of the sum: a model stays in it only where it is sure to make lists better."""

from __future__ import annotations

import numpy as np
import pytest

from src.core.domain import FloatArray
from src.models import ALS, SPECTRAL
from src.tuning.hyperparameter_search import Clock
from src.tuning.objective import ComponentScores
from src.tuning.sum_weights import FEWEST_USERS, best_weights

N_ITEMS, K = 40, 10
SEEDS = range(12)


def scored(n_users: int, seed: int, *, second: float, names: tuple[str, str] = ("first", "second")) -> ComponentScores:
    """One model that knows what is relevant, half hidden by noise, and one that knows `second` times as much."""
    rng = np.random.default_rng(seed)
    relevant = rng.random((n_users, N_ITEMS)) < 0.1
    relevant[:, 0] = True
    models = [share * relevant + rng.normal(size=relevant.shape) for share in (1.5, 1.5 * second)]
    item = np.tile(np.arange(N_ITEMS, dtype=np.int32), (n_users, 1))
    score: FloatArray = np.stack(models).astype(np.float32)
    return ComponentScores(names, item, score, relevant, relevant.sum(axis=1), K)


def test_a_model_that_scores_by_chance_seldom_gets_a_weight_on_few_users() -> None:
    kept = ["second" in best_weights(scored(60, seed, second=0.0)).weights for seed in SEEDS]
    assert sum(kept) <= len(SEEDS) / 3


def test_models_of_the_known_sum_need_not_be_proved_on_few_users() -> None:
    doubted = [best_weights(scored(40, seed, second=0.2)).weights for seed in SEEDS]
    known = [best_weights(scored(40, seed, second=0.2, names=(SPECTRAL, ALS))).weights for seed in SEEDS]
    assert sum(map(len, known)) > sum(map(len, doubted)) + 2


def test_a_model_that_knows_something_else_keeps_its_weight() -> None:
    for seed in SEEDS:
        found = best_weights(scored(300, seed, second=0.8))
        assert found.weights.keys() == {"first", "second"}
        assert found.ndcg > best_weights(scored(300, seed, second=0.8), without="second").ndcg


@pytest.mark.parametrize(("budget", "n_users"), [(0.0, FEWEST_USERS), (600.0, 4_000)])
def test_with_little_time_weights_are_found_by_a_sample_of_the_users(
    monkeypatch: pytest.MonkeyPatch, budget: float, n_users: int
) -> None:
    counted: list[int] = []
    of_lists = ComponentScores.ndcg_of

    def spy(scores: ComponentScores, total: FloatArray) -> FloatArray:
        counted.append(len(total))
        return of_lists(scores, total)

    monkeypatch.setattr(ComponentScores, "ndcg_of", spy)
    found = best_weights(scored(4_000, 1, second=0.8), clock=Clock(budget))
    assert found.weights.keys() == {"first", "second"}
    assert max(counted) == n_users


def test_where_no_candidate_is_relevant_every_list_is_worth_nothing() -> None:
    some = ComponentScores(
        ("one", "other"),
        np.array([[0, 1], [2, 3]], np.int32),
        np.ones((2, 2, 2), np.float32),
        np.zeros((2, 2), np.bool_),
        np.array([1, 2]),
        K,
    )
    assert some.ndcg(np.array([1.0, 0.5])) == 0
    assert best_weights(some, clock=Clock(5.0)).ndcg == 0
