"""Spectral: the linear item-item model of EASE on a low-pass filtered Gram matrix, in closed form and few factors.

EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8) needs the inverse of the dense
item-item Gram matrix G = R̃ᵀR̃. Here G ≈ V S Vᵀ + Δ: the k strongest eigenvectors (the ideal low-pass filter of GF-CF)
and the rest of the diagonal, as in factor analysis. With Λ = Δ + λ, the Woodbury identity gives

    (G + λ)⁻¹ = Λ⁻¹ - Λ⁻¹ V (S⁻¹ + VᵀΛ⁻¹V)⁻¹ VᵀΛ⁻¹ = P,    B = I - P / diag P,

whose off-diagonal part is a product of two thin matrices: a hundred thousand products take megabytes, not the 40 GB of
the inverse. The diagonal of B is zero, as in EASE: a product does not support itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field
from scipy.sparse import csr_matrix
from typing_extensions import override

from src.core.all_cores import map_on_all_cores, n_cores
from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models.base import QueryBlock, QueryRows, SavedAsArrays, ScoresByFactors
from src.models.normalization import NormalizedHistories, less_own, normalize_histories, subtract_self_scores

_MAX_NUMBERS = 80_000_000
"""Limit of one factor matrix: 320 MB. A catalogue of half a million products gets 168 factors."""
_OVERSAMPLING, _POWER_ITERATIONS, _CONTINUED_ITERATIONS = 32, 4, 2
_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class SpectralParams:
    """Parameters of spectral.

    Attributes:
        rank: number of eigenvectors, k.
        user_exponent: a of the normalisation.
        item_exponent: b of the normalisation.
        ridge: λ, in means of the Gram matrix's diagonal.
        input_exponent: products of the history are weighted by degree^-input_exponent.
        output_exponent: scores are multiplied by degree^output_exponent.
        filter: "ease" as above, or "ideal", B = V Vᵀ.
        half_life_days: see TrainingData.decayed_histories.
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
    def of(cls, settings: SpectralSettings) -> SpectralParams:
        """Return the parameters that the settings ask for."""
        return cls(rank=settings.spectral_rank)


class SpectralSettings(BaseModel):
    """Settings of spectral."""

    spectral_rank: int = Field(
        SpectralParams.rank, ge=1, le=4096, description="Spectral: eigenvectors kept, where tuning has no say."
    )


