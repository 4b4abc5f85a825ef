"""Item graph: a sparse item-item model, one ridge regression per product on its strongest co-occurrences.

The graph is the normalised co-occurrence G = R̃ᵀR̃ (see normalization). Each product i gets a ridge regression on its
strongest neighbours N: w = (G_NN + λ I)⁻¹ G_N,i. This is the regression of EASE and SLIM (Ning and Karypis, "SLIM",
ICDM 2011) restricted to neighbours, so that neither time nor memory grows with the square of the catalogue. For a large
λ, w is proportional to the co-occurrence itself.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, Field
from scipy.sparse import csc_matrix, csr_matrix
from typing_extensions import override

from src.core.all_cores import n_cores
from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models.base import QueryBlock, QueryRows, SavedAsArrays, ScoresByPairs
from src.models.normalization import NormalizedHistories, normalize_histories, scale_columns
from src.models.sparse_rows import Pairs, entries_of, sums_at

_MAX_PAIRS_PER_ROW = 1_000
_MAX_PAIRS = 100_000_000  # 8 bytes each
_ROWS_PER_TASK = 2_000
_ROUNDING = 1e-4


@dataclass(frozen=True)
class ItemGraphParams:
    """Parameters of the item graph.

    Attributes:
        neighbours: how many products the score of a product can depend on.
        user_exponent: of the normalisation, see spectral.
        item_exponent: of the normalisation, see spectral.
        ridge: λ, in means of the Gram matrix's diagonal.
        input_exponent: see spectral.
        output_exponent: see spectral.
        half_life_days: see TrainingData.decayed_histories.
    """

    neighbours: int = 200
    user_exponent: float = 0.35
    item_exponent: float = 0.4
    ridge: float = 15.0
    input_exponent: float = 0.2
    output_exponent: float = 0.15
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: ItemGraphSettings) -> ItemGraphParams:
        """Return the parameters that the settings ask for."""
        return cls(neighbours=settings.item_graph_neighbours)


class ItemGraphSettings(BaseModel):
    """Settings of the item graph."""

    item_graph_neighbours: int = Field(
        ItemGraphParams.neighbours,
        ge=1,
        le=1000,
        description="Item graph: products that a product's score can rest on.",
    )


@dataclass(frozen=True)
class ItemGraph(ScoresByPairs, SavedAsArrays):
    """A CSR matrix B[n_items, n_items] with an empty diagonal; a history h scores h · B.

    Attributes:
        data: float32, values of B.
        indices: int32, column numbers of B.
        pointers: int64[n_items + 1], where the rows of B begin.
    """

    ARRAYS: ClassVar = ("data", "indices", "pointers")
    PARAMS: ClassVar = ItemGraphParams

    data: FloatArray
    indices: IntArray
    pointers: IntArray

    @property
    @override
    def n_items(self) -> int:
        return len(self.pointers) - 1

    @property
    def matrix(self) -> csr_matrix:
        """B, over the same arrays."""
        return csr_matrix((self.data, self.indices, self.pointers), shape=(self.n_items, self.n_items))

    @override
    def pair_scores(self, history: csr_matrix) -> csr_matrix:
        return csr_matrix(history @ self.matrix)

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        product = self.pair_scores(queries.history)
        scores = (product if items is None else product[:, items]).toarray()
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return np.asarray(scores, dtype=np.float32)

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        entries = entries_of(query.item_idx, query.weight, self.pointers)
        support = self.data[entries.at] * entries.weight
        return sums_at(self.indices[entries.at], support, item_idx, self.n_items)

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items and n_edges."""
        return {"n_items": self.n_items, "n_edges": len(self.data)}


def train(data: TrainingData, params: ItemGraphParams, *, seed: int) -> ItemGraph:
    """Count co-occurrences in events to learn from, and regress; the seed is not used."""
    histories = data.decayed_histories(params.half_life_days)
    normalized = normalize_histories(histories, params.user_exponent, params.item_exponent)
    return fit_item_graph(normalized, strongest_pairs(normalized), params)


