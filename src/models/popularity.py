"""Popularity: products by their total feedback. It serves queries without a history, and is the baseline of reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from src.core.domain import FloatArray, IntArray
from src.core.settings import RatingScale
from src.interactions.event_weights import ages_by_group, decay
from src.interactions.interactions import TrainingData
from src.models.base import PlainListModel, QueryBlock, QueryRows, Rater, SavedAsArrays, count_of
from src.models.top_n import Candidates


@dataclass(frozen=True)
class PopularityParams:
    """Parameters of popularity and of trending.

    Attributes:
        rating_min: lowest rating of the scale.
        rating_max: highest rating of the scale.
        damping: number of average ratings added to every product and user, so that a single rating counts little.
        half_life_days: an event this many days before the newest of all weighs half; events without a time keep their
            weight. 0: no decay.
        by_group: whether the feedback of all variants of a group counts for each of them; their own feedback then
            sorts them.
    """

    rating_min: float
    rating_max: float
    damping: float = 5.0
    half_life_days: float = 0.0
    by_group: bool = False

    @classmethod
    def of(cls, settings: RatingScale) -> PopularityParams:
        """Return the parameters of popularity over all time."""
        return cls(settings.rating_min, settings.rating_max, by_group=settings.learn_on == "group")

    @classmethod
    def of_trending(cls, settings: TrendingSettings) -> PopularityParams:
        """Return the parameters of trending: popularity that decays with age."""
        return replace(cls.of(settings), half_life_days=settings.trending_half_life_days)


class TrendingSettings(RatingScale):
    """Settings of trending."""

    trending_half_life_days: float = Field(
        30.0, gt=0, description="Trending: an event so many days before the newest one weighs half."
    )


@dataclass(frozen=True)
class Popularity(PlainListModel, SavedAsArrays, Rater):
    """Total feedback and damped mean rating of every product.

    Attributes:
        mean: mean of all ratings.
        weight: float32[n_items], log(1 + sum of the feedback).
        order: int32[n_items], row numbers by descending weight.
        item_mean: float32[n_items], damped mean rating.
        item_count: int32[n_items], number of ratings.
        user_count: int32[n_users], number of ratings.
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
    @override
    def n_items(self) -> int:
        return len(self.weight)

    @override
    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """Return the n products with the most feedback, for any query.

        Args:
            query: not used.
            n: length of the list.

        Returns:
            min(n, n_items) products; those without any feedback come last.
        """
        first = np.asarray(self.order[:n], dtype=np.int64)
        return Candidates(first, self.weight[first])

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        return np.asarray(self.weight[item_idx])

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        return np.tile(self.weight if items is None else self.weight[items], (len(queries), 1))

    @override
    def rate(self, user_idx: IntArray, item_idx: IntArray) -> FloatArray:
        """Return the damped mean rating of each product.

        Args:
            user_idx: not used.
            item_idx: int[n] row numbers; -1 for an unknown product.

        Returns:
            float[n]; the overall mean for an unknown product.
        """
        return np.where(item_idx >= 0, self.item_mean[np.maximum(item_idx, 0)], self.mean)

    @override
    def n_ratings(self, user_idx: int, item_idx: int) -> tuple[int, int]:
        return count_of(self.user_count, user_idx), count_of(self.item_count, item_idx)

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_users and n_items."""
        return {"n_users": len(self.user_count), "n_items": len(self.weight)}


def train(data: TrainingData, params: PopularityParams, *, seed: int) -> Popularity:
    """Sum the feedback of every product and average its ratings; the seed is not used.

    Without ratings the mean is the middle of the scale.
    """
    ratings, feedback = data.ratings, data.feedback
    total = np.bincount(ratings.item_idx, weights=ratings.value, minlength=ratings.n_items)
    amount = feedback.value
    if params.half_life_days:
        age = ages_by_group(np.zeros(len(feedback), np.int8), feedback.at, 1)
        amount = amount * decay(age, params.half_life_days)
    own = np.bincount(feedback.item_idx, weights=amount, minlength=feedback.n_items)
    groups = data.attributes.groups if params.by_group and data.attributes is not None else None
    leader = None if groups is None else groups.leader
    sums = own.astype(np.float64), total.astype(np.float64)
    return popularity_of(params, *sums, ratings.count_by_item(), ratings.count_by_user(), leader)


def popularity_of(
    params: PopularityParams,
    own: FloatArray,
    total: FloatArray,
    item_count: IntArray,
    user_count: IntArray,
    leader: IntArray | None,
) -> Popularity:
    """Make the model of sums over events.

    Args:
        own: float64[n_items], feedback of each product, decayed where the parameters say so.
        total: float64[n_items], sum of its ratings.
        item_count: int32[n_items], number of its ratings.
        user_count: int32[n_users], number of ratings of each user.
        leader: int[n_items], a product of the same group, equal for all of them; None to count products alone.

    Returns:
        The model. Without ratings its mean is the middle of the scale.
    """
    n_ratings = int(item_count.sum())
    mean = float(total.sum() / n_ratings) if n_ratings else (params.rating_min + params.rating_max) / 2
    summed = own if leader is None else np.bincount(leader, weights=own, minlength=len(own))[leader]
    weight = np.log1p(summed).astype(np.float32)
    return Popularity(
        weight=weight,
        order=np.lexsort((-own, -weight)).astype(np.int32),
        item_mean=((total + params.damping * mean) / (item_count + params.damping)).astype(np.float32),
        item_count=item_count,
        user_count=user_count,
        mean=mean,
        params=params,
    )
