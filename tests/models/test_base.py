"""Shared parts of models."""

from __future__ import annotations

import numpy as np
import pytest

from src.models.base import count_of
from src.models.top_n import top_n


@pytest.mark.parametrize(
    ("score", "n", "expected"),
    [
        ([1, 3, 2], 2, [1, 2]),
        ([1, 1, 1, 1], 2, [0, 1]),
        ([2, 1, 2, 1], 3, [0, 2, 1]),
        ([np.nan, 1, np.inf, -np.inf, 0], 9, [1, 4]),
        ([np.nan], 3, []),
        ([], 3, []),
        ([5], 0, []),
    ],
)
def test_the_best_scores_come_first_and_ties_in_the_order_of_rows(
    score: list[float], n: int, expected: list[int]
) -> None:
    found = top_n(np.array(score, dtype=np.float32), n)
    assert found.item_idx.tolist() == expected
    assert found.score.tolist() == [score[at] for at in expected]


def test_the_best_of_many_random_scores_are_those_of_a_stable_sort() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 7, 99, 100):
        score = rng.integers(0, 9, 100).astype(float)
        assert top_n(score, n).item_idx.tolist() == sorted(range(100), key=lambda at: -score[at])[:n]


def test_an_unknown_user_has_no_ratings() -> None:
    counts = np.array([3, 4])
    assert [count_of(counts, idx) for idx in (-1, 0, 1)] == [0, 3, 4]
