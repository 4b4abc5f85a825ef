"""Spectral: the linear item-item model of EASE on a low-pass filtered Gram matrix, in closed form and few factors.

EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8) needs the inverse of the dense
item-item Gram matrix G = R̃ᵀR̃. Here G ≈ V S Vᵀ + Δ: its k strongest eigenvectors (the ideal low-pass filter of GF-CF)
and what they leave of the diagonal, as in factor analysis. With Λ = Δ + λ, the Woodbury identity gives

    (G + λ)⁻¹ = Λ⁻¹ - Λ⁻¹ V (S⁻¹ + VᵀΛ⁻¹V)⁻¹ VᵀΛ⁻¹ = P,    B = I - P / diag P,

whose part off the diagonal is a product of two thin matrices: a hundred thousand products take megabytes, not the 40 GB
of the inverse. The diagonal of B is zero, as in EASE: no product speaks for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.models.base import FromHistory, QueryBlock, QueryRows, SavedAsArrays
from src.models.normalization import Normalized, normalized, take_own

_MOST_NUMBERS = 80_000_000
"""Of one factor matrix: 320 MB. A catalogue of half a million products gets 168 factors."""
_OVERSAMPLING, _POWER_ITERATIONS = 32, 4
_USERS_AT_ONCE = 50_000


@dataclass(frozen=True)
class SpectralParams:
    """rank: eigenvectors kept, k. user_exponent, item_exponent: of the normalisation. ridge: λ, in means of the Gram
    matrix's diagonal. input_exponent: products of the history weigh degree^-input_exponent. output_exponent: scores
    are multiplied by degree^output_exponent. filter: "ease" as above, or "ideal", B = V Vᵀ. half_life_days: see
    TrainingData.faded.
    """

    rank: int = 768
    user_exponent: float = 0.35
    item_exponent: float = 0.4
    ridge: float = 0.5
    input_exponent: float = 0.2
    output_exponent: float = 0.15
    filter: Literal["ease", "ideal"] = "ease"
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> SpectralParams:
        return cls(rank=settings.spectral_rank)


@dataclass(frozen=True)
class Spectral(FromHistory, SavedAsArrays):
    """float32 given[n_items, k] and wanted[n_items, k]: a history h scores (h · given) · wantedᵀ, less h · itself for
    the products of the history; itself[n_items] is the diagonal of given · wantedᵀ.
    """

    ARRAYS: ClassVar = ("given", "wanted", "itself")
    PARAMS: ClassVar = SpectralParams

    given: FloatArray
    wanted: FloatArray
    itself: FloatArray

    @property
    def n_items(self) -> int:
        return len(self.given)

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        wanted = self.wanted if items is None else self.wanted[items]
        scores: FloatArray = (queries.history @ self.given) @ wanted.T
        take_own(scores, queries.history, self.itself, items)
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return scores

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        scores = self.wanted[item_idx] @ (query.weight @ self.given[query.item_idx])
        own = np.zeros(self.n_items, np.float32)
        own[query.item_idx] = query.weight * self.itself[query.item_idx]
        return np.asarray(scores - own[item_idx])

    def describe(self) -> dict[str, int]:
        n_items, n_factors = self.given.shape
        return {"n_items": n_items, "n_factors": n_factors}


def train(data: TrainingData, params: SpectralParams, *, seed: int) -> Spectral:
    """Decompose and filter. Where fewer eigenvectors exist, or fit the memory, than the rank says, those are kept."""
    matrix = normalized(data.faded(params.half_life_days), params.user_exponent, params.item_exponent)
    return filtered(matrix, eigenvectors(matrix, params.rank, seed=seed), params)


@dataclass(frozen=True)
class Spectrum:
    """The strongest eigenvectors of a Gram matrix: vectors float32[n_items, k], values float64[k], descending."""

    vectors: FloatArray
    values: FloatArray

    def first(self, k: int) -> Spectrum:
        return Spectrum(self.vectors[:, :k], self.values[:k])


def eigenvectors(matrix: Normalized, rank: int, *, seed: int) -> Spectrum:
    """At most `rank` of them, by randomized subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4)."""
    rows, n_items = matrix.matrix.shape
    rank = min(rank, rows, n_items, max(16, _MOST_NUMBERS // max(n_items, 1)))
    if rank == 0:
        return Spectrum(np.zeros((n_items, 0), np.float32), np.zeros(0))
    width = min(rank + _OVERSAMPLING, n_items)
    basis: FloatArray = np.random.default_rng(seed).standard_normal((n_items, width), dtype=np.float32)
    for _ in range(_POWER_ITERATIONS):
        basis = _orthonormal(_times_gram(matrix.matrix, basis))
    small = np.asarray(basis.T @ _times_gram(matrix.matrix, basis), dtype=np.float64)
    values, turn = np.linalg.eigh((small + small.T) / 2)
    strongest = np.argsort(-values)[:rank]
    strongest = strongest[values[strongest] > 1e-9 * max(values.max(), 1e-30)]
    return Spectrum(basis @ turn[:, strongest].astype(np.float32), values[strongest])


def _times_gram(matrix: csr_matrix, block: FloatArray) -> FloatArray:
    """R̃ᵀ(R̃ block), so many users at once that the middle stays small."""
    total = np.zeros_like(block)
    for start in range(0, matrix.shape[0], _USERS_AT_ONCE):
        part = matrix[start : start + _USERS_AT_ONCE]
        total += part.T @ (part @ block)
    return total


def _orthonormal(block: FloatArray) -> FloatArray:
    """A basis of the columns, by Cholesky QR: eight times faster than Householder's, which is for hopeless columns."""
    gram = np.asarray(block.T @ block, dtype=np.float64)
    try:
        lower = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return np.linalg.qr(block)[0]
    solved: FloatArray = solve_triangular(lower.astype(np.float32), block.T, lower=True, check_finite=False).T
    return np.ascontiguousarray(solved)


def filtered(matrix: Normalized, spectrum: Spectrum, params: SpectralParams) -> Spectral:
    """The model of this spectrum's first params.rank eigenvectors; the normalisation is taken as it is."""
    spectrum = spectrum.first(params.rank)
    vectors = np.asarray(spectrum.vectors, dtype=np.float32)
    given: FloatArray = vectors
    wanted: FloatArray = vectors
    if params.filter == "ease" and vectors.shape[1]:
        kept = (vectors**2) @ spectrum.values
        noise = np.maximum(matrix.diagonal - kept, 0) + params.ridge * matrix.level
        whitened = vectors / noise[:, None]
        inner = np.linalg.inv(np.diag(1 / spectrum.values) + vectors.T @ whitened)
        given = whitened @ inner.astype(np.float32)
        wanted = whitened / (1 / noise - np.einsum("if,if->i", given, whitened))[:, None]
    given = (given * (matrix.degree**-params.input_exponent)[:, None]).astype(np.float32)
    wanted = (wanted * (matrix.degree**params.output_exponent)[:, None]).astype(np.float32)
    return Spectral(params, given, wanted, np.einsum("if,if->i", given, wanted))
