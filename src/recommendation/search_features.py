"""What the learned ranking sees of a product that was retrieved: the same numbers in training and in serving."""

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
"""fused: the score of retrieval. similarity: cosine to the query. keyword: share of the query's best BM25.
anchor_similarity: cosine to the mean of the anchors. popularity: log(1 + feedback). rating_mean, rating_count: of its
ratings, log(1 + n). price_distance: |log price - median log price of the anchors|. category_match: share of the anchors
that it has a category in common with. co_purchase: how high it stands among the neighbours of the anchors. -1: unknown.
"""
RISING = ("fused", "similarity", "keyword")
"""More of these is never worse."""
_ANCHORS = 5


@dataclass(frozen=True)
class Signals:
    """What is known of items, float32[n_items] each: popularity, rating_mean and rating_count; and their neighbours by
    behaviour, None without any.
    """

    popularity: FloatArray
    rating_mean: FloatArray
    rating_count: FloatArray
    neighbours: CandidateIndex | None

    @classmethod
    def of(cls, models: Mapping[str, Any]) -> Signals:
        """Out of the models of a release."""
        popular, blend = models[POPULARITY], models.get(ENSEMBLE)
        count = np.asarray(popular.item_count)
        mean = np.where(count > 0, popular.item_mean, -1).astype(np.float32)
        return cls(popular.weight, mean, np.log1p(count).astype(np.float32), blend.index if blend else None)

    @classmethod
    def unknown(cls, n_items: int) -> Signals:
        """Of a catalogue without any behaviour."""
        nothing = np.full(n_items, -1, np.float32)
        return cls(nothing, nothing, nothing, None)


def anchors_of(found: SearchHits) -> IntArray:
    """What a text query stands for: the best products that were retrieved. For a product that is the product."""
    return found.item_idx[:_ANCHORS]


def features(found: SearchHits, anchors: IntArray, search: SearchIndex, signals: Signals) -> FloatArray:
    """float32[len(found), len(FEATURES)], without NaN. found: in the order of retrieval."""
    items = found.item_idx
    highest = max(float(found.keyword.max(initial=0)), 1e-9)
    columns = {
        "fused": found.score,
        "similarity": found.similarity,
        "keyword": found.keyword / highest,
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
    """float32[len(items)]: cosines to the mean of the anchors' vectors; 0 without any."""
    if search.vectors is None or not len(anchors):
        return np.zeros(len(items), np.float32)
    middle = search.vectors.rows[anchors].astype(np.float32).mean(axis=0)
    length = float(np.linalg.norm(middle))
    return search.vectors.similarity(middle / length, items) if length else np.zeros(len(items), np.float32)


def _price_distance(items: IntArray, anchors: IntArray, search: SearchIndex) -> FloatArray:
    prices = search.attributes.price
    price = np.log(np.maximum(prices[items].astype(np.float32), 0.01))
    theirs = prices[anchors].astype(np.float32)
    theirs = theirs[np.isfinite(theirs)]
    if not len(theirs):
        return np.full(len(items), -1, np.float32)
    distance = np.abs(price - np.median(np.log(np.maximum(theirs, 0.01))))
    return np.where(np.isfinite(distance), distance, -1)


def _category_match(items: IntArray, anchors: IntArray, search: SearchIndex) -> FloatArray:
    attributes = search.attributes
    theirs = [
        names for number in attributes.category[anchors].tolist() if (names := attributes.categories.keys[number])
    ]
    if not theirs:
        return np.full(len(items), -1, np.float32)
    mine = [attributes.categories.keys[number] for number in attributes.category[items].tolist()]
    return np.array([sum(bool(names & each) for each in theirs) / len(theirs) for names in mine], np.float32)


def _co_purchase(items: IntArray, anchors: IntArray, neighbours: CandidateIndex | None) -> FloatArray:
    if neighbours is None:
        return np.full(len(items), -1, np.float32)
    query = QueryRows(None, anchors, np.ones(len(anchors), np.float32))
    found = neighbours.retrieve(query, neighbours.item.shape[1] * max(len(anchors), 1))
    order = np.argsort(found.item_idx)
    named, score = found.item_idx[order], found.score[order]
    if not len(named):
        return np.zeros(len(items), np.float32)
    at = np.minimum(np.searchsorted(named, items), len(named) - 1)
    return np.where(named[at] == items, score[at], 0).astype(np.float32)
