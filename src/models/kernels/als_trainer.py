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

from src.core.all_cores import n_cores, one_blas_thread
from src.core.domain import FloatArray
from src.models.kernels.als_kernels import SparseRows, solve_rows
from src.models.kernels.compile import map_in_threads

_PARTS = 64
_START_SCALE = 0.01
_ROWS_AT_ONCE = 8_192


class FactorRows:
    """One side: its rows x = vB, kept as v, so that to whiten them takes one product.

    Attributes:
        values: float32[n, f], v.
        basis: float64[f, f], B.
    """

    def __init__(self, values: FloatArray) -> None:
        """Begin with x; values: float32[n, f], changed later."""
        self.values: FloatArray = values
        self.basis: FloatArray = np.eye(values.shape[1])

    def whiten(self, regularization: float, pool: ThreadPoolExecutor) -> FloatArray:
        """Turn v into xR⁻ᵀ, with xᵀx + λI = RRᵀ.

        Args:
            regularization: λ.
            pool: threads.

        Returns:
            R⁻¹, float64[f, f]: the basis of rows that are solved for v.
        """
        values = self.values
        parts = map_in_threads(lambda part: values[part].T @ values[part], _blocks(values), pool)
        gram = self.basis.T @ sum(parts, np.zeros(self.basis.shape)).astype(np.float64) @ self.basis
        root = np.linalg.cholesky(gram + regularization * np.eye(len(gram)))
        inverse_root = solve_triangular(root, np.eye(len(root)), lower=True)
        self._multiply(self.basis @ inverse_root.T, pool)
        return np.asarray(inverse_root)

    def restored(self, pool: ThreadPoolExecutor) -> FloatArray:
        """Return x, which v becomes, too."""
        self._multiply(self.basis, pool)
        self.basis = np.eye(len(self.basis))
        return self.values

    def _multiply(self, matrix: FloatArray, pool: ThreadPoolExecutor) -> None:
        """Multiply v by float64[f, f], in blocks by one thread each."""
        factor = matrix.astype(np.float32)

        def multiply(part: slice) -> None:
            self.values[part] = self.values[part] @ factor

        map_in_threads(multiply, _blocks(self.values), pool)


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
    n_users, n_items = extra.shape
    first = np.random.default_rng(seed).standard_normal((n_items, options.factors), np.float32) * _START_SCALE
    if start is not None:
        trained = start.any(axis=1)  # a product that is new keeps its random values, from which it can learn
        first[trained] = start[trained]
    own = np.flatnonzero(np.bincount(extra.indices, minlength=n_items))  # few, in a sample of the users
    place = np.full(n_items, -1, np.int32)
    place[own] = np.arange(len(own))
    extra = csr_matrix((extra.data, place[extra.indices], extra.indptr), shape=(n_users, len(own)))
    by_user, by_item = _pairs(extra), _pairs(csr_matrix(extra.T.tocsr()))
    items, users = FactorRows(first[own]), FactorRows(np.empty((n_users, options.factors), np.float32))
    # Threads of BLAS that wait for work would keep the cores from those of this pool.
    with one_blas_thread, ThreadPoolExecutor(n_cores()) as pool:
        for _ in range(options.iterations):
            _solve(by_user, items, users, options.regularization, pool)
            _solve(by_item, users, items, options.regularization, pool)
        first[:] = 0
        first[own] = items.restored(pool)
    return first


def _solve(
    pairs: SparseRows, others: FactorRows, solved: FactorRows, regularization: float, pool: ThreadPoolExecutor
) -> None:
    """Solve for one side, given the other, which is whitened."""
    solved.basis = others.whiten(regularization, pool)
    cost = pairs.starts[1:] + np.arange(len(solved.values))  # a row costs about as much as a pair
    ends = np.searchsorted(cost, cost[-1] * np.arange(1, _PARTS) // _PARTS)
    bounds = np.concatenate([[0], ends, [len(solved.values)]]).tolist()

    def solve(part: tuple[int, int]) -> None:
        solve_rows(pairs, *part, others.values, solved.values)

    map_in_threads(solve, pairwise(bounds), pool)


def _pairs(matrix: csr_matrix) -> SparseRows:
    return SparseRows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32))
