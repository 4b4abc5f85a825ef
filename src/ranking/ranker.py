"""The learned ranking: LightGBM's trees put what was retrieved in another order.

Trained by LightGBM (LambdaMART: Burges, "From RankNet to LambdaRank to LambdaMART", 2010) and kept in its text format.
A process that serves walks the trees itself: importing LightGBM takes a second and brings pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.domain import FloatArray, IntArray
from src.errors import ReleaseError
from src.ranking.features import FEATURES, RISING
from src.text.search import Found

RERANKED = 100
"""So many of what was retrieved are put in order; the others stay behind them."""
_ROUNDS = 60
_PARAMS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 15,
    "learning_rate": 0.08,
    "num_leaves": 7,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "use_missing": False,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Group:
    """One query to learn from. rows: float32[m, len(FEATURES)] of what was retrieved, in its order. grade: int[m],
    0 to 3: how good each was."""

    rows: FloatArray
    grade: IntArray


@dataclass(frozen=True)
class Ranker:
    """Trees as arrays of one shape [n_trees, most nodes]: feature int32 and threshold float64 of inner nodes, left and
    right int32, where a negative number -1 - leaf names a leaf; value float64[n_trees, most leaves]. text: LightGBM's.
    """

    text: str
    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    value: FloatArray

    def score(self, rows: FloatArray) -> FloatArray:
        """float64[m], the higher the better. rows: float32[m, len(FEATURES)]."""
        trees = np.arange(len(self.value))
        node = np.zeros((len(rows), len(trees)), np.int32)
        for _ in range(self.feature.shape[1]):
            inner = np.maximum(node, 0)
            value = np.take_along_axis(rows, self.feature[trees, inner], axis=1)
            further = np.where(value <= self.threshold[trees, inner], self.left[trees, inner], self.right[trees, inner])
            node = np.where(node >= 0, further, node)
            if (node < 0).all():
                break
        return np.asarray(self.value[trees, -1 - node].sum(axis=1))

    def ordered(self, found: Found, rows: FloatArray) -> Found:
        """What was found in the learned order; rows: its features. Scores stay those of retrieval."""
        first = min(len(found), RERANKED)
        order = np.argsort(-self.score(rows[:first]), kind="stable")
        return found.take(np.concatenate([order, np.arange(first, len(found))]))

    def save(self, folder: Path) -> None:
        """Write ranker.txt into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ranker.txt").write_text(self.text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Ranker:
        """Read what `save` wrote."""
        return parsed((folder / "ranker.txt").read_text(encoding="utf-8"))


def learned(groups: Sequence[Group], *, seed: int) -> Ranker | None:
    """Train on queries; None where no group tells a better product from a worse one."""
    import lightgbm  # never in a process that serves

    telling = [group for group in groups if len(group.grade) and group.grade.max() > group.grade.min()]
    if not telling:
        return None
    data = lightgbm.Dataset(
        np.concatenate([group.rows for group in telling]).astype(np.float64),
        np.concatenate([group.grade for group in telling]),
        group=[len(group.grade) for group in telling],
        feature_name=list(FEATURES),
        free_raw_data=True,
    )
    rising = [int(name in RISING) for name in FEATURES]
    booster = lightgbm.train({**_PARAMS, "seed": seed, "monotone_constraints": rising}, data, num_boost_round=_ROUNDS)
    return parsed(booster.model_to_string())


def parsed(text: str) -> Ranker:
    """The trees of LightGBM's text format. Raises ReleaseError for trees this program cannot walk."""
    trees = [_tree(part) for part in text.split("\nTree=")[1:]]
    if f"feature_names={' '.join(FEATURES)}\n" not in text:
        raise ReleaseError("the ranker was learnt on other features than this program computes: train again")
    nodes = max((len(tree["split_feature"]) for tree in trees), default=0)
    leaves = max((len(tree["leaf_value"]) for tree in trees), default=1)

    def stacked(name: str, width: int, kind: type, padding: float) -> Any:
        rows: Any = np.full((len(trees), max(width, 1)), padding, kind)
        for at, tree in enumerate(trees):
            rows[at, : len(tree[name])] = tree[name]
        return rows

    return Ranker(
        text,
        stacked("split_feature", nodes, np.int32, 0),
        stacked("threshold", nodes, np.float64, 0),
        stacked("left_child", nodes, np.int32, -1),  # a tree of one leaf has no node: both ways lead to it
        stacked("right_child", nodes, np.int32, -1),
        stacked("leaf_value", leaves, np.float64, 0),
    )


def _tree(part: str) -> dict[str, list[float]]:
    fields = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
    if int(fields.get("num_cat", "0")):
        raise ReleaseError("the ranker has splits by category, which this program does not walk: train again")
    names = ("split_feature", "threshold", "left_child", "right_child", "leaf_value")
    return {name: [float(number) for number in fields.get(name, "").split()] for name in names}
