"""Users of VBMF without repetition: most users of a shop have one rating, and many have the same one.

Their posteriors are equal, so that one row with a weight stands for them: the model stays the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from src.core.domain import FloatArray, IntArray


class DistinctUsers(NamedTuple):
    """Users without repetition.

    Attributes:
        rating: int64[m], the ratings that stay.
        user: int32[m], row of the user of each of them.
        row: int32[n_users], the row of every user.
        weight: float32[n_rows], how many users a row stands for.
    """

    rating: IntArray
    user: IntArray
    row: IntArray
    weight: FloatArray


def distinct_users(user: IntArray, item: IntArray, value: FloatArray, n_users: int) -> DistinctUsers:
    """Find the users with one rating whose product and value are those of another user's one rating.

    Args:
        user: int32[n], of each rating.
        item: int32[n], of each rating.
        value: float32[n], of each rating.
        n_users: number of users; each has a rating.

    Returns:
        The users, of whom those have one row.
    """
    of_single = np.flatnonzero(np.bincount(user, minlength=n_users)[user] == 1)
    values, number = np.unique(value[of_single], return_inverse=True)
    pair = item[of_single].astype(np.int64) * len(values) + number
    _, first, group = np.unique(pair, return_index=True, return_inverse=True)
    stays = np.ones(len(user), np.bool_)
    stays[of_single] = False
    stays[of_single[first]] = True
    rating = np.flatnonzero(stays)
    is_row = np.zeros(n_users, np.bool_)
    is_row[user[rating]] = True
    number_of = np.cumsum(is_row, dtype=np.int32) - 1
    row = number_of.copy()
    row[user[of_single]] = number_of[user[of_single[first]]][group]
    weight = np.bincount(row, minlength=int(is_row.sum())).astype(np.float32)
    return DistinctUsers(rating, row[user[rating]], row, weight)
