"""How models are measured: ratings against ratings, and whole-catalogue lists against what people then liked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from src.core.domain import NO_TIME, SEEN_KINDS, BoolArray, Event, FloatArray, IntArray, Query
from src.core.progress import Reporter
from src.evaluation.exact_lists import queries_of, top_lists
from src.evaluation.metrics import (
    Estimate,
    estimate_rmse_mae,
    estimates,
    novelty,
    ranking_metrics,
    rated_precision_recall,
)
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY
from src.models.base import Rater
from src.recommendation.pipeline import Pipeline

K = 10
RATED_THRESHOLD = 3.5
_RATED_AT_ONCE = 100_000


@dataclass(frozen=True)
class RatingMetrics:
    """Of predicted ratings, over all test ratings; precision and recall over rated test products only."""

    rmse: Estimate
    mae: Estimate
    precision_at_10: Estimate
    recall_at_10: Estimate


@dataclass(frozen=True)
class RankingMetrics:
    """Of lists of 10 from the whole catalogue, and beyond_popularity: the paired difference of NDCG@10.

    short: share of users whose list has fewer products than it could. of_user: NDCG@10 float[n_users], in the order
    of the task.
    """

    precision_at_10: Estimate
    recall_at_10: Estimate
    ndcg_at_10: Estimate
    hit_rate_at_10: Estimate
    mrr_at_10: Estimate
    beyond_popularity: Estimate
    coverage: float
    novelty: float
    short: float
    of_user: FloatArray = field(repr=False, compare=False)


def measure_ratings(model: Rater, test: Interactions) -> RatingMetrics:
    """Predict every test rating; test must hold at least one."""
    n_parts = len(test) // _RATED_AT_ONCE + 1  # factors of all test rows at once would fill the memory
    pairs = zip(np.array_split(test.user_idx, n_parts), np.array_split(test.item_idx, n_parts), strict=True)
    predicted = np.concatenate([model.rate(users, items) for users, items in pairs])
    rmse, mae = estimate_rmse_mae(test.user_idx, predicted - test.value)
    precision, recall = rated_precision_recall(test.user_idx, test.value, predicted, k=K, threshold=RATED_THRESHOLD)
    rated = estimates({"precision": precision, "recall": recall})
    return RatingMetrics(rmse, mae, rated["precision"], rated["recall"])


@dataclass(frozen=True)
class RankingTask:
    """Whom to make lists for, and what they then liked.

    user_idx: int[n] test users with at least one relevant product, ascending. relevant: per user, the row numbers
    of the products liked in test and not seen in train. histories: per user, the train events, oldest first.
    """

    user_idx: IntArray
    relevant: list[set[int]]
    histories: list[tuple[Event, ...]]
    n_users_with_one: int


def ranking_task(split: Split, relevant_rating: float, max_users: int, *, seed: int = 0) -> RankingTask:
    """The test users, or a random max_users of them.

    Relevant is what was purchased, or rated relevant_rating or better (where nobody does either, whatever something
    happened to), unless seen in train: what a list leaves out by rule is no miss of the model.
    """
    liked = split.test.liked(relevant_rating, split.train).events
    pairs = np.setdiff1d(_pairs(liked), _pairs(split.train.seen))
    owner, item = np.divmod(pairs, max(liked.n_items, 1))
    users, starts = np.unique(owner, return_index=True)
    relevant = [set(part.tolist()) for part in np.split(item, starts[1:])] if len(users) else []
    chosen = np.arange(len(users))
    if len(users) > max_users:
        chosen = np.sort(np.random.default_rng(seed).choice(len(users), max_users, replace=False))
    histories = _histories(split.train, users[chosen])
    return RankingTask(users[chosen], [relevant[i] for i in chosen], histories, len(users))


def measure_lists(
    pipeline: Pipeline, train: TrainingData, task: RankingTask, reporter: Reporter
) -> dict[str, RankingMetrics]:
    """Figures of every model's own list, and of the blend's as `Pipeline.recommend` serves it. The task has users.

    train: what the pipeline was trained on. The models of MODELS score the whole catalogue anyway, so their lists are
    made for many users at once, which is a hundred times faster and gives the same, but for users of whose events a
    request looks at the newest 1,000 only.
    """
    train, item_users = replace(train, weighting=pipeline.weighting), train.events.users_by_item()
    values: dict[str, dict[str, FloatArray]] = {}
    listed: dict[str, IntArray] = {}
    short: dict[str, float] = {}
    possible = np.minimum(K, len(pipeline.items) - np.array([len(_seen(each)) for each in task.histories]))
    n_relevant = np.array([len(products) for products in task.relevant])
    for name in pipeline.list_models:
        reporter.step(f"measuring the lists of {name} for {len(task.user_idx):,} users")
        lists = (
            _exact(pipeline, train, task, name) if name in MODELS else _served(pipeline, train, task, name, reporter)
        )
        hits, listed[name] = _hits(lists, task), lists[lists >= 0]
        values[name] = ranking_metrics(hits, n_relevant)
        short[name] = float(((lists >= 0).sum(axis=1) < possible).mean())
    bits = novelty(item_users, len(pipeline.users))
    bar = values[POPULARITY]["ndcg"]
    figures = {}
    for name, of_user in values.items():
        found = estimates({**of_user, "gain": of_user["ndcg"] - bar})
        figures[name] = RankingMetrics(
            precision_at_10=found["precision"],
            recall_at_10=found["recall"],
            ndcg_at_10=found["ndcg"],
            hit_rate_at_10=found["hit_rate"],
            mrr_at_10=found["mrr"],
            beyond_popularity=found["gain"],
            coverage=len(np.unique(listed[name])) / max(len(pipeline.items), 1),
            novelty=float(bits[listed[name]].mean()) if len(listed[name]) else 0.0,
            short=short[name],
            of_user=of_user["ndcg"],
        )
    return figures


def _seen(history: tuple[Event, ...]) -> set[str]:
    return {event.product_id for event in history if event.kind in SEEN_KINDS}


def _exact(pipeline: Pipeline, train: TrainingData, task: RankingTask, model: str) -> IntArray:
    """int32[n_users, K] row numbers, -1 beyond a list's end."""
    queries, masked = queries_of(train, task.user_idx)
    return top_lists(pipeline.models[model], queries, masked, K, fill=pipeline.models[POPULARITY].order)


