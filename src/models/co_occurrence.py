"""Co-occurrence: whole normalised co-occurrences of products, without a regression and without a cut.

A history h scores s = h D_in Rᵀ D_u R D_out, with R the histories of all users and D_in, D_u, D_out powers of degrees:
a random walk from the products of the history over the users who have them to the products of these users (Cooper et
al., "Random walks in recommender systems", WWW 2014; Paudel et al., "Updatable, accurate, diverse, and scalable
recommendations for interactive applications", TiiS 2017, RP3β). The linear part of GF-CF is a case of it. The rows of
RᵀR are not stored, as they are nearly dense in a large shop: two sparse products make them for each query.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from typing_extensions import override

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models.base import QueryBlock, QueryRows, SavedAsArrays, ScoresByPairs
from src.models.normalization import (
    NormalizedHistories,
    less_own,
    normalize_histories,
    subtract_self_scores,
)
from src.models.sparse_rows import entries_of, sums_at, sums_by_column

_MOST_STEPS = 200_000
"""Products that the walk from one product may visit. From a product with more, it takes a sample of its users, each
weighted up, so that the time of a query does not grow with the shop."""


@dataclass(frozen=True)
class CoOccurrenceParams:
    """Parameters of co-occurrence.

    Attributes:
        user_exponent: a user counts degree^(-2 · user_exponent), as in the normalisation of spectral.
        input_exponent: products of the history are weighted by degree^-input_exponent.
        output_exponent: scores are multiplied by degree^output_exponent.
        half_life_days: see TrainingData.decayed_histories.
    """

    user_exponent: float = 0.4
    input_exponent: float = 0.7
    output_exponent: float = -0.3
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: object) -> CoOccurrenceParams:
        """Return the defaults: no setting changes them."""
        return cls()


@dataclass(frozen=True)
class CoOccurrence(ScoresByPairs, SavedAsArrays):
    """The two steps of the walk as CSR matrices: to_users[n_items, n_users] and to_items[n_users, n_items].

    Users with one product are left out, as they lead back to it.

    Attributes:
        n_users: number of users that are walked over.
        user_weight: float32, values of to_users.
        user_idx: int32, column numbers of to_users, which are not those of any vocabulary.
        user_pointers: int64[n_items + 1], where the rows of to_users begin.
        item_weight: float32, values of to_items.
        item_idx: int32, column numbers of to_items.
        item_pointers: int64[n_users + 1], where the rows of to_items begin.
        itself: float32[n_items], the support that a product would give itself.
    """

    ARRAYS: ClassVar = (
        "user_weight",
        "user_idx",
        "user_pointers",
        "item_weight",
        "item_idx",
        "item_pointers",
        "itself",
    )
    NUMBERS: ClassVar = ("n_users",)
    PARAMS: ClassVar = CoOccurrenceParams

    n_users: int
    user_weight: FloatArray
    user_idx: IntArray
    user_pointers: IntArray
    item_weight: FloatArray
    item_idx: IntArray
    item_pointers: IntArray
    itself: FloatArray

    @property
    @override
    def n_items(self) -> int:
        return len(self.itself)

    @cached_property
    def _to_users(self) -> csr_matrix:
        arrays = (self.user_weight, self.user_idx, self.user_pointers)
        return csr_matrix(arrays, shape=(self.n_items, self.n_users))

    @cached_property
    def _to_items(self) -> csr_matrix:
        arrays = (self.item_weight, self.item_idx, self.item_pointers)
        return csr_matrix(arrays, shape=(self.n_users, self.n_items))

    @property
    @override
    def self_scores(self) -> FloatArray:
        return self.itself

    @override
    def pair_scores(self, history: csr_matrix) -> csr_matrix:
        return csr_matrix((history @ self._to_users) @ self._to_items)

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        product = self.pair_scores(queries.history)
        scores = (product if items is None else product[:, items]).toarray()
        subtract_self_scores(scores, queries.history, self.itself, items)
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return np.asarray(scores, dtype=np.float32)

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        step = entries_of(query.item_idx, query.weight, self.user_pointers)
        reached = self.user_weight[step.at] * step.weight
        users, weight = sums_by_column(self.user_idx[step.at], reached, self.n_users)
        step = entries_of(users, weight, self.item_pointers)
        reached = self.item_weight[step.at] * step.weight
        scores = sums_at(self.item_idx[step.at], reached, item_idx, self.n_items)
        own = sums_at(query.item_idx, query.weight * self.itself[query.item_idx], item_idx, self.n_items)
        return less_own(scores, own)

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items, and n_pairs, the number of stored events of different pairs."""
        return {"n_items": self.n_items, "n_pairs": len(self.item_idx)}


def train(data: TrainingData, params: CoOccurrenceParams, *, seed: int) -> CoOccurrence:
    """Weight the histories by degrees; there is nothing to solve.

    Args:
        seed: of the sample of the users of products with very many.
    """
    return fit_co_occurrence(normalize_histories(data.decayed_histories(params.half_life_days), 0, 0), params, seed)


def fit_co_occurrence(histories: NormalizedHistories, params: CoOccurrenceParams, seed: int) -> CoOccurrence:
    """Build the model of histories that were normalised with exponents of 0.

    Args:
        seed: see train.

    Returns:
        The model.
    """
    matrix, degree = histories.matrix, histories.degree.astype(np.float64)
    length = np.diff(matrix.indptr)
    user_degree = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    given = (
        np.repeat(user_degree ** (-2 * params.user_exponent), length) * degree[matrix.indices] ** -params.input_exponent
    )
    given = (given * matrix.data).astype(np.float32)
    wanted = (matrix.data * degree[matrix.indices] ** params.output_exponent).astype(np.float32)
    to_users = csr_matrix((given, matrix.indices, matrix.indptr), shape=matrix.shape).T.tocsr()
    to_users = _sampled(to_users, length, seed)
    return CoOccurrence(
        params,
        matrix.shape[0],
        to_users.data,
        to_users.indices.astype(np.int32),
        to_users.indptr.astype(np.int64),
        wanted,
        matrix.indices.astype(np.int32),
        matrix.indptr.astype(np.int64),
        _self_scores(to_users, wanted, matrix),
    )


def _self_scores(to_users: csr_matrix, wanted: FloatArray, matrix: csr_matrix) -> FloatArray:
    """Return float32[n_items], the diagonal of to_users · to_items."""
    back = csr_matrix((wanted, matrix.indices, matrix.indptr), shape=matrix.shape).T.tocsr()
    return np.asarray(to_users.multiply(back).sum(axis=1), dtype=np.float32).ravel()


def _sampled(to_users: csr_matrix, length: IntArray, seed: int) -> csr_matrix:
    """Keep a sample of the users of items from which the walk would visit more than _MOST_STEPS products.

    length: int[n_users], products of each user.
    """
    item = np.repeat(np.arange(to_users.shape[0]), np.diff(to_users.indptr))
    share = np.minimum(_MOST_STEPS / np.maximum(np.bincount(item, length[to_users.indices], to_users.shape[0]), 1), 1)
    if (share == 1).all():
        return to_users
    kept = np.random.default_rng(seed).random(len(item)) < share[item]
    weight = (to_users.data / share[item])[kept].astype(np.float32)
    return csr_matrix((weight, (item[kept], to_users.indices[kept])), shape=to_users.shape)
