"""The objective of tuning: NDCG@k of lists on held-out data, fast enough to be computed thousands of times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
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
    def of(
        cls,
        tuning: Split,
        popular: IntArray,
        *,
        relevant_rating: float,
        k: int,
        seed: int,
        fewest: int | None = None,
    ) -> Objective | None:
        """Build the objective of a split.

        Args:
            tuning: models are trained on its train part and measured on its test part.
            popular: int[n_items], items by popularity.
            relevant_rating: lowest rating that counts as liked.
            k: cut-off of NDCG.
            seed: of the sample of users.
            fewest: sampled users where the catalogue is large; None for _MIN_USERS.

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
        fewest = _MIN_USERS if fewest is None else fewest
        most = int(np.clip(_MAX_SCORES // max(shape[1], 1), fewest, max(fewest, _MAX_USERS)))
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
        different, same = self._different_queries()
        blocks = blocks_of(len(different), self.masked.shape[1] * (len(models) + 1))
        parts = map_on_all_cores(lambda rows: self._scores_of_block(models, different[rows]), blocks)
        width = max(max(len(np.flatnonzero((item >= 0).any(axis=0))) for item, _ in parts), 1)
        items = np.concatenate([_as_wide(item, width, -1) for item, _ in parts])[same]
        score = np.concatenate([_as_wide(score, width, 0) for _, score in parts], axis=1)[:, same]
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

    @cached_property
    def _place(self) -> IntArray:
        """int64[n_items], the place of each item in `popular`."""
        return np.argsort(self.popular)

    def _different_queries(self) -> tuple[IntArray, IntArray]:
        """Return the rows of different queries, and the number of each user's: all users without events have one."""
        is_first = np.diff(self.masked.indptr) > 0
        without_events = np.flatnonzero(~is_first)
        is_first[without_events[:1]] = True
        number = np.cumsum(is_first) - 1
        number[without_events] = number[without_events[:1]]
        return np.flatnonzero(is_first), number

    def _scores_of_block(self, models: Mapping[str, BlockScorer], rows: IntArray) -> tuple[IntArray, FloatArray]:
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
        # The sum sorts equal scores by popularity: users without a history have no other.
        items = np.append(self.popular, -1)[np.sort(np.append(self._place, len(self.popular))[items], axis=1)]
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
        item: int[n_users, m], row numbers of the candidates, popular ones first; -1 beyond the last.
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
        return np.asarray(self.ndcg_of_steps(total, self.score[0], np.zeros(1, np.float32))[:, 0])

    def ndcg_of_steps(self, rest: FloatArray, score: FloatArray, steps: FloatArray) -> FloatArray:
        """Return float[n_users, n_steps], NDCG@k of lists sorted by rest + step · score, equal ones by place.

        Args:
            rest: float32[n_users, m]; -inf is not listed.
            score: float32[n_users, m], finite.
            steps: float32[n_steps].
        """
        from src.models.kernels.rank_kernels import write_ranks  # not at the top: Numba takes a second to import

        starts, column = self._relevant_places

        def of_block(rows: slice) -> IntArray:
            own = starts[rows.start : rows.stop + 1]
            rank = np.empty((own[-1] - own[0], len(steps)), np.int32)
            write_ranks(rest[rows], score[rows], steps, own, column, rank)
            return rank

        rank = np.concatenate(map_on_all_cores(of_block, blocks_of(*rest.shape)))
        discount = 1 / np.log2(np.arange(2, self.k + 2))
        gain = np.append(discount, 0.0)[np.minimum(rank, self.k)]
        total = csr_matrix((np.ones(len(gain)), np.arange(len(gain)), starts), (len(starts) - 1, len(gain))) @ gain
        return np.asarray(total / np.cumsum(discount)[np.minimum(self.n_relevant, self.k) - 1, None])

    @cached_property
    def _relevant_places(self) -> tuple[IntArray, IntArray]:
        """int64[n_users + 1] and int64[n], where the relevant candidates of each user begin, and their columns."""
        return np.append(0, np.cumsum(self.relevant.sum(axis=1))), np.nonzero(self.relevant)[1]


def _taken(score: FloatArray, items: IntArray) -> FloatArray:
    """Return the scores of some items of every row, of which -1 is none; 0 where there is no score."""
    chosen = np.take_along_axis(score, np.maximum(items, 0), axis=1)
    return np.where(np.isfinite(chosen), chosen, np.float32(0))


def _as_wide(part: Any, width: int, value: float) -> Any:
    """Return an array with its last axis cut, or filled with a value, to this width."""
    blank = [(0, 0)] * (part.ndim - 1) + [(0, max(width - part.shape[-1], 0))]
    return np.pad(part[..., :width], blank, constant_values=value)
