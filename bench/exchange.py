"""What the two environments of `bench.quality` hand each other, as .npz: what to learn from, whom to make lists for.

numpy and scipy only, and of `src` the metrics: both environments have these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.evaluation.metrics import ranking_metrics

TUNING, FINAL = "tuning", "final"
"""Names of the two tasks of a protocol: the first one is handed over with what was relevant, the second without."""


@dataclass(frozen=True)
class Truth:
    """What the users who are asked for then liked: pairs of `query`, int32[r], a position among them, and `item`,
    int32[r], a product or -1 for one that nobody could learn of: it counts, and no list can hold it."""

    query: IntArray
    item: IntArray

    def n_relevant(self, n_queries: int) -> IntArray:
        """int64[n_queries]."""
        return np.bincount(self.query, minlength=n_queries)


@dataclass(frozen=True)
class Task:
    """Learn from pairs, then make a list of k products for every user asked for.

    pair_user, pair_item: int32[n], the different pairs of a user and a product she rated or purchased, which her list
    leaves out. weights: name → float32[n], how much each pair says; a model takes whichever it is best with; pairs of
    weight 0 are not learnt from. asked: int64[m], row numbers of users, -1 for one who was not learnt from.
    """

    n_users: int
    n_items: int
    k: int
    pair_user: IntArray
    pair_item: IntArray
    weights: dict[str, FloatArray]
    asked: IntArray
    truth: Truth = field(default_factory=lambda: Truth(np.zeros(0, np.int32), np.zeros(0, np.int32)))

    def matrix(self, weights: str) -> csr_matrix:
        """float32 CSR [n_users, n_items] of the pairs that weigh anything."""
        weight = self.weights[weights]
        kept = weight > 0
        pairs = (self.pair_user[kept], self.pair_item[kept])
        return csr_matrix((weight[kept], pairs), shape=(self.n_users, self.n_items), dtype=np.float32)

    def seen(self) -> csr_matrix:
        """float32 CSR [n_users, n_items]: 1 for every pair."""
        ones = np.ones(len(self.pair_user), np.float32)
        return csr_matrix((ones, (self.pair_user, self.pair_item)), shape=(self.n_users, self.n_items))

    def popular(self) -> IntArray:
        """int64[n_items]: products by how many users have them."""
        return np.argsort(-np.bincount(self.pair_item, minlength=self.n_items), kind="stable")

    def save(self, path: Path) -> None:
        """Write it without pickle."""
        weights = {f"weights_{name}": weight for name, weight in self.weights.items()}
        shape = np.array([self.n_users, self.n_items, self.k])
        arrays = {name: getattr(self, name) for name in ("pair_user", "pair_item", "asked")}
        np.savez(path, shape=shape, query=self.truth.query, item=self.truth.item, **arrays, **weights)

    @classmethod
    def load(cls, path: Path) -> Task:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            weights = {name.removeprefix("weights_"): stored[name] for name in stored if name.startswith("weights_")}
            arrays = {name: stored[name] for name in ("pair_user", "pair_item", "asked")}
            shape = (int(number) for number in stored["shape"])
            return cls(*shape, **arrays, weights=weights, truth=Truth(stored["query"], stored["item"]))


def ndcg(lists: IntArray, truth: Truth) -> FloatArray:
    """float[m]: NDCG of each list, int[m, k] of products with -1 beyond the end; NaN where nothing was relevant."""
    n_relevant = truth.n_relevant(len(lists))
    base = int(max(lists.max(initial=0), truth.item.max(initial=0))) + 1
    wanted = truth.query.astype(np.int64) * base + truth.item
    listed = np.arange(len(lists))[:, None] * base + lists
    hits = np.isin(listed, wanted[truth.item >= 0]) & (lists >= 0)
    figures = ranking_metrics(hits, np.maximum(n_relevant, 1))["ndcg"]
    return np.where(n_relevant > 0, figures, np.nan)
