"""A Trainset for Surprise's algorithms over arrays: 12 bytes a rating, where dicts of tuples take some 300."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from surprise import Trainset

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import Interactions
from src.interactions.vocabulary import Vocabulary
from src.models.kernels.compile import compiled

_ROWS_PER_CHUNK = 1 << 16


@dataclass(frozen=True)
class RatingRows:
    """Ratings user by user, each user's in the given order: the order of Surprise's `all_ratings`.

    Attributes:
        user: int32[n], inner ids.
        item: int32[n], inner ids.
        rating: float32[n] or float64[n].
        n_users: number of users.
        n_items: number of products.
    """

    user: IntArray
    item: IntArray
    rating: FloatArray
    n_users: int
    n_items: int

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of(cls, trainset: Any) -> RatingRows:
        """Return the rows of a trainset of Surprise, or of an ArrayTrainset, which holds them already."""
        if isinstance(trainset, ArrayTrainset):
            return trainset.rows
        kind = np.dtype([("user", np.int32), ("item", np.int32), ("rating", np.float64)])
        table = np.fromiter(trainset.all_ratings(), kind, trainset.n_ratings)
        user, item, rating = (np.ascontiguousarray(table[name]) for name in ("user", "item", "rating"))
        return cls(user, item, rating, trainset.n_users, trainset.n_items)


@dataclass(frozen=True)
class InnerIds:
    """Surprise's inner ids: numbers by first appearance in the ratings.

    Attributes:
        vocabulary: raw ids and their row numbers.
        row: int64[m], row number of each inner id.
        inner: int32[len(vocabulary)], inner id of each row; -1 without a rating.
    """

    vocabulary: Vocabulary
    row: IntArray
    inner: IntArray

    @classmethod
    def by_first_appearance(cls, idx: IntArray, vocabulary: Vocabulary) -> InnerIds:
        """Number the rows of a vocabulary by first appearance; idx: int[n], row number of each rating."""
        first = np.full(len(vocabulary), len(idx))
        first[idx[::-1]] = np.arange(len(idx) - 1, -1, -1)  # of several assignments to one place the last one wins
        row = idx[first[idx] == np.arange(len(idx))].astype(np.int64)
        inner = np.full(len(vocabulary), -1, np.int32)
        inner[row] = np.arange(len(row))
        return cls(vocabulary, row, inner)

    def of_raw(self, raw: Any) -> int:
        """Return the inner id of a user's or product's id; -1 for one without a rating."""
        row = self.vocabulary.idx_of(raw) if isinstance(raw, str) else None
        return -1 if row is None else int(self.inner[row])


class ArrayTrainset(Trainset):  # type: ignore[misc]
    """Surprise's Trainset over arrays. Raw ids are those of the vocabularies.

    `ur` and `ir` are built when an algorithm reads them, and then take the memory of Surprise's. The lists of `ir` are
    in the order of the users, where Surprise's are in the order of the given ratings.
    """

    def __init__(self, ratings: Interactions, rating_scale: tuple[float, float]) -> None:
        self.users = InnerIds.by_first_appearance(ratings.user_idx, ratings.users)
        self.items = InnerIds.by_first_appearance(ratings.item_idx, ratings.items)
        self.n_users, self.n_items, self.n_ratings = len(self.users.row), len(self.items.row), len(ratings)
        self.rating_scale = rating_scale
        user = self.users.inner[ratings.user_idx]
        order = grouped_order(user, self.n_users)
        item = self.items.inner[ratings.item_idx[order]]
        self.rows = RatingRows(user[order], item, ratings.value[order], self.n_users, self.n_items)
        self._global_mean = np.mean(self.rows.rating, dtype=np.float64) if self.n_ratings else np.nan

    def knows_user(self, uid: Any) -> bool:
        """Return whether an inner id of a user exists."""
        return not isinstance(uid, str) and 0 <= uid < self.n_users

    def knows_item(self, iid: Any) -> bool:
        """Return whether an inner id of a product exists."""
        return not isinstance(iid, str) and 0 <= iid < self.n_items

    def to_inner_uid(self, ruid: Any) -> int:
        """Return the inner id of a user; ValueError for an unknown one."""
        return _known(self.users.of_raw(ruid), f"User {ruid} is not part of the trainset.")

    def to_inner_iid(self, riid: Any) -> int:
        """Return the inner id of a product; ValueError for an unknown one."""
        return _known(self.items.of_raw(riid), f"Item {riid} is not part of the trainset.")

    def to_raw_uid(self, iuid: int) -> str:
        """Return the id of a user's inner id; ValueError for an unknown one."""
        _known(iuid if self.knows_user(iuid) else -1, f"{iuid} is not a valid inner id.")
        return self.users.vocabulary.id_of(int(self.users.row[iuid]))

    def to_raw_iid(self, iiid: int) -> str:
        """Return the id of a product's inner id; ValueError for an unknown one."""
        _known(iiid if self.knows_item(iiid) else -1, f"{iiid} is not a valid inner id.")
        return self.items.vocabulary.id_of(int(self.items.row[iiid]))

    def all_ratings(self) -> Iterator[tuple[int, int, float]]:
        """Yield (user, item, rating), user by user."""
        for start in range(0, len(self.rows), _ROWS_PER_CHUNK):
            part = slice(start, start + _ROWS_PER_CHUNK)
            columns = (self.rows.user[part], self.rows.item[part], self.rows.rating[part])
            yield from zip(*(column.tolist() for column in columns), strict=True)

    @cached_property
    def ur(self) -> dict[int, list[tuple[int, float]]]:
        """User → (item, rating) of each rating."""
        by_user: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for user, item, rating in self.all_ratings():
            by_user[user].append((item, rating))
        return by_user

    @cached_property
    def ir(self) -> dict[int, list[tuple[int, float]]]:
        """Item → (user, rating) of each rating."""
        by_item: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for user, item, rating in self.all_ratings():
            by_item[item].append((user, rating))
        return by_item


def _known(inner: int, message: str) -> int:
    if inner < 0:
        raise ValueError(message)  # Surprise catches it
    return inner


def grouped_order(group: IntArray, n_groups: int) -> IntArray:
    """Return the stable order of rows by group, by counting sort in O(n).

    Args:
        group: int[n], from 0.
        n_groups: number of groups.

    Returns:
        int64[n], row numbers.
    """
    ends = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=n_groups))])
    return _counting_sort(group, ends)


@compiled
def _counting_sort(group: IntArray, ends: IntArray) -> IntArray:
    order = np.empty(len(group), np.int64)
    place = ends.copy()
    for row in range(len(group)):
        order[place[group[row]]] = row
        place[group[row]] += 1
    return order
