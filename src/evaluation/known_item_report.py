"""Measure search on queries that were made from the catalogue itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray, JsonDict
from src.evaluation.known_items import BY_CATEGORY
from src.evaluation.metrics import Estimate, estimates
from src.evaluation.search_evaluation import FUSED, KEYWORDS, EncodedSearch, Judged, fused_ndcg, ndcg_of
from src.search.meaning import nonsense

_N_NONSENSE = 100


@dataclass(frozen=True)
class KnownItemReport:
    """Figures of keywords, of vectors, and of both fused.

    Attributes:
        n_products: number of products.
        encoder: name of the encoder.
        ndcg: kind of query → name → float[n_queries], NDCG@10.
        answered_nonsense: share of texts without meaning for which something was found.
    """

    n_products: int
    encoder: str
    ndcg: Mapping[str, Mapping[str, FloatArray]]
    answered_nonsense: float

    def _means(self) -> dict[str, float]:
        """Return name → mean over the means of the kinds, so that each kind counts the same."""
        names = (KEYWORDS, self.encoder, FUSED)
        return {name: float(np.mean([of_kind[name].mean() for of_kind in self.ndcg.values()])) for name in names}

    def _gain(self) -> Estimate:
        """Return the paired gain of the fusion over the better of the two single retrievers."""
        means = self._means()
        best = max((KEYWORDS, self.encoder), key=lambda name: means[name])
        gain = np.concatenate([of_kind[FUSED] - of_kind[best] for of_kind in self.ndcg.values()])
        return estimates({"gain": gain})["gain"]

    def table(self) -> list[list[str]]:
        """Return rows of text, the header first."""
        names = (KEYWORDS, self.encoder, FUSED)
        rows = [["query", "n", *names]]
        for kind, of_kind in self.ndcg.items():
            rows.append([kind, str(len(of_kind[FUSED])), *(f"{of_kind[name].mean():.4f}" for name in names)])
        means = self._means()
        return [*rows, ["mean of all kinds", "", *(f"{means[name]:.4f}" for name in names)]]

    def sentences(self) -> list[str]:
        """Return sentences on what was measured, and on the results."""
        gain = self._gain()
        return [
            f"queries made from {self.n_products:,} products, NDCG@10; {', '.join(BY_CATEGORY)} are asked of a "
            "catalogue without categories",
            f"fused beside the better single one: {gain:+.4f}",
            f"{self.answered_nonsense:.0%} of {_N_NONSENSE} texts without meaning found something",
        ]

    def to_json(self) -> JsonDict:
        """Return plain values."""
        gain = self._gain()
        return {
            "ndcg@10": self._means(),
            "by_kind": {
                kind: {name: float(values.mean()) for name, values in of_kind.items()}
                for kind, of_kind in self.ndcg.items()
            },
            "beside_best_single": [gain.value, gain.low, gain.high],
            "answered_nonsense": self.answered_nonsense,
            "n_products": self.n_products,
        }


def measure_known_items(
    judged: Mapping[str, Judged], made_for: Callable[[str, Judged], EncodedSearch], encoder: str
) -> KnownItemReport:
    """Measure every kind of query.

    Args:
        judged: kind → queries.
        made_for: returns the index for the queries of a kind, with the encoded queries.
        encoder: its name.

    Returns:
        The report.
    """
    ndcg = {}
    for kind, queries in judged.items():
        index = made_for(kind, queries)
        by_words = [index.search.search(query, None, 10).item_idx for query in queries.queries]
        assert index.search.vectors is not None
        by_vectors = [index.search.vectors.nearest(vector, 10) for vector in index.queries]
        ndcg[kind] = {KEYWORDS: _ndcg(by_words, queries), encoder: _ndcg(by_vectors, queries)}
        ndcg[kind][FUSED] = fused_ndcg(index, queries)
    texts = Judged(nonsense(_N_NONSENSE, 2), [{}] * _N_NONSENSE)
    index = made_for("", texts)
    found = [len(index.search.search(*each, 1)) for each in zip(texts.queries, index.queries, strict=True)]
    return KnownItemReport(index.search.n_products, encoder, ndcg, float(np.mean(found)))


def _ndcg(found: list[IntArray], judged: Judged) -> FloatArray:
    return np.array([ndcg_of(items, grades) for items, grades in zip(found, judged.grades, strict=True)])
