"""Compiled loops of the item graph's training. Serving never imports this module."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled

_STEPS = 10
"""Conjugate gradient steps: enough for four digits if the ridge keeps the condition number below a hundred."""


@compiled
def strongest_of_rows(
    pointers: IntArray, indices: IntArray, data: FloatArray, first: int, item: IntArray, value: FloatArray
) -> None:
    """Write the largest positive entries of each CSR row, the diagonal left out.

    Of equal entries at the edge those that come first in the row are taken.

    Args:
        pointers: int[n + 1], where the rows begin.
        indices: int, column numbers.
        data: float32, values.
        first: row r of these is row first + r of the whole matrix.
        item: int32[n, m], -1 before; receives the column numbers.
        value: float32[n, m], receives the values.
    """
    most = item.shape[1]
    for row in range(len(pointers) - 1):
        low, high = pointers[row], pointers[row + 1]
        entries = data[low:high].copy()
        for at in range(high - low):
            if indices[low + at] == row + first:
                entries[at] = 0
        edge = np.float32(0)
        if high - low > most:
            edge = np.partition(entries, high - low - most)[high - low - most]
        n_above = 0
        for at in range(high - low):
            n_above += entries[at] > edge
        room_for_equals = most - n_above
        count = 0
        for at in range(high - low):
            equal = entries[at] == edge and edge > 0 and room_for_equals > 0
            if equal:
                room_for_equals -= 1
            if (entries[at] > edge or equal) and count < most:
                item[row, count] = indices[low + at]
                value[row, count] = entries[at]
                count += 1


@compiled
def ridge_of_columns(
    pointers: IntArray,
    item: IntArray,
    value: FloatArray,
    diagonal: FloatArray,
    start: int,
    chosen: IntArray,
    weight: FloatArray,
) -> None:
    """Regress columns of a Gram matrix on their strongest neighbours: (G_NN + λ I) w = G_N,i.

    The solver is conjugate gradients scaled by the diagonal (Saad, "Iterative methods for sparse linear systems",
    algorithm 9.1). Pairs that `item` does not hold count as 0. The columns are start, start + 1, …: one for
    each row of `chosen`.

    Args:
        pointers: int64[n_items + 1], where the neighbours of each item begin.
        item: int32[n], neighbours.
        value: float32[n], their entries of G.
        diagonal: float32[n_items], of G + λ I.
        start: first column.
        chosen: int32[m, neighbours], -1 before; receives the neighbours.
        weight: float32[m, neighbours], receives w.
    """
    neighbours = chosen.shape[1]
    place = np.full(len(diagonal), -1, np.int32)
    gram = np.empty((neighbours, neighbours), np.float32)
    for row in range(len(chosen)):
        target = start + row
        low, high = pointers[target], pointers[target + 1]
        if low == high:
            continue
        order = np.argsort(-value[low:high])[: min(high - low, neighbours)]
        size = len(order)
        right = np.empty(size, np.float32)
        for p in range(size):
            chosen[row, p] = item[low + order[p]]
            right[p] = value[low + order[p]]
        _fill_gram(pointers, item, value, diagonal, chosen[row, :size], place, gram)
        # One function on purpose: as a helper, these loops sum in another order when they come from the cache.
        solution = np.empty(size, np.float32)
        residual = np.empty(size, np.float32)
        direction = np.empty(size, np.float32)
        product = np.empty(size, np.float32)
        for p in range(size):
            solution[p] = right[p] / gram[p, p]
        energy = np.float32(0)
        for p in range(size):
            total = np.float32(0)
            for q in range(size):
                total += gram[p, q] * solution[q]
            residual[p] = right[p] - total
            direction[p] = residual[p] / gram[p, p]
            energy += residual[p] * direction[p]
        for _ in range(_STEPS):
            if energy < np.float32(1e-14):
                break
            curvature = np.float32(0)
            for p in range(size):
                total = np.float32(0)
                for q in range(size):
                    total += gram[p, q] * direction[q]
                product[p] = total
                curvature += total * direction[p]
            step = energy / curvature
            next_energy = np.float32(0)
            for p in range(size):
                solution[p] += step * direction[p]
                residual[p] -= step * product[p]
                next_energy += residual[p] * residual[p] / gram[p, p]
            for p in range(size):
                direction[p] = residual[p] / gram[p, p] + (next_energy / energy) * direction[p]
            energy = next_energy
        weight[row, :size] = solution


@compiled
def _fill_gram(
    pointers: IntArray,
    item: IntArray,
    value: FloatArray,
    diagonal: FloatArray,
    chosen: IntArray,
    place: IntArray,
    gram: FloatArray,
) -> None:
    """Write G + λ I of the chosen items into the corner of gram. place: int32[n_items], -1 before and after."""
    size = len(chosen)
    for p in range(size):
        place[chosen[p]] = p
    gram[:size, :size] = 0
    for p in range(size):
        near = chosen[p]
        gram[p, p] = diagonal[near]
        for at in range(pointers[near], pointers[near + 1]):
            q = place[item[at]]
            if q >= 0:
                gram[p, q] = value[at]
                gram[q, p] = value[at]
    for p in range(size):
        place[chosen[p]] = -1
