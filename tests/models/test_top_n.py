"""The best of many rows at once equal those found by sorting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from src.core.domain import FloatArray
from src.models.compiled_top_n import best_of_rows
from src.models.top_n import top_n

Shape = tuple[int, int]


def by_sorting(score: FloatArray, n: int) -> list[list[int]]:
    """The columns of finite scores, highest first, equal ones by column; -1 beyond the last."""
    lists = []
    for row in score.tolist():
        finite = [(-value, at) for at, value in enumerate(row) if np.isfinite(value)]
        chosen = [at for _, at in sorted(finite)][:n]
        lists.append(chosen + [-1] * (n - len(chosen)))
    return lists


SCORES: dict[str, Callable[[np.random.Generator, Shape], FloatArray]] = {
    "all different": lambda rng, shape: rng.permutation(shape[0] * shape[1]).reshape(shape).astype(float),
    "normal": lambda rng, shape: rng.normal(size=shape),
    "ties": lambda rng, shape: rng.integers(0, 5, shape).astype(float),
    "one value": lambda rng, shape: np.full(shape, 2.5),
    "mostly nothing": lambda rng, shape: np.where(rng.random(shape) < 0.002, rng.random(shape), 0.0),
    "negative": lambda rng, shape: -rng.integers(0, 50, shape).astype(float),
    "some NaN": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.nan, rng.normal(size=shape)),
    "mostly NaN": lambda rng, shape: np.where(rng.random(shape) < 0.995, np.nan, rng.normal(size=shape)),
    "nothing but NaN": lambda rng, shape: np.full(shape, np.nan),
    "masked": lambda rng, shape: np.where(rng.random(shape) < 0.9, -np.inf, rng.normal(size=shape)),
    "nothing but masked": lambda rng, shape: np.full(shape, -np.inf),
    "infinite": lambda rng, shape: np.where(rng.random(shape) < 0.1, np.inf, rng.integers(0, 9, shape)),
    "everything": lambda rng, shape: rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e30, -1e30], shape),
    "tiny": lambda rng, shape: rng.choice([1e-45, 2e-45, 0.0, -1e-45], shape),
    "best at the end": lambda rng, shape: np.tile(np.arange(float(shape[1])), (shape[0], 1)),
}
SHAPES: list[Shape] = [(1, 1), (3, 7), (40, 100), (17, 1_030), (2, 9_001)]


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 10, 130])
def test_the_best_of_each_row_are_those_that_sorting_finds(kind: str, shape: Shape, n: int) -> None:
    score = SCORES[kind](np.random.default_rng(n), shape).astype(np.float32)
    expected = by_sorting(score, n)
    found = best_of_rows(score, n)
    assert (found.column.dtype, found.score.dtype) == (np.int32, np.float32)
    assert found.column.tolist() == expected
    at = np.take_along_axis(score, np.maximum(found.column, 0), axis=1)
    np.testing.assert_array_equal(found.score, np.where(found.column >= 0, at, 0))


@pytest.mark.parametrize("kind", SCORES)
def test_a_row_among_many_has_the_best_of_a_row_alone(kind: str) -> None:
    score = SCORES[kind](np.random.default_rng(7), (33, 700)).astype(np.float32)
    together = best_of_rows(score, 12).column
    for row, mine in zip(score, together, strict=True):
        assert best_of_rows(row[None], 12).column[0].tolist() == mine.tolist()
        alone = top_n(row, 12).item_idx.tolist()
        assert alone == [at for at in mine.tolist() if at >= 0]


@pytest.mark.parametrize(("shape", "n"), [((0, 5), 3), ((4, 0), 3), ((4, 5), 0), ((0, 0), 0)])
def test_of_nothing_there_is_no_best(shape: Shape, n: int) -> None:
    assert best_of_rows(np.zeros(shape, np.float32), n).column.tolist() == [[-1] * n] * shape[0]
