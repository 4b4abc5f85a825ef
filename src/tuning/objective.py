"""Whose lists are better on data held out: what tuning asks, thousands of times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray
from src.evaluation.exact_lists import queries_of, top_lists
from src.evaluation.metrics import ranking_metrics
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models.base import BlockScorer, QueryBlock

_MOST_SCORES = 200_000_000
_FEWEST_USERS, _MOST_USERS = 1_000, 10_000
_CANDIDATES_OF_EACH = 150


@dataclass(frozen=True)
class Objective:
    """Users of the held-out part, and what they then liked. Sampled, so that a verdict takes a second or two.

    masked, relevant: CSR [len(queries), n_items]; relevant holds nothing that is masked. k: NDCG@k is asked for.
    popular: int[n_items], products by popularity, which complete a list that a model leaves open.
    """

    queries: QueryBlock
    masked: csr_matrix
    relevant: csr_matrix
    popular: IntArray
    k: int

    @classmethod
    def of(cls, tuning: Split, popular: IntArray, *, relevant_rating: float, k: int, seed: int) -> Objective | None:
        """None when nobody in the held-out part liked anything new."""
        train, test = tuning.train, tuning.test
        liked = test.liked(relevant_rating, train).events
        shape = (len(train.users), len(train.items))
        relevant = csr_matrix((np.ones(len(liked), np.float32), (liked.user_idx, liked.item_idx)), shape=shape)
        _, seen = queries_of(train, np.arange(shape[0]))
        relevant = csr_matrix(relevant - relevant.multiply(seen > 0))
        relevant.eliminate_zeros()
        users = np.flatnonzero(np.diff(relevant.indptr))
        most = int(np.clip(_MOST_SCORES // max(shape[1], 1), _FEWEST_USERS, _MOST_USERS))
        if len(users) > most:
            users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
        if not len(users):
            return None
        queries, masked = queries_of(train, users)
        return cls(queries, masked, relevant[users], popular, k)

    def with_histories(self, train: TrainingData) -> Objective:
        """The same, asked with histories that are weighted as in this training data."""
        queries, _ = queries_of(train, self.queries.user_idx)
        return Objective(queries, self.masked, self.relevant, self.popular, self.k)

    def ndcg(self, scorer: BlockScorer) -> FloatArray:
        """float[n_users]: NDCG@k of each user's list."""
        lists = top_lists(scorer, self.queries, self.masked, self.k, fill=self.popular)
        rows = np.repeat(np.arange(len(lists)), lists.shape[1])
        hits = np.asarray(self.relevant[rows, np.maximum(lists, 0).ravel()] > 0).reshape(lists.shape) & (lists >= 0)
        return ranking_metrics(hits, np.diff(self.relevant.indptr))["ndcg"]

    def opinions(self, models: Mapping[str, BlockScorer]) -> ComponentScores:
        """What the models think of every product that one of them would name, for all users."""
        named = [top_lists(model, self.queries, self.masked, _CANDIDATES_OF_EACH) for model in models.values()]
        items = np.sort(np.concatenate(named, axis=1), axis=1)
        items[:, 1:][items[:, 1:] == items[:, :-1]] = -1
        items = -np.sort(-items, axis=1)
        items = items[:, : max(int((items >= 0).sum(axis=1).max()), 1)]
        score = np.stack([_picked(model, self.queries, items) for model in models.values()])
        rows = np.repeat(np.arange(len(items)), items.shape[1])
        relevant = np.asarray(self.relevant[rows, np.maximum(items, 0).ravel()] > 0).reshape(items.shape) & (items >= 0)
        return ComponentScores(tuple(models), items, score, relevant, np.diff(self.relevant.indptr), self.k)


@dataclass(frozen=True)
class ComponentScores:
    """item int32[n_users, m], -1 beyond the last; score float32[n_models, n_users, m], 0 where there is no opinion;
    relevant bool[n_users, m]; n_relevant int[n_users].
    """

    names: tuple[str, ...]
    item: IntArray
    score: FloatArray
    relevant: BoolArray
    n_relevant: IntArray
    k: int

    def ndcg(self, weights: FloatArray) -> float:
        """Mean NDCG@k of the lists that the weighted sum of opinions makes. weights: float[n_models]."""
        total = np.tensordot(weights.astype(np.float32), self.score, axes=1)
        total[self.item < 0] = -np.inf
        return float(self.ndcg_of(total).mean())

    def ndcg_of(self, total: FloatArray) -> FloatArray:
        """float[n_users]: NDCG@k of the lists that these scores make. total: float[n_users, m], -inf: not listed."""
        k = min(self.k, total.shape[1])
        best = np.argpartition(-total, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(total, best, axis=1), axis=1, kind="stable")
        hits = np.take_along_axis(self.relevant, np.take_along_axis(best, order, axis=1), axis=1)
        return ranking_metrics(hits, self.n_relevant)["ndcg"]


def _picked(model: BlockScorer, queries: QueryBlock, items: IntArray) -> FloatArray:
    """float32, the shape of items: the model's scores of them."""
    n_items = queries.history.shape[1]
    at_once = max(1, (1 << 28) // (4 * n_items))
    picked = np.zeros(items.shape, np.float32)
    for start in range(0, len(queries), at_once):
        rows = slice(start, start + at_once)
        score = model.score_all(QueryBlock(queries.user_idx[rows], queries.history[rows]))
        picked[rows] = np.take_along_axis(score, np.maximum(items[rows], 0), axis=1)
    return np.nan_to_num(picked, copy=False)
