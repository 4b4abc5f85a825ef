"""How good search is, by judged queries: words alone, each encoder alone, fused, ranked.

NDCG@10 with the gain 2^grade - 1; a product that nobody judged counts as 0. Whatever is chosen (the weight of the
fusion, the trees of the ranking) is chosen on other queries than those it is measured on: cross-validation in folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from src.core.domain import FloatArray, IntArray, JsonDict
from src.core.progress import Reporter
from src.evaluation.metrics import Estimate, estimates
from src.recommendation.search_features import Signals, anchors_of, features
from src.recommendation.search_reranker import RERANKED, Group, SearchReranker, train_search_reranker
from src.search.index import SearchIndex

K = 10
FOLDS = 5
WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
KEYWORDS, FUSED, RANKED = "keywords", "fused", "ranked"


@dataclass(frozen=True)
class Judged:
    """queries: texts. grades: for each, item number → grade from 0 (bad) on. At least one grade of each is above 0."""

    queries: list[str]
    grades: list[Mapping[int, float]]

    def __len__(self) -> int:
        return len(self.queries)


@dataclass(frozen=True)
class EncodedSearch:
    """A search whose vectors one encoder made, and the queries as it encodes them: float32[n_queries, d]."""

    search: SearchIndex
    queries: FloatArray


@dataclass(frozen=True)
class SearchReport:
    """ndcg: name → float[n_queries]. weights: what the fusion with each encoder chose in its folds. encoder: whose
    fusion is "fused" and "ranked". left_out: what was not measured, and why.
    """

    n_products: int
    encoder: str
    ndcg: Mapping[str, FloatArray]
    weights: Mapping[str, list[float]]
    left_out: list[str] = field(default_factory=list)

    def best_single(self) -> str:
        """Words or the encoder that is best alone."""
        alone = [name for name in self.ndcg if not name.startswith((FUSED, RANKED))]
        return max(alone, key=lambda name: float(self.ndcg[name].mean()))

    def table(self) -> list[list[str]]:
        """Rows of text, the first one the header."""
        found, gains = self._estimates()
        rows = [["search", "NDCG@10", "beside the best single one"]]
        for name, estimate in found.items():
            rows.append([name, _shown(estimate), "" if name not in gains else _shown(gains[name], sign=True)])
        return rows

    def _estimates(self) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
        bar = self.ndcg[self.best_single()]
        found = estimates(self.ndcg)
        return found, estimates({name: its - bar for name, its in self.ndcg.items() if name != self.best_single()})

    def sentences(self) -> list[str]:
        """What was measured, and what came of it."""
        n = len(next(iter(self.ndcg.values())))
        said = [
            f"{n} judged queries with a relevant product, {self.n_products:,} products; unjudged products count as 0; "
            f"weights and trees are chosen on other queries than those they are measured on ({FOLDS} folds); the "
            "weight that is served, unless another one is clearly better.",
            *(
                f"{name}: weights of the vectors in the folds: {', '.join(f'{w:g}' for w in its)}"
                for name, its in self.weights.items()
            ),
            *self.left_out,
        ]
        gains = self._estimates()[1]
        for name in (FUSED, RANKED):
            if name in gains:
                said.append(f"{name} {_verdict(gains[name])} {self.best_single()}, the best single one.")
        if RANKED in self.ndcg:
            gain = estimates({"gain": self.ndcg[RANKED] - self.ndcg[FUSED]})["gain"]
            said.append(f"ranked {_verdict(gain)} fused: {_shown(gain, sign=True)}.")
        return said

    def to_json(self) -> JsonDict:
        found, gains = self._estimates()
        return {
            "ndcg@10": {name: round(estimate.value, 6) for name, estimate in found.items()},
            "intervals": {name: [estimate.low, estimate.high] for name, estimate in found.items()},
            "best_single": self.best_single(),
            "beside_best_single": {name: [g.value, g.low, g.high] for name, g in gains.items()},
            "n_queries": len(next(iter(self.ndcg.values()))),
            "n_products": self.n_products,
            "encoder": self.encoder,
            "weights": {name: list(its) for name, its in self.weights.items()},
            "left_out": self.left_out,
        }


def _shown(estimate: Estimate, *, sign: bool = False) -> str:
    form = "+.4f" if sign else ".4f"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _verdict(gain: Estimate) -> str:
    if gain.low > 0:
        return "beats"
    return "loses to" if gain.high < 0 else "is not clearly better or worse than"


def measure_search(
    encoded: Mapping[str, EncodedSearch], encoder: str, judged: Judged, *, seed: int, reporter: Reporter
) -> SearchReport:
    """Measure. encoded: encoder → search with its vectors; encoder: the one of these that is served."""
    any_search = encoded[encoder].search
    reporter.step(f"searching for {len(judged)} queries")
    ndcg = {KEYWORDS: _ndcg(judged, lambda at: any_search.search(judged.queries[at], None, K).item_idx)}
    weights: dict[str, list[float]] = {}
    for name, its in encoded.items():
        assert its.search.vectors is not None
        nearest = its.search.vectors.nearest
        ndcg[name] = _ndcg(judged, lambda at, n=nearest, q=its.queries: n(q[at], K))  # type: ignore[misc]
    folds = folds_of(len(judged), seed)
    for name, its in encoded.items():
        title = FUSED if name == encoder else f"{FUSED} with {name}"
        ndcg[title], weights[title] = _cross_validated_fusion(its, judged, folds)
    reporter.step("learning the ranking, fold by fold")
    groups, orders = groups_of(encoded[encoder], judged, Signals.unknown(any_search.n_items))
    ranked = cross_validated_ranking(groups, orders, judged, folds, seed)
    if ranked is not None:
        ndcg[RANKED] = ranked
    return SearchReport(any_search.n_products, encoder, ndcg, weights)


def _ndcg(judged: Judged, found: Callable[[int], IntArray]) -> FloatArray:
    return np.array([ndcg_of(found(at), grades) for at, grades in enumerate(judged.grades)])


def ndcg_of(items: IntArray, grades: Mapping[int, float], k: int = K) -> float:
    """NDCG@k of one list with the gain 2^grade - 1. grades: at least one above 0."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gain = np.array([2.0 ** grades.get(item, 0) - 1 for item in items[:k].tolist()])
    ideal = np.sort([2.0**grade - 1 for grade in grades.values()])[::-1][:k]
    return float((gain @ discount[: len(gain)]) / (ideal @ discount[: len(ideal)]))


