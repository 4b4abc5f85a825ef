"""Re-rank the products retrieved for a text or a product, by trees of LightGBM.

LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", 2010) on graded queries. Serving evaluates the trees
without LightGBM (see src.models.trees), whose import takes a second and loads pandas.
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
"""Number of retrieved items that are re-ranked; the others stay behind them."""
_FUSED = FEATURES.index("fused")
_TRUST, _MOST_TRUST = 1_500.0, 30.0
"""Weight of the fused score in the initial scores: _TRUST divided by the number of queries, at most _MOST_TRUST. The
trees refine the order of retrieval: few queries change it little, many queries more."""
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
    """A graded query to train on.

    Attributes:
        rows: float32[m, len(FEATURES)], features of the m retrieved items, in their order.
        grade: int[m], relevance from 0 to 3.
    """

    rows: FloatArray
    grade: IntArray


@dataclass(frozen=True)
class SearchReranker:
    """Trees over FEATURES.

    Attributes:
        trees: the trees.
        start: weight of the fused score, which is added to their sum.
    """

    trees: Trees
    start: float

    def score(self, rows: FloatArray) -> FloatArray:
        """Return float64[m], the higher the better, of float32[m, len(FEATURES)]."""
        return self.start * rows[:, _FUSED] + self.trees.predict(rows) if len(rows) else np.zeros(0)

    def ordered(self, hits: SearchHits, rows: FloatArray) -> SearchHits:
        """Re-rank hits.

        Args:
            hits: m hits, in the order of retrieval.
            rows: float32[m, len(FEATURES)], their features.

        Returns:
            The same hits in the learned order, with the scores of retrieval.
        """
        first = min(len(hits), RERANKED)
        order = np.argsort(-self.score(rows[:first]), kind="stable")
        return hits.take(np.concatenate([order, np.arange(first, len(hits))]))

    def save(self, folder: Path) -> None:
        """Write reranker.json into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {"features": list(FEATURES), "start": self.start, "trees": self.trees.to_json()}
        (folder / "reranker.json").write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SearchReranker:
        """Read what `save` wrote. Raises ReleaseError for trees over other features than FEATURES."""
        document = json.loads((folder / "reranker.json").read_text(encoding="utf-8"))
        if document["features"] != list(FEATURES):
            raise ReleaseError(f"{folder.name}: the order was learnt on other features than there are: train again")
        return cls(Trees.from_json(document["trees"]), document.get("start", 0.0))


def train_search_reranker(groups: Sequence[Group], *, seed: int) -> SearchReranker | None:
    """Train a re-ranker.

    Args:
        groups: graded queries.
        seed: of LightGBM.

    Returns:
        The re-ranker; None if no group has two different grades.
    """
    import lightgbm  # never in a process that serves

    informative = [group for group in groups if len(group.grade) and group.grade.max() > group.grade.min()]
    if not informative:
        return None
    rows = np.concatenate([group.rows for group in informative]).astype(np.float64)
    start = min(_TRUST / len(informative), _MOST_TRUST)
    data = lightgbm.Dataset(
        rows,
        np.concatenate([group.grade for group in informative]),
        group=[len(group.grade) for group in informative],
        init_score=start * rows[:, _FUSED],
        feature_name=list(FEATURES),
    )
    rising = [int(name in RISING) for name in FEATURES]
    constraints = {"monotone_constraints": rising, "min_data_in_leaf": max(_LEAST_LEAF, len(rows) // _LEAVES_AT_MOST)}
    n_trees = int(np.clip(len(informative) // _QUERIES_PER_TREE, _FEWEST_TREES, _MOST_TREES))
    booster = lightgbm.train({**_PARAMS, **constraints, "seed": seed}, data, num_boost_round=n_trees)
    return SearchReranker(Trees.of_dump(booster.dump_model()), start)
