"""Learn how to order what a search or a product retrieves, and keep what is better than the order of retrieval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from src.core.domain import IntArray
from src.core.errors import AisleError
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
from src.recommendation.click_labels import after_looks, after_searches, telling
from src.recommendation.pipeline import PRODUCT, TEXT_QUERY, Pipeline
from src.recommendation.search_reranker import Group, SearchReranker, train_search_reranker
from src.releases.manifest import SearchRankerRecord
from src.store import Store
from src.workflows.embed_catalogue import encoder_of
from src.workflows.search_benchmark import read_judgements

FEWEST = 30
"""Queries: of fewer no interval is worth anything."""
_MOST = 1_000
_SEARCHES = 100_000


@dataclass(frozen=True)
class Rankings:
    """rankers: by what is asked for, a text or a product; those that are used. about: for the manifest and /status."""

    rankers: Mapping[str, SearchReranker] = field(default_factory=dict)
    about: Mapping[str, SearchRankerRecord] = field(default_factory=dict)


def train_search_rankers(
    settings: Settings, store: Store, later: TrainingData, pipeline: Pipeline, reporter: Reporter
) -> Rankings:
    """What was learnt from searches, judgements and looks, where it beats the order of retrieval on held-out queries.

    pipeline: with models that know nothing of the events of `later`, so that what these tell is news to it.
    """
    if pipeline.search is None or settings.ranker == "off":
        return Rankings()
    reporter.step("learning the order of what is retrieved")
    found: dict[str, tuple[list[Group], list[IntArray], Judged]] = {}
    texts = _judged_texts(settings, store, pipeline, reporter)
    if len(texts) >= FEWEST and pipeline.search.encoded_by is not None:
        queries = encoder_of(settings, pipeline.search.encoded_by.name).encode(texts.queries)
        groups, orders = groups_of(EncodedSearch(pipeline.search, queries), texts, pipeline.signals)
        found[TEXT_QUERY] = groups, orders, texts
    looks = telling(after_looks(later), _MOST, settings.seed)
    if len(looks) >= FEWEST:
        found[PRODUCT] = _groups_of_products(pipeline, looks)
    rankers: dict[str, SearchReranker] = {}
    about: dict[str, SearchRankerRecord] = {}
    counts = {TEXT_QUERY: len(texts), PRODUCT: len(looks)}
    for name, n in counts.items():
        if name in found:
            ranker, about[name] = _kept(*found[name], settings.seed)
            if ranker is not None:
                rankers[name] = ranker
        else:
            why = f"{n} queries to learn from; at least {FEWEST} are needed"
            about[name] = SearchRankerRecord(used=False, queries=n, why=why)
    return Rankings(rankers, about)


def _judged_texts(settings: Settings, store: Store, pipeline: Pipeline, reporter: Reporter) -> Judged:
    """What was searched for in the store, and what AISLE_JUDGEMENTS has; of a text in both, the judgements count."""
    grades = after_searches(store.searches.newest(_SEARCHES), pipeline.items)
    if settings.judgements is not None:
        try:
            judged, left_out = read_judgements(settings.judgements, pipeline.items)
        except AisleError as error:  # a night's training must not end for it
            reporter.step(f"WARNING: no judgements were read: {error}")
        else:
            grades |= {text: dict(its) for text, its in zip(judged.queries, judged.grades, strict=True)}
            for line in left_out:
                reporter.step(f"{settings.judgements}: {line}")
    kept = sorted(grades)[:_MOST]
    return Judged(kept, [grades[text] for text in kept])


def _groups_of_products(
    pipeline: Pipeline, looks: Mapping[int, Mapping[int, float]]
) -> tuple[list[Group], list[IntArray], Judged]:
    groups, orders, names, grades = [], [], [], []
    for item, its in looks.items():
        found, rows = pipeline.retrieved_for(item)
        grade = np.array([int(its.get(each, 0)) for each in found.item_idx.tolist()], np.int64)
        groups.append(Group(rows, grade))
        orders.append(found.item_idx)
        names.append(str(item))
        grades.append(its)
    return groups, orders, Judged(names, grades)


def _kept(
    groups: Sequence[Group], orders: Sequence[IntArray], judged: Judged, seed: int
) -> tuple[SearchReranker | None, SearchRankerRecord]:
    """(the ranking if it is better on queries it has not learnt from, what was found)."""
    ranked = cross_validated_ranking(groups, orders, judged, folds_of(len(judged), seed), seed)
    if ranked is None:
        why = "nothing of what was retrieved is better than the rest"
        return None, SearchRankerRecord(used=False, queries=len(judged), why=why)
    before = np.array([ndcg_of(order, grades) for order, grades in zip(orders, judged.grades, strict=True)])
    gain = estimates({"gain": ranked - before})["gain"]
    used = gain.low > 0
    better = "better" if used else "not clearly better"
    interval = f"[{gain.low:+.4f}, {gain.high:+.4f}]"
    about = SearchRankerRecord(
        used=used,
        queries=len(judged),
        ndcg_at_10_retrieved=round(float(before.mean()), 5),
        ndcg_at_10_ranked=round(float(ranked.mean()), 5),
        gain=(round(gain.value, 5), round(gain.low, 5), round(gain.high, 5)),
        why=f"on held-out queries it is {better} than the order of retrieval: {interval}",
    )
    return (train_search_reranker(groups, seed=seed) if used else None), about
