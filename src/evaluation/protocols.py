"""Evaluation protocols: predicted against test ratings, and whole-catalogue lists against later likes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from src.core.all_cores import map_on_all_cores
from src.core.domain import NO_TIME, BoolArray, Event, FloatArray, IntArray, Query
from src.core.mapped_arrays import leave_pages
from src.core.messages import message
from src.core.progress import Reporter
from src.core.sorted_sets import distinct, is_in, without
from src.evaluation.metrics import (
    Estimate,
    bootstrap_means,
    error_sums,
    estimates,
    estimates_of,
    novelty,
    ranking_metrics,
    rated_precision_recall,
    rmse_mae_of,
)
from src.evaluation.task_lists import K, RankingTask, exact_lists, known_ids, prepare_lists, served_lists
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.splits import Split
from src.models import MODELS, POPULARITY
from src.models.base import Rater
from src.recommendation.pipeline import Pipeline

RARE_USERS = 3
"""A product that at most so many users have in the training part is rare."""
RATED_THRESHOLD = 3.5
_RATED_AT_ONCE = 100_000


@dataclass(frozen=True)
class RatingMetrics:
    """Metrics of predicted ratings.

    Attributes:
        rmse: over all test ratings.
        mae: over all test ratings.
        precision_at_10: over rated test products only, see rated_precision_recall.
        recall_at_10: likewise.
    """

    rmse: Estimate
    mae: Estimate
    precision_at_10: Estimate
    recall_at_10: Estimate


@dataclass(frozen=True)
class RankingMetrics:
    """Metrics of lists of 10 from the whole catalogue.

    Attributes:
        precision_at_10: see ranking_metrics.
        recall_at_10: see ranking_metrics.
        ndcg_at_10: see ranking_metrics.
        hit_rate_at_10: see ranking_metrics.
        mrr_at_10: see ranking_metrics.
        beyond_popularity: paired difference of NDCG@10 to popularity's lists.
        coverage: share of the catalogue that is on any list.
        novelty: mean self-information of the listed products, bits.
        short: share of users whose list has fewer products than possible.
        of_user: float[n_users], NDCG@10 in the order of the task.
        recall_of_rare: float[n_users], recall@10 of the relevant products that are rare; NaN for users without one.
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
    recall_of_rare: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)


def measure_ratings(models: Mapping[str, Rater], test: Interactions) -> dict[str, RatingMetrics]:
    """Predict every test rating by several models, and measure the errors.

    Intervals come from the same samples of users: drawing them takes longer than all predictions.

    Args:
        models: by name.
        test: the ratings, at least one.

    Returns:
        Name → metrics.
    """
    of_models = map_on_all_cores(lambda model: _rating_sums(model, test), models.values())
    sums = dict(zip(models, of_models, strict=True))
    means = bootstrap_means(np.column_stack([*sums.values()])) if sums else np.zeros((1, 0))
    parts = np.split(means, len(sums) or 1, axis=1)
    return {name: _rating_metrics(own, part) for (name, own), part in zip(sums.items(), parts, strict=False)}


def _rating_sums(model: Rater, test: Interactions) -> FloatArray:
    """Return float64[n_users, 5], `error_sums`, precision and recall of each user who rated."""
    n_parts = len(test) // _RATED_AT_ONCE + 1  # factors of all test rows at once would fill the memory
    pairs = zip(np.array_split(test.user_idx, n_parts), np.array_split(test.item_idx, n_parts), strict=True)
    predicted = np.concatenate([model.rate(users, items) for users, items in pairs])
    leave_pages()  # the factors of one model are enough
    rated = rated_precision_recall(test.user_idx, test.value, predicted, k=K, threshold=RATED_THRESHOLD)
    return np.column_stack([error_sums(test.user_idx, predicted - test.value), *rated])


def _rating_metrics(sums: FloatArray, means: FloatArray) -> RatingMetrics:
    rmse, mae = rmse_mae_of(sums[:, :3], means[:, :3])
    rated = estimates_of({"precision": sums[:, 3], "recall": sums[:, 4]}, means[:, 3:])
    return RatingMetrics(rmse, mae, rated["precision"], rated["recall"])


def ranking_task(split: Split, relevant_rating: float, max_users: int) -> RankingTask:
    """Choose the test users and their relevant products.

    Relevant products were purchased or rated well (without ratings and purchases: had any event), and are new: train
    has no event of the user with the product. A purchase after a click is no find of a model.

    Args:
        split: the two parts.
        relevant_rating: lowest rating that counts as liked.
        max_users: more users than this are sampled.

    Returns:
        The task; it has no users where nobody liked a new product.
    """
    liked = split.test.liked(relevant_rating, split.train).events
    return _task(split, without(liked.pairs, split.train.events.pairs), max_users)


def _task(split: Split, pairs: IntArray, max_users: int) -> RankingTask:
    """Return the task of these relevant pairs, ascending, see Interactions.pairs."""
    owner, item = np.divmod(pairs, max(len(split.test.items), 1))
    users, starts = np.unique(owner, return_index=True)
    ends = np.append(starts[1:], len(item))
    chosen = np.arange(len(users))
    if len(users) > max_users:
        chosen = np.sort(np.random.default_rng(0).choice(len(users), max_users, replace=False))
    relevant = [set(item[a:b].tolist()) for a, b in zip(starts[chosen], ends[chosen], strict=True)]
    return RankingTask(users[chosen], relevant, _histories(split.train, users[chosen]), len(users))