def _served(pipeline: Pipeline, train: TrainingData, task: RankingTask, model: str, reporter: Reporter) -> IntArray:
    """The same, one request after the other."""
    exclude_seen = bool(train.is_kind(*SEEN_KINDS).any())  # else TrainingData.seen is everything
    lists = np.full((len(task.user_idx), K), -1, np.int32)
    for at, (user, history) in enumerate(zip(task.user_idx, task.histories, strict=True)):
        known = frozenset() if exclude_seen else frozenset(event.product_id for event in history)
        found = pipeline.recommend(Query(pipeline.users.id_of(user), history, n=K, model=model, exclude=known))
        for rank, recommendation in enumerate(found):
            item = pipeline.items.idx_of(recommendation.product_id)
            assert item is not None  # the pipeline lists products of its own vocabulary only
            lists[at, rank] = item
        reporter.advance(at + 1, len(task.user_idx))
    return lists


def _hits(lists: IntArray, task: RankingTask) -> BoolArray:
    rows = zip(lists.tolist(), task.relevant, strict=True)
    return np.array([[item in relevant for item in row] for row, relevant in rows], dtype=np.bool_)


def _pairs(events: Interactions) -> IntArray:
    return events.user_idx.astype(np.int64) * events.n_items + events.item_idx


def _histories(train: TrainingData, users: IntArray) -> list[tuple[Event, ...]]:
    events = train.events
    mine = np.flatnonzero(np.isin(events.user_idx, users))
    mine = mine[np.lexsort((mine, events.at[mine], events.user_idx[mine]))]
    first = np.searchsorted(events.user_idx[mine], users, side="left")
    last = np.searchsorted(events.user_idx[mine], users, side="right")

    def event(row: int) -> Event:
        user, product = events.users.id_of(events.user_idx[row]), events.items.id_of(events.item_idx[row])
        at = None if events.at[row] == NO_TIME else int(events.at[row])
        return Event(user, product, KIND_ORDER[train.kind[row]], float(events.value[row]), at)

    return [tuple(event(row) for row in mine[a:b]) for a, b in zip(first, last, strict=True)]
