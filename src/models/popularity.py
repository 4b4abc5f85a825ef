"""Popularity: the list for somebody we know nothing about, and the bar every other model has to clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.core.settings import Settings
from src.interactions.event_weights import ages, halved
from src.interactions.interactions import TrainingData
from src.models.base import PlainListModel, QueryBlock, QueryRows, SavedAsArrays, count_of
from src.models.top_n import Candidates


@dataclass(frozen=True)
class PopularityParams:
    """damping: how many average ratings every product and user is credited with, so that one rating says little.
    half_life_days: an event so many days before the newest of all weighs half, unless its time is unknown; 0: all time.
    """

    rating_min: float
    rating_max: float
    damping: float = 5.0
    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: Settings) -> PopularityParams:
        return cls(settings.rating_min, settings.rating_max)

    @classmethod
    def of_trending(cls, settings: Settings) -> PopularityParams:
        return cls(settings.rating_min, settings.rating_max, half_life_days=settings.trending_half_life_days)


@dataclass(frozen=True)
class Popularity(PlainListModel, SavedAsArrays):
    """Products by how much was done with them, and ratings by their damped mean.

    weight: float32[n_items], log(1 + the sum of the feedback); order: int32[n_items], the items by it, most first.
    item_mean: float32[n_items]. item_count: int32[n_items] and user_count: int32[n_users], numbers of ratings.
    mean: of all ratings.
    """

    ARRAYS: ClassVar = ("weight", "order", "item_mean", "item_count", "user_count")
    NUMBERS: ClassVar = ("mean",)
    PARAMS: ClassVar = PopularityParams

    mean: float
    weight: FloatArray
    order: IntArray
    item_mean: FloatArray
    item_count: IntArray
    user_count: IntArray

    @property
    def n_items(self) -> int:
        return len(self.weight)

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """The n products with the most feedback, whoever asks; products without any are named last."""
        first = np.asarray(self.order[:n], dtype=np.int64)
        return Candidates(first, self.weight[first])

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        return np.asarray(self.weight[item_idx])

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        return np.tile(self.weight if items is None else self.weight[items], (len(queries), 1))

    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """The product's damped mean rating; the overall mean for an unknown product."""
        return np.where(item_idx >= 0, self.item_mean[np.maximum(item_idx, 0)], self.mean)

    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        return count_of(self.user_count, user_idx), count_of(self.item_count, item_idx)

    def describe(self) -> dict[str, int]:
        return {"n_users": len(self.user_count), "n_items": len(self.weight)}


def train(data: TrainingData, params: PopularityParams, *, seed: int) -> Popularity:
    """Sum up the feedback of every product and average its ratings. The seed changes nothing.

    Without any rating the mean is the middle of the scale.
    """
    ratings, feedback = data.ratings, data.feedback
    user_count, item_count = ratings.count_by_user(), ratings.count_by_item()
    mean = float(ratings.value.mean(dtype=np.float64)) if len(ratings) else (params.rating_min + params.rating_max) / 2
    total = np.bincount(ratings.item_idx, weights=ratings.value, minlength=ratings.n_items)
    speaks = feedback.value
    if params.half_life_days:
        age = ages(np.zeros(len(feedback), np.int8), feedback.at, 1)
        speaks = speaks * halved(age, params.half_life_days)
    weight = np.log1p(np.bincount(feedback.item_idx, weights=speaks, minlength=feedback.n_items)).astype(np.float32)
    return Popularity(
        weight=weight,
        order=np.argsort(-weight, kind="stable").astype(np.int32),
        item_mean=((total + params.damping * mean) / (item_count + params.damping)).astype(np.float32),
        item_count=item_count,
        user_count=user_count,
        mean=mean,
        params=params,
    )
