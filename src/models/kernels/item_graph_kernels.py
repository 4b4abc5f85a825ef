"""The compiled loops of the item graph's training. Imported while training only."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled

_STEPS = 10
"""Of conjugate gradients: enough for four digits where the ridge keeps the condition number below a hundred."""


@compiled
def strongest_of_rows(
    pointers: IntArray, indices: IntArray, data: FloatArray, first: int, item: IntArray, value: FloatArray
) -> None:
    """Write the largest positive entries of each CSR row into the rows of item (-1 before) and value, the diagonal left
    out; row r of the part is row first + r of the whole. Of equal ones at the edge those that the row names first stay.
    """
    kept = item.shape[1]
    for row in range(len(pointers) - 1):
        low, high = pointers[row], pointers[row + 1]
        mine = data[low:high].copy()
        for at in range(high - low):
            if indices[low + at] == row + first:
                mine[at] = 0
        edge = np.float32(0)
        if high - low > kept:
            edge = np.partition(mine, high - low - kept)[high - low - kept]
        n_above = 0
        for at in range(high - low):
            n_above += mine[at] > edge
        room_for_equals = kept - n_above
        count = 0
        for at in range(high - low):
            equal = mine[at] == edge and edge > 0 and room_for_equals > 0
            if equal:
                room_for_equals -= 1
            if (mine[at] > edge or equal) and count < kept:
                item[row, count] = indices[low + at]
                value[row, count] = mine[at]
                count += 1


@compiled
def ridge_of_columns(
    item: IntArray,
    value: FloatArray,
    diagonal: FloatArray,
    ridge: float,
    start: int,
    chosen: IntArray,
    weight: FloatArray,
) -> None:
    """For the items from `start` on, as many as `chosen` and `weight` have rows: the regression of its column on its
    strongest neighbours, (G_NN + ridge I) w = G_N,i, by conjugate gradients scaled by the diagonal (Saad, "Iterative
    methods for sparse linear systems", algorithm 9.1). Pairs that `item` does not hold count as 0.

    Writes int32 chosen[m, neighbours], -1 before and beyond the last, and float32 weight[m, neighbours].
    """
    n_items, kept = item.shape
    n_rows, neighbours = chosen.shape
    place = np.full(n_items, -1, np.int32)
    gram = np.empty((neighbours, neighbours), np.float32)
    for row in range(n_rows):
        target = start + row
        n = 0
        while n < kept and item[target, n] >= 0:
            n += 1
        if n == 0:
            continue
        order = np.argsort(-value[target, :n])[: min(n, neighbours)]
        size = len(order)
        right = np.empty(size, np.float32)
        for p in range(size):
            chosen[row, p] = item[target, order[p]]
            right[p] = value[target, order[p]]
            place[chosen[row, p]] = p
        gram[:size, :size] = 0
        for p in range(size):
            near = chosen[row, p]
            gram[p, p] = diagonal[near] + np.float32(ridge)
            for at in range(kept):
                if item[near, at] < 0:
                    break
                q = place[item[near, at]]
                if q >= 0:
                    gram[p, q] = value[near, at]
                    gram[q, p] = value[near, at]
        for p in range(size):
            place[chosen[row, p]] = -1
        solution = np.empty(size, np.float32)
        left = np.empty(size, np.float32)
        direction = np.empty(size, np.float32)
        pushed = np.empty(size, np.float32)
        for p in range(size):
            solution[p] = right[p] / gram[p, p]
        energy = np.float32(0)
        for p in range(size):
            total = np.float32(0)
            for q in range(size):
                total += gram[p, q] * solution[q]
            left[p] = right[p] - total
            direction[p] = left[p] / gram[p, p]
            energy += left[p] * direction[p]
        for _ in range(_STEPS):
            if energy < np.float32(1e-14):
                break
            along = np.float32(0)
            for p in range(size):
                total = np.float32(0)
                for q in range(size):
                    total += gram[p, q] * direction[q]
                pushed[p] = total
                along += total * direction[p]
            step = energy / along
            after = np.float32(0)
            for p in range(size):
                solution[p] += step * direction[p]
                left[p] -= step * pushed[p]
                after += left[p] * left[p] / gram[p, p]
            for p in range(size):
                direction[p] = left[p] / gram[p, p] + (after / energy) * direction[p]
            energy = after
        weight[row, :size] = solution
