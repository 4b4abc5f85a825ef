"""Training of ALS: exact or nearly exact least squares, one side after the other. Serving never imports this module.

A row x of one side, with the factors Y of the other, minimises equation 4 of Hu, Koren and Volinsky (2008):

    (G + YᵀDY) x = Yᵀ(1 + D)1,    G = YᵀY + λI = RRᵀ,    D = C - I

With the whitened factors V = YR⁻ᵀ and x = R⁻ᵀv this is (I + VᵀDV) v = Vᵀ(1 + D)1: most rows are short, and need as many
equations as they have pairs; long ones converge in a few steps of conjugate gradients. No row costs f² of its own. Time
of a pass: O(pairs · f · (length of the row, or the steps) + (users + items) · f²), the latter in BLAS.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from src.core.all_cores import n_cores
from src.core.domain import FloatArray
from src.models.kernels.als_kernels import SparseRows, solve_rows
from src.models.kernels.compile import map_in_threads

_PARTS = 64
_START_SCALE = 0.01
_ROWS_AT_ONCE = 8_192


class Whitening(NamedTuple):
    """R⁻¹ as float32[f, f], of the factors' G = RRᵀ. Blocks of rows are multiplied by one thread each."""

    inverse_root: FloatArray

    @classmethod
    def of(cls, factors: FloatArray, regularization: float, pool: ThreadPoolExecutor) -> Whitening:
        """Factor the Gram matrix of factors.

        Args:
            factors: float32[n, f].
            regularization: λ, which is added to its diagonal.
            pool: threads.

        Returns:
            R⁻¹.
        """
        parts = map_in_threads(lambda part: factors[part].T @ factors[part], _blocks(factors), pool)
        gram = sum(parts, np.zeros((factors.shape[1],) * 2)).astype(np.float64)
        root = np.linalg.cholesky(gram + regularization * np.eye(len(gram)))
        return cls(solve_triangular(root, np.eye(len(root)), lower=True).astype(np.float32))

    def whiten(self, factors: FloatArray, pool: ThreadPoolExecutor) -> FloatArray:
        """Whiten factors.

        Args:
            factors: float32[n, f], Y.
            pool: threads.

        Returns:
            V = Y R⁻ᵀ, float32[n, f].
        """
        whitened, across = np.empty_like(factors), np.ascontiguousarray(self.inverse_root.T)
        map_in_threads(lambda part: np.matmul(factors[part], across, out=whitened[part]), _blocks(factors), pool)
        return whitened

    def restore_in_place(self, solved: FloatArray, pool: ThreadPoolExecutor) -> None:
        """Turn rows v into x = R⁻ᵀ v.

        Args:
            solved: float32[n, f], changed.
            pool: threads.
        """

        def restore(part: slice) -> None:
            solved[part] = solved[part] @ self.inverse_root

        map_in_threads(restore, _blocks(solved), pool)


def _blocks(array: FloatArray) -> list[slice]:
    """Return slices of the array's rows, so that intermediate results stay small."""
    return [slice(start, start + _ROWS_AT_ONCE) for start in range(0, len(array), _ROWS_AT_ONCE)]


class AlsOptions(NamedTuple):
    """Length of a factor vector, λ, and passes over users and items."""

    factors: int
    regularization: float
    iterations: int


def fit(extra: csr_matrix, options: AlsOptions, *, seed: int, start: FloatArray | None = None) -> FloatArray:
    """Train on a matrix of pairs.

    Args:
        extra: float32 CSR [n_users, n_items], c - 1 of each pair; other pairs have the confidence 1.
        seed: of the starting values.
        start: float32[n_items, factors] to start from; None for random ones.

    Returns:
        float32[n_items, factors], of the items; zeros for an item without a pair.
    """
    by_user, by_item = _pairs(extra), _pairs(csr_matrix(extra.T.tocsr()))
    n_users, n_items = extra.shape
    items = np.random.default_rng(seed).standard_normal((n_items, options.factors), np.float32) * _START_SCALE
    if start is not None:
        trained = start.any(axis=1)  # a product that is new keeps its random values, from which it can learn
        items[trained] = start[trained]
    items[np.diff(by_item.starts) == 0] = 0
    users = np.empty((n_users, options.factors), np.float32)
    # Threads of BLAS that wait for work would keep the cores from those of this pool.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_cores()) as pool:
        for _ in range(options.iterations):
            _solve(by_user, items, users, options.regularization, pool)
            _solve(by_item, users, items, options.regularization, pool)
    return items


def _solve(
    pairs: SparseRows, others: FloatArray, solved: FloatArray, regularization: float, pool: ThreadPoolExecutor
) -> None:
    """Write the rows' factors, given those of the other side."""
    whitening = Whitening.of(others, regularization, pool)
    whitened = whitening.whiten(others, pool)
    cost = pairs.starts[1:] + np.arange(len(solved))  # a row costs about as much as a pair
    ends = np.searchsorted(cost, cost[-1] * np.arange(1, _PARTS) // _PARTS)
    bounds = np.concatenate([[0], ends, [len(solved)]]).tolist()

    def solve(part: tuple[int, int]) -> None:
        solve_rows(pairs, *part, whitened, solved)

    map_in_threads(solve, pairwise(bounds), pool)
    whitening.restore_in_place(solved, pool)


def _pairs(matrix: csr_matrix) -> SparseRows:
    return SparseRows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32))
