"""The normalised matrix of histories, which item_graph and spectral learn from.

R̃ = D_u^-a R D_i^-b with the degrees D_u, D_i of users and items. GF-CF (Shen et al., "How powerful is graph convolution
for recommendation?", CIKM 2021) has a = b = 1/2; unequal exponents say how much the popular weigh in what is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from src.core.domain import FloatArray, IntArray

LONGEST_HISTORY = 5_000
"""A user with more products is a robot or a till: the square of it would be the cost of each such user."""


@dataclass(frozen=True)
class Normalized:
    """matrix: float32 CSR [m, n_items], the rows of R̃ of users with two products or more: others tell of no pair.
    diagonal: float32[n_items], of the Gram matrix R̃ᵀR̃ over all users. degree: float32[n_items], at least 1.
    """

    matrix: csr_matrix
    diagonal: FloatArray
    degree: FloatArray

    @property
    def level(self) -> float:
        """The mean of the diagonal over items that anybody has: what a ridge is measured in."""
        used = self.diagonal[self.diagonal > 0]
        return float(used.mean()) if len(used) else 1.0


def normalized(histories: csr_matrix, user_exponent: float, item_exponent: float) -> Normalized:
    """Normalise float32 histories [n_users, n_items]; a degree is a sum of weights, and less than 1 counts as 1."""
    degree = np.maximum(np.asarray(histories.sum(axis=0)).ravel(), 1).astype(np.float32)
    rows = np.diff(histories.indptr)
    rows_degree = np.maximum(np.asarray(histories.sum(axis=1)).ravel(), 1)
    scaled = histories.copy()
    scaled.data *= np.repeat(rows_degree**-user_exponent, rows).astype(np.float32)
    scaled.data *= (degree**-item_exponent)[scaled.indices]
    diagonal = np.bincount(scaled.indices, weights=scaled.data.astype(np.float64) ** 2, minlength=scaled.shape[1])
    telling = np.flatnonzero((rows > 1) & (rows <= LONGEST_HISTORY))
    return Normalized(scaled[telling], diagonal.astype(np.float32), degree)


def scaled_columns(matrix: csr_matrix, factor: FloatArray) -> csr_matrix:
    """The matrix with its columns multiplied by float[n_columns]."""
    return csr_matrix(matrix @ diags_array(factor.astype(np.float32)))


def take_own(scores: FloatArray, histories: csr_matrix, itself: FloatArray, items: IntArray | None) -> None:
    """Take from scores[n, len(items)], in place, what each product of a history says of itself: its weight · itself.

    items: which columns the scores are of; None for all.
    """
    own = scaled_columns(histories, itself)
    own = own if items is None else csr_matrix(own[:, items])
    scores[np.repeat(np.arange(own.shape[0]), np.diff(own.indptr)), own.indices] -= own.data
