"""The groups of items: variants of one thing, such as its colours and sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.mapped_arrays import mapped_arrays, save_arrays

_ARRAYS = ("leader", "sold_out")


@dataclass(frozen=True, eq=False)
class ItemGroups:
    """Which items are variants of one thing, and which of these are sold out.

    Attributes:
        leader: int32[n_items], the first row of the item's group; its own row if it is alone. So equal groups have
            equal arrays, in whatever order they were read.
        sold_out: bool[n_items], whether the item is one of several of a group and known to be sold out.
    """

    leader: IntArray
    sold_out: BoolArray

    @classmethod
    def of(cls, group: IntArray, stock: IntArray) -> ItemGroups | None:
        """Number the groups.

        Args:
            group: int[n_items], equal for items of one group, 0 for items without one.
            stock: int[n_items], -1 where unknown.

        Returns:
            The groups; None if no two items share one.
        """
        rows = np.flatnonzero(group)
        _, first, at, count = np.unique(group[rows], return_index=True, return_inverse=True, return_counts=True)
        if not (count > 1).any():
            return None
        leader = np.arange(len(group), dtype=np.int32)
        leader[rows] = rows[first][at]
        is_shared = np.zeros(len(group), np.bool_)
        is_shared[rows] = count[at] > 1
        return cls(leader, is_shared & (stock == 0))

    @cached_property
    def _shared(self) -> tuple[IntArray, IntArray]:
        """The rows that share a group, those of a group side by side, and the leader of each."""
        rows = np.flatnonzero(np.bincount(self.leader, minlength=len(self.leader))[self.leader] > 1)
        rows = rows[np.argsort(self.leader[rows], kind="stable")]
        return rows, self.leader[rows]

    def members(self, item: int) -> list[int]:
        """Return all items of an item's group, ascending; the item alone if it shares no group."""
        rows, leaders = self._shared
        first, end = np.searchsorted(leaders, [self.leader[item], self.leader[item] + 1])
        return rows[first:end].tolist() or [item]

    def size(self, item: int) -> int:
        """Return how many items the group of an item has."""
        return len(self.members(item))

    def with_members(self, items: Iterable[int]) -> set[int]:
        """Return the items, and all that share a group with one of them."""
        return {member for item in items for member in self.members(item)}

    def represented(self, hidden: BoolArray, shown: BoolArray) -> BoolArray:
        """Find the hidden items of whose groups an item is shown.

        Args:
            hidden: bool[n_items].
            shown: bool[n_items].

        Returns:
            bool[n_items].
        """
        return hidden & (np.bincount(self.leader[shown], minlength=len(self.leader)) > 0)[self.leader]

    def variant_to_show(self, item: int, allowed: Callable[[int], bool], best: Callable[[list[int]], int]) -> int:
        """Choose the item of a group to show at the place of one of its items.

        Args:
            item: the one that has the place.
            allowed: whether an item may be shown.
            best: chooses one of several items.

        Returns:
            The item itself if it may be shown and is not sold out; else the best of the others, those in stock first.
        """
        is_allowed = allowed(item)
        if is_allowed and not self.sold_out[item]:
            return item
        others = [each for each in self.members(item) if allowed(each)]
        in_stock = [each for each in others if not self.sold_out[each]]
        if in_stock:
            return best(in_stock)
        return item if is_allowed or not others else best(others)

    @property
    def n_places(self) -> int:
        """Number of groups and of items without one: places that the longest list has."""
        return int((self.leader == np.arange(len(self.leader))).sum())

    def keep_best(self, score: FloatArray) -> None:
        """Leave the score of the best item of each group in every row, of equals the first, and set the others to -inf.

        Args:
            score: float[n, n_items], changed in place.
        """
        rows, leaders = self._shared
        starts = np.flatnonzero(np.diff(leaders, prepend=-1))
        of_rows, column = score[:, rows], np.arange(len(rows))
        sizes = np.diff(starts, append=len(rows))
        is_best = of_rows == np.repeat(np.maximum.reduceat(of_rows, starts, axis=1), sizes, axis=1)
        first = np.minimum.reduceat(np.where(is_best, column, len(rows)), starts, axis=1)
        of_rows[column != np.repeat(first, sizes, axis=1)] = -np.inf
        score[:, rows] = of_rows

    def first_of_each(self, items: IntArray) -> IntArray:
        """Return int64[m], ascending: the positions of the items whose group no earlier one has."""
        return np.sort(np.unique(self.leader[items], return_index=True)[1])

    @cached_property
    def mark(self) -> str:
        """A hash of the groups and of what is sold out, the same in every process."""
        digest = blake2b(np.ascontiguousarray(self.leader).tobytes(), digest_size=16)
        digest.update(np.packbits(self.sold_out).tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the arrays into the folder, which is made."""
        save_arrays(self, _ARRAYS, folder)

    @classmethod
    def load(cls, folder: Path) -> ItemGroups | None:
        """Map what `save` wrote; None for a folder that is missing: there were no groups."""
        return cls(**mapped_arrays(folder, _ARRAYS)) if folder.is_dir() else None


def regrouped(now: ItemGroups | None, before: ItemGroups | None) -> frozenset[int]:
    """Find the items whose place on a list may be another one than with earlier groups.

    A list names each group once, at the place of its best item, in stock or not. So what was sold out or came in
    matters to its own group alone, and what joined or left a group to the items of both.

    Args:
        now: the groups; None if no two items share one.
        before: the earlier groups of the same items, likewise.

    Returns:
        The items of all groups, of now and before, in which anything changed.
    """
    if now is None or before is None:
        only = now or before
        return frozenset() if only is None else frozenset(only._shared[0].tolist())
    changed = np.flatnonzero((now.leader != before.leader) | (now.sold_out != before.sold_out)).tolist()
    return frozenset(now.with_members(changed) | before.with_members(changed))
