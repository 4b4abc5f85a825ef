"""Collect the first reason against each row of a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from src.core.domain import BoolArray
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode

T = TypeVar("T")


def where_true(values: Sequence[T], test: Callable[[T], bool]) -> BoolArray:
    """Test values.

    Args:
        values: n values.
        test: The test.

    Returns:
        bool[n], whether each value passes it.
    """
    return np.fromiter(map(test, values), dtype=np.bool_, count=len(values))


class RowRejections:
    """The first reason found against each row of a block of n rows."""

    def __init__(self, n: int) -> None:
        self._number = np.zeros(n, dtype=np.int16)
        self._rejections = [Rejection(RejectionCode.MISSING_FIELD)]  # number 0 means "good": never read

    def add(self, where: BoolArray, code: RejectionCode, detail: str = "") -> None:
        """Reject rows that no earlier reason rejects.

        Args:
            where: bool[n], the rows.
            code: The reason.
            detail: What fills the place in the sentence of the code.
        """
        rows = where & (self._number == 0)
        if rows.any():
            self._number[rows] = len(self._rejections)
            self._rejections.append(Rejection(code, detail))

    def add_where(self, values: Sequence[T], test: Callable[[T], bool], code: RejectionCode, detail: str = "") -> None:
        """Reject rows by a test of one value a row.

        Args:
            values: n values.
            test: Whether a value rejects its row.
            code: The reason.
            detail: What fills the place in the sentence of the code.
        """
        self.add(where_true(values, test), code, detail)

    @property
    def good(self) -> BoolArray:
        """bool[n], rows without any reason against them."""
        return np.asarray(self._number == 0)

    def rejected_rows(self, block: RawBlock) -> list[RejectedRow]:
        """Return the rejected and the broken rows of the block, in the order of the file."""
        rejected = np.flatnonzero(self._number).tolist()
        rows = [block.reject(at, self._rejections[self._number[at]]) for at in rejected]
        return sorted([*block.broken, *rows], key=lambda row: row.line)
