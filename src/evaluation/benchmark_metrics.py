"""What is measured on somebody's own split: whole-catalogue lists, by slices of users and products, and ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.core.domain import BoolArray, EventKind, FloatArray, IntArray
from src.evaluation.bootstrap import ResampledUsers
from src.evaluation.exact_lists import queries_of
from src.evaluation.metrics import Estimate, estimate_rmse_mae, ranking_metrics
from src.ingestion.benchmark_files import MappedTestRows
from src.interactions.interactions import TrainingData
from src.models.base import Rater

METRICS = ("recall", "ndcg", "precision", "hit_rate", "mrr")
_RATED_AT_ONCE = 100_000
_GAIN = "gain:"


@dataclass(frozen=True)
class ListTask:
    """Whom lists are made for, and what is relevant to them: n test users with at least one relevant product.

    user_idx: int64[n], rows of the training vocabulary, -1 for a user that was not learnt from.
    relevant: int64, ascending: position in user_idx * n_items + row of the product, for all pairs with known products.
    n_relevant: int64[n], all relevant products, unknown ones among them: those can be on no list.
    """

    user_idx: IntArray
    relevant: IntArray
    n_relevant: IntArray
    n_items: int

    def hits(self, lists: IntArray) -> BoolArray:
        """bool[n, k]: whether the product at each place of lists int[n, k] is relevant; False for -1."""
        keys = np.arange(len(lists))[:, np.newaxis] * self.n_items + lists
        return (lists >= 0) & np.isin(keys, self.relevant)


@dataclass(frozen=True)
class RatingErrors:
    """Of predicted ratings, over all rows of the test file with a rating."""

    rmse: Estimate
    mae: Estimate


Slice = tuple[int, dict[str, Estimate]]
"""(number of users, "recall@20" and the like → its mean over them; empty without users)."""


@dataclass(frozen=True)
class ListFigures:
    """Of one model's lists. figures: "recall@20" and the like, over all test users.

    beyond_popularity: the paired differences to popularity's lists. coverage: "coverage@20": the share of the training
    products that is on any list. slices: group → slice → figures.
    """

    figures: dict[str, Estimate]
    beyond_popularity: dict[str, Estimate]
    coverage: dict[str, float]
    slices: dict[str, dict[str, Slice]]


def list_task(rows: MappedTestRows, relevant_rating: float | None, n_items: int) -> ListTask:
    """Relevant is every product of a user's rows, but for ratings below `relevant_rating` and what was brought back."""
    data = rows.data
    is_relevant = ~data.is_kind(EventKind.RETURN)
    if relevant_rating is not None:
        is_relevant &= ~(data.is_kind(EventKind.RATING) & (data.events.value < relevant_rating))
    events = data.events.take(np.flatnonzero(is_relevant))
    pairs = np.unique(events.user_idx.astype(np.int64) * events.n_items + events.item_idx)
    owner, item = np.divmod(pairs, max(events.n_items, 1))
    users, position, n_relevant = np.unique(owner, return_inverse=True, return_counts=True)
    known = rows.item_idx[item]
    keys = np.sort((position * n_items + known)[known >= 0])
    return ListTask(rows.user_idx[users], keys, n_relevant, n_items)


def n_seen_before(task: ListTask, learnt: TrainingData) -> int:
    """How many relevant pairs the user had rated or purchased in training: they are relevant, and on no list."""
    _, seen = queries_of(learnt, task.user_idx)
    keys = np.repeat(np.arange(len(task.user_idx)), np.diff(seen.indptr)) * task.n_items + seen.indices
    return int(np.isin(task.relevant, keys).sum())


def rating_errors(model: Rater, rows: MappedTestRows) -> RatingErrors:
    """Predict every rating of the rows, those of unknown users and products among them; there must be one."""
    ratings = rows.data.ratings
    users, items = rows.user_idx[ratings.user_idx], rows.item_idx[ratings.item_idx]
    n_parts = len(ratings) // _RATED_AT_ONCE + 1  # factors of all rows at once would fill the memory
    pairs = zip(np.array_split(users, n_parts), np.array_split(items, n_parts), strict=True)
    predicted = np.concatenate([model.rate(*pair) for pair in pairs])
    return RatingErrors(*estimate_rmse_mae(ratings.user_idx, predicted - ratings.value))