def folds_of(n: int, seed: int) -> IntArray:
    """int[n]: which fold each query is measured in."""
    return np.random.default_rng(seed).permutation(n) % min(FOLDS, max(n, 1))


def _cross_validated_fusion(its: EncodedSearch, judged: Judged, folds: IntArray) -> tuple[FloatArray, list[float]]:
    """(NDCG of each query with the weight that the other folds chose, that weight of each fold).

    Another weight than the one that is served is chosen only where it is clearly better on the other folds: a few
    dozen queries tell weights so badly apart that the best of several is as often as not the luckiest one.
    """
    served = its.search.vector_weight
    table = {weight: fused_ndcg(its, judged, weight) for weight in dict.fromkeys((served, *WEIGHTS))}
    ndcg, chosen = np.zeros(len(judged)), []
    for fold in np.unique(folds):
        others = folds != fold
        best = max(table, key=lambda weight: float(table[weight][others].sum()))
        gain = estimates({"gain": (table[best] - table[served])[others]})["gain"] if others.any() else None
        chosen.append(best if gain is not None and gain.low > 0 else served)
        ndcg[folds == fold] = table[chosen[-1]][folds == fold]
    return ndcg, chosen


def fused_ndcg(its: EncodedSearch, judged: Judged, weight: float) -> FloatArray:
    """float[n_queries] with this weight of the vectors."""
    search = replace(its.search, vector_weight=weight)
    return _ndcg(judged, lambda at: search.search(judged.queries[at], its.queries[at], K).item_idx)


def groups_of(its: EncodedSearch, judged: Judged, signals: Signals) -> tuple[list[Group], list[IntArray]]:
    """(what the ranking learns from each query, the items retrieved for it in the order of the fusion)."""
    groups, orders = [], []
    for text, vector, grades in zip(judged.queries, its.queries, judged.grades, strict=True):
        found = its.search.search(text, vector, RERANKED)
        rows = features(found, anchors_of(found), its.search, signals)
        grade = np.array([min(round(grades.get(item, 0)), 30) for item in found.item_idx.tolist()], np.int64)
        groups.append(Group(rows, grade))
        orders.append(found.item_idx)
    return groups, orders


def cross_validated_ranking(
    groups: Sequence[Group], orders: Sequence[IntArray], judged: Judged, folds: IntArray, seed: int
) -> FloatArray | None:
    """float[n_queries]: NDCG of each query's candidates as a ranking that has learnt from the other folds orders them;
    None where there is too little to learn from.
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
