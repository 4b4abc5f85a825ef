"""Exact lists by models that score by factors, without scoring most of a large catalogue.

A product of two vectors is at most that of their lengths. Items are scored from the longest vector on, a part at a
time, until no item of the rest can reach the last place of a list (Teflioudi, Gemulla and Mykytiuk, "LEMP: fast
retrieval of large entries in a matrix product", SIGMOD 2015, section 3). Popular items have the longest vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.models.base import ScoresByFactors
from src.models.compiled_top_n import best_of_rows
from src.models.normalization import less_own, scale_columns

ITEMS_AT_ONCE = 4_096
QUERIES_AT_ONCE = 512
_ROUNDING = 1e-4
"""By so much, as a part of both lengths, a product in single precision may be larger than they are."""


@dataclass(frozen=True)
class ItemsByLength:
    """The items of a model, those with the longest vectors first; self-scores are not negative.

    Attributes:
        scorer: the model.
        order: int64[n], items whose vectors are not zeros.
        length: float32[n], of their vectors, descending.
        place: int64[n_items], where each item is in the order; n for others.
    """

    scorer: ScoresByFactors
    order: IntArray
    length: FloatArray
    place: IntArray

    @classmethod
    def of(cls, scorer: ScoresByFactors) -> Self:
        """Sort the items of a model."""
        vectors = scorer.item_vectors
        length = np.sqrt(np.einsum("if,if->i", vectors, vectors))
        order = np.argsort(-length, kind="stable")[: np.count_nonzero(length)]
        place = np.full(len(length), len(order))
        place[order] = np.arange(len(order))
        return cls(scorer, order, length[order], place)

    def best(self, history: csr_matrix, masked: csr_matrix, n: int) -> IntArray:
        """Return the items with the highest scores other than 0 for each history.

        Args:
            history: CSR [n_histories, n_items], weights.
            masked: CSR [n_histories, n_items], other than 0 for items that are not returned.
            n: length of the lists.

        Returns:
            int32[n_histories, n], best first, equal scores by row number; -1 beyond the last.
        """
        given = self.scorer.history_factors(history)
        reach = np.linalg.norm(given, axis=1) * np.float32(1 + _ROUNDING)
        itself = self.scorer.self_scores
        hidden = _Cells.of(masked, self.place)
        own = None if itself is None else _Cells.of(scale_columns(history, itself), self.place)
        item, score = np.full((len(given), n), -1, np.int64), np.full((len(given), n), -np.inf, np.float32)
        open_, start = np.flatnonzero(reach), 0
        while start < len(self.order):
            open_ = open_[score[open_, -1] <= reach[open_] * self.length[start]]
            if not len(open_):
                break
            part = np.sort(self.order[start : start + ITEMS_AT_ONCE])
            found = given[open_] @ self.scorer.item_vectors[part].T
            if own is not None:
                at, value = own.within(start, open_, part)
                found[at] = less_own(found[at], value)
            found[found == 0] = -np.inf
            found[hidden.within(start, open_, part)[0]] = -np.inf
            best = best_of_rows(found, min(n, len(part)))
            items = np.concatenate([item[open_], np.where(best.column >= 0, part[best.column], -1)], axis=1)
            scores = np.concatenate([score[open_], np.where(best.column >= 0, best.score, -np.inf)], axis=1)
            chosen = np.lexsort((items, -scores))[:, :n]
            item[open_], score[open_] = (np.take_along_axis(both, chosen, axis=1) for both in (items, scores))
            start += ITEMS_AT_ONCE
        return np.where(score > -np.inf, item, -1).astype(np.int32)


@dataclass(frozen=True)
class _Cells:
    """The entries of a sparse matrix, by the places of their items.

    Attributes:
        row: int64[n].
        item: int64[n].
        value: float[n].
        place: int64[n], ascending.
    """

    row: IntArray
    item: IntArray
    value: FloatArray
    place: IntArray

    @classmethod
    def of(cls, matrix: csr_matrix, place: IntArray) -> Self:
        """Sort the entries; place: int64[n_items]."""
        at = place[matrix.indices]
        order = np.argsort(at, kind="stable")
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return cls(row[order], matrix.indices[order], matrix.data[order], at[order])

    def within(self, start: int, rows: IntArray, items: IntArray) -> tuple[tuple[IntArray, IntArray], FloatArray]:
        """Find the entries of a part of the items.

        Args:
            start: place of the first of these items.
            rows: int64[m], rows to find entries of, ascending.
            items: int64[k], the items from that place on, ascending.

        Returns:
            ((numbers of their rows in `rows`, numbers of their items in `items`), their values).
        """
        cells = slice(*np.searchsorted(self.place, (start, start + len(items))))
        row = np.searchsorted(rows, self.row[cells])
        found = np.append(rows, -1)[row] == self.row[cells]
        return (row[found], np.searchsorted(items, self.item[cells][found])), self.value[cells][found]