def pairs_per_item(n_items: int) -> int:
    """Return how many of the strongest pairs of each product are kept: at most 1,000, fewer for large catalogues."""
    return min(_MAX_PAIRS_PER_ROW, n_items, max(64, _MAX_PAIRS // max(n_items, 1)))


def strongest_pairs(normalized: NormalizedHistories) -> Pairs:
    """Return the strongest pairs of each product: at most 1,000, fewer where memory would not hold them."""
    from src.models.kernels.compile import map_in_threads  # not at the top: serving must not import Numba
    from src.models.kernels.item_graph_kernels import strongest_of_rows

    n_items = normalized.matrix.shape[1]
    per_row = pairs_per_item(n_items)
    columns = normalized.matrix.T.tocsr()

    def strongest(start: int) -> Pairs:
        gram = csr_matrix(columns[start : start + _ROWS_PER_TASK] @ normalized.matrix)
        shape = (gram.shape[0], min(per_row, int(np.diff(gram.indptr).max(initial=1))))
        item, value = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        strongest_of_rows(gram.indptr, gram.indices, gram.data, start, item, value)
        return Pairs.of_table(item, value)

    with ThreadPoolExecutor(n_cores()) as pool:
        return Pairs.joined(map_in_threads(strongest, range(0, n_items, _ROWS_PER_TASK), pool))


def fit_item_graph(normalized: NormalizedHistories, pairs: Pairs, params: ItemGraphParams) -> ItemGraph:
    """Regress every product on its strongest neighbours.

    Args:
        normalized: histories; the exponents of their normalisation are not read from `params`.
        pairs: strongest pairs of `normalized`.
    """
    weights = _regression_weights(normalized, pairs, params)
    n_items = len(weights.pointers) - 1
    graph = csc_matrix((weights.value, weights.item, weights.pointers), shape=(n_items, n_items)).tocsr()
    graph.data *= np.repeat(normalized.degree**-params.input_exponent, np.diff(graph.indptr)).astype(np.float32)
    graph = scale_columns(graph, normalized.degree**params.output_exponent)
    return ItemGraph(
        params, graph.data.astype(np.float32), graph.indices.astype(np.int32), graph.indptr.astype(np.int64)
    )


def _regression_weights(normalized: NormalizedHistories, pairs: Pairs, params: ItemGraphParams) -> Pairs:
    """Return the neighbours of each item, and their weights."""
    from src.models.kernels.compile import map_in_threads
    from src.models.kernels.item_graph_kernels import ridge_of_columns

    n_items, n_pairs = len(pairs.pointers) - 1, np.diff(pairs.pointers)
    diagonal = normalized.diagonal + np.float32(params.ridge * normalized.mean_diagonal)
    rank = ranks_of(pairs)
    once = pairs_once(pairs, rank)

    def regress(start: int) -> Pairs:
        part = n_pairs[start : start + _ROWS_PER_TASK]
        shape = (len(part), min(params.neighbours, int(part.max(initial=1))))
        neighbour, weight = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
        ridge_of_columns(pairs, rank, once, diagonal, start, neighbour, weight)
        return Pairs.of_table(neighbour, weight)

    with ThreadPoolExecutor(n_cores()) as pool:
        return Pairs.joined(map_in_threads(regress, range(0, n_items, _ROWS_PER_TASK), pool))


def ranks_of(pairs: Pairs) -> IntArray:
    """Return int32[n_items], 0 for the item that is in most rows of the pairs."""
    n_items = len(pairs.pointers) - 1
    rank = np.empty(n_items, np.int32)
    rank[np.argsort(-np.bincount(pairs.item, minlength=n_items), kind="stable")] = np.arange(n_items)
    return rank


def pairs_once(pairs: Pairs, rank: IntArray) -> Pairs:
    """Return each pair once, in the row of the item that is in fewer rows.

    The neighbours of an item are mostly items in many rows, whose own pairs become the shortest rows so, as those of
    triangles in a graph do (Latapy, "Main-memory triangle computations for very large (sparse (power-law)) graphs",
    Theoretical Computer Science 2008, section 4).

    Args:
        pairs: the strongest ones of each item.
        rank: of `ranks_of`.

    Returns:
        The pairs in rank numbers.
    """
    from src.models.kernels.item_graph_kernels import count_once, write_once

    n_pairs, edge = np.diff(pairs.pointers), np.full(len(rank), -np.inf, np.float32)
    # A row of fewer than the most pairs has all of its item. A full one has those above its lowest value, but for
    # rounding: the two values of a pair are sums in different orders.
    filled = np.flatnonzero(n_pairs)
    if len(filled):
        lowest = np.minimum.reduceat(pairs.value, pairs.pointers[filled])
        edge[filled] = np.where(n_pairs[filled] == n_pairs.max(), lowest * np.float32(1 + _ROUNDING), -np.inf)
    counts = np.zeros(len(rank), np.int64)
    count_once(pairs, rank, edge, counts)
    ends = np.append(0, np.cumsum(counts))
    once = Pairs(ends.copy(), np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32))
    write_once(pairs, rank, edge, ends[:-1], once)
    return once
