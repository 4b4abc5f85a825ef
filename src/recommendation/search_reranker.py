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

from src.core.domain import FloatArray, IntArray
from src.core.errors import ReleaseError
from src.models.trees import Trees
from src.recommendation.search_features import FEATURES, RISING
from src.search.index import SearchHits

RERANKED = 100
"""So many of what was retrieved are put in order; the others stay behind them."""
_FUSED = FEATURES.index("fused")
_TRUST, _MOST_TRUST = 1_500.0, 30.0
"""What a fused score of 1 is worth in the scores that trees begin from: trust divided by the number of queries, 30 at
most. So trees refine the order of retrieval, and few queries can hardly change it, many can."""
_QUERIES_PER_TREE, _FEWEST_TREES, _MOST_TREES = 2, 20, 200
_LEAST_LEAF, _LEAVES_AT_MOST = 40, 50
_PARAMS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 15,
    "learning_rate": 0.03,
    "num_leaves": 7,
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
    0 to 3: how good each was.
    """

    rows: FloatArray
    grade: IntArray


@dataclass(frozen=True)
class SearchReranker:
    """Trees over FEATURES. start: what the fused score counts beside them."""

    trees: Trees
    start: float

    def score(self, rows: FloatArray) -> FloatArray:
        """float64[m], the higher the better. rows: float32[m, len(FEATURES)]."""
        return self.start * rows[:, _FUSED] + self.trees.predict(rows) if len(rows) else np.zeros(0)

    def ordered(self, found: SearchHits, rows: FloatArray) -> SearchHits:
        """What was found in the learned order; rows: its features. Scores stay those of retrieval."""
        first = min(len(found), RERANKED)
        order = np.argsort(-self.score(rows[:first]), kind="stable")
        return found.take(np.concatenate([order, np.arange(first, len(found))]))

    def save(self, folder: Path) -> None:
        """Write reranker.json into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {"features": list(FEATURES), "start": self.start, "trees": self.trees.to_json()}
        (folder / "reranker.json").write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SearchReranker:
        """Read what `save` wrote. Raises ReleaseError for trees over other features than this program computes."""
        document = json.loads((folder / "reranker.json").read_text(encoding="utf-8"))
        if document["features"] != list(FEATURES):
            raise ReleaseError(f"{folder.name}: the order was learnt on other features than there are: train again")
        return cls(Trees.from_json(document["trees"]), document.get("start", 0.0))


def train_search_reranker(groups: Sequence[Group], *, seed: int) -> SearchReranker | None:
    """Train on queries; None where no group tells a better product from a worse one."""
    import lightgbm  # never in a process that serves

    telling = [group for group in groups if len(group.grade) and group.grade.max() > group.grade.min()]
    if not telling:
        return None
    rows = np.concatenate([group.rows for group in telling]).astype(np.float64)
    start = min(_TRUST / len(telling), _MOST_TRUST)
    data = lightgbm.Dataset(
        rows,
        np.concatenate([group.grade for group in telling]),
        group=[len(group.grade) for group in telling],
        init_score=start * rows[:, _FUSED],
        feature_name=list(FEATURES),
    )
    rising = [int(name in RISING) for name in FEATURES]
    of_these = {"monotone_constraints": rising, "min_data_in_leaf": max(_LEAST_LEAF, len(rows) // _LEAVES_AT_MOST)}
    n_trees = int(np.clip(len(telling) // _QUERIES_PER_TREE, _FEWEST_TREES, _MOST_TREES))
    booster = lightgbm.train({**_PARAMS, **of_these, "seed": seed}, data, num_boost_round=n_trees)
    return SearchReranker(Trees.of_dump(booster.dump_model()), start)
