"""Autoencoder: the full linear item-item regression among the most popular products, exact, in closed form.

With the normalised histories R̃ (see normalization) and the Gram matrix G = R̃ᵀR̃ of these products,

    P = (G + diag λ)⁻¹,    B_ij = -P_ij · c_j for i ≠ j,    B_jj = 0.

- λ_j = r + p / (1 - p) · G_jj: a ridge, and what dropout of a share p of the input does in expectation (Steck,
  "Autoencoders that don't overfit towards the identity", NeurIPS 2020, EDLAE).
- c_j = max(λ_j, (1 - ξ) / P_jj): the constraint on the diagonal is relaxed to B_jj ≤ ξ (Moon, Kim and Lee, "It's
  enough: relaxing diagonal constraints in linear autoencoders for recommendation", SIGIR 2023, RDLAE). ξ = 0 is EASE
  (Steck, WWW 2019, equation 8), ξ = 1 ridge regression.
- The exponents weight users and products before, and products after the regression (Park et al., "Why is normalization
  necessary for linear recommenders?", SIGIR 2025).

The inverse costs the cube of the number of products, so only the most popular ones take part. The others are left to
item_graph, which regresses on neighbours, and to spectral, which regresses in few factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from typing_extensions import override

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models.item_graph import ItemGraph
from src.models.normalization import NormalizedHistories, normalize_histories

_MAX_PAIRS = 30_000_000
"""Stored weights: 240 MB. Where there are more, each product keeps the strongest."""
_COLUMNS_PER_BLOCK = 1_024
_STEPS_PER_PAIR = 400_000
"""Multiplications that the inverse may take for each event that relates products: about as long as a fit of ALS takes.
Of a small file with many products the inverse would otherwise take longer than all other models together."""
_ALWAYS_STEPS = 6_000**3
"""Multiplications that it may always take: some seconds. Catalogues of up to 6,000 products lose nothing."""


@dataclass(frozen=True)
class AutoencoderParams:
    """Parameters of the autoencoder; the defaults are EASE.

    Attributes:
        products: how many of the most popular products take part; fewer where few events do not pay for the inverse.
        user_exponent: of the normalisation, see spectral.
        item_exponent: of the normalisation, see spectral.
        ridge: r, in means of the Gram matrix's diagonal.
        dropout: p, below 1.
        relaxation: ξ, from 0 to 1.
        input_exponent: see spectral.
        output_exponent: see spectral.
        half_life_days: see TrainingData.decayed_histories.
    """

    products: int = 8_000
    user_exponent: float = 0.0
    item_exponent: float = 0.0
    ridge: float = 10.0
    dropout: float = 0.0
    relaxation: float = 0.0
    input_exponent: float = 0.0
    output_exponent: float = 0.0
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: object) -> AutoencoderParams:
        """Return the defaults: no setting changes them."""
        return cls()


@dataclass(frozen=True)
class Autoencoder(ItemGraph):
    """Has the arrays and scores of ItemGraph; rows and columns of products that take no part are empty."""

    PARAMS = AutoencoderParams  # type: ignore[assignment]

    @override
    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items and n_pairs."""
        return {"n_items": self.n_items, "n_pairs": len(self.data)}


def train(data: TrainingData, params: AutoencoderParams, *, seed: int) -> Autoencoder:
    """Compute the Gram matrix and its inverse of events to learn from; the seed is not used."""
    histories = data.decayed_histories(params.half_life_days)
    normalized = normalize_histories(histories, params.user_exponent, params.item_exponent)
    return fit_autoencoder(normalized, gram_of_popular(normalized, params.products), params)


class Gram(NamedTuple):
    """int64[m], row numbers of the most popular products, the most popular first; float32[m, m], their Gram matrix."""

    item: IntArray
    matrix: FloatArray

    def first(self, m: int) -> Gram:
        """Return that of the m most popular of them."""
        return Gram(self.item[:m], self.matrix[:m, :m])


