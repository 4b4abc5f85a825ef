"""Boosted regression trees as arrays: LightGBM learns them, and whoever serves needs neither it nor its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.core.domain import FloatArray, IntArray, JsonDict

MOST_LEAVES = 64  # of one tree: a bit each in 64


@dataclass(frozen=True)
class Trees:
    """n_trees trees of at most s splits. feature int64[n_trees, s], threshold float64[n_trees, s]: a split sends a row
    to the left when its feature is not above the threshold. left, right uint64[n_trees, s]: the leaves, one bit each,
    that a row can still reach after going there; all of them for splits that a tree has not. value
    float64[n_trees, s + 1]: of the leaves.
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray

    def predict(self, features: FloatArray) -> FloatArray:
        """float64[n]: the sum of one leaf of every tree. features: float[n, n_features], finite.

        All splits at once, and what remains of the leaves in the end is the lowest of them (Lucchese et al.,
        "QuickScorer", SIGIR 2015): a few array operations where walking down the trees would be thousands.
        """
        goes_left = features[:, self.feature.ravel()] <= self.threshold.ravel()
        reached = np.where(goes_left, self.left.ravel(), self.right.ravel())
        leaves = np.bitwise_and.reduce(reached.reshape(len(features), *self.feature.shape), axis=2)
        lowest = leaves & (~leaves + np.uint64(1))
        leaf = np.frexp(lowest.astype(np.float64))[1] - 1
        return np.asarray(self.value[np.arange(len(self.value)), leaf].sum(axis=1))

    def to_json(self) -> JsonDict:
        """In plain numbers; the masks as text, as 64 bits are too many for a number of JSON."""
        return {
            "feature": self.feature.tolist(),
            "threshold": self.threshold.tolist(),
            "left": [[str(mask) for mask in row] for row in self.left.tolist()],
            "right": [[str(mask) for mask in row] for row in self.right.tolist()],
            "value": self.value.tolist(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Trees:
        """What `to_json` gave."""
        left, right = (
            np.array([[int(mask) for mask in row] for row in document[side]], np.uint64) for side in ("left", "right")
        )
        return cls(
            np.array(document["feature"], np.int64),
            np.array(document["threshold"], np.float64),
            left,
            right,
            np.array(document["value"], np.float64),
        )

    @classmethod
    def of_dump(cls, dump: Mapping[str, Any]) -> Trees:
        """What LightGBM's Booster.dump_model tells of trees of at most MOST_LEAVES leaves over numeric features."""
        parts = [_Tree(info["tree_structure"]) for info in dump["tree_info"]]
        n_splits = max([1, *(len(part.splits) for part in parts)])
        shape = (len(parts), n_splits)
        everything = np.iinfo(np.uint64).max
        trees = cls(
            np.zeros(shape, np.int64),
            np.zeros(shape),
            np.full(shape, everything, np.uint64),
            np.full(shape, everything, np.uint64),
            np.zeros((len(parts), n_splits + 1)),
        )
        for row, part in enumerate(parts):
            for at, (feature, threshold, left, right) in enumerate(part.splits):
                trees.feature[row, at], trees.threshold[row, at] = feature, threshold
                trees.left[row, at], trees.right[row, at] = left, right
            trees.value[row, : len(part.values)] = part.values
        return trees


class _Tree:
    """Splits (feature, threshold, mask of the left, mask of the right) and leaf values of one dumped tree."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.splits: list[tuple[int, float, int, int]] = []
        self.values: list[float] = []
        self._leaves_of(root)

    def _leaves_of(self, node: Mapping[str, Any]) -> int:
        """The leaves below a node, as a mask; they are numbered from left to right."""
        if "split_feature" not in node:
            self.values.append(float(node["leaf_value"]))
            return 1 << (len(self.values) - 1)
        if node["decision_type"] != "<=":
            raise ValueError(f"a split by {node['decision_type']!r} was found; expected '<=', of a numeric feature")
        left, right = self._leaves_of(node["left_child"]), self._leaves_of(node["right_child"])
        everything = int(np.iinfo(np.uint64).max)
        # Going left rules out what is on the right, and says nothing of leaves elsewhere.
        self.splits.append(
            (int(node["split_feature"]), float(node["threshold"]), everything & ~right, everything & ~left)
        )
        return left | right
