"""The degree-normalised matrix of histories, from which item_graph and spectral learn.

R̃ = D_u^-a R D_i^-b with the degrees D_u, D_i of users and items. GF-CF (Shen et al., "How powerful is graph convolution
for recommendation?", CIKM 2021) sets a = b = 1/2; other exponents change how much popular items count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from src.core.domain import FloatArray, IntArray

LONGEST_HISTORY = 5_000
"""Longer histories are left out: they belong to robots or tills, and each costs the square of its length."""


@dataclass(frozen=True)
class NormalizedHistories:
    """R̃ and what normalisation computed on the way.

    Attributes:
        matrix: float32 CSR [m, n_items], the rows of R̃ with two products or more; other rows hold no pair.
        diagonal: float32[n_items], of the Gram matrix R̃ᵀR̃ over all users.
        degree: float32[n_items], at least 1.
    """

    matrix: csr_matrix
    diagonal: FloatArray
    degree: FloatArray

    @property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal over items with events, the unit of a ridge; 1 without events."""
        used = self.diagonal[self.diagonal > 0]
        return float(used.mean()) if len(used) else 1.0


_ROUNDING = 1e-4
"""Of float32 sums, as a share of these."""


def normalize_histories(histories: csr_matrix, user_exponent: float, item_exponent: float) -> NormalizedHistories:
    """Normalise histories by the degrees of users and items.

    Args:
        histories: float32 CSR [n_users, n_items]. A degree is a sum of weights, at least 1.
        user_exponent: a.
        item_exponent: b.

    Returns:
        R̃ with its diagonal and degrees.
    """
    degree = np.maximum(np.asarray(histories.sum(axis=0)).ravel(), 1).astype(np.float32)
    length = np.diff(histories.indptr)
    user_degree = np.maximum(np.asarray(histories.sum(axis=1)).ravel(), 1)
    scaled = histories.copy()
    scaled.data *= np.repeat(user_degree**-user_exponent, length).astype(np.float32)
    scaled.data *= (degree**-item_exponent)[scaled.indices]
    diagonal = np.bincount(scaled.indices, weights=scaled.data.astype(np.float64) ** 2, minlength=scaled.shape[1])
    rows = np.flatnonzero((length > 1) & (length <= LONGEST_HISTORY))
    return NormalizedHistories(scaled[rows], diagonal.astype(np.float32), degree)


def scale_columns(matrix: csr_matrix, factor: FloatArray) -> csr_matrix:
    """Multiply the columns of a CSR matrix [n, m] by factor, float[m], into a new one."""
    return csr_matrix(matrix @ diags_array(factor.astype(np.float32)))


def less_own(support: FloatArray, own: FloatArray) -> FloatArray:
    """Subtract the support that products give themselves.

    Args:
        support: float[n], of all products of a history, these included.
        own: float[n], the part that is their own.

    Returns:
        float[n]; 0 where nothing but rounding is left, as 0 means that the history says nothing.
    """
    rest = support - own
    rest[np.abs(rest) <= _ROUNDING * np.abs(own)] = 0.0
    return rest


def subtract_self_scores(scores: FloatArray, histories: csr_matrix, itself: FloatArray, items: IntArray | None) -> None:
    """Subtract in place the support that each product of a history gives itself: its weight times `itself`.

    Args:
        scores: float[n, len(items)], changed.
        histories: CSR [n, n_items], weights.
        itself: float[n_items], self-support at weight 1.
        items: columns that the scores belong to; None for all.
    """
    own = scale_columns(histories, itself)
    own = own if items is None else csr_matrix(own[:, items])
    at = np.repeat(np.arange(own.shape[0]), np.diff(own.indptr)), own.indices
    scores[at] = less_own(scores[at], own.data)
