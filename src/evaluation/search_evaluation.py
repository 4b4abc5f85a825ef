"""Evaluate search on judged queries: keywords alone, each encoder alone, fused, and re-ranked.

The metric is NDCG@10 with the gain 2^grade - 1; unjudged products count as 0. The re-ranker's trees are trained on
other queries than those that they are measured on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from src.core.domain import FloatArray, IntArray, JsonDict
from src.core.progress import Reporter
from src.evaluation.metrics import Estimate, estimates
from src.recommendation.search_features import Signals, anchors_of, reranker_features
from src.recommendation.search_reranker import RERANKED, Group, SearchReranker, train_search_reranker
from src.search.index import SearchIndex

K = 10
FOLDS = 5
KEYWORDS, FUSED, RANKED = "keywords", "fused", "ranked"


@dataclass(frozen=True)
class Judged:
    """Queries with grades.

    Attributes:
        queries: texts.
        grades: for each query, row number of a product → grade from 0 (bad); at least one grade is above 0.
    """

    queries: list[str]
    grades: list[Mapping[int, float]]

    def __len__(self) -> int:
        return len(self.queries)


@dataclass(frozen=True)
class EncodedSearch:
    """A search index with the vectors of one encoder, and encoded queries.

    Attributes:
        search: the index.
        queries: float32[n_queries, d].
    """

    search: SearchIndex
    queries: FloatArray


@dataclass(frozen=True)
class SearchReport:
    """Figures of several ways of searching.

    Attributes:
        n_products: products with a text.
        encoder: whose fusion is "fused" and "ranked".
        ndcg: name → float[n_queries].
        left_out: sentences on what was not measured, and why.
    """

    n_products: int
    encoder: str
    ndcg: Mapping[str, FloatArray]
    left_out: list[str] = field(default_factory=list)

    def best_single(self) -> str:
        """Return the best of keywords and the single encoders."""
        alone = [name for name in self.ndcg if not name.startswith((FUSED, RANKED))]
        return max(alone, key=lambda name: float(self.ndcg[name].mean()))

    def table(self) -> list[list[str]]:
        """Return rows of text, the header first."""
        estimated, gains = self._estimates()
        rows = [["search", "NDCG@10", "beside the best single one"]]
        for name, estimate in estimated.items():
            rows.append([name, f"{estimate:.4f}", "" if name not in gains else f"{gains[name]:+.4f}"])
        return rows

    def _estimates(self) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
        """Return (estimates of all, estimates of the gains over the best single one)."""
        best = self.best_single()
        gains = {name: ndcg - self.ndcg[best] for name, ndcg in self.ndcg.items() if name != best}
        return estimates(self.ndcg), estimates(gains)

    def sentences(self) -> list[str]:
        """Return sentences on what was measured, and on the results."""
        n = len(next(iter(self.ndcg.values())))
        sentences = [
            f"{n} judged queries with a relevant product, {self.n_products:,} products; unjudged products count as 0; "
            f"trees are trained on other queries than those they are measured on ({FOLDS} folds).",
            *self.left_out,
        ]
        gains = self._estimates()[1]
        for name in (FUSED, RANKED):
            if name in gains:
                sentences.append(f"{name} {_comparison(gains[name])} {self.best_single()}, the best single one.")
        if RANKED in self.ndcg:
            gain = estimates({"gain": self.ndcg[RANKED] - self.ndcg[FUSED]})["gain"]
            sentences.append(f"ranked {_comparison(gain)} fused: {gain:+.4f}.")
        return sentences

    def to_json(self) -> JsonDict:
        """Return plain values."""
        estimated, gains = self._estimates()
        return {
            "ndcg@10": {name: round(estimate.value, 6) for name, estimate in estimated.items()},
            "intervals": {name: [estimate.low, estimate.high] for name, estimate in estimated.items()},
            "best_single": self.best_single(),
            "beside_best_single": {name: [g.value, g.low, g.high] for name, g in gains.items()},
            "n_queries": len(next(iter(self.ndcg.values()))),
            "n_products": self.n_products,
            "encoder": self.encoder,
            "left_out": self.left_out,
        }


def _comparison(gain: Estimate) -> str:
    if gain.low > 0:
        return "beats"
    return "loses to" if gain.high < 0 else "is not clearly better or worse than"


def measure_search(
    encoded: Mapping[str, EncodedSearch], encoder: str, judged: Judged, *, seed: int, reporter: Reporter
) -> SearchReport:
    """Measure every way of searching.

    Args:
        encoded: encoder → index with its vectors.
        encoder: the one that serves.
        judged: the queries.
        seed: of folds and trees.

    Returns:
        The report.
    """
    any_search = encoded[encoder].search
    reporter.step(f"searching for {len(judged)} queries")
    ndcg = {KEYWORDS: _ndcg(judged, lambda at: any_search.search(judged.queries[at], None, K).item_idx)}
    for name, index in encoded.items():
        assert index.search.vectors is not None
        nearest = index.search.vectors.nearest
        ndcg[name] = _ndcg(judged, lambda at, n=nearest, q=index.queries: n(q[at], K))  # type: ignore[misc]
    folds = folds_of(len(judged), seed)
    for name, index in encoded.items():
        title = FUSED if name == encoder else f"{FUSED} with {name}"
        ndcg[title] = fused_ndcg(index, judged)
    reporter.step("learning the ranking, fold by fold")
    groups, orders = groups_of(encoded[encoder], judged, Signals.unknown(any_search.n_items))
    ranked = cross_validated_ranking(groups, orders, judged, folds, seed)
    if ranked is not None:
        ndcg[RANKED] = ranked
    return SearchReport(any_search.n_products, encoder, ndcg)


def _ndcg(judged: Judged, search: Callable[[int], IntArray]) -> FloatArray:
    """Return float[n_queries]. search: number of a query → row numbers of products, best first."""
    return np.array([ndcg_of(search(at), grades) for at, grades in enumerate(judged.grades)])


def ndcg_of(items: IntArray, grades: Mapping[int, float], k: int = K) -> float:
    """Compute NDCG@k of one list with the gain 2^grade - 1.

    Args:
        items: int[m], row numbers, best first.
        grades: row number → grade; at least one is above 0.
        k: cut-off.

    Returns:
        From 0 to 1.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    gain = np.array([2.0 ** grades.get(item, 0) - 1 for item in items[:k].tolist()])
    ideal = np.sort([2.0**grade - 1 for grade in grades.values()])[::-1][:k]
    return float((gain @ discount[: len(gain)]) / (ideal @ discount[: len(ideal)]))


