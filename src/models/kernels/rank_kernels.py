"""Compiled ranks of a few of many candidates, by several weights of a score. Serving never imports this module."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled

_NOT_LISTED = np.iinfo(np.int32).max


@compiled
def write_ranks(
    rest: FloatArray, score: FloatArray, steps: FloatArray, starts: IntArray, column: IntArray, rank: IntArray
) -> None:
    """Find the ranks of some candidates of each row by rest + step · score; of equal ones the first stands first.

    Args:
        rest: float32[n_rows, m].
        score: float32[n_rows, m], finite.
        steps: float32[n_steps], weights of the score.
        starts: int[n_rows + 1], where the candidates of the rows begin in column; not before starts[0].
        column: int[starts[-1]], the candidates whose ranks are asked for.
        rank: int32[starts[-1] - starts[0], n_steps], receives how many of the row stand before each; the highest
            number for one whose rest is -inf.
    """
    total = np.empty(rest.shape[1], np.float32)
    for row in range(len(rest)):
        if starts[row] == starts[row + 1]:
            continue
        for step in range(len(steps)):
            for at in range(len(total)):
                total[at] = rest[row, at] + steps[step] * score[row, at]
            for place in range(starts[row], starts[row + 1]):
                own, n_before = total[column[place]], 0
                for at in range(column[place]):
                    n_before += total[at] >= own
                for at in range(column[place] + 1, len(total)):
                    n_before += total[at] > own
                rank[place - starts[0], step] = n_before if own > -np.inf else _NOT_LISTED
