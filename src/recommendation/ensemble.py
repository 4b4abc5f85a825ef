"""The ensemble: a weighted sum of the scores of several models, each divided by its own scale."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from typing_extensions import override

from src.core.all_cores import map_on_all_cores
from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.messages import message
from src.core.progress import Reporter
from src.core.sorted_sets import distinct
from src.interactions.event_weights import starts_of_runs
from src.interactions.interactions import TrainingData
from src.models import MODELS, POPULARITY, TEXT
from src.models.base import NOBODY, ListModel, ListScorer, QueryBlock, QueryRows
from src.models.contributions import Contributions, ScoreTerm
from src.models.top_n import Candidates, top_n
from src.recommendation.candidate_index import BlockScores, CandidateIndex, GrowingIndex, Neighbourhoods
from src.recommendation.list_ranker import LearnedOrder, ListRanker, ages_of
from src.recommendation.pair_sums import MOST_ITEMS as PAIRED_ITEMS
from src.recommendation.pair_sums import PairSums, adds_up
from src.recommendation.score_sums import ScoreSum

ENSEMBLE = "blend"
"""The ensemble's name among the models of a release."""
NEIGHBOURS = 200
"""Items for each item in the candidate index."""
CANDIDATES = 300
"""Lowest number of items that are scored exactly for a list."""
FEWEST_NEW = 10_000
"""The candidate index covers as many items without events as items with events, but at least this many."""
_CANDIDATES_PER_PLACE = 3
BOUGHT_BEFORE = "bought_before"
"""Name of the part of a score that a product has because the user rated or bought it before."""
_TIE = np.float32(1e-6)
"""Weight of popularity as the tie-breaker: items with equal scores are sorted by popularity."""
_SCALED_ON = 256  # users


def n_candidates(n: IntArray) -> IntArray:
    """Return how many items each source names for lists of n items."""
    return np.maximum(CANDIDATES, _CANDIDATES_PER_PLACE * n)