@dataclass(frozen=True)
class Slices:
    """Parts of the test users, and of the products, that are measured separately. Masks: bool[n] and bool[n_items].

    users: "known" and "unknown" to training. history: by the number of products a user has in training: "none", and
    the rest in three parts of about the same size, "light", "medium", "heavy". products: "head", the fewest
    that have half of the training events, and "tail", all others that were learnt from.
    """

    users: Mapping[str, BoolArray]
    history: Mapping[str, BoolArray]
    products: Mapping[str, BoolArray]


def slices_of(task: ListTask, learnt: TrainingData) -> Slices:
    """The slices of the test users, and of the products, of what was learnt from."""
    queries, _ = queries_of(learnt, task.user_idx)
    n_products = np.diff(queries.history.indptr)
    some = n_products[n_products > 0]
    low, high = np.quantile(some, [1 / 3, 2 / 3]) if len(some) else (0, 0)
    count = learnt.events.count_by_item()
    order = np.argsort(-count, kind="stable")
    before = np.cumsum(count[order]) - count[order]
    head = np.zeros(task.n_items, np.bool_)
    head[order[2 * before < len(learnt)]] = True
    return Slices(
        {"known": task.user_idx >= 0, "unknown": task.user_idx < 0},
        {
            "none": n_products == 0,
            "light": (n_products > 0) & (n_products <= low),
            "medium": (n_products > low) & (n_products <= high),
            "heavy": n_products > high,
        },
        {"head": head, "tail": ~head},
    )


@dataclass(frozen=True)
class ListMeter:
    """Measures lists of the task's users at each cut-off of `at`, against popularity's lists, `bar`; int[n, max(at)].

    The task must have users.
    """

    task: ListTask
    slices: Slices
    at: tuple[int, ...]
    bar: IntArray
    resampled: ResampledUsers

    def figures(self, lists: IntArray) -> ListFigures:
        """Figures of one model's lists int[n, max(at)]."""
        task, hits = self.task, self.task.hits(lists)
        columns, bars = self._columns(hits), self._columns(task.hits(self.bar))
        gains = {name: column - bars[name] for name, column in columns.items()}
        found = self.resampled.estimates({**columns, **{_GAIN + name: gain for name, gain in gains.items()}})
        slices = self.slices
        return ListFigures(
            figures={name: found[name] for name in columns},
            beyond_popularity={name: found[_GAIN + name] for name in columns},
            coverage={f"coverage@{k}": _coverage(lists[:, :k], task.n_items) for k in self.at},
            slices={
                "users": {name: self._of_users(columns, mask) for name, mask in slices.users.items()},
                "history": {name: self._of_users(columns, mask) for name, mask in slices.history.items()},
                "products": {name: self._of_products(lists, hits, mask) for name, mask in slices.products.items()},
            },
        )

    def _columns(self, hits: BoolArray) -> dict[str, FloatArray]:
        """float[n] per user for each metric at each cut-off."""
        found = {k: ranking_metrics(hits[:, :k], self.task.n_relevant) for k in self.at}
        return {f"{name}@{k}": found[k][name] for k in self.at for name in METRICS}

    def _of_users(self, columns: Mapping[str, FloatArray], mask: BoolArray) -> Slice:
        users = np.flatnonzero(mask)
        return len(users), self.resampled.estimates(columns, users) if len(users) else {}

    def _of_products(self, lists: IntArray, hits: BoolArray, part: BoolArray) -> Slice:
        """Recall of the relevant products in this part, over the users who have one there."""
        task = self.task
        owner, item = np.divmod(task.relevant, task.n_items)
        n_relevant = np.bincount(owner[part[item]], minlength=len(task.user_idx))
        users = np.flatnonzero(n_relevant)
        found = hits & part[lists]
        columns = {f"recall@{k}": found[:, :k].sum(axis=1) / np.maximum(n_relevant, 1) for k in self.at}
        return len(users), self.resampled.estimates(columns, users) if len(users) else {}


def _coverage(lists: IntArray, n_items: int) -> float:
    return len(np.unique(lists[lists >= 0])) / max(n_items, 1)
