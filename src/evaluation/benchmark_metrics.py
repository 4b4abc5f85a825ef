"""Metrics of a benchmark on given files: whole-catalogue lists, by slices of users and products, and ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, EventKind, FloatArray, IntArray
from src.core.sorted_sets import distinct
from src.evaluation.bootstrap import ResampledUsers
from src.evaluation.exact_lists import queries_of
from src.evaluation.metrics import Estimate, estimate_rmse_mae, ranking_metrics
from src.ingestion.benchmark_files import MappedTestRows
from src.interactions.interactions import TrainingData
from src.models.base import Rater

METRICS = ("recall", "ndcg", "precision", "hit_rate", "mrr")
_RATINGS_PER_BLOCK = 100_000
_GAIN = "gain:"


@dataclass(frozen=True)
class ListTask:
    """The n test users with at least one relevant product, and these products.

    Attributes:
        user_idx: int64[n], rows of the training vocabulary; -1 for a user unknown to training.
        relevant: int64, ascending: position in user_idx * n_items + row of the product, for pairs with known products.
        n_relevant: int64[n], number of relevant products, also unknown ones, which no list can hold.
        n_items: number of training products.
    """

    user_idx: IntArray
    relevant: IntArray
    n_relevant: IntArray
    n_items: int

    def hits(self, lists: IntArray) -> BoolArray:
        """Return bool[n, k], whether the product at each place of lists int[n, k] is relevant; False for -1."""
        keys = np.arange(len(lists))[:, np.newaxis] * self.n_items + lists
        return (lists >= 0) & np.isin(keys, self.relevant)


@dataclass(frozen=True)
class RatingErrors:
    """RMSE and MAE of predicted ratings, over all rows of the test file with a rating."""

    rmse: Estimate
    mae: Estimate


class Slice(NamedTuple):
    """Number of users of a slice, and "recall@20" and the like → its mean over them; empty without users."""

    n_users: int
    figures: dict[str, Estimate]


@dataclass(frozen=True)
class ListFigures:
    """Figures of one model's lists.

    Attributes:
        figures: "recall@20" and the like → mean over all test users.
        beyond_popularity: the same keys → paired difference to popularity's lists.
        coverage: "coverage@20" → share of the training products that is on any list.
        slices: group → slice → figures.
    """

    figures: dict[str, Estimate]
    beyond_popularity: dict[str, Estimate]
    coverage: dict[str, float]
    slices: dict[str, dict[str, Slice]]


def list_task(rows: MappedTestRows, relevant_rating: float | None, n_items: int) -> ListTask:
    """Find the relevant products of the test users: those of their rows, except returns and low ratings.

    Args:
        rows: the test file.
        relevant_rating: lowest rating that counts as liked; None if every rating does.
        n_items: number of training products.

    Returns:
        The task.
    """
    data = rows.data
    is_relevant = ~data.is_kind(EventKind.RETURN)
    if relevant_rating is not None:
        is_relevant &= ~(data.is_kind(EventKind.RATING) & (data.events.value < relevant_rating))
    events = data.events.take(np.flatnonzero(is_relevant))
    pairs = distinct(events.user_idx.astype(np.int64) * events.n_items + events.item_idx)
    owner, item = np.divmod(pairs, max(events.n_items, 1))
    users, position, n_relevant = np.unique(owner, return_inverse=True, return_counts=True)
    known = rows.item_idx[item]
    keys = np.sort((position * n_items + known)[known >= 0])
    return ListTask(rows.user_idx[users], keys, n_relevant, n_items)


def n_seen_before(task: ListTask, learnt: TrainingData) -> int:
    """Count the relevant pairs that no list can hold, as the user rated or purchased the product in training."""
    return int(_is_masked(task, queries_of(learnt, task.user_idx).masked).sum())


def _is_masked(task: ListTask, masked: csr_matrix) -> BoolArray:
    """Return bool[len(relevant)], whether a relevant pair is masked. masked: CSR [n, n_items]."""
    keys = np.repeat(np.arange(len(task.user_idx)), np.diff(masked.indptr)) * task.n_items + masked.indices
    return np.isin(task.relevant, keys)


def rating_errors(model: Rater, rows: MappedTestRows) -> RatingErrors:
    """Predict every rating of a test file with at least one, also those of unknown users and products."""
    ratings = rows.data.ratings
    users, items = rows.user_idx[ratings.user_idx], rows.item_idx[ratings.item_idx]
    n_parts = len(ratings) // _RATINGS_PER_BLOCK + 1  # the factors of all rows at once would fill the memory
    pairs = zip(np.array_split(users, n_parts), np.array_split(items, n_parts), strict=True)
    predicted = np.concatenate([model.rate(*pair) for pair in pairs])
    return RatingErrors(*estimate_rmse_mae(ratings.user_idx, predicted - ratings.value))


@dataclass(frozen=True)
class Slices:
    """Parts of the test users and of the relevant pairs that are measured separately, as masks.

    Attributes:
        users: bool[n] each: "known" and "unknown" to training.
        history: bool[n] each, by the number of products a user has in training: "none", and the rest in three parts of
            about equal size, "light", "medium", "heavy".
        products: bool[len(relevant)] each: "head", the fewest products with half of the training events, and "tail".
        pairs: bool[len(relevant)] each: "new", without an event in training, and "repeated".
    """

    users: Mapping[str, BoolArray]
    history: Mapping[str, BoolArray]
    products: Mapping[str, BoolArray]
    pairs: Mapping[str, BoolArray]


def slices_of(task: ListTask, learnt: TrainingData) -> Slices:
    """Divide the test users and the products, by the training data."""
    queries, _ = queries_of(learnt, task.user_idx)
    n_products = np.diff(queries.history.indptr)
    some = n_products[n_products > 0]
    low, high = np.quantile(some, [1 / 3, 2 / 3]) if len(some) else (0, 0)
    count = learnt.events.count_by_item()
    order = np.argsort(-count, kind="stable")
    before = np.cumsum(count[order]) - count[order]
    head = np.zeros(task.n_items, np.bool_)
    head[order[2 * before < len(learnt)]] = True
    of_head = head[task.relevant % max(task.n_items, 1)]
    repeated = _is_masked(task, queries_of(learnt, task.user_idx, learnt.events).masked)
    return Slices(
        {"known": task.user_idx >= 0, "unknown": task.user_idx < 0},
        {
            "none": n_products == 0,
            "light": (n_products > 0) & (n_products <= low),
            "medium": (n_products > low) & (n_products <= high),
            "heavy": n_products > high,
        },
        {"head": of_head, "tail": ~of_head},
        {"new": ~repeated, "repeated": repeated},
    )


@dataclass(frozen=True)
class ListMeter:
    """Measures lists against those of popularity.

    Attributes:
        task: has at least one user.
        slices: measured separately.
        at: cut-offs.
        baseline: int[n, max(at)], popularity's lists.
        resampled: bootstrap samples of the users.
    """

    task: ListTask
    slices: Slices
    at: tuple[int, ...]
    baseline: IntArray
    resampled: ResampledUsers

    def figures(self, lists: IntArray) -> ListFigures:
        """Measure one model's lists int[n, max(at)]."""
        task, hits = self.task, self.task.hits(lists)
        columns, baselines = self._columns(hits), self._columns(task.hits(self.baseline))
        gains = {name: column - baselines[name] for name, column in columns.items()}
        estimated = self.resampled.estimates({**columns, **{_GAIN + name: gain for name, gain in gains.items()}})
        slices = self.slices
        return ListFigures(
            figures={name: estimated[name] for name in columns},
            beyond_popularity={name: estimated[_GAIN + name] for name in columns},
            coverage={f"coverage@{k}": _coverage(lists[:, :k], task.n_items) for k in self.at},
            slices={
                "users": {name: self._of_users(columns, mask) for name, mask in slices.users.items()},
                "history": {name: self._of_users(columns, mask) for name, mask in slices.history.items()},
                "products": {name: self._of_pairs(lists, mask) for name, mask in slices.products.items()},
                "pairs": {name: self._of_pairs(lists, mask) for name, mask in slices.pairs.items()},
            },
        )

    def _columns(self, hits: BoolArray) -> dict[str, FloatArray]:
        """Return float[n] for each metric at each cut-off."""
        metrics = {k: ranking_metrics(hits[:, :k], self.task.n_relevant) for k in self.at}
        return {f"{name}@{k}": metrics[k][name] for k in self.at for name in METRICS}

    def _of_users(self, columns: Mapping[str, FloatArray], mask: BoolArray) -> Slice:
        users = np.flatnonzero(mask)
        return Slice(len(users), self.resampled.estimates(columns, users) if len(users) else {})

    def _of_pairs(self, lists: IntArray, part: BoolArray) -> Slice:
        """Return the recall of this part of the relevant pairs, over the users who have one there."""
        task = replace(self.task, relevant=self.task.relevant[part])
        n_relevant = np.bincount(task.relevant // max(task.n_items, 1), minlength=len(task.user_idx))
        users, hits = np.flatnonzero(n_relevant), task.hits(lists)
        columns = {f"recall@{k}": hits[:, :k].sum(axis=1) / np.maximum(n_relevant, 1) for k in self.at}
        return Slice(len(users), self.resampled.estimates(columns, users) if len(users) else {})


def _coverage(lists: IntArray, n_items: int) -> float:
    return len(np.unique(lists[lists >= 0])) / max(n_items, 1)
