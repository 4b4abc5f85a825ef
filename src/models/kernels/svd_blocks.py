"""Ratings in blocks for threads to learn from at the same time, see svd_trainer. Serving never imports this module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models.kernels.svd_trainset import RatingRows, grouped_order

N_STRIPES = 8
"""Number of stripes of users, and of products: the limit of threads. A stripe of products fits a cache."""


@dataclass(frozen=True)
class Blocks:
    """Ratings block by block, inside a block user by user.

    Items are renumbered: stripe by stripe, inside a stripe the most rated first. So often used rows are adjacent, and
    no two threads write to one cache line.

    Attributes:
        user: int32[n].
        item: int32[n], new numbers.
        rating: float[n].
        item_place: int64[n_items], the new number of each item.
        starts: int64[N_STRIPES, N_STRIPES + 1], by stripe of users, where the block of each stripe of items begins.
    """

    user: IntArray
    item: IntArray
    rating: FloatArray
    item_place: IntArray
    starts: IntArray

    @classmethod
    def of(cls, rows: RatingRows, precision: str) -> Blocks:
        """Divide ratings into blocks.

        Args:
            rows: user by user.
            precision: dtype of the ratings.

        Returns:
            The blocks.
        """
        stripe, item_place = _item_stripes(rows)
        # Stripes of users have equally many ratings; as the rows are user by user, each is a range of rows.
        user_edges = rows.user[len(rows) * np.arange(1, N_STRIPES) // N_STRIPES]
        user_stripe = np.searchsorted(user_edges, np.arange(rows.n_users), side="right").astype(np.int8)
        block = user_stripe[rows.user] * np.int8(N_STRIPES) + stripe[rows.item]
        order = grouped_order(block, N_STRIPES**2)
        ends = np.cumsum(np.bincount(block, minlength=N_STRIPES**2)).reshape(N_STRIPES, N_STRIPES)
        starts = np.column_stack([np.append(0, ends[:-1, -1]), ends])
        item = item_place.astype(np.int32)[rows.item[order]]
        return cls(rows.user[order], item, rows.rating[order].astype(precision, copy=False), item_place, starts)

    def turns(self) -> Iterator[list[slice]]:
        """Yield the blocks of an epoch in groups for threads: blocks of one group share no user and no item."""
        for turn in range(N_STRIPES):
            cells = [(stripe, (stripe + turn) % N_STRIPES) for stripe in range(N_STRIPES)]
            yield [slice(int(self.starts[row, column]), int(self.starts[row, column + 1])) for row, column in cells]


def _item_stripes(rows: RatingRows) -> tuple[IntArray, IntArray]:
    """Return (stripe int8[n_items], item_place int64[n_items]).

    Items are dealt to the stripes by descending number of ratings, forth and back, so that stripes have about equally
    many ratings.
    """
    count = np.bincount(rows.item, minlength=rows.n_items)
    by_count = np.argsort(-count, kind="stable")
    forth_and_back = np.concatenate([np.arange(N_STRIPES), np.arange(N_STRIPES)[::-1]])
    stripe = np.empty(rows.n_items, np.int8)
    stripe[by_count] = np.resize(forth_and_back, rows.n_items)
    item_place = np.empty(rows.n_items, np.int64)
    item_place[by_count[np.argsort(stripe[by_count], kind="stable")]] = np.arange(rows.n_items)
    return stripe, item_place
