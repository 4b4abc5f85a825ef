"""Compiled loops of the item graph's training. Serving never imports this module."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled
from src.models.sparse_rows import Pairs

_STEPS = 11
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
def count_once(pairs: Pairs, rank: IntArray, edge: FloatArray, counts: IntArray) -> None:
    """Count what `write_once` writes.

    Args:
        pairs: see `write_once`.
        rank: see `write_once`.
        edge: see `write_once`.
        counts: int64[n_items], zeros before; receives the lengths of the rows.
    """
    for own in range(len(pairs.pointers) - 1):
        for at in range(pairs.pointers[own], pairs.pointers[own + 1]):
            other = pairs.item[at]
            if rank[own] > rank[other]:
                counts[rank[own]] += 1
            elif pairs.value[at] <= edge[other]:
                counts[rank[other]] += 1


@compiled
def write_once(pairs: Pairs, rank: IntArray, edge: FloatArray, ends: IntArray, once: Pairs) -> None:
    """Write pairs of items in rank numbers, each into the row of its higher rank alone.

    Args:
        pairs: of all items.
        rank: int32[n_items], a permutation.
        edge: float32[n_items]; a pair of a higher value is among those of this item, too.
        ends: int64[n_items], by rank, where the rows begin; becomes where they end.
        once: receives the pairs. One at the edge of both items may be there twice.
    """
    for own in range(len(pairs.pointers) - 1):
        for at in range(pairs.pointers[own], pairs.pointers[own + 1]):
            low, high = rank[pairs.item[at]], rank[own]
            if low > high:
                if pairs.value[at] > edge[pairs.item[at]]:
                    continue
                low, high = high, low
            once.item[ends[high]], once.value[ends[high]] = low, pairs.value[at]
            ends[high] += 1


@compiled
def ridge_of_columns(
    pairs: Pairs, rank: IntArray, once: Pairs, diagonal: FloatArray, start: int, chosen: IntArray, weight: FloatArray
) -> None:
    """Regress columns of a Gram matrix on their strongest neighbours: (G_NN + λ I) w = G_N,i.

    The solver is conjugate gradients scaled by the diagonal (Saad, "Iterative methods for sparse linear systems",
    algorithm 9.1). Pairs that `pairs` does not hold count as 0. The columns are start, start + 1, …: one for
    each row of `chosen`.

    Args:
        pairs: neighbours, and their entries of G.
        rank: int32[n_items], see `write_once`.
        once: the same pairs, of `write_once`.
        diagonal: float32[n_items], of G + λ I.
        start: first column.
        chosen: int32[m, neighbours], -1 before; receives the neighbours, by rank.
        weight: float32[m, neighbours], receives w.
    """
    neighbours = chosen.shape[1]
    place = np.full(len(diagonal), neighbours, np.uint16)
    # The lower triangle without the diagonal, and a column that is not read, for items that are not chosen.
    gram = np.empty((neighbours, neighbours + 1), np.float32)
    scale, right = np.empty(neighbours, np.float32), np.empty(neighbours, np.float32)
    solution, residual = np.empty(neighbours, np.float32), np.empty(neighbours, np.float32)
    direction, product = np.empty(neighbours, np.float32), np.empty(neighbours, np.float32)
    for row in range(len(chosen)):
        low, high = pairs.pointers[start + row], pairs.pointers[start + row + 1]
        if low == high:
            continue
        order = low + np.argsort(-pairs.value[low:high])[: min(high - low, neighbours)]
        order = order[np.argsort(rank[pairs.item[order]])]
        size = len(order)
        for p in range(size):
            near = pairs.item[order[p]]
            chosen[row, p], right[p], scale[p] = near, pairs.value[order[p]], diagonal[near]
        _fill_gram(once, rank, chosen[row, :size], place, gram)
        # One function on purpose: as a helper, these loops sum in another order when they come from the cache.
        energy = np.float32(0)
        for p in range(size):
            solution[p] = 0
            residual[p] = right[p]
            direction[p] = residual[p] / scale[p]
            energy += residual[p] * direction[p]
        for _ in range(_STEPS):
            if energy < np.float32(1e-14):
                break
            for p in range(size):
                product[p] = scale[p] * direction[p]
            for p in range(size):
                total, own = np.float32(0), direction[p]
                for q in range(p):
                    total += gram[p, q] * direction[q]
                    product[q] += gram[p, q] * own
                product[p] += total
            curvature = np.float32(0)
            for p in range(size):
                curvature += product[p] * direction[p]
            step = energy / curvature
            next_energy = np.float32(0)
            for p in range(size):
                solution[p] += step * direction[p]
                residual[p] -= step * product[p]
                next_energy += residual[p] * residual[p] / scale[p]
            for p in range(size):
                direction[p] = residual[p] / scale[p] + (next_energy / energy) * direction[p]
            energy = next_energy
        weight[row, :size] = solution[:size]


@compiled
def _fill_gram(once: Pairs, rank: IntArray, chosen: IntArray, place: IntArray, gram: FloatArray) -> None:
    """Write G of the chosen items, which are sorted by rank, into the lower triangle of gram.

    Without a branch, which nothing could predict: what others have goes into the last column.

    place: uint16[n_items], by rank, the number of gram's last column before and after.
    """
    elsewhere = gram.shape[1] - 1
    for p in range(len(chosen)):
        own, row = rank[chosen[p]], gram[p]
        row[:p] = 0
        item = once.item[once.pointers[own] : once.pointers[own + 1]]
        value = once.value[once.pointers[own] : once.pointers[own + 1]]
        for at in range(len(item)):
            row[place[item[at]]] = value[at]
        place[own] = p
    for p in range(len(chosen)):
        place[rank[chosen[p]]] = elsewhere