def gram_of_popular(normalized: NormalizedHistories, products: int) -> Gram:
    """Compute the Gram matrix of the products of the highest degree.

    Args:
        normalized: histories.
        products: how many; see `most_popular`.

    Returns:
        The matrix.
    """
    item = most_popular(normalized, normalized.matrix.nnz, products)
    part = normalized.matrix[:, item]
    matrix = np.asarray((part.T @ part).todense(), dtype=np.float32)
    np.fill_diagonal(matrix, normalized.diagonal[item])
    return Gram(item, matrix)


def most_popular(normalized: NormalizedHistories, n_pairs: int, products: int) -> IntArray:
    """Return int64[m], the products of the highest degree, the highest first.

    Args:
        normalized: histories, whose matrix is not read.
        n_pairs: stored pairs of that matrix.
        products: m; fewer where fewer have an event, or where the inverse would take too long for so few pairs.
    """
    affordable = round(np.cbrt(max(_STEPS_PER_PAIR * n_pairs, _ALWAYS_STEPS)))
    has_events = normalized.diagonal > 0  # the degree of others is 1, too
    n = min(products, affordable, np.count_nonzero(has_events))
    return np.argsort(-normalized.degree * has_events, kind="stable")[:n]


def fit_autoencoder(normalized: NormalizedHistories, gram: Gram, params: AutoencoderParams) -> Autoencoder:
    """Regress every product on all others.

    Args:
        normalized: histories; the exponents of their normalisation are not read from `params`.
        gram: of `normalized`, with `params.products` products or more.
    """
    gram, n_items = gram.first(params.products), len(normalized.degree)
    ridge = params.ridge * normalized.mean_diagonal + params.dropout / (1 - params.dropout) * gram.matrix.diagonal()
    weights = _inverse(gram.matrix, ridge.astype(np.float32))
    scale = np.maximum(ridge, (1 - params.relaxation) / weights.diagonal())
    degree = normalized.degree[gram.item].astype(np.float64)
    np.multiply(weights, (-scale * degree**params.output_exponent).astype(np.float32), out=weights)
    np.multiply(weights, (degree**-params.input_exponent).astype(np.float32)[:, None], out=weights)
    np.fill_diagonal(weights, 0)
    _keep_strongest(weights, max(_MAX_PAIRS // max(len(weights), 1), 1))
    order = np.argsort(gram.item)
    item, weights = gram.item[order].astype(np.int32), weights[np.ix_(order, order)]
    is_stored = weights != 0
    count = np.zeros(n_items, np.int64)
    count[item] = is_stored.sum(axis=1)
    indices = np.broadcast_to(item, weights.shape)[is_stored]
    return Autoencoder(params, weights[is_stored], indices, np.concatenate([[0], np.cumsum(count)]))


def _inverse(gram: FloatArray, ridge: FloatArray) -> FloatArray:
    """Return float32[m, m], the inverse of gram + diag(ridge); in double precision where single does not suffice."""
    from scipy.linalg.lapack import dpotrf, dpotri, spotrf, spotri  # not at the top: serving does not need it

    if not len(gram):
        return np.zeros((0, 0), np.float32)
    for factorized, inverted, dtype in ((spotrf, spotri, np.float32), (dpotrf, dpotri, np.float64)):
        matrix = np.array(gram, dtype, order="F")
        np.fill_diagonal(matrix, gram.diagonal() + ridge)
        matrix, failed = factorized(matrix, lower=True, overwrite_a=True)
        if not failed:
            matrix, failed = inverted(matrix, lower=True, overwrite_c=True)
        if not failed:
            break
    lower = np.tril(matrix, -1)
    return np.asarray(lower + lower.T + np.diag(matrix.diagonal()), dtype=np.float32)


def _keep_strongest(weights: FloatArray, most: int) -> None:
    """Set all but the `most` largest absolute values of each column to 0, in place."""
    if most >= len(weights):
        return
    for start in range(0, len(weights), _COLUMNS_PER_BLOCK):
        block = weights[:, start : start + _COLUMNS_PER_BLOCK]
        strength = np.abs(block)
        block[strength < -np.partition(-strength, most - 1, axis=0)[most - 1]] = 0
