"""ALS: factors for implicit feedback, found by alternating least squares; any history is folded in.

Minimises Σ c_ui (p_ui - x_u · y_i)² + λ (Σ|x_u|² + Σ|y_i|²), confidence c = 1 + α w for a pair of weight w, 1 for
all others (Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008). Trained by the
library implicit; only the factors of products are kept: a user is what equation 4 makes of the history.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from src.core.domain import FloatArray, IntArray
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.models.base import FromHistory, QueryBlock, QueryRows, SavedAsArrays

_QUERIES_AT_ONCE = 128


@dataclass(frozen=True)
class AlsParams:
    """factors: length of a factor vector. regularization: λ. alpha: α. iterations: passes over both sides. use_gpu:
    train on a CUDA device, for which implicit must be built.
    """

    factors: int = 128
    regularization: float = 0.05
    alpha: float = 10.0
    iterations: int = 15
    use_gpu: bool = False

    @classmethod
    def of(cls, settings: Settings) -> AlsParams:
        return cls(
            settings.als_factors,
            settings.als_regularization,
            settings.als_alpha,
            settings.als_iterations,
            settings.als_use_gpu,
        )


@dataclass(frozen=True)
class Als(FromHistory, SavedAsArrays):
    """float32 item_factors[n_items, f]; gram[f, f]: their YᵀY + λ I."""

    ARRAYS: ClassVar = ("item_factors", "gram")
    PARAMS: ClassVar = AlsParams

    item_factors: FloatArray
    gram: FloatArray

    @property
    def n_items(self) -> int:
        return len(self.item_factors)

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        history = queries.history
        users = self._folded_in(history)
        scores: FloatArray = users @ (self.item_factors if items is None else self.item_factors[items]).T
        scores[np.diff(history.indptr) == 0] = np.nan
        return scores

    def _folded_in(self, history: csr_matrix) -> FloatArray:
        """float32[n, f]: what equation 4 makes of every history."""
        users = np.zeros((history.shape[0], self.item_factors.shape[1]), np.float32)

        def fold_in(start: int) -> None:
            for row in range(start, min(start + _QUERIES_AT_ONCE, len(users))):
                part = slice(history.indptr[row], history.indptr[row + 1])
                users[row] = np.linalg.solve(*self._system(history.indices[part], history.data[part]))

        starts = range(0, len(users), _QUERIES_AT_ONCE)
        if len(starts) < 2:
            any(map(fold_in, starts))
            return users
        # The systems are small: a thread for each of several beats several threads for each, by twenty to one.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            any(pool.map(fold_in, starts))
        return users

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        user = np.linalg.solve(*self._system(query.item_idx, query.weight))
        return np.asarray(self.item_factors[item_idx] @ user)

    def _system(self, item_idx: IntArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The normal equations of a history, (YᵀY + λ I + Yᵀ(C - I)Y) x = YᵀC p."""
        factors = self.item_factors[item_idx]
        extra = self.params.alpha * weight
        return self.gram + (factors.T * extra) @ factors, (1 + extra) @ factors

    def describe(self) -> dict[str, int]:
        n_items, n_factors = self.item_factors.shape
        return {"n_items": n_items, "n_factors": n_factors}


def missing() -> str:
    """What keeps implicit from being loaded here, and the way out; empty if nothing does."""
    try:
        import implicit.als  # noqa: F401
    except (ImportError, OSError) as error:
        return (
            f"als cannot be trained: the library implicit was not loaded ({error}). It needs the system library "
            "libgomp.so.1: apt-get install libgomp1 (Debian, Ubuntu) or dnf install libgomp"
        )
    return ""


def train(data: TrainingData, params: AlsParams, *, seed: int) -> Als:
    """Fit by implicit, whose matrix of confidences is ours: 1 + α w."""
    from implicit.als import AlternatingLeastSquares  # never in a process that serves

    histories = data.histories
    telling = np.flatnonzero(np.diff(histories.indptr) > 1)  # one product alone says nothing of what goes with it
    confidence = histories[telling] if len(telling) else histories.copy()
    factors = min(params.factors, *histories.shape)
    if not confidence.nnz:
        return _als(np.zeros((confidence.shape[1], factors), np.float32), params)
    confidence.data = 1 + params.alpha * confidence.data
    with threadpool_limits(1, "blas"):  # implicit has threads of its own, and warns otherwise
        model = AlternatingLeastSquares(
            factors=factors,
            regularization=params.regularization,
            alpha=1,
            iterations=params.iterations,
            use_gpu=params.use_gpu,
            random_state=seed,
        )
        model.fit(confidence, show_progress=False)
    item_factors = model.item_factors.to_numpy() if params.use_gpu else model.item_factors
    return _als(np.ascontiguousarray(item_factors, dtype=np.float32), params)


def _als(item_factors: FloatArray, params: AlsParams) -> Als:
    ridge = params.regularization * np.eye(item_factors.shape[1], dtype=np.float32)
    return Als(params, item_factors, (item_factors.T @ item_factors + ridge).astype(np.float32))
