"""The ranker: trees that put the head of a blended list into a better order than the sum alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import DAY, NO_TIME, BoolArray, FloatArray, IntArray, JsonDict
from src.interactions.interactions import TrainingData
from src.models.trees import Trees

RANKED = 200
"""So many products of the head of a list are put in order."""


@dataclass(frozen=True)
class LearnedOrder:
    """What a ranker learnt, for any release over the same opinions. names: models whose opinions are features."""

    names: tuple[str, ...]
    trees: Trees

    def to_json(self) -> JsonDict:
        return {"names": list(self.names), "trees": self.trees.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LearnedOrder:
        """What `to_json` gave."""
        return cls(tuple(document["names"]), Trees.from_json(document["trees"]))


@dataclass(frozen=True)
class ListRanker:
    """An LearnedOrder, and age float32[n_items] of every product, see `ages_of`."""

    order: LearnedOrder
    age: FloatArray = field(repr=False)

    def ranked(
        self,
        total: FloatArray,
        in_history: BoolArray,
        n_history: IntArray,
        opinion: Callable[[str], FloatArray],
        items: IntArray | None = None,
    ) -> FloatArray:
        """float32[n, m]: the blended scores of n queries for m products, those of each list's head dealt out anew among
        its products, the highest to the one that the trees put first.

        So what is not of the head, such as products of the history and those that nobody has, keeps its place among
        the others: of those the trees know nothing. total: float32[n, m], the blended scores; NaN stays NaN.
        in_history: bool[n, m]. n_history: int64[n], how many products the histories have. opinion(name): float32[n, m]
        in units of the model's scale, 0 where it has none. items: int64[m], whose columns these are; None for all.
        """
        age = self.age if items is None else self.age[items]
        rows, columns = np.nonzero(head_of(total, in_history | (age < 0)))
        mine = total[rows, columns]
        opinions = [opinion(name)[rows, columns] for name in self.order.names]
        score = self.order.trees.predict(features_of(mine, opinions, n_history[rows], age[columns]))
        by_trees, by_sum = np.lexsort((-score, rows)), np.lexsort((-mine, rows))
        ranked = total.copy()
        ranked[rows[by_trees], columns[by_trees]] = mine[by_sum]
        return ranked

    def save(self, folder: Path) -> None:
        """Write ranker.json and age.npy into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ranker.json").write_text(json.dumps(self.order.to_json()), encoding="utf-8")
        np.save(folder / "age.npy", self.age, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> ListRanker:
        """What `save` wrote, the ages mapped."""
        order = LearnedOrder.from_json(json.loads((folder / "ranker.json").read_text(encoding="utf-8")))
        return cls(order, np.load(folder / "age.npy", mmap_mode="r", allow_pickle=False))


def head_of(total: FloatArray, left: BoolArray) -> BoolArray:
    """bool[n, m]: which products the trees put in order: the RANKED best; left: those that are not counted."""
    others = np.where(left | np.isnan(total), -np.inf, total)
    head = np.isfinite(others)
    if total.shape[1] > RANKED:
        rest = np.argpartition(-others, RANKED - 1, axis=1)[:, RANKED:]
        np.put_along_axis(head, rest, False, axis=1)
    return head


def features_of(total: FloatArray, opinions: list[FloatArray], n_history: IntArray, age: FloatArray) -> FloatArray:
    """float64[n, 3 + n_opinions], of n pairs of a query and a product: blended score, every opinion, how many products
    the history has, and how many days the product is old.
    """
    return np.column_stack([total, *opinions, n_history, age]).astype(np.float64)


def ages_of(data: TrainingData) -> FloatArray:
    """float32[n_items]: days from a product's first event to the newest of all; 0 where no time is known, -1 without
    an event.
    """
    events = data.events
    newest = int(events.at.max(initial=NO_TIME))
    first = np.full(events.n_items, newest, np.int64)
    timed = events.at != NO_TIME
    np.minimum.at(first, events.item_idx[timed], events.at[timed])
    age = ((newest - first) / DAY).astype(np.float32)
    age[events.count_by_item() == 0] = -1
    return age
