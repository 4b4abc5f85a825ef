"""The compiled selection of the best scores equals the one of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from src.models.compiled_top_n import best_of_rows
from src.models.top_n import top_n_of_rows


@pytest.mark.parametrize(("n", "n_items"), [(1, 1), (5, 3), (7, 50), (200, 1_000), (20, 5_000), (600, 2_000)])
def test_compiled_and_plain_selection_name_the_same_columns(n: int, n_items: int) -> None:
    rng = np.random.default_rng(n)
    score = rng.integers(-9, 9, (40, n_items)).astype(np.float32)  # many are equal
    score[20:] += rng.random((20, n_items), np.float32)
    score[rng.random(score.shape) < 0.2] = np.nan
    score[3], score[4] = np.nan, -np.inf
    score[5, : n_items // 2] = np.inf
    expected, found = top_n_of_rows(score.copy(), n), best_of_rows(score, n)
    np.testing.assert_array_equal(found.column, expected)
    at = np.take_along_axis(score, np.maximum(expected, 0), axis=1)
    np.testing.assert_array_equal(found.score, np.where(expected >= 0, at, 0))
