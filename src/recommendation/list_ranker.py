"""List ranker: trees that re-rank the items with the highest ensemble scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from src.core.domain import DAY, NO_TIME, BoolArray, FloatArray, IntArray, JsonDict
from src.core.mapped_arrays import mapped
from src.interactions.interactions import TrainingData
from src.models.trees import Trees

RANKED = 200
"""Number of items with the highest scores that are re-ranked."""


@dataclass(frozen=True)
class LearnedOrder:
    """A trained ranker, usable in any release with the same models.

    Attributes:
        names: models whose scores are features.
        trees: over the features of `list_features`.
    """

    names: tuple[str, ...]
    trees: Trees

    def to_json(self) -> JsonDict:
        """Return plain JSON."""
        return {"names": list(self.names), "trees": self.trees.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LearnedOrder:
        """Read what `to_json` returned."""
        return cls(tuple(document["names"]), Trees.from_json(document["trees"]))


@dataclass(frozen=True)
class ListRanker:
    """A learned order applied to the items of a release.

    Attributes:
        order: the learned order.
        age: float32[n_items], see `ages_of`.
    """

    order: LearnedOrder
    age: FloatArray = field(repr=False)

    def ranked(
        self,
        total: FloatArray,
        in_history: BoolArray,
        n_history: IntArray,
        component_score: Callable[[str], FloatArray],
        items: IntArray | None = None,
    ) -> FloatArray:
        """Permute the highest scores of each query so that their order is the order of the trees.

        Other items keep their scores and places, as do items of the history and items without events, which the trees
        know nothing of.

        Args:
            total: float32[n, m], ensemble scores of n queries and m items; NaN stays NaN.
            in_history: bool[n, m].
            n_history: int64[n], numbers of items of the histories.
            component_score: returns float32[n, m], the scores of a model in units of its scale, 0 where it has none.
            items: int64[m], the items of the columns; None for all.

        Returns:
            float32[n, m], the displayed scores.
        """
        age = self.age if items is None else self.age[items]
        rows, columns = np.nonzero(head_of(total, in_history | (age < 0)))
        head_total = total[rows, columns]
        scores = [component_score(name)[rows, columns] for name in self.order.names]
        tree_score = self.order.trees.predict(list_features(head_total, scores, n_history[rows], age[columns]))
        by_trees, by_sum = np.lexsort((-tree_score, rows)), np.lexsort((-head_total, rows))
        ranked = total.copy()
        ranked[rows[by_trees], columns[by_trees]] = head_total[by_sum]
        return ranked

    def save(self, folder: Path) -> None:
        """Write ranker.json and age.npy into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ranker.json").write_text(json.dumps(self.order.to_json()), encoding="utf-8")
        np.save(folder / "age.npy", self.age, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> ListRanker:
        """Map what `save` wrote."""
        order = LearnedOrder.from_json(json.loads((folder / "ranker.json").read_text(encoding="utf-8")))
        return cls(order, mapped(folder / "age.npy"))


def head_of(total: FloatArray, excluded: BoolArray) -> BoolArray:
    """Select the items that the trees re-rank.

    Args:
        total: float[n, m], ensemble scores.
        excluded: bool[n, m], items that the trees must not move.

    Returns:
        bool[n, m], the RANKED highest scores of each row, without excluded items and NaN.
    """
    others = np.where(excluded | np.isnan(total), -np.inf, total)
    head = np.isfinite(others)
    if total.shape[1] > RANKED:
        rest = np.argpartition(-others, RANKED - 1, axis=1)[:, RANKED:]
        np.put_along_axis(head, rest, False, axis=1)
    return head


def list_features(total: FloatArray, scores: list[FloatArray], n_history: IntArray, age: FloatArray) -> FloatArray:
    """Arrange the features of n pairs of a query and an item.

    Args:
        total: float[n], ensemble scores.
        scores: of each model, float[n].
        n_history: int[n], numbers of items of the histories.
        age: float[n], days.

    Returns:
        float64[n, 3 + n_models], one column for each of them.
    """
    return np.column_stack([total, *scores, n_history, age]).astype(np.float64)


def ages_of(data: TrainingData) -> FloatArray:
    """Return float32[n_items]: days from each item's first event to the newest event of all.

    0 where no time is known, -1 for items without events.
    """
    events = data.events
    newest = int(events.at.max(initial=NO_TIME))
    first = np.full(events.n_items, newest, np.int64)
    timed = events.at != NO_TIME
    np.minimum.at(first, events.item_idx[timed], events.at[timed])
    age = ((newest - first) / DAY).astype(np.float32)
    age[events.count_by_item() == 0] = -1
    return age
