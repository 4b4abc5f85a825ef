"""Lists of the users of a ranking task: exact ones of single models, and those that are served."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from src.core.domain import BoolArray, Event, IntArray, Query
from src.core.progress import Reporter
from src.evaluation.exact_lists import queries_of, same_lists, top_lists
from src.interactions.interactions import TrainingData
from src.models import MODELS, POPULARITY
from src.models.base import NOBODY, ListModel
from src.recommendation.ensemble import ENSEMBLE, Ensemble
from src.recommendation.history_rows import RECENT
from src.recommendation.list_blocks import lists_of_rows, makes_blocks
from src.recommendation.pipeline import Pipeline

K = 10


@dataclass(frozen=True)
class RankingTask:
    """Users to make lists for, and their relevant products.

    Attributes:
        user_idx: int[n], test users with at least one relevant product, ascending.
        relevant: per user, row numbers of the products liked in test.
        histories: per user, the train events, oldest first.
        n_users_with_one: number of such users before sampling.
    """

    user_idx: IntArray
    relevant: list[set[int]]
    histories: list[tuple[Event, ...]]
    n_users_with_one: int


def prepare_lists(pipeline: Pipeline, train: TrainingData, task: RankingTask, reporter: Reporter) -> None:
    """Find at once what the ensemble needs for the lists of a task, if its index is not whole."""
    ensemble = pipeline.models.get(ENSEMBLE)
    if isinstance(ensemble, Ensemble):
        ensemble.prepare(train.histories[task.user_idx].indices, reporter)


def query_for_new(user_id: str, history: tuple[Event, ...], model: str | None = None) -> Query:
    """Return the query of a list of K products that are not in the history.

    Args:
        user_id: whose list.
        history: the user's events.
        model: whose list; None for the one that is served.
    """
    return Query(user_id, history, n=K, model=model, exclude=known_ids(history))


def known_ids(history: tuple[Event, ...]) -> frozenset[str]:
    """Return the ids of the products of a history."""
    return frozenset(event.product_id for event in history)


def exact_lists(pipeline: Pipeline, train: TrainingData, task: RankingTask, model: str, reporter: Reporter) -> IntArray:
    """Score the whole catalogue for the users of a task.

    Args:
        train: the data that it was trained on, with its weighting.
        task: the users.
        model: a model of MODELS.

    Returns:
        int32[n_users, K], row numbers; -1 beyond the end of a list.
    """
    queries, fill = queries_of(train, task.user_idx, train.events), pipeline.models[POPULARITY].order
    if MODELS[model].scores_cold_users:
        order = _order_of_all(pipeline.models[model], fill)
        return same_lists(order, queries.masked, K, pipeline.groups)
    return top_lists(pipeline.models[model], queries, K, fill=fill, groups=pipeline.groups, reporter=reporter)


def _order_of_all(model: ListModel, fill: IntArray) -> IntArray:
    """Return int[n_items], the items that a model scores the same for everybody, best first, then those of `fill`."""
    score = np.nan_to_num(model.score(NOBODY, np.arange(model.n_items)))
    scored = np.argsort(-score, kind="stable")[: np.count_nonzero(score)]
    return np.append(scored, fill[score[fill] == 0])


def served_lists(
    pipeline: Pipeline, train: TrainingData, task: RankingTask, model: str, reporter: Reporter
) -> IntArray:
    """Ask the pipeline for the lists of a task: in blocks where they make its lists, else one request after the other.

    Args:
        train: the data that it was trained on, with its weighting.
        task: the users.
        model: a list model that does not know users.

    Returns:
        int32[n_users, K], row numbers; -1 beyond the end of a list.
    """
    lists = np.full((len(task.user_idx), K), -1, np.int32)
    is_made = _write_blocks(replace(pipeline, default=model), train, task, lists)
    n_made, of_nothing = int(is_made.sum()), -1
    for n_done, at in enumerate(np.flatnonzero(~is_made).tolist(), n_made + 1):
        if not task.histories[at]:
            if of_nothing >= 0:
                lists[at] = lists[of_nothing]
                continue
            of_nothing = at  # a list is a function of the history
        user = pipeline.users.id_of(task.user_idx[at])
        for rank, recommendation in enumerate(pipeline.recommend(query_for_new(user, task.histories[at], model))):
            item = pipeline.items.idx_of(recommendation.product_id)
            assert item is not None  # the pipeline lists products of its own vocabulary only
            lists[at, rank] = item
        reporter.advance(n_done, len(task.user_idx))
    return lists


def _write_blocks(pipeline: Pipeline, train: TrainingData, task: RankingTask, lists: IntArray) -> BoolArray:
    """Write the lists of the pipeline's default model that can be made in blocks; return bool[n_users], which they are.

    Of longer histories than a request reads, as of lists that blocks cannot make, none is.
    """
    is_made = np.zeros(len(lists), np.bool_)
    if not makes_blocks(pipeline) or len(pipeline.items) < K:
        return is_made
    able = np.array([len(history) <= RECENT for history in task.histories])
    queries, masked = queries_of(train, task.user_idx, train.events)
    made = lists_of_rows(pipeline, queries.history, masked, np.where(able, np.arange(len(able)), -1), K)
    lists[:] = made.item
    return made.is_whole
