"""Item graph: which products go together, as a sparse matrix that is learnt column by column.

The graph is the normalised co-occurrence G = R̃ᵀR̃ (see normalization). On it every product gets a ridge regression on
its strongest neighbours N: w = (G_NN + λ I)⁻¹ G_N,i, which is the regression of EASE and SLIM (Ning and Karypis,
"SLIM", ICDM 2011) kept to the products that can matter, so that neither time nor memory grows with the square of the
catalogue. For a large λ, w is the co-occurrence itself.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.models.base import FromHistory, QueryBlock, QueryRows, SavedAsArrays
from src.models.normalization import Normalized, normalized, scaled_columns


@dataclass(frozen=True)
class ItemGraphParams:
    """neighbours: how many products a product's score can rest on. ridge: λ, in means of the Gram matrix's diagonal.
    The exponents are those of spectral. half_life_days: see TrainingData.faded.
    """

    neighbours: int = 200
    user_exponent: float = 0.35
    item_exponent: float = 0.4
    ridge: float = 15.0
    input_exponent: float = 0.2
    output_exponent: float = 0.15
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> ItemGraphParams:
        return cls(neighbours=settings.item_graph_neighbours)


@dataclass(frozen=True)
class ItemGraph(FromHistory, SavedAsArrays):
    """A CSR matrix B[n_items, n_items] in three arrays, float32 data, int32 indices, int64 pointers: a history h scores
    h · B. The diagonal is empty.
    """

    ARRAYS: ClassVar = ("data", "indices", "pointers")
    PARAMS: ClassVar = ItemGraphParams

    data: FloatArray
    indices: IntArray
    pointers: IntArray

    @property
    def n_items(self) -> int:
        return len(self.pointers) - 1

    @property
    def matrix(self) -> csr_matrix:
        """B, over the same arrays."""
        return csr_matrix((self.data, self.indices, self.pointers), shape=(self.n_items, self.n_items))

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        found = queries.history @ self.matrix
        scores = (found if items is None else found[:, items]).toarray()
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return np.asarray(scores, dtype=np.float32)

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        whole = np.zeros(self.n_items, np.float32)
        for item, weight in zip(query.item_idx.tolist(), query.weight.tolist(), strict=True):
            row = slice(self.pointers[item], self.pointers[item + 1])
            whole[self.indices[row]] += np.float32(weight) * self.data[row]
        return whole[item_idx]

    def describe(self) -> dict[str, int]:
        return {"n_items": self.n_items, "n_edges": len(self.data)}


def train(data: TrainingData, params: ItemGraphParams, *, seed: int) -> ItemGraph:
    """Count what goes together and regress. The seed changes nothing."""
    matrix = normalized(data.faded(params.half_life_days), params.user_exponent, params.item_exponent)
    return regressed(matrix, strongest_pairs(matrix), params)


@dataclass(frozen=True)
class Pairs:
    """The strongest entries of each row of a Gram matrix without its diagonal: item int32[n_items, m], -1 beyond the
    last; value float32[n_items, m].
    """

    item: IntArray
    value: FloatArray


def strongest_pairs(matrix: Normalized) -> Pairs:
    """So many of each row as memory allows, at most 1,000."""
    from src.models.kernels.compile import in_threads, n_cores  # Numba never enters a process that serves
    from src.models.kernels.item_graph_kernels import strongest_of_rows

    n_items = matrix.matrix.shape[1]
    kept = min(_MOST_PAIRS_A_ROW, n_items, max(64, _MOST_PAIRS // max(n_items, 1)))
    pairs = Pairs(np.full((n_items, kept), -1, np.int32), np.zeros((n_items, kept), np.float32))
    columns = matrix.matrix.T.tocsr()

    def write(start: int) -> None:
        part = slice(start, start + _ROWS_AT_ONCE)
        gram = csr_matrix(columns[part] @ matrix.matrix)
        strongest_of_rows(gram.indptr, gram.indices, gram.data, start, pairs.item[part], pairs.value[part])

    with ThreadPoolExecutor(n_cores()) as pool:
        in_threads(write, range(0, n_items, _ROWS_AT_ONCE), pool)
    return pairs


_MOST_PAIRS_A_ROW = 1_000
_MOST_PAIRS = 100_000_000  # 8 bytes each
_ROWS_AT_ONCE = 2_000


def regressed(matrix: Normalized, pairs: Pairs, params: ItemGraphParams) -> ItemGraph:
    """The model of these pairs; the normalisation is taken as it is."""
    from src.models.kernels.compile import in_threads, n_cores
    from src.models.kernels.item_graph_kernels import ridge_of_columns

    n_items = len(pairs.item)
    neighbours = min(params.neighbours, pairs.item.shape[1])
    ridge = params.ridge * matrix.level
    item, weight = np.full((n_items, neighbours), -1, np.int32), np.zeros((n_items, neighbours), np.float32)

    def write(start: int) -> None:
        part = slice(start, start + _ROWS_AT_ONCE)
        ridge_of_columns(pairs.item, pairs.value, matrix.diagonal, ridge, start, item[part], weight[part])

    with ThreadPoolExecutor(n_cores()) as pool:
        in_threads(write, range(0, n_items, _ROWS_AT_ONCE), pool)
    there = item >= 0
    target = np.repeat(np.arange(n_items), there.sum(axis=1))
    graph = csr_matrix((weight[there], (item[there], target)), shape=(n_items, n_items))
    graph.data *= np.repeat(matrix.degree**-params.input_exponent, np.diff(graph.indptr)).astype(np.float32)
    graph = scaled_columns(graph, matrix.degree**params.output_exponent)
    return ItemGraph(
        params, graph.data.astype(np.float32), graph.indices.astype(np.int32), graph.indptr.astype(np.int64)
    )
