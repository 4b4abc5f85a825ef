"""The objective of tuning: NDCG@k of lists on held-out data, fast enough to be computed thousands of times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from src.core.all_cores import map_on_all_cores
from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.sorted_sets import without
from src.evaluation.exact_lists import MaskedQueries, blocks_of, queries_of, top_lists
from src.evaluation.metrics import ranking_metrics
from src.interactions.event_weights import Weighting
from src.interactions.interactions import TrainingData
from src.interactions.splits import Split
from src.models.base import BlockScorer, QueryBlock
from src.models.compiled_top_n import best_of_rows
from src.tuning.held_out_sessions import before_the_last_find

_MAX_SCORES = 400_000_000
_MIN_USERS, _MAX_USERS = 1_000, 10_000
_CANDIDATES_PER_MODEL = 150


@dataclass(frozen=True)
class Objective:
    """Users of the held-out part and their relevant items. Users are sampled, so that a model takes a second or two.

    Attributes:
        queries: of the sampled users.
        masked: CSR [n_users, n_items], the items that no list may hold: all that occur in the history. A purchase after
            a click is no find of a model.
        relevant: CSR [n_users, n_items], the relevant items, none of them masked.
        popular: int[n_items], items by popularity, which complete a list that a model leaves short.
        k: cut-off of NDCG.
        relevant_rating: lowest rating that counts as liked.
        asked: the events that histories are made of, see `before_the_last_find`.
    """

    queries: QueryBlock
    masked: csr_matrix
    relevant: csr_matrix
    popular: IntArray
    k: int
    relevant_rating: float
    asked: TrainingData

    @classmethod
    def of(cls, tuning: Split, popular: IntArray, *, relevant_rating: float, k: int, seed: int) -> Objective | None:
        """Build the objective of a split.

        Args:
            tuning: models are trained on its train part and measured on its test part.
            popular: int[n_items], items by popularity.
            relevant_rating: lowest rating that counts as liked.
            k: cut-off of NDCG.
            seed: of the sample of users.

        Returns:
            The objective; None where no user of the test part liked an item that the train part does not name for her.
        """
        train, test = tuning.train, tuning.test
        liked = test.liked(relevant_rating, train).events
        shape = (len(train.users), len(train.items))
        asked, pairs = before_the_last_find(tuning, without(liked.pairs, train.events.pairs))
        user, item = np.divmod(pairs, max(shape[1], 1))
        relevant = csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=shape)
        users = np.flatnonzero(np.diff(relevant.indptr))
        most = int(np.clip(_MAX_SCORES // max(shape[1], 1), _MIN_USERS, _MAX_USERS))
        if len(users) > most:
            users = np.sort(np.random.default_rng(seed).choice(users, most, replace=False))
        if not len(users):
            return None
        queries, masked = queries_of(asked, users, asked.events)
        return cls(queries, masked, relevant[users], popular, k, relevant_rating, asked)

    def weighted(self, weighting: Weighting) -> Objective:
        """Return the same objective with other weights of the events of histories."""
        asked = replace(self.asked, weighting=weighting)
        return replace(self, asked=asked, queries=queries_of(asked, self.queries.user_idx).queries)

    def ndcg(self, scorer: BlockScorer) -> FloatArray:
        """Return float[n_users], NDCG@k of each user's list."""
        lists = top_lists(scorer, MaskedQueries(self.queries, self.masked), self.k, fill=self.popular)
        return ranking_metrics(self._is_relevant(lists), np.diff(self.relevant.indptr))["ndcg"]

    def of_users(self, rows: IntArray) -> Objective:
        """Return the objective of some of the users. rows: int[m], positions in `queries`."""
        return replace(self, queries=self.queries.take(rows), masked=self.masked[rows], relevant=self.relevant[rows])

    def component_scores(self, models: Mapping[str, BlockScorer]) -> ComponentScores:
        """Return the scores of all models for the union of their best candidates, for every user."""
        blocks = blocks_of(len(self.queries), self.masked.shape[1] * (len(models) + 1))
        parts = map_on_all_cores(lambda rows: self._scores_of_block(models, rows), blocks)
        width = max(max(len(np.flatnonzero((item >= 0).any(axis=0))) for item, _ in parts), 1)
        items = np.concatenate([_as_wide(item, width, -1) for item, _ in parts])
        score = np.concatenate([_as_wide(score, width, 0) for _, score in parts], axis=1)
        n_relevant = np.diff(self.relevant.indptr)
        return ComponentScores(tuple(models), items, score, self._is_relevant(items), n_relevant, self.k)

    def scores_of(self, model: BlockScorer, items: IntArray) -> FloatArray:
        """Score the given candidates of every user.

        Args:
            model: scores them.
            items: int[n_users, m], row numbers of items; -1 for none.

        Returns:
            float32[n_users, m]; 0 where the model has no score.
        """

        def of_block(rows: slice) -> FloatArray:
            return _taken(model.score_all(self.queries.take(rows)), items[rows])

        blocks = blocks_of(len(self.queries), self.masked.shape[1] * 2)
        return np.concatenate(map_on_all_cores(of_block, blocks))

    def _scores_of_block(self, models: Mapping[str, BlockScorer], rows: slice) -> tuple[IntArray, FloatArray]:
        """Return the candidates of some users, -1 beyond the last, and every model's scores of them, 0 for none."""
        block = self.queries.take(rows)
        mask = self.masked[rows]
        at = np.repeat(np.arange(len(block)), np.diff(mask.indptr)), mask.indices
        scores = [model.score_all(block) for model in models.values()]
        best = []
        for score in scores:
            score[at] = -np.inf
            best.append(best_of_rows(score, _CANDIDATES_PER_MODEL).column)
        items = np.sort(np.concatenate(best, axis=1), axis=1)
        items[:, 1:][items[:, 1:] == items[:, :-1]] = -1
        items = -np.sort(-items, axis=1)
        return items, np.stack([_taken(score, items) for score in scores])

    def _is_relevant(self, items: IntArray) -> BoolArray:
        """Return bool, of the shape of items int[n_users, m]; False for -1."""
        rows = np.repeat(np.arange(len(items)), items.shape[1])
        return np.asarray(self.relevant[rows, np.maximum(items, 0).ravel()] > 0).reshape(items.shape) & (items >= 0)


