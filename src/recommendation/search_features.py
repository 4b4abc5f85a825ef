"""Features of retrieved products for the search re-ranker, the same in training and serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.models import POPULARITY
from src.models.base import QueryRows
from src.recommendation.candidate_index import CandidateIndex
from src.recommendation.ensemble import ENSEMBLE
from src.search.index import SearchHits, SearchIndex

FEATURES = (
    "fused",
    "similarity",
    "keyword",
    "anchor_similarity",
    "popularity",
    "rating_mean",
    "rating_count",
    "price_distance",
    "category_match",
    "co_purchase",
)
"""fused: retrieval score. similarity: cosine to the query. keyword: share of the query's best BM25.
anchor_similarity: cosine to the mean of the anchors. popularity: log(1 + feedback). rating_mean: mean rating.
rating_count: log(1 + ratings). price_distance: |log price - median log price of the anchors|. category_match: share of
the anchors with a category in common. co_purchase: score among the neighbours of the anchors. -1 where unknown.
"""
RISING = ("fused", "similarity", "keyword")
"""Features whose higher values never lower the re-ranker's score."""
_ANCHORS = 5


@dataclass(frozen=True)
class Signals:
    """Behavioural features of items.

    Attributes:
        popularity: float32[n_items].
        rating_mean: float32[n_items], -1 without ratings.
        rating_count: float32[n_items].
        neighbours: the candidate index of the ensemble; None without one.
    """

    popularity: FloatArray
    rating_mean: FloatArray
    rating_count: FloatArray
    neighbours: CandidateIndex | None

    @classmethod
    def of(cls, models: Mapping[str, Any]) -> Signals:
        """Return the features that the models of a release contain."""
        popular, blend = models[POPULARITY], models.get(ENSEMBLE)
        count = np.asarray(popular.item_count)
        mean = np.where(count > 0, popular.item_mean, -1).astype(np.float32)
        return cls(popular.weight, mean, np.log1p(count).astype(np.float32), blend.index if blend else None)

    @classmethod
    def unknown(cls, n_items: int) -> Signals:
        """Return the features of a catalogue without events."""
        unknown = np.full(n_items, -1, np.float32)
        return cls(unknown, unknown, unknown, None)


def anchors_of(hits: SearchHits) -> IntArray:
    """Return the items that stand for a text query: the best retrieved ones."""
    return hits.item_idx[:_ANCHORS]


def reranker_features(hits: SearchHits, anchors: IntArray, search: SearchIndex, signals: Signals) -> FloatArray:
    """Compute the features of retrieved items.

    Args:
        hits: m hits, in the order of retrieval.
        anchors: int64[k], items that stand for the query, or the item that others should be similar to.
        search: the index that retrieved them.
        signals: of the release.

    Returns:
        float32[m, len(FEATURES)], without NaN.
    """
    items = hits.item_idx
    highest = max(float(hits.keyword.max(initial=0)), 1e-9)
    columns = {
        "fused": hits.score,
        "similarity": hits.similarity,
        "keyword": hits.keyword / highest,
        "anchor_similarity": anchor_similarity(items, anchors, search),
        "popularity": signals.popularity[items],
        "rating_mean": signals.rating_mean[items],
        "rating_count": signals.rating_count[items],
        "price_distance": _price_distance(items, anchors, search),
        "category_match": _category_match(items, anchors, search),
        "co_purchase": _co_purchase(items, anchors, signals.neighbours),
    }
    return np.column_stack([columns[name] for name in FEATURES]).astype(np.float32).reshape(-1, len(FEATURES))


def anchor_similarity(items: IntArray, anchors: IntArray, search: SearchIndex) -> FloatArray:
    """Compute cosines to the mean of the anchors' vectors.

    Args:
        items: int64[m].
        anchors: int64[k].
        search: holds the vectors.

    Returns:
        float32[m]; 0 without vectors or anchors.
    """
    if search.vectors is None or not len(anchors):
        return np.zeros(len(items), np.float32)
    mean = search.vectors.rows[anchors].astype(np.float32).mean(axis=0)
    length = float(np.linalg.norm(mean))
    return search.vectors.similarity(mean / length, items) if length else np.zeros(len(items), np.float32)


def _price_distance(items: IntArray, anchors: IntArray, search: SearchIndex) -> FloatArray:
    """Return float[m]: price_distance."""
    prices = search.attributes.price
    price = np.log(np.maximum(prices[items].astype(np.float32), 0.01))
    anchor_prices = prices[anchors].astype(np.float32)
    anchor_prices = anchor_prices[np.isfinite(anchor_prices)]
    if not len(anchor_prices):
        return np.full(len(items), -1, np.float32)
    distance = np.abs(price - np.median(np.log(np.maximum(anchor_prices, 0.01))))
    return np.where(np.isfinite(distance), distance, -1)


def _category_match(items: IntArray, anchors: IntArray, search: SearchIndex) -> FloatArray:
    """Return float32[m]: category_match."""
    keys, category = search.attributes.categories.keys, search.attributes.category
    of_anchors = [keys[number] for number in category[anchors].tolist() if keys[number]]
    if not of_anchors:
        return np.full(len(items), -1, np.float32)
    of_items = [keys[number] for number in category[items].tolist()]
    return np.array([sum(bool(own & other) for other in of_anchors) / len(of_anchors) for own in of_items], np.float32)


def _co_purchase(items: IntArray, anchors: IntArray, neighbours: CandidateIndex | None) -> FloatArray:
    """Return float32[m]: co_purchase."""
    if neighbours is None:
        return np.full(len(items), -1, np.float32)
    query = QueryRows(None, anchors, np.ones(len(anchors), np.float32))
    retrieved = neighbours.retrieve(query, neighbours.item.shape[1] * max(len(anchors), 1))
    order = np.argsort(retrieved.item_idx)
    named, score = retrieved.item_idx[order], retrieved.score[order]
    if not len(named):
        return np.zeros(len(items), np.float32)
    at = np.minimum(np.searchsorted(named, items), len(named) - 1)
    return np.where(named[at] == items, score[at], 0).astype(np.float32)
