"""Candidates of many histories, their scores and lists, by compiled code, as training and batches need them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray


class BestCandidates(NamedTuple):
    """Lists of candidates.

    Attributes:
        item: int32[n_histories, n], row numbers, best first; -1 beyond the last.
        score: float32[n_histories, n].
        n_reaching: int64[n_histories], candidates, hidden ones included, that score as high as the last place.
    """

    item: IntArray
    score: FloatArray
    n_reaching: IntArray


class CandidateRows(NamedTuple):
    """Candidates of histories: those of history r are the items from starts[r] to starts[r + 1], ascending.

    Attributes:
        starts: int64[n_histories + 1].
        item: int32[n_candidates].
        n_items: number of items.
    """

    starts: IntArray
    item: IntArray
    n_items: int

    @classmethod
    def named(
        cls, history: csr_matrix, neighbour: IntArray, support: FloatArray, orders: IntArray, n: IntArray
    ) -> CandidateRows:
        """Name the candidates of histories; see `name_candidates`.

        Args:
            history: CSR [n_histories, n_items], weights.
            neighbour: int32[n_items, m].
            support: float32[n_items, m].
            orders: int64[n_orders, max(n)].
            n: int[n_histories].

        Returns:
            The candidates.
        """
        from src.models.kernels.list_kernels import name_candidates  # not at the top: serving must not import Numba

        weight = np.asarray(history.data, np.float32)
        found = name_candidates(history.indptr, history.indices, weight, neighbour, support, orders, n.astype(np.int64))
        return cls(*found, len(neighbour))

    def add_products(self, given: FloatArray, vectors: FloatArray, score: FloatArray) -> None:
        """Add products of two vectors to scores.

        Args:
            given: float32[n_histories, f].
            vectors: float32[n_items, f].
            score: float32[n_candidates], changed.
        """
        from src.models.kernels.list_kernels import add_products

        add_products(self.starts, self.item, given, vectors, score)

    def add_pairs(self, pairs: csr_matrix, score: FloatArray) -> None:
        """Add the values of a sparse matrix to scores.

        Args:
            pairs: CSR [n_histories, n_items].
            score: float32[n_candidates], changed.
        """
        from src.models.kernels.list_kernels import add_pairs

        value = np.asarray(pairs.data, np.float32)
        add_pairs(self.starts, self.item, pairs.indptr, pairs.indices, value, self.n_items, score)

    def best(self, score: FloatArray, hidden: csr_matrix, listed: BoolArray | None, n: int) -> BestCandidates:
        """Return the candidates with the highest scores.

        Args:
            score: float32[n_candidates].
            hidden: CSR [n_histories, n_items], the items that each list must not hold.
            listed: bool[n_items], False for items that no list holds; None if there is none.
            n: length of the lists.

        Returns:
            The lists, best first, equal scores by row number.
        """
        from src.models.kernels.list_kernels import write_lists

        shape = (len(self.starts) - 1, n)
        may_be_listed = np.ones(self.n_items, np.bool_) if listed is None else listed
        best = BestCandidates(np.empty(shape, np.int32), np.empty(shape, np.float32), np.empty(shape[0], np.int64))
        write_lists(self.starts, self.item, score, hidden.indptr, hidden.indices, may_be_listed, *best)
        return best
