"""Compare two pipelines on the same events, which neither was trained on. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from src.core.domain import BoolArray, FloatArray, JsonDict, Query
from src.evaluation.metrics import bootstrap_means, estimates, ranking_metrics
from src.evaluation.protocols import ranking_task
from src.evaluation.task_lists import K, RankingTask
from src.interactions.splits import Split
from src.recommendation.pipeline import Pipeline

_SHOWN_USERS = 5
_LOW, _HIGH = 2.5, 97.5


def compare_on_same_events(
    one: Pipeline, other: Pipeline, parts: Split, *, relevant_rating: float, max_users: int
) -> JsonDict:
    """Measure both on the same users, with the same histories.

    Args:
        one: the first pipeline.
        other: the second.
        parts: train is what the histories are of; test came after both were trained.
        relevant_rating: the lowest rating that makes a product relevant.
        max_users: how many users are sampled.

    Returns:
        n_users, n_events, figures of each, the difference of NDCG@10 (second minus first, paired bootstrap over the
        users), and lists of some users side by side.
    """
    task = ranking_task(parts, relevant_rating, max_users)
    users = [parts.test.users.id_of(user) for user in task.user_idx.tolist()]
    lists = [_lists(pipeline, users, task) for pipeline in (one, other)]
    result: dict[str, Any] = {"n_users": len(users), "n_events": len(parts.test), "figures": [], "difference": None}
    if users:
        measured = [_measured(ids, task, parts) for ids in lists]
        ndcg: list[FloatArray] = [each["ndcg"] for each in measured]
        summaries = [estimates(each) for each in measured]
        for name in ("ndcg", "recall"):
            row: dict[str, Any] = {"name": name}
            for side, summary in zip(("one", "other"), summaries, strict=True):
                figure = summary[name]
                row |= {side: figure.value, f"{side}_low": figure.low, f"{side}_high": figure.high}
            result["figures"].append(row)
        coverage = [len({id_ for ids in each for id_ in ids}) for each in lists]
        sizes = [max(len(pipeline.items), 1) for pipeline in (one, other)]
        result["figures"].append({"name": "coverage", "one": coverage[0] / sizes[0], "other": coverage[1] / sizes[1]})
        result["difference"] = _difference(ndcg[1] - ndcg[0])
    return result | side_by_side(users[:_SHOWN_USERS], lists[0], lists[1])


def side_by_side(users: list[str], one: list[list[str]], other: list[list[str]]) -> JsonDict:
    """Put lists of some users beside each other.

    Args:
        users: the users to show.
        one: the lists of all users by the first pipeline, those of `users` first.
        other: the same by the second.

    Returns:
        The lists, and the share of products that are on both lists of a user, over all users.
    """
    shared = [len(set(first) & set(second)) / max(len(first), 1) for first, second in zip(one, other, strict=True)]
    shown = [
        {"user_id": user, "one": first, "other": second} for user, first, second in zip(users, one, other, strict=False)
    ]
    return {"lists": shown, "overlap": float(np.mean(shared)) if shared else 0.0}


def lists_of(pipeline: Pipeline, queries: list[Query]) -> list[list[str]]:
    """Return the product ids on the list of every query, which brings its history."""
    return [[place.product_id for place in pipeline.recommend(query)] for query in queries]


def _lists(pipeline: Pipeline, users: list[str], task: RankingTask) -> list[list[str]]:
    queries = [Query(user, history, n=K) for user, history in zip(users, task.histories, strict=True)]
    return lists_of(pipeline, queries)


def _measured(lists: list[list[str]], task: RankingTask, parts: Split) -> dict[str, FloatArray]:
    hits: BoolArray = np.zeros((len(lists), K), np.bool_)
    for row, ids in enumerate(lists):
        hits[row, : len(ids)] = [parts.test.items.idx_of(id_) in task.relevant[row] for id_ in ids]
    return dict(ranking_metrics(hits, np.array([len(products) for products in task.relevant])))


def _difference(paired: FloatArray) -> JsonDict:
    """Return the 95 % interval of a mean of differences, and what it says."""
    low, high = np.percentile(bootstrap_means(paired[:, None]), [_LOW, _HIGH])
    outcome = "better" if low > 0 else "worse" if high < 0 else "unclear"
    return {"low": float(low), "high": float(high), "outcome": outcome}