def folds_of(n: int, seed: int) -> IntArray:
    """Assign queries to folds at random.

    Args:
        n: number of queries.
        seed: of the assignment.

    Returns:
        int[n], the fold that each query is measured in.
    """
    return np.random.default_rng(seed).permutation(n) % min(FOLDS, max(n, 1))


def fused_ndcg(index: EncodedSearch, judged: Judged) -> FloatArray:
    """Return NDCG@10 of the fusion for the judged queries, float[n_queries]."""
    search = index.search.search
    return _ndcg(judged, lambda at: search(judged.queries[at], index.queries[at], K).item_idx)


def groups_of(index: EncodedSearch, judged: Judged, signals: Signals) -> tuple[list[Group], list[IntArray]]:
    """Retrieve the training data of the search re-ranker.

    Args:
        index: the index and the encoded queries.
        judged: the queries.
        signals: behaviour of products, for the features.

    Returns:
        (features and grades of each query, its retrieved items in the order of the fusion).
    """
    groups, orders = [], []
    for text, vector, grades in zip(judged.queries, index.queries, judged.grades, strict=True):
        hits = index.search.search(text, vector, RERANKED)
        rows = reranker_features(hits, anchors_of(hits), index.search, signals)
        grade = np.array([min(round(grades.get(item, 0)), 30) for item in hits.item_idx.tolist()], np.int64)
        groups.append(Group(rows, grade))
        orders.append(hits.item_idx)
    return groups, orders


def cross_validated_ranking(
    groups: Sequence[Group], orders: Sequence[IntArray], judged: Judged, folds: IntArray, seed: int
) -> FloatArray | None:
    """Measure a re-ranker on each fold that was trained on the other folds.

    Args:
        groups: features and grades of each query.
        orders: retrieved items of each query.
        judged: the queries.
        folds: int[n_queries].
        seed: of the trees.

    Returns:
        float[n_queries], NDCG@10; None where there is too little to train on.
    """
    ndcg = np.zeros(len(judged))
    for fold in np.unique(folds):
        ranker = train_search_reranker([groups[at] for at in np.flatnonzero(folds != fold).tolist()], seed=seed)
        if ranker is None:
            return None
        for at in np.flatnonzero(folds == fold).tolist():
            ndcg[at] = ndcg_of(_ordered(ranker, groups[at], orders[at]), judged.grades[at])
    return ndcg


def _ordered(ranker: SearchReranker, group: Group, order: IntArray) -> IntArray:
    return order[np.argsort(-ranker.score(group.rows), kind="stable")] if len(order) else order