@dataclass(frozen=True)
class Spectral(ScoresByFactors, SavedAsArrays):
    """B without its diagonal, as a product of two matrices: a history h scores (h · given) · wantedᵀ - h · itself.

    The last term applies to the products of the history only. The names of the arrays are those of the saved files.

    Attributes:
        given: float32[n_items, k], factors of a product as part of a history.
        wanted: float32[n_items, k], factors of a product as a candidate.
        itself: float32[n_items], the diagonal of given · wantedᵀ.
    """

    ARRAYS: ClassVar = ("given", "wanted", "itself")
    PARAMS: ClassVar = SpectralParams

    given: FloatArray
    wanted: FloatArray
    itself: FloatArray

    @property
    @override
    def n_items(self) -> int:
        return len(self.given)

    @property
    @override
    def self_scores(self) -> FloatArray:
        return self.itself

    @property
    @override
    def item_vectors(self) -> FloatArray:
        return self.wanted

    @override
    def history_factors(self, history: csr_matrix) -> FloatArray:
        return np.asarray(history @ self.given)

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        wanted = self.wanted if items is None else self.wanted[items]
        scores: FloatArray = self.history_factors(queries.history) @ wanted.T
        subtract_self_scores(scores, queries.history, self.itself, items)
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return scores

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        scores = self.wanted[item_idx] @ (query.weight @ self.given[query.item_idx])
        order = np.argsort(query.item_idx)
        place = order[np.minimum(np.searchsorted(query.item_idx, item_idx, sorter=order), len(order) - 1)]
        own = (query.weight * self.itself[query.item_idx])[place]
        return less_own(scores, np.where(query.item_idx[place] == item_idx, own, np.float32(0)))

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items and n_factors."""
        n_items, n_factors = self.given.shape
        return {"n_items": n_items, "n_factors": n_factors}


def train(data: TrainingData, params: SpectralParams, *, seed: int, start: Spectral | None = None) -> Spectral:
    """Compute the eigenvectors and the model.

    Args:
        data: events to learn from.
        seed: of the randomized eigendecomposition.
        start: trained with the same parameters on other events of the same products, whose eigenvectors are corrected;
            None to begin at random.

    Returns:
        The model, with fewer than `rank` factors where fewer eigenvectors exist or fit into memory.
    """
    histories = data.decayed_histories(params.half_life_days)
    normalized = normalize_histories(histories, params.user_exponent, params.item_exponent)
    if start is None or start.n_items != len(normalized.degree):
        return fit_spectral(normalized, eigenvectors(normalized, params.rank, seed=seed), params)
    spectrum = eigenvectors(
        normalized,
        params.rank,
        seed=seed,
        iterations=_CONTINUED_ITERATIONS,
        first=_vectors_of(start, normalized.degree),
    )
    return fit_spectral(normalized, spectrum, params)


def _vectors_of(model: Spectral, degree: FloatArray) -> FloatArray:
    """Return the eigenvectors that a model was built of, float32[n_items, k]: the inverse of `fit_spectral`."""
    params = model.params
    if params.filter == "ideal":
        return _times(model.given, degree**params.input_exponent)
    # With P and Λ of above, wanted = V / (1 - x), x = 1 - ΛP of the diagonal, and itself = x / (1 - x).
    itself = model.itself * degree ** (params.input_exponent - params.output_exponent)
    return _times(model.wanted, degree**-params.output_exponent / (1 + itself))


def _times(vectors: FloatArray, factor: FloatArray) -> FloatArray:
    """Return float32[n, k], each row times its factor, float[n]; in double precision it would take twice the memory."""
    return np.multiply(vectors, factor.astype(np.float32)[:, None])


@dataclass(frozen=True)
class Spectrum:
    """The strongest eigenvectors of a Gram matrix.

    Attributes:
        vectors: float32[m, k].
        values: float64[k], descending.
        items: int64[m], the items of their rows, ascending; None for all. Those of other items are zeros.
    """

    vectors: FloatArray
    values: FloatArray
    items: IntArray | None = None

    def first(self, k: int) -> Spectrum:
        """Return the k strongest of them."""
        return replace(self, vectors=self.vectors[:, :k], values=self.values[:k])


def eigenvectors(
    normalized: NormalizedHistories,
    rank: int,
    *,
    seed: int,
    iterations: int = _POWER_ITERATIONS,
    first: FloatArray | None = None,
) -> Spectrum:
    """Compute eigenvectors by randomized subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4).

    Args:
        normalized: histories whose Gram matrix is decomposed.
        rank: number of eigenvectors.
        seed: of the starting block.
        iterations: with fewer of them the weaker vectors are less exact.
        first: float32[n_items, k], vectors that are nearly those sought; None for none.

    Returns:
        At most `rank` eigenvectors; those with an eigenvalue of about zero are left out.
    """
    rows, n_items = normalized.matrix.shape
    # Of a sample of the users most items of a large catalogue have no event.
    items = np.flatnonzero(np.bincount(normalized.matrix.indices, minlength=n_items))
    rank = min(rank, rows, len(items), max(16, _MAX_NUMBERS // max(n_items, 1)))
    if rank == 0:
        return Spectrum(np.zeros((n_items, 0), np.float32), np.zeros(0))
    has_all = len(items) == n_items
    matrix = normalized.matrix if has_all else _of_items(normalized.matrix, items)
    width = min(rank + _OVERSAMPLING, len(items))
    basis: FloatArray = np.random.default_rng(seed).standard_normal((len(items), width), dtype=np.float32)
    if first is not None:
        basis[:, : first.shape[1]] = first[:, :width] if has_all else first[items, :width]
        basis[:, first.shape[1] :] *= np.float32(len(items) ** -0.5)  # of the length of the others
        del first  # as large as the basis
    for _ in range(iterations):
        basis = orthonormal(_times_gram(matrix, basis))
    small = np.asarray(basis.T @ _times_gram(matrix, basis), dtype=np.float64)
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    strongest = np.argsort(-values)[:rank]
    strongest = strongest[values[strongest] > 1e-9 * max(values.max(), 1e-30)]
    vectors = basis @ rotation[:, strongest].astype(np.float32)
    return Spectrum(vectors, values[strongest], None if has_all else items)


def _of_items(matrix: csr_matrix, items: IntArray) -> csr_matrix:
    """Return the columns of some items, of which all others are empty."""
    place = np.full(matrix.shape[1], -1, np.int32)
    place[items] = np.arange(len(items))
    return csr_matrix((matrix.data, place[matrix.indices], matrix.indptr), shape=(matrix.shape[0], len(items)))


def _times_gram(matrix: csr_matrix, block: FloatArray) -> FloatArray:
    """Return R̃ᵀR̃ block. Threads divide the columns, so that the order of no sum depends on their number."""
    from src.models.kernels.gram_kernels import add_times_gram  # not at the top: serving must not import Numba

    total = np.zeros_like(block)

    def add(first: int) -> None:
        end = min(first + width, block.shape[1])
        add_times_gram(matrix.indptr, matrix.indices, matrix.data, block, first, end, total)

    width = -(-block.shape[1] // n_cores())
    map_on_all_cores(add, range(0, block.shape[1], width))
    return total


def orthonormal(block: FloatArray) -> FloatArray:
    """Turn the columns into an orthonormal basis by Cholesky QR, which is eight times faster than Householder QR.

    Nearly dependent columns, for which Cholesky fails, fall back to Householder QR.

    Args:
        block: float32[n, k], which the basis takes the place of where that is possible.

    Returns:
        float32[n, min(n, k)].
    """
    rows = _parts_of(len(block))
    gram = sum(map_on_all_cores(lambda part: block[part].T @ block[part], rows), np.zeros(2 * block.shape[1:]))
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(gram)).T.astype(np.float32)
    except np.linalg.LinAlgError:
        return np.linalg.qr(block)[0]

    def multiply(part: slice) -> None:
        block[part] = block[part] @ inverse

    map_on_all_cores(multiply, rows)
    return block


def _parts_of(n_rows: int) -> list[slice]:
    """Return slices of rows, so that intermediate results stay small."""
    return [slice(start, start + _ROWS_AT_ONCE) for start in range(0, n_rows, _ROWS_AT_ONCE)]


def fit_spectral(normalized: NormalizedHistories, spectrum: Spectrum, params: SpectralParams) -> Spectral:
    """Build the model of the first params.rank eigenvectors of `normalized`.

    Args:
        normalized: histories; the exponents of their normalisation are not read from `params`.
    """
    spectrum = spectrum.first(params.rank)
    vectors, n_items = np.asarray(spectrum.vectors, dtype=np.float32), len(normalized.degree)
    items = np.arange(n_items) if spectrum.items is None else spectrum.items
    noise: FloatArray = np.zeros(0, np.float32)
    inner: FloatArray = noise
    is_ease = params.filter == "ease" and vectors.shape[1] > 0
    if is_ease:
        # float32 but for the small inverse: in double precision a fit takes twice as long.
        explained = np.einsum("if,if,f->i", vectors, vectors, spectrum.values.astype(np.float32))
        ridge = np.float32(params.ridge * normalized.mean_diagonal)
        noise = np.maximum(normalized.diagonal[items] - explained, 0) + ridge

        def gram_of(part: slice) -> FloatArray:
            scaled = vectors[part] / np.sqrt(noise[part])[:, None]
            return np.asarray(scaled.T @ scaled)  # BLAS takes a third of the time of two different matrices

        gram = sum(map_on_all_cores(gram_of, _parts_of(len(items))), np.diag(1 / spectrum.values))
        inner = np.asarray(np.linalg.inv(gram), dtype=np.float32)
    given, wanted = (np.zeros((n_items, vectors.shape[1]), np.float32) for _ in range(2))
    itself = np.zeros(n_items, np.float32)

    def write(part: slice) -> None:
        rows = items[part]
        from_: FloatArray = vectors[part]
        to, degree = from_, normalized.degree[rows]
        if is_ease:
            whitened = from_ / noise[part][:, None]
            from_ = whitened @ inner
            to = whitened / (1 / noise[part] - np.einsum("if,if->i", from_, whitened))[:, None]
        from_, to = _times(from_, degree**-params.input_exponent), _times(to, degree**params.output_exponent)
        given[rows], wanted[rows], itself[rows] = from_, to, np.einsum("if,if->i", from_, to)

    map_on_all_cores(write, _parts_of(len(items)))
    return Spectral(params, given, wanted, itself)
