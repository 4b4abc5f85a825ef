"""Sets of whole numbers as sorted arrays. np.unique hashes, which takes a hundred times as long as numpy's sort."""

from __future__ import annotations

import numpy as np

from src.core.domain import BoolArray, IntArray


def distinct(numbers: IntArray) -> IntArray:
    """Return the distinct ones of whole numbers, ascending."""
    ordered = np.sort(numbers, axis=None)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def is_in(numbers: IntArray, others: IntArray) -> BoolArray:
    """Tell which numbers occur among others.

    Args:
        numbers: int[n].
        others: int[m], in any order, with repetitions.

    Returns:
        bool[n].
    """
    others = distinct(others)
    if not len(others):
        return np.zeros(len(numbers), np.bool_)
    return np.asarray(others[np.minimum(np.searchsorted(others, numbers), len(others) - 1)] == numbers)


def without(numbers: IntArray, others: IntArray) -> IntArray:
    """Return the distinct numbers that do not occur among others.

    Args:
        numbers: int[n].
        others: int[m], in any order, with repetitions.

    Returns:
        int[k], ascending.
    """
    numbers = distinct(numbers)
    return numbers[~is_in(numbers, others)]
