"""Predictions of a matrix factorization, whichever way it was trained.

rating(u, i) = μ + b_u + b_i + p_u · q_i, clipped to the rating scale (Koren, Bell and Volinsky, "Matrix factorization
techniques for recommender systems", 2009, equation 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from typing_extensions import override

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import Interactions
from src.models.base import PlainListModel, QueryBlock, QueryRows, Rater, SavedAsArrays, count_of
from src.models.top_n import Candidates, top_n

_RIDGE = 0.1  # per product of the history, as training regularizes per rating
_ITEMS_AT_ONCE = 8_192
"""Their scores stay in a cache while biases are added."""


@dataclass(frozen=True)
class FittedFactors:
    """Result of a training: row i of the arrays belongs to user_idx[i] or item_idx[i]. Only rated rows are included.

    Attributes:
        user_idx: int64[m], row numbers of the users with a rating.
        item_idx: int64[k], row numbers of the products with a rating.
        user_factors: float[m, f].
        user_bias: float[m].
        item_factors: float[k, f].
        item_bias: float[k].
        mean: added to every prediction.
    """

    user_idx: IntArray
    item_idx: IntArray
    user_factors: FloatArray
    user_bias: FloatArray
    item_factors: FloatArray
    item_bias: FloatArray
    mean: float


@dataclass(frozen=True)
class Factorization(PlainListModel, SavedAsArrays, Rater):
    """Biases and factors of all users and products. Rows without a rating are zero.

    Attributes:
        params: has rating_min and rating_max.
        mean: the rating that an average user gives an average product.
        user_factors: float32[n_users, f].
        item_factors: float32[n_items, f].
        user_bias: float32[n_users].
        item_bias: float32[n_items].
        user_count: int32[n_users], number of ratings.
        item_count: int32[n_items], number of ratings.
    """

    ARRAYS: ClassVar = ("user_factors", "item_factors", "user_bias", "item_bias", "user_count", "item_count")
    NUMBERS: ClassVar = ("mean",)

    mean: float
    user_factors: FloatArray
    item_factors: FloatArray
    user_bias: FloatArray
    item_bias: FloatArray
    user_count: IntArray
    item_count: IntArray

    @property
    @override
    def n_items(self) -> int:
        return len(self.item_bias)

    @classmethod
    def of(cls, fitted: FittedFactors, params: Any, ratings: Interactions) -> Self:
        """Return the model of fitted factors.

        Args:
            fitted: result of the training.
            params: parameters of the training.
            ratings: the ratings that were trained on.

        Returns:
            The model, with a row for every user and product of the vocabularies.
        """
        return cls(
            params=params,
            mean=fitted.mean,
            user_factors=_in_rows(fitted.user_factors, fitted.user_idx, ratings.n_users),
            item_factors=_in_rows(fitted.item_factors, fitted.item_idx, ratings.n_items),
            user_bias=_in_rows(fitted.user_bias, fitted.user_idx, ratings.n_users),
            item_bias=_in_rows(fitted.item_bias, fitted.item_idx, ratings.n_items),
            user_count=ratings.count_by_user(),
            item_count=ratings.count_by_item(),
        )

    @classmethod
    def without_ratings(cls, params: Any, ratings: Interactions) -> Self:
        """Return the model of an empty training.

        Args:
            params: parameters of the training.
            ratings: the empty ratings, with their vocabularies.

        Returns:
            A model without factors that predicts the middle of the scale.
        """
        no_rows, no_factors, no_bias = np.zeros(0, np.int64), np.zeros((0, params.factors)), np.zeros(0)
        middle = (params.rating_min + params.rating_max) / 2
        return cls.of(
            FittedFactors(no_rows, no_rows, no_factors, no_bias, no_factors, no_bias, mean=middle), params, ratings
        )

    @override
    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        return top_n(self._scores(query, slice(None)), n)

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        return self._scores(query, item_idx)

    def _scores(self, query: QueryRows, items: IntArray | slice) -> FloatArray:
        """Return the predicted ratings before clipping, which would make ties of the best products.

        This multiplies one row of the factors, where `score_all` with a block of one query would copy all of them.
        """
        user = -1 if query.user_idx is None else query.user_idx
        if count_of(self.user_count, user):
            factors, bias = self.user_factors[user], self.user_bias[user]
        else:
            factors, bias = self._factors_of_history(query.item_idx, query.weight), np.float32(0)
        scores = self.mean + bias + self.item_bias[items] + self.item_factors[items] @ factors
        return np.where(self.item_count[items] > 0, scores, np.nan).astype(np.float32)

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        users = np.maximum(queries.user_idx, 0)
        known = (queries.user_idx >= 0) & (self.user_count[users] > 0)
        factors, bias = self.user_factors[users], np.where(known, self.user_bias[users], 0)
        for row in np.flatnonzero(~known).tolist():
            part = slice(queries.history.indptr[row], queries.history.indptr[row + 1])
            factors[row] = self._factors_of_history(queries.history.indices[part], queries.history.data[part])
        n_scored = self.n_items if items is None else len(items)
        scores = np.empty((len(factors), n_scored), np.float32)
        for start in range(0, n_scored, _ITEMS_AT_ONCE):
            part = slice(start, start + _ITEMS_AT_ONCE)
            columns = part if items is None else items[part]
            block = factors @ self.item_factors[columns].T
            block += (self.mean + bias)[:, None]
            block += self.item_bias[columns]
            block[:, self.item_count[columns] == 0] = np.nan
            scores[:, part] = block
        return scores

    def _factors_of_history(self, item_idx: IntArray, weight: FloatArray) -> FloatArray:
        """Return float32[f], factors of a user without ratings who would rate the history's products rating_max.

        They are a ridge regression, on the products' factors, of what the biases leave of that rating. NaN where no
        product of the history has a rating.
        """
        rated = self.item_count[item_idx] > 0
        if not rated.any():
            return np.full(self.item_factors.shape[1], np.nan, np.float32)
        factors, weight = self.item_factors[item_idx[rated]], weight[rated]
        target = self.params.rating_max - self.mean - self.item_bias[item_idx[rated]]
        gram = (factors.T * weight) @ factors + _RIDGE * weight.sum() * np.eye(factors.shape[1])
        return np.asarray(np.linalg.solve(gram, (factors.T * weight) @ target), dtype=np.float32)

    @override
    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        return self.plain_rate(user_idx, item_idx)

    def plain_rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """Predict by biases and factors alone.

        Args:
            user_idx: int[n], rows of the users; -1 is unknown.
            item_idx: int[n], rows of the products; -1 is unknown.

        Returns:
            float[n], within the scale.
        """
        # An unknown user or product counts as an average one, as in Surprise.
        known_user, known_item = user_idx >= 0, item_idx >= 0
        users, items = np.maximum(user_idx, 0), np.maximum(item_idx, 0)
        rating = self.mean + np.where(known_user, self.user_bias[users], 0)
        rating = rating + np.where(known_item, self.item_bias[items], 0)
        product = np.einsum("nf,nf->n", self.user_factors[users], self.item_factors[items])
        rating = rating + np.where(known_user & known_item, product, 0)
        return np.clip(rating, self.params.rating_min, self.params.rating_max)

    @override
    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        return count_of(self.user_count, user_idx), count_of(self.item_count, item_idx)

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_users, n_items and n_factors."""
        (n_users, n_factors), n_items = self.user_factors.shape, len(self.item_factors)
        return {"n_users": n_users, "n_items": n_items, "n_factors": n_factors}


def _in_rows(array: FloatArray, rows: IntArray, n_rows: int) -> FloatArray:
    """Return float32[n_rows, …] with array[i] at rows[i] and zeros elsewhere.

    Returns `array` itself where that is the same: when every row has a rating, a copy would double the memory.
    """
    if len(rows) == n_rows and array.dtype == np.float32 and bool(np.all(rows == np.arange(n_rows))):
        return array
    placed = np.zeros((n_rows, *array.shape[1:]), np.float32)
    placed[rows] = array
    return placed
