"""The learned ranking of what a text or a product retrieved: LightGBM's trees put it in another order.

LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", 2010) on graded queries; a process that serves walks the
trees itself (see trees), as importing LightGBM takes a second and brings pandas.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.domain import FloatArray, IntArray
from src.errors import ReleaseError
from src.ranking.features import FEATURES, RISING
from src.ranking.trees import Trees
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
class Reranker:
    """Trees over FEATURES."""

    trees: Trees

    def score(self, rows: FloatArray) -> FloatArray:
        """float64[m], the higher the better. rows: float32[m, len(FEATURES)]."""
        return self.trees.predict(rows) if len(rows) else np.zeros(0)

    def ordered(self, found: Found, rows: FloatArray) -> Found:
        """What was found in the learned order; rows: its features. Scores stay those of retrieval."""
        first = min(len(found), RERANKED)
        order = np.argsort(-self.score(rows[:first]), kind="stable")
        return found.take(np.concatenate([order, np.arange(first, len(found))]))

    def save(self, folder: Path) -> None:
        """Write reranker.json into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {"features": list(FEATURES), "trees": self.trees.to_json()}
        (folder / "reranker.json").write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Reranker:
        """Read what `save` wrote. Raises ReleaseError for trees over other features than this program computes."""
        document = json.loads((folder / "reranker.json").read_text(encoding="utf-8"))
        if document["features"] != list(FEATURES):
            raise ReleaseError(f"{folder.name}: the order was learnt on other features than there are: train again")
        return cls(Trees.from_json(document["trees"]))


def learned(groups: Sequence[Group], *, seed: int) -> Reranker | None:
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
    )
    rising = [int(name in RISING) for name in FEATURES]
    booster = lightgbm.train({**_PARAMS, "seed": seed, "monotone_constraints": rising}, data, num_boost_round=_ROUNDS)
    return Reranker(Trees.of_dump(booster.dump_model()))
