"""Boosted regression trees as arrays. LightGBM trains them; serving evaluates them without LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.core.domain import FloatArray, IntArray, JsonDict

MAX_LEAVES = 64  # of one tree: a bit each of a uint64
_ALL_LEAVES = int(np.iinfo(np.uint64).max)
_MASKS = (np.uint8, np.uint16, np.uint32, np.uint64)
_BYTES = 256

Mask = type[np.uint8] | type[np.uint16] | type[np.uint32] | type[np.uint64]


class _FeatureTable(NamedTuple):
    """What a value of a feature leaves reachable.

    Attributes:
        feature: its number.
        threshold: float64[m], of all its splits, ascending.
        reachable: uint[m + 1, n_trees], the leaves for a value above so many of the thresholds.
    """

    feature: int
    threshold: FloatArray
    reachable: NDArray[np.unsignedinteger[Any]]


def _all_of(mask: Mask) -> np.unsignedinteger[Any]:
    """Return a mask of all leaves."""
    return mask(np.iinfo(mask).max)


@dataclass(frozen=True)
class Trees:
    """An ensemble of n_trees trees with at most s splits each.

    Attributes:
        feature: int64[n_trees, s], the feature that a split compares.
        threshold: float64[n_trees, s]; a row goes left when its feature is not above the threshold.
        left: uint64[n_trees, s], the leaves, one bit each, that a row can still reach after going left. All leaves
            for the splits that a smaller tree does not have.
        right: uint64[n_trees, s], the same after going right.
        value: float64[n_trees, s + 1], values of the leaves.
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray

    def predict(self, features: FloatArray) -> FloatArray:
        """Return float64[n], for each row of float[n, n_features], finite, the sum of one leaf of every tree.

        Which leaves the splits of one feature leave reachable depends on the place of its value among their thresholds,
        so they are looked up, for all trees at once. Of the leaves that remain the lowest is the answer (Lucchese et
        al., "QuickScorer", SIGIR 2015).
        """
        leaves = np.full((len(features), len(self.value)), _all_of(self._mask_type))
        for feature, threshold, reachable in self._tables:
            leaves &= reachable.take(np.searchsorted(threshold, features[:, feature]), axis=0)
        if leaves.dtype == np.uint8:
            return np.asarray(self._value_of_byte.take(leaves + self._first_byte).sum(axis=1))
        lowest = leaves & (~leaves + leaves.dtype.type(1))
        leaf = np.frexp(lowest.astype(np.float64))[1] - 1
        return np.asarray(self.value[np.arange(len(self.value)), leaf].sum(axis=1))

    @cached_property
    def _tables(self) -> list[_FeatureTable]:
        """One table for each feature that is compared."""
        is_split, tables = self.left != _ALL_LEAVES, []
        for feature in np.unique(self.feature[is_split]).tolist():
            tree, at = np.nonzero(is_split & (self.feature == feature))
            threshold, place = np.unique(self.threshold[tree, at], return_inverse=True)
            left, right = (side[tree, at].astype(self._mask_type) for side in (self.left, self.right))
            reachable = np.full((len(threshold) + 1, len(self.value)), _all_of(self._mask_type))
            for n_below, masks in enumerate(reachable):
                np.bitwise_and.at(masks, tree, np.where(place < n_below, right, left))
            tables.append(_FeatureTable(feature, threshold, reachable))
        return tables

    @property
    def _mask_type(self) -> Mask:
        """The smallest type with a bit for each leaf of the largest tree."""
        return next(size for size in _MASKS if np.iinfo(size).bits >= self.value.shape[1])

    @cached_property
    def _value_of_byte(self) -> FloatArray:
        """float64[n_trees * 256]: of each tree, its value for every byte of reachable leaves."""
        n_leaves = self.value.shape[1]
        lowest = [max((byte & -byte).bit_length() - 1, 0) for byte in range(_BYTES)]
        return self.value[:, np.minimum(lowest, n_leaves - 1)].ravel()

    @cached_property
    def _first_byte(self) -> IntArray:
        """int32[n_trees]: where the values of each tree begin."""
        return np.arange(0, _BYTES * len(self.value), _BYTES, dtype=np.int32)

    def to_json(self) -> JsonDict:
        """Return plain values; the masks become text, as JSON numbers do not hold 64 bits."""
        return {
            "feature": self.feature.tolist(),
            "threshold": self.threshold.tolist(),
            "left": [[str(mask) for mask in row] for row in self.left.tolist()],
            "right": [[str(mask) for mask in row] for row in self.right.tolist()],
            "value": self.value.tolist(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Trees:
        """Read the result of `to_json`."""
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
        """Convert LightGBM's Booster.dump_model: trees of at most MAX_LEAVES leaves over numeric features.

        Raises ValueError for a split on a categorical feature.
        """
        parsed = [_ParsedTree(info["tree_structure"]) for info in dump["tree_info"]]
        n_splits = max([1, *(len(tree.splits) for tree in parsed)])
        shape = (len(parsed), n_splits)
        trees = cls(
            np.zeros(shape, np.int64),
            np.zeros(shape),
            np.full(shape, _ALL_LEAVES, np.uint64),
            np.full(shape, _ALL_LEAVES, np.uint64),
            np.zeros((len(parsed), n_splits + 1)),
        )
        for row, tree in enumerate(parsed):
            for at, split in enumerate(tree.splits):
                trees.feature[row, at], trees.threshold[row, at] = split.feature, split.threshold
                trees.left[row, at], trees.right[row, at] = split.left, split.right
            trees.value[row, : len(tree.values)] = tree.values
        return trees


class _TreeSplit(NamedTuple):
    """One split; left and right are masks of the leaves that remain reachable."""

    feature: int
    threshold: float
    left: int
    right: int


class _ParsedTree:
    """Splits and leaf values of one dumped tree."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.splits: list[_TreeSplit] = []
        self.values: list[float] = []
        self._parse(root)

    def _parse(self, node: Mapping[str, Any]) -> int:
        """Collect the node and all below it; return the mask of its leaves, which are numbered from left to right."""
        if "split_feature" not in node:
            self.values.append(float(node["leaf_value"]))
            return 1 << (len(self.values) - 1)
        if node["decision_type"] != "<=":
            raise ValueError(f"a split by {node['decision_type']!r} was found; expected '<=', of a numeric feature")
        left, right = self._parse(node["left_child"]), self._parse(node["right_child"])
        # Going left rules out the leaves on the right, and none outside this node.
        self.splits.append(
            _TreeSplit(int(node["split_feature"]), float(node["threshold"]), _ALL_LEAVES & ~right, _ALL_LEAVES & ~left)
        )
        return left | right