@dataclass(frozen=True)
class Ensemble(ListScorer):
    """score = Σ weight / scale · score of the model; a model without a score for an item adds nothing.

    Where a list may hold what the user rated or bought n times, such an item has again · log(1 + n) more.

    Equal scores are sorted by popularity. A ranker permutes the highest scores of a list into the order of its trees.

    Attributes:
        models: by name; popularity is always one of them, because popular items are candidates for every query.
        weights: of the models that are added up.
        scales: unit of each model's scores, see `scales_of`.
        index: None if the whole catalogue is scored instead.
        ranker: None if the sum alone makes the order.
        again: see above; 0 where nothing is known of repeated purchases.
        pairs: the part of the sum that adds up over the history, for a small catalogue; None to ask each model.
    """

    models: Mapping[str, ListModel]
    weights: Mapping[str, float]
    scales: Mapping[str, float]
    index: CandidateIndex | None = None
    ranker: ListRanker | None = None
    again: float = 0.0
    pairs: PairSums | None = None

    @property
    def params(self) -> dict[str, Any]:
        """The weights, for the manifest."""
        return {"weights": dict(self.weights)}

    @property
    @override
    def n_items(self) -> int:
        return self.models[POPULARITY].n_items

    @property
    def sources_for_all(self) -> tuple[str, ...]:
        """The models that name candidates without a history; popularity does so whatever its weight."""
        return (*(name for name in self.weights if MODELS[name].scores_cold_users), POPULARITY)

    def personal(self) -> Ensemble | None:
        """Return the part of the sum that depends on the history, without a ranker; None if there is no such part."""
        weights = {name: w for name, w in self.weights.items() if not MODELS[name].scores_cold_users}
        return replace(self, weights=weights, ranker=None, pairs=None) if weights else None

    def indexed(self, data: TrainingData, reporter: Reporter, *, growing: bool = False) -> Ensemble:
        """Return the ensemble with a candidate index.

        Args:
            data: what the models were trained on.
            growing: whether to find the neighbours of an item when it is asked for, as measuring a few users needs it.

        Returns:
            A copy with an index; the ensemble itself if nothing of it depends on the history.
        """
        personal = self.personal()
        if personal is None:
            return self
        sampled = data.sampled_from
        users = sampled.users_by_item if sampled else np.bincount(data.histories.indices, minlength=len(data.items))
        indexed = users > 0
        if TEXT in self.weights and data.item_vectors is not None:
            # The first buyer of a new item needs a list, too. The last items of a catalogue usually are its newest.
            new = np.flatnonzero(~indexed & np.asarray(data.item_vectors.any(axis=1)))
            indexed[new[-max(int(indexed.sum()), FEWEST_NEW) :]] = True
        neighbourhoods = Neighbourhoods.of(personal.scorer_of, users, indexed, NEIGHBOURS)
        if growing:
            return replace(self, index=GrowingIndex.of(neighbourhoods), pairs=self._pair_sums())
        reporter.step(message("step.blend_index"))
        return replace(self, index=neighbourhoods.whole(reporter), pairs=self._pair_sums())

    def _pair_sums(self) -> PairSums | None:
        if self.n_items > PAIRED_ITEMS:
            return None
        everything = np.arange(self.n_items)
        same, factors = np.array(self.ties(everything)), self._factors
        for name in self.weights:
            if MODELS[name].scores_cold_users:
                same += np.float32(factors[name]) * np.nan_to_num(self.models[name].score(NOBODY, everything))
        return PairSums.of(self.models, factors, same)

    @cached_property
    def _factors(self) -> dict[str, float]:
        """What the scores of each model are multiplied by in the sum."""
        return {name: weight / self.scales[name] for name, weight in self.weights.items()}

    @cached_property
    def _not_in_pairs(self) -> list[str]:
        """The models whose scores `pairs` does not hold."""
        return [n for n in self.weights if not MODELS[n].scores_cold_users and not adds_up(self.models[n])]

    def prepare(self, items: IntArray, reporter: Reporter) -> None:
        """Find the neighbours of items ahead of queries with them, if the index finds them when it is asked.

        Args:
            items: int[m], with repetitions.
        """
        if isinstance(self.index, GrowingIndex):
            self.index.find(items, reporter)

    @override
    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        if self.scores_all_at_once:
            if self.pairs is not None and self.ranker is None and len(query.item_idx):
                return top_n(self._paired(query, self.pairs, None), n)
            return top_n(self.display_scores(query, np.arange(self.n_items)), n)
        items = self.candidates(query, int(n_candidates(np.array(n))))
        best = top_n(self.display_scores(query, items), n)
        return Candidates(items[best.item_idx], best.score)

    @property
    def scores_all_at_once(self) -> bool:
        """Whether every item is a candidate."""
        return self.index is None or self.pairs is not None

    def candidates(self, query: QueryRows, n: int) -> IntArray:
        """Return the items worth scoring.

        Args:
            query: the query in row numbers.
            n: items that each source of candidates names.

        Returns:
            int64[m], ascending; all items without an index, and where all of them are scored at once.
        """
        if self.index is None or self.scores_all_at_once:
            return np.arange(self.n_items)
        named = [self.models[name].retrieve(query, n).item_idx for name in self.sources_for_all]
        if self.again and query.n_seen is not None:
            named.append(query.item_idx[query.n_seen > 0])
        items = np.sort(np.concatenate([self.index.retrieve(query, n).item_idx, *named]))
        return items[starts_of_runs(items)]  # np.unique takes several times as long

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        """Return the sum, even if a ranker makes the order of lists."""
        if self.pairs is None or not len(query.item_idx):
            return self._sum(query, self._scores(query, item_idx, self.weights), item_idx)
        return self._paired(query, self.pairs, item_idx)

    def _paired(self, query: QueryRows, pairs: PairSums, items: IntArray | None) -> FloatArray:
        """Return the sum for a history that is not empty, of which `pairs` holds most. items: None for all."""
        total = pairs.scores(query) if items is None else pairs.scores(query)[items]
        items = self._everything if items is None else items
        for name in self._not_in_pairs:
            score = self.models[name].score(query, items)
            total += np.float32(self._factors[name]) * np.where(np.isnan(score), np.float32(0), score)
        return self._with_purchases(total, query, items)

    @cached_property
    def _everything(self) -> IntArray:
        """int64[n_items], all row numbers."""
        return np.arange(self.n_items)

    @override
    def without_reranking(self) -> Ensemble:
        return replace(self, ranker=None)

    @override
    def contributions(self, query: QueryRows, items: IntArray) -> Contributions:
        scores = self._scores(query, items, self.weights)
        terms = [ScoreTerm(name, self.weights[name], self._scaled(name, score)) for name, score in scores.items()]
        if self.again and query.n_seen is not None:
            terms.append(ScoreTerm(BOUGHT_BEFORE, self.again, _bought_before(query, items)))
        total = self._sum(query, scores, items) if self.pairs is None else self.score(query, items)
        return Contributions(tuple(terms), total, is_reranked=self.ranker is not None)

    @override
    def display_scores(self, query: QueryRows, items: IntArray) -> FloatArray:
        if self.ranker is None:
            return self.score(query, items)
        summed = self.weights if self.pairs is None else ()
        scores = self._scores(query, items, dict.fromkeys((*summed, *self.ranker.order.names)))
        total = self._sum(query, {name: scores[name] for name in summed}, items) if summed else self.score(query, items)
        in_history, n_history = np.isin(items, query.item_idx)[None], np.array([len(query.item_idx)])

        def component_score(name: str) -> FloatArray:
            return self._scaled(name, scores[name])[None]

        return np.asarray(self.ranker.ranked(total[None], in_history, n_history, component_score, items)[0])

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        """Return the displayed scores of the block; no candidate index limits them."""
        return self._ranked(self._total(queries, items), queries, items)

    def scorer_of(self, items: IntArray) -> BlockScores:
        """Return a function that scores some items, by the sum alone, for many blocks: the items are looked up once."""
        return partial(self._total, items=items, sums=self._sums(items))

    def score_candidates(self, queries: QueryBlock, candidates: BoolArray) -> FloatArray:
        """Return the displayed scores of a block as if each query scored its candidates only.

        Args:
            queries: n queries.
            candidates: bool[n, n_items].

        Returns:
            float32[n, n_items], NaN for other items.
        """
        total = self._total(queries, None)
        total[~candidates] = np.nan
        return self._ranked(total, queries, None)

    def _ranked(self, total: FloatArray, queries: QueryBlock, items: IntArray | None) -> FloatArray:
        """Return the sums of a block in the order of the ranker, if there is one."""
        if self.ranker is None:
            return total
        history = queries.history if items is None else csr_matrix(queries.history[:, items])
        in_history = np.zeros(total.shape, np.bool_)
        in_history[np.repeat(np.arange(len(queries)), np.diff(history.indptr)), history.indices] = True
        n_history = np.diff(queries.history.indptr)

        def component_score(name: str) -> FloatArray:
            # Computed again: keeping those of the sum would take as many blocks as there are models.
            return self._scaled(name, self.models[name].score_all(queries, items))

        return self.ranker.ranked(total, in_history, n_history, component_score, items)

    def _scores(self, query: QueryRows, items: IntArray, names: Collection[str]) -> dict[str, FloatArray]:
        """Return the scores of the named models as they are."""
        return {name: self.models[name].score(query, items) for name in names}

    def _scaled(self, name: str, score: FloatArray) -> FloatArray:
        """Return a model's scores in units of its scale; 0 where it has none."""
        return np.asarray(np.nan_to_num(score) / np.float32(self.scales[name]))

    def _total(self, queries: QueryBlock, items: IntArray | None, sums: ScoreSum | None = None) -> FloatArray:
        """Return the weighted sum for a block, before re-ranking; NaN for queries that no model scores.

        sums: of the items, where many blocks share it.
        """
        total, is_scored = (sums or self._sums(items)).of_block(queries)
        total += self.ties(np.arange(self.n_items) if items is None else items)
        if self.again and queries.n_seen is not None:
            seen = queries.n_seen if items is None else csr_matrix(queries.n_seen[:, items])
            at = np.repeat(np.arange(len(queries)), np.diff(seen.indptr)), seen.indices
            total[at] += np.float32(self.again) * np.log1p(seen.data)
        total[~is_scored] = np.nan
        return total

    def _sums(self, items: IntArray | None) -> ScoreSum:
        return ScoreSum.of(self.models, self._factors, items)

    def ties(self, items: IntArray) -> FloatArray:
        """Return float32[m], what popularity adds to the scores of items to break ties."""
        return np.asarray(_TIE * self.models[POPULARITY].score(NOBODY, items))

    def _sum(self, query: QueryRows, scores: Mapping[str, FloatArray], items: IntArray) -> FloatArray:
        """Return the weighted sum for one query, before re-ranking; NaN for items that no model scores."""
        total: FloatArray = self.ties(items)
        is_scored: BoolArray = np.zeros(len(items), np.bool_)
        for name, score in scores.items():
            finite = np.isfinite(score)
            total += np.where(finite, score, 0) * np.float32(self._factors[name])
            is_scored |= finite
        return np.where(is_scored, self._with_purchases(total, query, items), np.float32(np.nan))

    def _with_purchases(self, total: FloatArray, query: QueryRows, items: IntArray) -> FloatArray:
        """Add what earlier purchases count, in place."""
        if self.again and query.n_seen is not None:
            total += np.float32(self.again) * _bought_before(query, items)
        return total

    def save(self, folder: Path) -> None:
        """Write weights, scales, the index and the ranker; the models are saved beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        has_pairs = self.pairs is not None
        parts = {"has_index": self.index is not None, "has_ranker": self.ranker is not None, "has_pairs": has_pairs}
        document = {"weights": self.weights, "scales": self.scales, "again": self.again, **parts}
        (folder / "blend.json").write_text(json.dumps(document, indent=2), encoding="utf-8")
        if self.index is not None:
            self.index.save(folder / "index")
        if self.ranker is not None:
            self.ranker.save(folder / "ranker")
        if self.pairs is not None:
            self.pairs.save(folder / "pairs")

    @classmethod
    def load(cls, folder: Path, models: Mapping[str, ListModel]) -> Ensemble:
        """Map what `save` wrote.

        Args:
            folder: where it was saved.
            models: the list models of its release, by name.

        Returns:
            The ensemble of those models.
        """
        document = json.loads((folder / "blend.json").read_text(encoding="utf-8"))
        index = CandidateIndex.load(folder / "index") if document["has_index"] else None
        ranker = ListRanker.load(folder / "ranker") if document["has_ranker"] else None
        pairs = PairSums.load(folder / "pairs") if document.get("has_pairs") else None
        parts = _parts(models, document["scales"])
        return cls(parts, document["weights"], document["scales"], index, ranker, document.get("again", 0.0), pairs)

    def describe(self) -> dict[str, int]:
        """Return shapes for /status and the manifest."""
        shape = {"n_items": self.n_items, "n_models": len(self.weights)}
        if self.index is not None:
            shape["n_neighbours"] = self.index.item.shape[1]
        if self.ranker is not None:
            shape["n_trees"] = len(self.ranker.order.trees.value)
        return shape


def _bought_before(query: QueryRows, items: IntArray) -> FloatArray:
    """Return float32[m], log(1 + n) for items that the user rated or bought n times."""
    assert query.n_seen is not None
    n_seen = np.append(query.n_seen, np.float32(0))
    at = np.searchsorted(query.item_idx, items)
    is_known = np.append(query.item_idx, -1)[at] == items
    return np.asarray(np.log1p(np.where(is_known, n_seen[at], np.float32(0))))


def build_ensemble(
    models: Mapping[str, ListModel],
    weights: Mapping[str, float],
    data: TrainingData,
    *,
    seed: int,
    order: LearnedOrder | None = None,
    again: float = 0.0,
) -> Ensemble:
    """Build an ensemble without a candidate index.

    Args:
        models: trained on the data, by name.
        weights: of the sum; weights of 0, and of models that are missing because they have nothing to learn from, are
            left out.
        data: what the models were trained on.
        seed: of the draw of users that the scales are measured on.
        order: of the highest places of lists; ignored unless all the models that it reads are given.
        again: weight of earlier purchases, see Ensemble.

    Returns:
        The ensemble.
    """
    weights = {name: weight for name, weight in weights.items() if weight and name in models}
    order = order if order and set(order.names) <= set(models) else None
    names = dict.fromkeys((*weights, *(order.names if order else ())))
    scales = scales_of({name: models[name] for name in names}, data, seed=seed)
    ranker = ListRanker(order, ages_of(data)) if order else None
    return Ensemble(_parts(models, scales), weights, scales, ranker=ranker, again=again)


def scales_of(models: Mapping[str, ListModel], data: TrainingData, *, seed: int) -> dict[str, float]:
    """Measure the unit of each model's scores: the mean over users of the standard deviation of their scores.

    All users share one scale: it costs nothing while serving, ensemble scores stay sums over the history, and lists of
    users with longer histories depend less on popularity.

    Args:
        models: by name.
        data: what they were trained on.
        seed: of the draw of users.

    Returns:
        A positive scale for each model; 1.0 where all scores are equal.
    """
    histories = data.histories
    users = np.flatnonzero(np.diff(histories.indptr))
    bought = distinct(histories.indices)
    # Items without events would distort the scales: most models do not score them, and text boosts them.
    items = None if len(bought) == histories.shape[1] else bought
    if len(users) > _SCALED_ON:
        users = np.sort(np.random.default_rng(seed).choice(users, _SCALED_ON, replace=False))
    parts = [QueryBlock(np.full(len(some), -1), histories[some]) for some in np.array_split(users, 16) if len(some)]
    scales = {}
    for name in models:
        alone = ScoreSum.of(models, {name: 1.0}, items)  # looks up the items once for all parts
        deviation = map_on_all_cores(partial(_deviations, alone), parts)
        scales[name] = float(np.concatenate(deviation).mean()) if parts else 0.0
    return {name: scale or 1.0 for name, scale in scales.items()}


def _deviations(scores: ScoreSum, part: QueryBlock) -> FloatArray:
    """Return float32[n_queries], the standard deviation of the scores of each query."""
    return np.asarray(scores.of_block(part)[0].std(axis=1))


def _parts(models: Mapping[str, ListModel], scales: Mapping[str, float]) -> dict[str, ListModel]:
    """Return the models that the ensemble needs."""
    return {name: models[name] for name in models if name in scales or name == POPULARITY}
