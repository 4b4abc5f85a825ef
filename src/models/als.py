"""ALS: matrix factorization for implicit feedback, trained by alternating least squares.

Minimises Σ c_ui (p_ui - x_u · y_i)² + λ (Σ|x_u|² + Σ|y_i|²) with the confidence c = 1 + α w for a pair of weight w and
c = 1 for every other pair (Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM
2008). Only item factors are stored: the factors of a user are computed from the history at query time (equation 4). A
CUDA device is driven by the library implicit, if that is installed.

α is divided by powers of the degrees of user and item, in units of their means, as R̃ of spectral is: otherwise the few
users with long histories and the popular items make most of the loss. Exponents of 0 are the published model.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, Field
from scipy.sparse import csr_matrix
from typing_extensions import override

from src.core.all_cores import map_on_all_cores
from src.core.domain import FloatArray, IntArray
from src.core.mapped_arrays import mapped
from src.interactions.interactions import TrainingData
from src.models.base import QueryBlock, QueryRows, SavedAsArrays, ScoresByFactors

_QUERIES_PER_TASK = 128
_SHARE_OF_SHORT = 4
"""For histories shorter than this share of the factors one query solves as many equations as there are products."""
_FEW_ITEMS = 1_000
"""Of so many items a worker keeps P Yᵀ of all pairs, 4 MB at most."""
_SHORT = 16
"""A block solves histories of up to this length by as many equations as they are long, all of one length at once."""
_SHORT_NUMBERS = 1 << 24
_CONTINUED_ITERATIONS = 5
"""Passes from the factors of a part of the same events. From a quarter of the users of Yelp2018 five lead to lists as
good as fifteen passes from random factors do (NDCG@10 .0655 and .0660 ± .0012), three to worse ones (.0647)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AlsParams:
    """Parameters of ALS.

    Attributes:
        factors: length of a factor vector.
        regularization: λ.
        alpha: α.
        iterations: passes over users and items.
        user_exponent: α is multiplied by (degree of the user / mean)^-user_exponent; a degree is a sum of weights.
        item_exponent: the same of the item.
        use_gpu: train on a CUDA device, for which implicit must be installed and built; without one, on the CPU.
    """

    factors: int = 128
    regularization: float = 0.05
    alpha: float = 10.0
    iterations: int = 15
    user_exponent: float = 0.0
    item_exponent: float = 0.0
    use_gpu: bool = False

    @classmethod
    def of(cls, settings: AlsSettings) -> AlsParams:
        """Return the parameters that the settings ask for."""
        return cls(
            settings.als_factors,
            settings.als_regularization,
            settings.als_alpha,
            settings.als_iterations,
            use_gpu=settings.als_use_gpu,
        )


class AlsSettings(BaseModel):
    """Settings of ALS."""

    als_factors: int = Field(AlsParams.factors, ge=1, le=2000, description="ALS: length of a factor vector.")
    als_regularization: float = Field(
        AlsParams.regularization, gt=0, description="ALS: weight of the squared norms in the loss."
    )
    als_alpha: float = Field(AlsParams.alpha, gt=0, description="ALS: what an event adds to the confidence of 1.")
    als_iterations: int = Field(AlsParams.iterations, ge=1, le=1000, description="ALS: passes over users and products.")
    als_use_gpu: bool = Field(
        AlsParams.use_gpu,
        description="ALS: train on a CUDA device, for which the library implicit must be installed and built; without "
        "one, on the CPU.",
    )


class _LinearSystem(NamedTuple):
    """A x = b; matrix: float[f, f]; right: float[f]."""

    matrix: FloatArray
    right: FloatArray