def measure_lists(
    pipeline: Pipeline, train: TrainingData, task: RankingTask, reporter: Reporter
) -> dict[str, RankingMetrics]:
    """Measure lists of new products by every model; those of the ensemble come from `Pipeline.recommend`.

    Models of MODELS score the whole catalogue anyway. Their lists are made for many users at once, which is a hundred
    times faster. The result is the same but for users with more than 1,000 events, of which a request reads the newest.

    Args:
        train: the data that it was trained on.
        task: has at least one user.

    Returns:
        Model → metrics.
    """
    train, item_users = replace(train, weighting=pipeline.weighting), train.counts.users_by_item
    lists: dict[str, IntArray] = {}
    values: dict[str, dict[str, FloatArray]] = {}
    n_relevant = np.array([len(products) for products in task.relevant])
    prepare_lists(pipeline, train, task, reporter)
    for name in pipeline.list_models:
        reporter.step(message("step.measuring_lists", model=name, n=len(task.user_idx)))
        make = exact_lists if name in MODELS else served_lists
        lists[name] = make(pipeline, train, task, name, reporter)
        values[name] = ranking_metrics(_hits(lists[name], task), n_relevant)
    n_places = len(pipeline.items) if pipeline.groups is None else pipeline.groups.n_places
    possible = np.minimum(K, n_places - np.array([len(known_ids(history)) for history in task.histories]))
    bits, baseline = novelty(item_users, len(pipeline.users)), values[POPULARITY]["ndcg"]
    rare = [frozenset(i for i in products if item_users[i] <= RARE_USERS) for products in task.relevant]
    return {
        name: replace(
            _list_metrics(lists[name], of_user, baseline, possible, bits),
            recall_of_rare=_recall_of(lists[name], rare),
        )
        for name, of_user in values.items()
    }


def _recall_of(lists: IntArray, wanted: Sequence[Collection[int]]) -> FloatArray:
    """Return float[n_users], the share of the wanted products that each list holds; NaN where none is wanted."""
    found = [sum(item in products for item in row) for row, products in zip(lists.tolist(), wanted, strict=True)]
    n_wanted = np.array([len(products) for products in wanted], np.float64)
    return np.where(n_wanted > 0, np.array(found) / np.maximum(n_wanted, 1), np.nan)


def _list_metrics(
    lists: IntArray, of_user: dict[str, FloatArray], baseline: FloatArray, possible: IntArray, bits: FloatArray
) -> RankingMetrics:
    """Return the metrics of one model's lists.

    of_user: metric → float[n_users]. baseline: NDCG@10 of popularity. possible: int[n_users], products that a list
    could hold. bits: float[n_items], novelty.
    """
    estimated = estimates({**of_user, "gain": of_user["ndcg"] - baseline})
    listed = lists[lists >= 0]
    return RankingMetrics(
        precision_at_10=estimated["precision"],
        recall_at_10=estimated["recall"],
        ndcg_at_10=estimated["ndcg"],
        hit_rate_at_10=estimated["hit_rate"],
        mrr_at_10=estimated["mrr"],
        beyond_popularity=estimated["gain"],
        coverage=len(distinct(listed)) / max(len(bits), 1),
        novelty=float(bits[listed].mean()) if len(listed) else 0.0,
        short=float(((lists >= 0).sum(axis=1) < possible).mean()),
        of_user=of_user["ndcg"],
    )


@dataclass(frozen=True)
class Repeats:
    """Likes in the test part of products that the user had an event with in train; no other figure counts them.

    Attributes:
        n_pairs: pairs of a user and a product.
        n_listable: those of them that a list may hold, as the product was only viewed, clicked or carted before.
        recall_at_10: of these by the lists that are served, over the users who have one; None without such a pair.
    """

    n_pairs: int
    n_listable: int
    recall_at_10: Estimate | None


def measure_repeats(pipeline: Pipeline, split: Split, relevant_rating: float, max_users: int, *, model: str) -> Repeats:
    """Measure how well a model's lists bring back products that users looked at before.

    Args:
        pipeline: trained on split.train.
        split: the two parts.
        relevant_rating: lowest rating that counts as liked.
        max_users: more users than this are sampled.
        model: whose lists are measured, as they are served.

    Returns:
        The figures.
    """
    liked = distinct(split.test.liked(relevant_rating, split.train).events.pairs)
    repeated = liked[is_in(liked, split.train.events.pairs)]
    listable = without(repeated, split.train.seen.pairs)
    task = _task(split, listable, max_users)
    if not len(task.user_idx):
        return Repeats(len(repeated), len(listable), None)
    recall = []
    for user, history, relevant in zip(task.user_idx, task.histories, task.relevant, strict=True):
        served = pipeline.recommend(Query(pipeline.users.id_of(user), history, n=K, model=model))
        hits = sum(pipeline.items.idx_of(each.product_id) in relevant for each in served)
        recall.append(hits / len(relevant))
    return Repeats(len(repeated), len(listable), estimates({"recall": np.array(recall)})["recall"])


def _hits(lists: IntArray, task: RankingTask) -> BoolArray:
    rows = zip(lists.tolist(), task.relevant, strict=True)
    return np.array([[item in relevant for item in row] for row, relevant in rows], dtype=np.bool_)


def _histories(train: TrainingData, users: IntArray) -> list[tuple[Event, ...]]:
    events = train.events
    rows = np.flatnonzero(np.isin(events.user_idx, users))
    rows = rows[np.lexsort((rows, events.at[rows], events.user_idx[rows]))]
    first = np.searchsorted(events.user_idx[rows], users, side="left")
    last = np.searchsorted(events.user_idx[rows], users, side="right")

    def event(row: int) -> Event:
        user, product = events.users.id_of(events.user_idx[row]), events.items.id_of(events.item_idx[row])
        at = None if events.at[row] == NO_TIME else int(events.at[row])
        return Event(user, product, KIND_ORDER[train.kind[row]], float(events.value[row]), at)

    return [tuple(event(row) for row in rows[a:b]) for a, b in zip(first, last, strict=True)]
