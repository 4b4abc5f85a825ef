"""Train the search re-rankers, and keep those that beat the order of retrieval on held-out queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from src.core.domain import IntArray
from src.core.errors import AisleError
from src.core.messages import message
from src.core.progress import Reporter
from src.core.settings import Settings
from src.evaluation.metrics import estimates
from src.evaluation.search_evaluation import (
    EncodedSearch,
    Judged,
    cross_validated_ranking,
    folds_of,
    groups_of,
    ndcg_of,
)
from src.interactions.interactions import TrainingData
from src.recommendation.click_labels import after_looks, after_searches, sample_queries
from src.recommendation.pipeline import PRODUCT, TEXT_QUERY, Pipeline
from src.recommendation.search_reranker import Group, SearchReranker, train_search_reranker
from src.releases.manifest_sections import SearchRankerRecord
from src.store import Store
from src.workflows.embed_catalogue import encoder_of
from src.workflows.search_benchmark import read_judgements

FEWEST = 30
"""Fewest queries; with fewer the interval is too wide to tell anything."""
_MAX_QUERIES = 1_000
_MAX_SEARCHES = 100_000


@dataclass(frozen=True)
class Rankings:
    """The trained search re-rankers.

    Attributes:
        rankers: Kind of query (text or product) → re-ranker, for those in use.
        about: Kind of query → record of its training, for the manifest and /status.
    """

    rankers: Mapping[str, SearchReranker] = field(default_factory=dict)
    about: Mapping[str, SearchRankerRecord] = field(default_factory=dict)


def train_search_rankers(
    settings: Settings, store: Store, later: TrainingData, pipeline: Pipeline, reporter: Reporter
) -> Rankings:
    """Train re-rankers on searches, judgements and views, and keep those that beat the order of retrieval.

    Args:
        later: Events that the pipeline's models were not trained on.

    Returns:
        The re-rankers; none without a search index, or if AISLE_RANKER is off.
    """
    if pipeline.search is None or settings.ranker == "off":
        return Rankings()
    reporter.step(message("step.search_order"))
    texts = _judged_texts(settings, store, pipeline, reporter)
    views = sample_queries(after_looks(later), _MAX_QUERIES, settings.seed)
    trained = {TEXT_QUERY: _too_few(len(texts)), PRODUCT: _too_few(len(views))}
    if len(texts) >= FEWEST and pipeline.search.encoded_by is not None:
        queries = encoder_of(settings, pipeline.search.encoded_by.name).encode(texts.queries)
        groups, orders = groups_of(EncodedSearch(pipeline.search, queries), texts, pipeline.signals)
        trained[TEXT_QUERY] = _train_if_better(_Examples(groups, orders, texts), settings.seed)
    if len(views) >= FEWEST:
        trained[PRODUCT] = _train_if_better(_examples_of_products(pipeline, views), settings.seed)
    rankers = {kind: one.ranker for kind, one in trained.items() if one.ranker is not None}
    return Rankings(rankers, {kind: one.record for kind, one in trained.items()})


class _Examples(NamedTuple):
    """Training examples of a re-ranker: for each query the retrieved items with features, their order, and grades."""

    groups: list[Group]
    orders: list[IntArray]
    judged: Judged


class _Trained(NamedTuple):
    """A re-ranker with the record of its training; None if it is not used."""

    ranker: SearchReranker | None
    record: SearchRankerRecord


def _too_few(n_queries: int) -> _Trained:
    why = f"{n_queries} queries to learn from; at least {FEWEST} are needed"
    return _Trained(None, SearchRankerRecord(used=False, queries=n_queries, why=why))


def _judged_texts(settings: Settings, store: Store, pipeline: Pipeline, reporter: Reporter) -> Judged:
    """Return graded queries: the store's searches and AISLE_JUDGEMENTS, whose grades win for a text in both."""
    grades = after_searches(store.searches.newest(_MAX_SEARCHES), pipeline.items)
    if settings.judgements is not None:
        try:
            judged, ignored = read_judgements(settings.judgements, pipeline.items)
        except AisleError as error:  # no reason to end a training
            reporter.step(f"WARNING: no judgements were read: {error}")
        else:
            grades |= {text: dict(of_text) for text, of_text in zip(judged.queries, judged.grades, strict=True)}
            for line in ignored:
                reporter.step(f"{settings.judgements}: {line}")
    texts = sorted(grades)[:_MAX_QUERIES]
    return Judged(texts, [grades[text] for text in texts])


def _examples_of_products(pipeline: Pipeline, views: Mapping[int, Mapping[int, float]]) -> _Examples:
    """Return examples of products as queries. views: item → item viewed after it → grade."""
    groups, orders, names, grades = [], [], [], []
    for item, graded in views.items():
        candidates, rows = pipeline.retrieved_for(item)
        grade = np.array([int(graded.get(candidate, 0)) for candidate in candidates.item_idx.tolist()], np.int64)
        groups.append(Group(rows, grade))
        orders.append(candidates.item_idx)
        names.append(str(item))
        grades.append(graded)
    return _Examples(groups, orders, Judged(names, grades))


def _train_if_better(examples: _Examples, seed: int) -> _Trained:
    """Train a re-ranker if it beats the order of retrieval on queries that it was not trained on."""
    groups, orders, judged = examples
    ranked = cross_validated_ranking(groups, orders, judged, folds_of(len(judged), seed), seed)
    if ranked is None:
        why = "nothing of what was retrieved is better than the rest"
        return _Trained(None, SearchRankerRecord(used=False, queries=len(judged), why=why))
    retrieved = np.array([ndcg_of(order, grades) for order, grades in zip(orders, judged.grades, strict=True)])
    gain = estimates({"gain": ranked - retrieved})["gain"]
    used = gain.low > 0
    better = "better" if used else "not clearly better"
    interval = f"[{gain.low:+.4f}, {gain.high:+.4f}]"
    record = SearchRankerRecord(
        used=used,
        queries=len(judged),
        ndcg_at_10_retrieved=round(float(retrieved.mean()), 5),
        ndcg_at_10_ranked=round(float(ranked.mean()), 5),
        gain=(round(gain.value, 5), round(gain.low, 5), round(gain.high, 5)),
        why=f"on held-out queries it is {better} than the order of retrieval: {interval}",
    )
    return _Trained(train_search_reranker(groups, seed=seed) if used else None, record)
