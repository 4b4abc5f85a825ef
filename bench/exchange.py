"""The tasks that the two environments of `bench.quality` exchange as .npz files: training pairs and users.

It imports numpy, scipy and the metrics of `src` only, which both environments have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.evaluation.metrics import ranking_metrics

TUNING, FINAL = "tuning", "final"
"""Names of the two tasks of a protocol; only the first one contains the relevant products."""


@dataclass(frozen=True)
class Truth:
    """The relevant products of every query, as r pairs.

    Attributes:
        query: int32[r], position of the user among the query users.
        item: int32[r], product; -1 for a product without training events, which counts although no list can contain it.
    """

    query: IntArray
    item: IntArray

    def n_relevant(self, n_queries: int) -> IntArray:
        """Return int64[n_queries]: the number of relevant products of each query."""
        return np.bincount(self.query, minlength=n_queries)


@dataclass(frozen=True)
class Task:
    """Train on pairs, then make a list of k products for every query user.

    Attributes:
        n_users: number of users.
        n_items: number of products.
        k: length of the lists.
        pair_user: int32[n], users of the distinct pairs of a user and a rated or purchased product; masked lists leave
            these products out.
        pair_item: int32[n], their products.
        weights: name → float32[n], weights of the pairs; tuning chooses one of them; pairs of weight 0 are not trained
            on.
        query_users: int64[m], users to make lists for; -1 for a user without training events.
        truth: relevant products; empty in the final task.
    """

    n_users: int
    n_items: int
    k: int
    pair_user: IntArray
    pair_item: IntArray
    weights: dict[str, FloatArray]
    query_users: IntArray
    truth: Truth = field(default_factory=lambda: Truth(np.zeros(0, np.int32), np.zeros(0, np.int32)))

    def matrix(self, weights: str) -> csr_matrix:
        """Return float32 CSR [n_users, n_items] of the pairs with a positive weight."""
        weight = self.weights[weights]
        positive = weight > 0
        pairs = (self.pair_user[positive], self.pair_item[positive])
        return csr_matrix((weight[positive], pairs), shape=(self.n_users, self.n_items), dtype=np.float32)

    def seen(self) -> csr_matrix:
        """Return float32 CSR [n_users, n_items]: 1 for every pair."""
        ones = np.ones(len(self.pair_user), np.float32)
        return csr_matrix((ones, (self.pair_user, self.pair_item)), shape=(self.n_users, self.n_items))

    def popular(self) -> IntArray:
        """Return int64[n_items]: products by their number of users, highest first."""
        return np.argsort(-np.bincount(self.pair_item, minlength=self.n_items), kind="stable")

    def save(self, path: Path) -> None:
        """Write the task as .npz, without pickle."""
        weights = {f"weights_{name}": weight for name, weight in self.weights.items()}
        shape = np.array([self.n_users, self.n_items, self.k])
        arrays = {name: getattr(self, name) for name in ("pair_user", "pair_item", "query_users")}
        np.savez(path, shape=shape, query=self.truth.query, item=self.truth.item, **arrays, **weights)

    @classmethod
    def load(cls, path: Path) -> Task:
        """Read a file that `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            weights = {name.removeprefix("weights_"): stored[name] for name in stored if name.startswith("weights_")}
            arrays = {name: stored[name] for name in ("pair_user", "pair_item", "query_users")}
            shape = (int(number) for number in stored["shape"])
            return cls(*shape, **arrays, weights=weights, truth=Truth(stored["query"], stored["item"]))


def ndcg(lists: IntArray, truth: Truth) -> FloatArray:
    """Return float[m], the NDCG of every list, see `of_lists`. truth: the relevant products."""
    return of_lists(lists, truth, "ndcg")


def of_lists(lists: IntArray, truth: Truth, metric: str) -> FloatArray:
    """Compute a figure of every list.

    Args:
        lists: int[m, k], products, -1 beyond the end.
        truth: the relevant products of the m queries.
        metric: a key of `ranking_metrics`.

    Returns:
        float[m]; NaN for a query without relevant products.
    """
    n_relevant = truth.n_relevant(len(lists))
    base = int(max(lists.max(initial=0), truth.item.max(initial=0))) + 1
    relevant = truth.query.astype(np.int64) * base + truth.item
    listed = np.arange(len(lists))[:, None] * base + lists
    hits = np.isin(listed, relevant[truth.item >= 0]) & (lists >= 0)
    figures = ranking_metrics(hits, np.maximum(n_relevant, 1))[metric]
    return np.where(n_relevant > 0, figures, np.nan)