@dataclass(frozen=True)
class ComponentScores:
    """Scores of several models for the same candidates, from which the lists of any weights follow.

    Attributes:
        names: of the models.
        item: int32[n_users, m], row numbers of the candidates; -1 beyond the last.
        score: float32[n_models, n_users, m]; 0 where a model has no score.
        relevant: bool[n_users, m].
        n_relevant: int[n_users], number of relevant items, candidates or not.
        k: cut-off of NDCG.
    """

    names: tuple[str, ...]
    item: IntArray
    score: FloatArray
    relevant: BoolArray
    n_relevant: IntArray
    k: int

    def in_units_of(self, scales: Mapping[str, float]) -> ComponentScores:
        """Return the scores of each model divided by its scale."""
        unit = np.array([scales[name] for name in self.names], np.float32)
        return replace(self, score=self.score / unit[:, None, None])

    def of_users(self, rows: IntArray) -> ComponentScores:
        """Return the scores of some of the users. rows: int[n], positions in `item`."""
        return replace(
            self,
            item=self.item[rows],
            score=self.score[:, rows],
            relevant=self.relevant[rows],
            n_relevant=self.n_relevant[rows],
        )

    def ndcg(self, weights: FloatArray) -> float:
        """Return the mean NDCG@k of lists sorted by the weighted sum of scores. weights: float[n_models]."""
        return float(self.ndcg_of(self.total(weights)).mean())

    def total(self, weights: FloatArray) -> FloatArray:
        """Return float32[n_users, m], the weighted sum; -inf beyond the last item. weights: float[n_models]."""
        total: FloatArray = np.tensordot(weights.astype(np.float32), self.score, axes=1)
        total[self.item < 0] = -np.inf
        return total

    def ndcg_of(self, total: FloatArray) -> FloatArray:
        """Return float[n_users], NDCG@k of lists sorted by these scores, float[n_users, m]; -inf is not listed."""
        parts = map_on_all_cores(lambda rows: self._hits(total[rows], rows), blocks_of(*total.shape))
        return ranking_metrics(np.concatenate(parts), self.n_relevant)["ndcg"]

    def _hits(self, total: FloatArray, rows: slice) -> BoolArray:
        """Return bool[m, k], whether each place of the lists of some users holds a relevant item."""
        k = min(self.k, total.shape[1])
        best = np.argpartition(-total, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(total, best, axis=1), axis=1, kind="stable")
        return np.take_along_axis(self.relevant[rows], np.take_along_axis(best, order, axis=1), axis=1)


def _taken(score: FloatArray, items: IntArray) -> FloatArray:
    """Return the scores of some items of every row, of which -1 is none; 0 where there is no score."""
    chosen = np.take_along_axis(score, np.maximum(items, 0), axis=1)
    return np.where(np.isfinite(chosen), chosen, np.float32(0))


def _as_wide(part: Any, width: int, value: float) -> Any:
    """Return an array with its last axis cut, or filled with a value, to this width."""
    blank = [(0, 0)] * (part.ndim - 1) + [(0, max(width - part.shape[-1], 0))]
    return np.pad(part[..., :width], blank, constant_values=value)
