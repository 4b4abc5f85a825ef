"""Sums over a few rows of a CSR matrix, as one query needs them: no step in Python for each row.

SciPy's products check and copy their matrices first, which takes longer than these sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray

_ZEROS_FOR_A_SEARCH = 16
"""Numbers of a dense array that are written in the time of one binary search."""


class RowEntries(NamedTuple):
    """Entries of some rows, one row after another.

    Attributes:
        at: int64[n], their positions in the arrays of the matrix.
        weight: [n], the weight of the row of each.
    """

    at: IntArray
    weight: Any


class Pairs(NamedTuple):
    """Some entries of each row of a matrix, its diagonal left out.

    Attributes:
        pointers: int64[n_items + 1], where the entries of each item begin.
        item: int32[n], column numbers.
        value: float32[n].
    """

    pointers: IntArray
    item: IntArray
    value: FloatArray

    @classmethod
    def of_table(cls, item: IntArray, value: FloatArray) -> Pairs:
        """Return the entries of a table with a row for each item.

        Args:
            item: int32[n_items, m], column numbers; -1 beyond the last.
            value: float32[n_items, m].

        Returns:
            The entries without the places beyond the last.
        """
        used = item >= 0
        return cls(np.append(0, np.cumsum(used.sum(axis=1))), item[used], value[used])

    @classmethod
    def joined(cls, parts: Sequence[Pairs]) -> Pairs:
        """Return the rows of all parts, one part below the other; there is one at least."""
        counts = np.concatenate([np.diff(part.pointers) for part in parts])
        item, value = (np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "value"))
        return cls(np.append(0, np.cumsum(counts)), item, value)


def entries_of(rows: IntArray, weight: FloatArray | IntArray, pointers: IntArray) -> RowEntries:
    """Find the entries of rows.

    Args:
        rows: int[m], row numbers.
        weight: [m], of each row.
        pointers: int[n_rows + 1], where the rows of the matrix begin.

    Returns:
        All their entries.
    """
    starts, length = pointers[rows], pointers[rows + 1] - pointers[rows]
    upto = length.cumsum()  # methods: numpy's functions of these names take a microsecond more
    n = int(upto[-1]) if len(upto) else 0
    return RowEntries(np.arange(n) + (starts - upto + length).repeat(length), np.asarray(weight).repeat(length))


def sums_at(column: IntArray, value: FloatArray, wanted: IntArray, n_columns: int) -> FloatArray:
    """Add up values by column.

    Args:
        column: int[n], with repetitions.
        value: float[n].
        wanted: int[m], columns.
        n_columns: number of columns.

    Returns:
        float32[m], the sum of each wanted column; 0 for one without values.
    """
    if len(column) * _ZEROS_FOR_A_SEARCH > n_columns:
        return np.bincount(column, weights=value, minlength=n_columns)[wanted].astype(np.float32)
    distinct, place = np.unique(wanted, return_inverse=True)  # an array of a large catalogue would take longer
    at = np.searchsorted(distinct, column)
    found = at < len(distinct)
    found[found] = distinct[at[found]] == column[found]
    return np.bincount(at[found], weights=value[found], minlength=len(distinct))[place].astype(np.float32)


def sums_by_column(column: IntArray, value: FloatArray, n_columns: int) -> tuple[IntArray, FloatArray]:
    """Add up values by column.

    Args:
        column: int[n], with repetitions.
        value: float[n].
        n_columns: number of columns.

    Returns:
        int64[m], the columns that have a value, ascending; float64[m], their sums.
    """
    if len(column) * _ZEROS_FOR_A_SEARCH > n_columns:
        present = np.flatnonzero(np.bincount(column, minlength=n_columns))
        return present, np.asarray(np.bincount(column, weights=value, minlength=n_columns)[present], np.float64)
    distinct, place = np.unique(column, return_inverse=True)
    sums = np.bincount(place, weights=value, minlength=len(distinct))
    return distinct.astype(np.int64), np.asarray(sums, np.float64)
