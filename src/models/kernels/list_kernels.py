"""Compiled steps of lists from candidates, for many histories at once. Serving never imports this module.

Candidates are the rows of a sparse pattern: those of history r are the items from starts[r] to starts[r + 1].
"""

from __future__ import annotations

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models.kernels.compile import compiled


@compiled
def name_candidates(
    starts: IntArray,
    item: IntArray,
    weight: FloatArray,
    neighbour: IntArray,
    support: FloatArray,
    orders: IntArray,
    n: IntArray,
) -> tuple[IntArray, IntArray]:
    """Name the candidates of histories: the highest sums of their items' neighbours, and the first items of orders.

    Args:
        starts: int[n_rows + 1], where the histories begin in item and weight.
        item: int[n_events].
        weight: float32[n_events].
        neighbour: int32[n_items, m], of each item; -1 beyond the last.
        support: float32[n_items, m], of each neighbour.
        orders: int64[n_orders, at least max(n)], items that are candidates of every history; -1 beyond the last.
        n: int64[n_rows], how many to take of each source; of equal sums the first items.

    Returns:
        int64[n_rows + 1] and int32[n_candidates]: starts and items of the candidates, ascending.
    """
    n_rows, n_items = len(starts) - 1, len(neighbour)
    total, stamp = np.zeros(n_items), np.full(n_items, -1, np.int64)
    touched = np.empty(n_items, np.int32)
    found_starts = np.zeros(n_rows + 1, np.int64)
    found = np.empty(1024, np.int32)
    for row in range(n_rows):
        n_touched = 0
        for at in range(starts[row], starts[row + 1]):
            for place in range(neighbour.shape[1]):
                other = neighbour[item[at], place]
                if other < 0:
                    continue
                if stamp[other] != row:
                    stamp[other] = row
                    total[other] = 0.0
                    touched[n_touched] = other
                    n_touched += 1
                total[other] += support[item[at], place] * weight[at]
        named = _highest(np.sort(touched[:n_touched]), total, n[row])
        first = found_starts[row]
        needed = first + len(named) + orders.shape[0] * n[row]
        if needed > len(found):
            longer = np.empty(2 * needed, np.int32)
            longer[:first] = found[:first]
            found = longer
        last = first
        for at in range(n_touched):
            stamp[touched[at]] = -1
        for other in named:
            stamp[other] = row
            found[last] = other
            last += 1
        for order in range(orders.shape[0]):
            for at in range(n[row]):
                other = orders[order, at]
                if other >= 0 and stamp[other] != row:
                    stamp[other] = row
                    found[last] = other
                    last += 1
        for at in range(first, last):
            stamp[found[at]] = -1
        found[first:last] = np.sort(found[first:last])
        found_starts[row + 1] = last
    return found_starts, found[: found_starts[n_rows]]


@compiled
def _highest(items: IntArray, total: FloatArray, n: int) -> IntArray:
    """Return the n items with the highest totals, of equal ones the first, in the order of items, ascending."""
    if len(items) <= n:
        return items
    value = total[items]
    limit = np.partition(value, len(value) - n)[len(value) - n]
    n_above = 0
    for each in value:
        n_above += each > limit
    n_equal, at, chosen = n - n_above, 0, np.empty(n, np.int32)
    for place in range(len(items)):
        is_equal = value[place] == limit
        if value[place] > limit or (is_equal and n_equal > 0):
            n_equal -= is_equal
            chosen[at] = items[place]
            at += 1
    return chosen


@compiled
def add_products(starts: IntArray, item: IntArray, given: FloatArray, vectors: FloatArray, score: FloatArray) -> None:
    """Add products of two vectors to the scores of candidates.

    Args:
        starts: int64[n_rows + 1], of the candidates.
        item: int32[n_candidates].
        given: float32[n_rows, f], of the histories.
        vectors: float32[n_items, f], of the items.
        score: float32[n_candidates], changed.
    """
    for row in range(len(starts) - 1):
        own = given[row]
        for at in range(starts[row], starts[row + 1]):
            its, dot = vectors[item[at]], np.float32(0)
            for k in range(len(own)):
                dot += own[k] * its[k]
            score[at] += dot


@compiled
def add_pairs(
    starts: IntArray,
    item: IntArray,
    pair_starts: IntArray,
    pair_item: IntArray,
    value: FloatArray,
    n_items: int,
    score: FloatArray,
) -> None:
    """Add the values of a sparse matrix to the scores of candidates.

    Args:
        starts: int64[n_rows + 1], of the candidates.
        item: int32[n_candidates].
        pair_starts: int[n_rows + 1], of the matrix.
        pair_item: int[n_pairs].
        value: float32[n_pairs].
        n_items: number of columns.
        score: float32[n_candidates], changed.
    """
    place = np.full(n_items, -1, np.int64)
    for row in range(len(starts) - 1):
        for at in range(starts[row], starts[row + 1]):
            place[item[at]] = at
        for pair in range(pair_starts[row], pair_starts[row + 1]):
            at = place[pair_item[pair]]
            if at >= 0:
                score[at] += value[pair]
        for at in range(starts[row], starts[row + 1]):
            place[item[at]] = -1


@compiled
def write_lists(
    starts: IntArray,
    item: IntArray,
    score: FloatArray,
    hidden_starts: IntArray,
    hidden: IntArray,
    is_listed: BoolArray,
    listed: IntArray,
    listed_score: FloatArray,
    n_reaching: IntArray,
) -> None:
    """Write the finite best candidates of each history, best first, of equal ones the first items.

    Args:
        starts: int64[n_rows + 1], of the candidates.
        item: int32[n_candidates].
        score: float32[n_candidates].
        hidden_starts: int[n_rows + 1], of the items that a list must not hold.
        hidden: int[n_hidden].
        is_listed: bool[n_items], False for items that no list holds.
        listed: int32[n_rows, n], receives items; -1 beyond the last.
        listed_score: float32[n_rows, n], receives their scores; 0 beyond the last.
        n_reaching: int64[n_rows], receives how many candidates, hidden ones included, score as high as the last place.
    """
    length, mark = listed.shape[1], np.full(len(is_listed), -1, np.int64)
    for row in range(len(starts) - 1):
        for at in range(hidden_starts[row], hidden_starts[row + 1]):
            mark[hidden[at]] = row
        n = 0
        for at in range(starts[row], starts[row + 1]):
            value, own = score[at], item[at]
            if not is_listed[own] or mark[own] == row or not np.isfinite(value):
                continue
            if n == length and not value > listed_score[row, n - 1]:
                continue
            place = n if n < length else length - 1
            while place and listed_score[row, place - 1] < value:
                if place < length:
                    listed[row, place], listed_score[row, place] = listed[row, place - 1], listed_score[row, place - 1]
                place -= 1
            listed[row, place], listed_score[row, place] = own, value
            n = min(n + 1, length)
        listed[row, n:], listed_score[row, n:] = -1, 0.0
        n_reaching[row] = 0
        for at in range(starts[row], starts[row + 1]):
            n_reaching[row] += n == length and score[at] >= listed_score[row, length - 1]
