"""SVD: predicts ratings by biases and factors learnt with stochastic gradient descent.

rating(u, i) = μ + b_u + b_i + p_u · q_i, clipped to the rating scale (Koren, Bell and Volinsky, "Matrix factorization
techniques for recommender systems", 2009, equation 4). Trained by scikit-surprise; only arrays are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from src.config import Settings
from src.dataset.interactions import TrainingData
from src.domain import FloatArray, IntArray
from src.models.base import Candidates, QueryRows, SavedAsArrays, best, count_of


@dataclass(frozen=True)
class SvdParams:
    """Surprise's names in brackets: factors (n_factors), epochs (n_epochs), learning_rate (lr_all),
    regularization (reg_all)."""

    rating_min: float
    rating_max: float
    factors: int = 100
    epochs: int = 20
    learning_rate: float = 0.005
    regularization: float = 0.02

    @classmethod
    def of(cls, settings: Settings) -> SvdParams:
        return cls(
            settings.rating_min,
            settings.rating_max,
            settings.svd_factors,
            settings.svd_epochs,
            settings.svd_learning_rate,
            settings.svd_regularization,
        )


@dataclass(frozen=True)
class Svd(SavedAsArrays):
    """float32 user_factors[n_users, f], item_factors[n_items, f], user_bias[n_users], item_bias[n_items]; zeros for
    whoever has no rating. int32 user_count, item_count: ratings learnt from. mean: of all ratings."""

    ARRAYS: ClassVar = ("user_factors", "item_factors", "user_bias", "item_bias", "user_count", "item_count")
    PARAMS: ClassVar = SvdParams

    user_factors: FloatArray
    item_factors: FloatArray
    user_bias: FloatArray
    item_bias: FloatArray
    user_count: IntArray
    item_count: IntArray

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """The n rated products with the highest predicted rating; none for a user without ratings."""
        if count_of(self.user_count, _row(query)) == 0:
            return best(np.zeros(0, np.float32), 0)
        return best(np.where(self.item_count > 0, self._scores(query, slice(None)), np.nan), n)

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if count_of(self.user_count, _row(query)) == 0:
            return np.full(len(item_idx), np.nan, np.float32)
        return np.where(self.item_count[item_idx] > 0, self._scores(query, item_idx), np.nan)

    def _scores(self, query: QueryRows, items: IntArray | slice) -> FloatArray:
        """The rating before it is clipped: clipping would make ties of the best products."""
        user = _row(query)
        scores = self.mean + self.user_bias[user] + self.item_bias[items]
        return np.asarray(scores + self.item_factors[items] @ self.user_factors[user])

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """Predicted ratings; an unknown user or product counts as an average one, as in Surprise."""
        known_user, known_item = user_idx >= 0, item_idx >= 0
        users, items = np.maximum(user_idx, 0), np.maximum(item_idx, 0)
        rating = self.mean + np.where(known_user, self.user_bias[users], 0)
        rating = rating + np.where(known_item, self.item_bias[items], 0)
        product = np.einsum("nf,nf->n", self.user_factors[users], self.item_factors[items])
        rating = rating + np.where(known_user & known_item, product, 0)
        return np.clip(rating, self.params.rating_min, self.params.rating_max)

    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        return count_of(self.user_count, user_idx), count_of(self.item_count, item_idx)

    def describe(self) -> dict[str, int]:
        (n_users, n_factors), n_items = self.user_factors.shape, len(self.item_factors)
        return {"n_users": n_users, "n_items": n_items, "n_factors": n_factors}


def _row(query: QueryRows) -> int:
    return -1 if query.user_idx is None else query.user_idx


def train(data: TrainingData, params: SvdParams, *, seed: int) -> Svd:
    """Fit by scikit-surprise. Without any rating: no factors, and the middle of the scale for everybody."""
    ratings = data.ratings
    user_count, item_count = ratings.count_by_user(), ratings.count_by_item()
    user_factors = np.zeros((ratings.n_users, params.factors), np.float32)
    item_factors = np.zeros((ratings.n_items, params.factors), np.float32)
    user_bias, item_bias = np.zeros(ratings.n_users, np.float32), np.zeros(ratings.n_items, np.float32)
    mean = (params.rating_min + params.rating_max) / 2
    if len(ratings):
        from src.models.svd_engine import fit  # Surprise never enters a process that serves

        fitted = fit(
            ratings,
            rating_scale=(params.rating_min, params.rating_max),
            factors=params.factors,
            epochs=params.epochs,
            learning_rate=params.learning_rate,
            regularization=params.regularization,
            seed=seed,
        )
        mean = fitted.mean
        user_factors[fitted.user_idx], user_bias[fitted.user_idx] = fitted.user_factors, fitted.user_bias
        item_factors[fitted.item_idx], item_bias[fitted.item_idx] = fitted.item_factors, fitted.item_bias
    return Svd(mean, params, user_factors, item_factors, user_bias, item_bias, user_count, item_count)