@dataclass(frozen=True)
class Als(ScoresByFactors, SavedAsArrays):
    """A trained ALS model.

    Attributes:
        item_factors: float32[n_items, f], Y.
        gram: float32[f, f], YᵀY + λ I.
        share: float32[n_items], what is left of α for an item.
        mean_degree: of users.
    """

    ARRAYS: ClassVar = ("item_factors", "gram", "share")
    NUMBERS: ClassVar = ("mean_degree",)
    PARAMS: ClassVar = AlsParams
    ADDS_UP: ClassVar[bool] = False

    item_factors: FloatArray
    gram: FloatArray
    share: FloatArray
    mean_degree: float

    @classmethod
    @override
    def load(cls, folder: Path) -> Als:
        """Map what `save` wrote; models of earlier versions have exponents of 0 and neither share nor mean_degree."""
        if (folder / "share.npy").exists():
            return super().load(folder)
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        factors, gram = mapped(folder / "item_factors.npy"), mapped(folder / "gram.npy")
        return cls(AlsParams(**document["params"]), factors, gram, np.ones(len(factors), np.float32), 1.0)

    @property
    @override
    def n_items(self) -> int:
        return len(self.item_factors)

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        history = queries.history
        users = self.history_factors(history)
        scores: FloatArray = users @ (self.item_factors if items is None else self.item_factors[items]).T
        scores[np.diff(history.indptr) == 0] = np.nan
        return scores

    @property
    @override
    def item_vectors(self) -> FloatArray:
        return self.item_factors

    @override
    def history_factors(self, history: csr_matrix) -> FloatArray:
        """Return float32[n, f], the solution of equation 4 for each history."""
        users = np.zeros((history.shape[0], self.item_factors.shape[1]), np.float32)
        extra = _extra_of_rows(history, self.share, self.mean_degree, self.params)
        length = np.diff(history.indptr)
        shortest = min(_SHORT, users.shape[1] // 4)
        if len(users) > 1:
            self._solve_short(extra, shortest, users)
        self._solve_long(extra, np.flatnonzero(length > (shortest if len(users) > 1 else 0)), users)
        return users

    def _solve_short(self, extras: csr_matrix, longest: int, users: FloatArray) -> None:
        """Write the factors of histories of at most `longest` products, by the Woodbury identity.

        With G = RRᵀ and V = YR⁻ᵀ of a history's products, x = R⁻ᵀVᵀz, z = 1 + d - Ds, (I + VVᵀD) s = VVᵀ(1 + d).
        """
        length = np.diff(extras.indptr)
        if longest < 1 or not (length <= longest).any():
            return
        inverse_root = self._inverse_root
        for m in range(1, longest + 1):
            rows = np.flatnonzero(length == m)
            n_parts = max(1, len(rows) * m * users.shape[1] // _SHORT_NUMBERS + 1)
            for part in np.array_split(rows, n_parts) if len(rows) else ():
                at = extras.indptr[part][:, None] + np.arange(m)
                extra = extras.data[at]
                whitened = self.item_factors[extras.indices[at]] @ inverse_root.T
                gram = whitened @ whitened.transpose(0, 2, 1)
                right = (gram @ (1 + extra)[:, :, None])[:, :, 0]
                explained = np.linalg.solve(np.eye(m) + gram * extra[:, None, :], right[:, :, None])[:, :, 0]
                z = (1 + extra - extra * explained).astype(np.float32)
                users[part] = (z[:, None, :] @ whitened)[:, 0] @ inverse_root

    def _solve_long(self, extras: csr_matrix, rows: IntArray, users: FloatArray) -> None:
        """Write the factors of these histories, each by a system of f equations."""

        def solve(part: IntArray) -> None:
            for row in part.tolist():
                at = slice(extras.indptr[row], extras.indptr[row + 1])
                users[row] = np.linalg.solve(*self._system(extras.indices[at], extras.data[at]))

        # The systems are small: one thread per system is some twenty times faster than several threads for each.
        map_on_all_cores(solve, np.split(rows, range(_QUERIES_PER_TASK, len(rows), _QUERIES_PER_TASK)))

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        n_known, n_factors = len(query.item_idx), len(self.gram)
        degree = float(query.weight.sum()) / self.mean_degree if self.params.user_exponent else 1.0
        share = self.share[query.item_idx] if self.params.item_exponent else 1.0
        extra = _extra(query.weight, share, degree, self.params)
        if n_known <= n_factors and self.n_items <= _FEW_ITEMS:
            # The scores are products with P of all items, so that no factors of the user are needed.
            rows = self._kernel.take(query.item_idx, axis=0)  # of rows faster than an index
            return np.asarray((_confidence_left(rows.take(query.item_idx, axis=1), extra) @ rows)[item_idx])
        if n_known <= n_factors // _SHARE_OF_SHORT:
            factors = self.item_factors[query.item_idx].astype(np.float64)
            projected = self._inverse_gram @ factors.T
            user = (projected @ _confidence_left(factors @ projected, extra.astype(np.float64))).astype(np.float32)
        else:
            user = np.linalg.solve(*self._system(query.item_idx, extra))
        return np.asarray(self.item_factors[item_idx] @ user)

    @cached_property
    def _kernel(self) -> FloatArray:
        """float32[n_items, n_items], Y G⁻¹ Yᵀ of all items; its eigenvalues are from 0 to 1."""
        factors = self.item_factors.astype(np.float64)
        return np.asarray(factors @ self._inverse_gram @ factors.T, dtype=np.float32)

    @cached_property
    def _inverse_root(self) -> FloatArray:
        """float32[f, f], R⁻¹ of G = RRᵀ."""
        from scipy.linalg import solve_triangular  # not at the top: serving does not need it

        root = np.linalg.cholesky(self.gram.astype(np.float64))
        return np.asarray(solve_triangular(root, np.eye(len(root)), lower=True), dtype=np.float32)

    @cached_property
    def _inverse_gram(self) -> FloatArray:
        """float64[f, f], G⁻¹."""
        return np.linalg.inv(self.gram.astype(np.float64))

    def _system(self, item_idx: IntArray, extra: FloatArray) -> _LinearSystem:
        """Return the normal equations of a history, (YᵀY + λ I + Yᵀ(C - I)Y) x = YᵀC p. extra: diagonal of C - I."""
        factors = self.item_factors[item_idx]
        return _LinearSystem(self.gram + (factors.T * extra) @ factors, (1 + extra) @ factors)

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items and n_factors."""
        n_items, n_factors = self.item_factors.shape
        return {"n_items": n_items, "n_factors": n_factors}


def train(data: TrainingData, params: AlsParams, *, seed: int, start: Als | None = None) -> Als:
    """Train on the confidence matrix 1 + α w.

    Args:
        data: events to learn from.
        params: see AlsParams.
        seed: of the initial factors.
        start: trained with the same parameters on other events of the same products, to continue with a few passes;
            None to begin at random.

    Returns:
        The model. Its factors are zero where no user has a history.
    """
    return fit_histories(data.histories, params, seed=seed, start=start)


def fit_histories(histories: csr_matrix, params: AlsParams, *, seed: int, start: Als | None = None) -> Als:
    """Return the model that `train` makes of events with these histories.

    Args:
        histories: CSR [n_users, n_items], weights.
        params: see AlsParams.
        seed: of the initial factors.
        start: see `train`.
    """
    several = np.flatnonzero(np.diff(histories.indptr) > 1)  # a history of one product relates it to no other
    kept = histories[several] if len(several) else histories
    degree = np.maximum(np.asarray(kept.sum(axis=0)).ravel(), 1)
    share = (degree / (degree[degree > 1].mean() if (degree > 1).any() else 1.0)) ** -params.item_exponent
    user_degree = np.asarray(kept.sum(axis=1)).ravel()
    mean_degree = max(float(user_degree.mean()), 1.0) if len(user_degree) else 1.0
    extra = _extra_of_rows(kept, share, mean_degree, params)

    def model_of(item_factors: FloatArray) -> Als:
        ridge = params.regularization * np.eye(item_factors.shape[1], dtype=np.float32)
        gram = (item_factors.T @ item_factors + ridge).astype(np.float32)
        return Als(params, item_factors, gram, share.astype(np.float32), mean_degree)

    factors = min(params.factors, *histories.shape)
    if not extra.nnz:
        return model_of(np.zeros((extra.shape[1], factors), np.float32))
    if params.use_gpu and _has_gpu():
        return model_of(_fit_on_gpu(extra, factors, params, seed))
    from src.models.kernels import als_trainer  # not at the top: serving must not import Numba

    continued = start if start is not None and start.item_factors.shape == (extra.shape[1], factors) else None
    item_factors = als_trainer.fit(
        extra,
        als_trainer.AlsOptions(
            factors,
            params.regularization,
            params.iterations if continued is None else min(_CONTINUED_ITERATIONS, params.iterations),
        ),
        seed=seed,
        start=None if continued is None else continued.item_factors,
    )
    return model_of(item_factors)


def _extra_of_rows(histories: csr_matrix, share: FloatArray, mean_degree: float, params: AlsParams) -> csr_matrix:
    """Return float32 CSR of the shape of the histories, c - 1 of each pair; see `_extra`."""
    degree = np.repeat(np.asarray(histories.sum(axis=1)).ravel(), np.diff(histories.indptr)) / mean_degree
    extra = _extra(histories.data, share[histories.indices], degree, params)
    return csr_matrix((extra, histories.indices, histories.indptr), shape=histories.shape)


def _extra(weight: FloatArray, share: FloatArray | float, degree: FloatArray | float, params: AlsParams) -> FloatArray:
    """Return float32, c - 1 of pairs by their weights, the shares of their items and the degrees of their users.

    share and degree: not read where the exponent of theirs is 0.
    """
    extra = params.alpha * weight
    if params.item_exponent:
        extra = extra * share
    if params.user_exponent:
        extra = extra * np.maximum(degree, 1e-6) ** -params.user_exponent
    return np.asarray(extra, dtype=np.float32)


def _fit_on_gpu(extra: csr_matrix, factors: int, params: AlsParams, seed: int) -> FloatArray:
    """Return the item factors that implicit finds on a CUDA device; extra: c - 1."""
    from implicit.als import AlternatingLeastSquares  # of the machine's own installation

    confidence = extra.copy()
    confidence.data += 1
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=params.regularization,
        alpha=1,
        iterations=params.iterations,
        use_gpu=True,
        random_state=seed,
    )
    model.fit(confidence, show_progress=False)
    return np.ascontiguousarray(model.item_factors.to_numpy(), dtype=np.float32)


def _confidence_left(kernel: FloatArray, extra: FloatArray) -> FloatArray:
    """Return float[m], what multiplies the projections of a history's m products in the factors of its user.

    By the Woodbury identity, with G = YᵀY + λ I over all items, the m factors Y of the history, P = G⁻¹Yᵀ, K = YP and
    D = C - I: x = P (z - D (I + K D)⁻¹ K z), z = 1 + D: m equations instead of f.

    Args:
        kernel: float[m, m], K.
        extra: float[m], the diagonal of D.
    """
    confidence, equations = 1 + extra, kernel * extra
    equations.reshape(-1)[:: len(extra) + 1] += 1
    return np.asarray(confidence - extra * np.linalg.solve(equations, kernel @ confidence))


@cache
def _has_gpu() -> bool:
    """Return whether implicit can train on a GPU; log once, if it cannot, what is missing."""
    try:
        import implicit.gpu
    except (ImportError, OSError) as error:
        missing = f"the library implicit was not loaded ({error})"
    else:
        if implicit.gpu.HAS_CUDA:
            return True
        missing = "implicit finds no CUDA device" if implicit.gpu.HAS_RMM else "the library rmm is not installed"
    _log.warning(
        "AISLE_ALS_USE_GPU is true, but %s: ALS is trained on the CPU. Install implicit with CUDA and rmm on a "
        "machine with a GPU, or set AISLE_ALS_USE_GPU=false",
        missing,
    )
    return False
