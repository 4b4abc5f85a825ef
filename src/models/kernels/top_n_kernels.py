"""Compiled selection of the highest scores of many rows. Serving never imports this module."""

from __future__ import annotations

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.compile import compiled

_GROUPS = 512
_CHUNK = 128


@compiled
def write_best(score: FloatArray, column: IntArray, best: FloatArray) -> None:
    """Select the highest finite scores of each row, best first, equal ones by column.

    As many groups of columns as there are places reach a threshold, so the best scores do. A heap with the worst on top
    sorts those that reach it.

    Args:
        score: float32[n_rows, m].
        column: int32[n_rows, n], receives columns; -1 beyond the last.
        best: float32[n_rows, n], receives their scores; 0 beyond the last.
    """
    n, n_groups = column.shape[1], max(_GROUPS, 2 * column.shape[1])
    maxima = np.empty(n_groups, score.dtype)
    for row in range(len(score)):
        heap, place, size = best[row], column[row], 0
        threshold = _threshold(score[row], maxima, n)
        for start in range(0, score.shape[1], _CHUNK):
            chunk = score[row, start : start + _CHUNK]
            if not _n_reaching(chunk, threshold):
                continue
            for offset in range(len(chunk)):
                value, at = chunk[offset], start + offset
                if not value >= threshold or not np.isfinite(value):
                    continue
                if size < n:
                    _sift_up(heap, place, size, value, at)
                    size += 1
                elif value > heap[0]:
                    _sift_down(heap, place, size, value, at)
            if size == n:
                threshold = max(threshold, heap[0])
        for last in range(size - 1, 0, -1):  # heapsort: the worst goes behind the better ones
            value, at = heap[last], place[last]
            heap[last], place[last] = heap[0], place[0]
            _sift_down(heap, place, last, value, at)
        heap[size:], place[size:] = 0.0, -1


@compiled
def _n_reaching(score: FloatArray, threshold: float) -> int:
    """Return how many scores reach the threshold, by vector instructions: few chunks of a row have one."""
    n = 0
    for at in range(len(score)):
        n += score[at] >= threshold
    return n


@compiled
def _threshold(score: FloatArray, maxima: FloatArray, n: int) -> float:
    """Return a number that at least n scores reach, if so many are finite; maxima is overwritten."""
    maxima[:] = -np.inf
    n_groups = len(maxima)
    for start in range(0, len(score) - n_groups + 1, n_groups):
        part = score[start : start + n_groups]
        for group in range(n_groups):
            value, highest = part[group], maxima[group]
            is_higher = (value > highest) & (value < np.inf)  # without a branch: vector instructions
            maxima[group] = value if is_higher else highest
    threshold: float = np.partition(maxima, n_groups - n)[n_groups - n]
    return threshold


@compiled
def _sift_up(heap: FloatArray, place: IntArray, at: int, value: float, column: int) -> None:
    """Add a score to a heap of `at` scores."""
    while at:
        parent = (at - 1) // 2
        if heap[parent] < value or (heap[parent] == value and place[parent] > column):
            break
        heap[at], place[at] = heap[parent], place[parent]
        at = parent
    heap[at], place[at] = value, column


@compiled
def _sift_down(heap: FloatArray, place: IntArray, size: int, value: float, column: int) -> None:
    """Put a score in the place of the worst of a heap."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (heap[other] < heap[child] or (heap[other] == heap[child] and place[other] > place[child])):
            child = other
        if value < heap[child] or (value == heap[child] and column > place[child]):
            break
        heap[at], place[at] = heap[child], place[child]
        at = child
    heap[at], place[at] = value, column
