"""Nearest vectors by FAISS: exact up to a number of vectors, by inverted lists and exact re-scoring beyond it.

FAISS hangs in a forked child that inherits its threads, so an index is opened in the process that uses it, with one
thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.core.mapped_arrays import mapped

EXACT_UP_TO = 150_000
"""Number of vectors of 256 numbers that one thread compares within 3 ms (make bench-search)."""
_LISTS_PER_ROOT = 1
_TRAINED_ON = 48  # vectors for each list
_TRAINING_ROUNDS = 8
_PROBED = 192
"""Lists. Of the ten nearest of 200,000 vectors 24 find .927, 96 find .975 and 192 find .986; a search for 200 takes
0.5, 1.0 and 1.8 ms of one core."""
_RESCORED = 2
"""Times as many as are asked for; four times as many find no more."""
_FILE = "vectors.faiss"


@dataclass(frozen=True)
class VectorIndex:
    """Vectors and their index.

    Attributes:
        rows: float16[n_items, dimension], of length 1; zeros for items without a text.
        index: FAISS's, over row numbers.
        exact: whether the index finds what comparing all vectors would find.
    """

    rows: FloatArray
    index: Any
    exact: bool

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.rows.shape[1])

    def nearest(self, vector: FloatArray, n: int) -> IntArray:
        """Find the items with the highest cosines.

        Args:
            vector: float32[dimension], of length 1.
            n: highest number of items.

        Returns:
            int64[≤ n], best first.
        """
        wanted = n if self.exact else n * _RESCORED
        _, found = self.index.search(vector[None], min(wanted, max(self.index.ntotal, 1)))
        items = found[0][found[0] >= 0]
        if self.exact:
            return np.asarray(items)
        return np.asarray(items[np.argsort(-self.similarity(vector, items), kind="stable")[:n]])

    def similarity(self, vector: FloatArray, items: IntArray) -> FloatArray:
        """Compute cosines.

        Args:
            vector: float32[dimension], of length 1.
            items: int64[m].

        Returns:
            float32[m]; 0 for items without a text.
        """
        return self.rows[items].astype(np.float32) @ vector

    def save(self, folder: Path) -> None:
        """Write the vectors, and the index in FAISS's own format, into the folder, which is made."""
        import faiss

        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "vectors.npy", self.rows, allow_pickle=False)
        faiss.write_index(self.index, str(folder / _FILE))

    @classmethod
    def load(cls, folder: Path, exact: bool) -> VectorIndex:
        """Map what `save` wrote; all workers of a host share the memory.

        Args:
            folder: where it was saved.
            exact: whether the index is exact.

        Returns:
            The index, with one thread.
        """
        import faiss

        faiss.omp_set_num_threads(1)
        rows = mapped(folder / "vectors.npy")
        index = faiss.read_index(str(folder / _FILE), faiss.IO_FLAG_MMAP_IFC if exact else faiss.IO_FLAG_MMAP)
        if not exact:
            _probe(index)
        return cls(rows, index, exact)


def build_vector_index(rows: FloatArray, *, exact_up_to: int = EXACT_UP_TO) -> VectorIndex:
    """Index vectors; deterministic.

    Args:
        rows: float16[n_items, dimension]; rows of zeros are never found.
        exact_up_to: highest number of vectors for an exact index.

    Returns:
        The index.
    """
    import faiss

    there = np.flatnonzero(rows.any(axis=1))
    dimension = rows.shape[1]
    exact = len(there) <= exact_up_to
    flat = faiss.METRIC_INNER_PRODUCT
    if exact:
        inner = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, flat)
        index = faiss.IndexIDMap2(inner)
        if len(there):
            index.add_with_ids(rows[there].astype(np.float32), there)
        return VectorIndex(rows, index, exact)
    n_lists = int(_LISTS_PER_ROOT * np.sqrt(len(there)))
    lists: Any = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension), dimension, n_lists, faiss.ScalarQuantizer.QT_8bit, flat
    )
    lists.cp.niter, lists.cp.seed = _TRAINING_ROUNDS, 1
    lists.cp.min_points_per_centroid, lists.cp.max_points_per_centroid = 1, _TRAINED_ON
    some = np.random.default_rng(1).choice(there, min(len(there), n_lists * _TRAINED_ON), replace=False)
    lists.train(rows[np.sort(some)].astype(np.float32))
    for part in np.array_split(there, len(there) // 100_000 + 1):
        lists.add_with_ids(rows[part].astype(np.float32), part)
    _probe(lists)
    return VectorIndex(rows, lists, exact)


def _probe(index: Any) -> None:
    """Set the number of inverted lists that a search reads."""
    index.nprobe = _PROBED
