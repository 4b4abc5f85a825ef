"""The blend: one score out of several models' opinions, each in its own unit, added up with weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray, IntArray
from src.core.progress import Reporter
from src.interactions.interactions import TrainingData
from src.models import MODELS, POPULARITY, TEXT
from src.models.base import ListModel, QueryBlock, QueryRows
from src.models.top_n import Candidates, top_n
from src.recommendation.candidate_index import CandidateIndex, build_candidate_index
from src.recommendation.list_ranker import LearnedOrder, ListRanker, ages_of

ENSEMBLE = "blend"
"""Its name among the models of a release."""
NEIGHBOURS = 200
"""So many of each product the index holds."""
CANDIDATES = 300
"""So many products, at least, are scored exactly for a list."""
FEWEST_NEW = 10_000
"""Products that nobody has: so many, or as many as there are others, are in the index."""
_PER_PLACE = 3
_TIE = np.float32(1e-6)
"""What popularity counts for in any case: of products that nobody's history speaks for the popular come first."""
_NOBODY = QueryRows(None, np.zeros(0, np.int64), np.zeros(0, np.float32))
_SCALED_ON = 256  # users


@dataclass(frozen=True)
class Ensemble:
    """score = Σ weight / scale · opinion over the models; a model without an opinion on a product adds nothing.

    Equal scores are told apart by popularity. With a ranker the scores at the head of a list are dealt out anew, in the
    order of its trees.

    models: by name; popularity is always among them, as products that many have are candidates for everybody.
    weights: of the models that are added up. scales: what one unit of each of them is worth, see `scales_of`.
    index: None where the whole catalogue is scored instead. ranker: None where the sum alone makes the order.
    """

    models: Mapping[str, ListModel]
    weights: Mapping[str, float]
    scales: Mapping[str, float]
    index: CandidateIndex | None = None
    ranker: ListRanker | None = None

    @property
    def params(self) -> dict[str, Any]:
        return {"weights": dict(self.weights)}

    def personal(self) -> Ensemble | None:
        """The sum's part that is a function of the history; None when there is none."""
        weights = {name: w for name, w in self.weights.items() if not MODELS[name].has_opinion_on_strangers}
        return replace(self, weights=weights, ranker=None) if weights else None

    def indexed(self, data: TrainingData, reporter: Reporter, n: int = NEIGHBOURS) -> Ensemble:
        """The same with an index of n neighbours a product; data: what the models were trained on."""
        personal = self.personal()
        if personal is None:
            return self
        reporter.step("making the index of the blend")
        users = np.bincount(data.histories.indices, minlength=len(data.items))
        named = users > 0
        if TEXT in self.weights and data.item_vectors is not None:
            # Who buys a new product first must get a list, too. The last ones of a catalogue are its newest, as a rule.
            new = np.flatnonzero(~named & np.asarray(data.item_vectors.any(axis=1)))
            named[new[-max(int(named.sum()), FEWEST_NEW) :]] = True
        return replace(self, index=build_candidate_index(personal.score_all, users, named, n, reporter))

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """The n best of the candidates; none where no model has an opinion."""
        items = self.candidates(query, max(CANDIDATES, _PER_PLACE * n))
        found = top_n(self.ranked(query, items), n)
        return Candidates(items[found.item_idx], found.score)

    def candidates(self, query: QueryRows, n: int) -> IntArray:
        """int64 row numbers, ascending: products worth scoring."""
        if self.index is None:
            return np.arange(self._n_items)
        for_everybody = [name for name in self.weights if MODELS[name].has_opinion_on_strangers]
        found = [self.models[name].retrieve(query, n).item_idx for name in (*for_everybody, POPULARITY)]
        return np.unique(np.concatenate([self.index.retrieve(query, n).item_idx, *found]))

    @property
    def _n_items(self) -> int:
        return int(self.models[POPULARITY].describe()["n_items"])

    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        """The sum, also where a ranker makes the order of lists."""
        return self._sum({name: self.models[name].score(query, item_idx) for name in self.weights}, item_idx)

    def summed(self) -> Ensemble:
        """The same without trees: the sum alone."""
        return replace(self, ranker=None)

    def opinions(self, query: QueryRows, item_idx: IntArray) -> dict[str, FloatArray]:
        """What each model that is added up says, in units of its scale; 0 where it has no opinion."""
        scores = {name: self.models[name].score(query, item_idx) for name in self.weights}
        return {name: np.nan_to_num(score) / np.float32(self.scales[name]) for name, score in scores.items()}

    def ranked(self, query: QueryRows, items: IntArray) -> FloatArray:
        """float32[m]: the scores that lists of these items show: the sum, with a ranker as it deals them out."""
        if self.ranker is None:
            return self.score(query, items)
        names = dict.fromkeys((*self.weights, *self.ranker.order.names))
        opinions = {name: self.models[name].score(query, items) for name in names}
        total = self._sum({name: opinions[name] for name in self.weights}, items)

        def opinion(name: str) -> FloatArray:
            return np.asarray(np.nan_to_num(opinions[name])[None] / np.float32(self.scales[name]))

        in_history, n_history = np.isin(items, query.item_idx)[None], np.array([len(query.item_idx)])
        return np.asarray(self.ranker.ranked(total[None], in_history, n_history, opinion, items)[0])

    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        """Exact scores, whatever the index would find; with a ranker as it deals them out."""
        total = self._total(queries, items)
        if self.ranker is None:
            return total
        history = queries.history if items is None else csr_matrix(queries.history[:, items])
        in_history = np.zeros(total.shape, np.bool_)
        in_history[np.repeat(np.arange(len(queries)), np.diff(history.indptr)), history.indices] = True
        n_history = np.diff(queries.history.indptr)

        def opinion(name: str) -> FloatArray:
            # Made once more: to keep those of the sum would take as many blocks as there are models.
            return np.asarray(
                np.nan_to_num(self.models[name].score_all(queries, items)) / np.float32(self.scales[name])
            )

        return self.ranker.ranked(total, in_history, n_history, opinion, items)

    def _total(self, queries: QueryBlock, items: IntArray | None) -> FloatArray:
        shape = (len(queries), self._n_items if items is None else len(items))
        total, any_opinion = np.zeros(shape, np.float32), np.zeros((len(queries), 1), np.bool_)
        for name, weight in self.weights.items():  # one opinion at a time: each is as large as the result
            opinion = self.models[name].score_all(queries, items)
            silent = np.isnan(opinion[:, :1]) if opinion.shape[1] else np.ones_like(any_opinion)
            opinion[silent[:, 0]] = 0
            opinion *= np.float32(weight / self.scales[name])
            total += opinion
            any_opinion |= ~silent
        total += self._ties(np.arange(self._n_items) if items is None else items)
        total[~any_opinion[:, 0]] = np.nan
        return total

    def _ties(self, items: IntArray) -> FloatArray:
        return np.asarray(_TIE * self.models[POPULARITY].score(_NOBODY, items))

    def _sum(self, opinions: Mapping[str, FloatArray], items: IntArray) -> FloatArray:
        total, any_opinion = self._ties(items), np.zeros(len(items), np.bool_)
        for name, opinion in opinions.items():
            there = np.isfinite(opinion)
            total += np.where(there, opinion, 0) * np.float32(self.weights[name] / self.scales[name])
            any_opinion |= there
        return np.where(any_opinion, total, np.float32(np.nan))

    def save(self, folder: Path) -> None:
        """Write weights, scales, the index and the ranker; the models are saved beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {"has_index": self.index is not None, "has_ranker": self.ranker is not None}
        document = {"weights": self.weights, "scales": self.scales, **parts}
        (folder / "blend.json").write_text(json.dumps(document, indent=2), encoding="utf-8")
        if self.index is not None:
            self.index.save(folder / "index")
        if self.ranker is not None:
            self.ranker.save(folder / "ranker")

    @classmethod
    def load(cls, folder: Path, models: Mapping[str, ListModel]) -> Ensemble:
        """Map what `save` wrote. models: those of its release."""
        document = json.loads((folder / "blend.json").read_text(encoding="utf-8"))
        index = CandidateIndex.load(folder / "index") if document["has_index"] else None
        ranker = ListRanker.load(folder / "ranker") if document["has_ranker"] else None
        weights, scales = document["weights"], document["scales"]
        return cls(_parts(models, scales), weights, scales, index, ranker)

    def describe(self) -> dict[str, int]:
        shape = {"n_items": self._n_items, "n_models": len(self.weights)}
        if self.index is not None:
            shape["n_neighbours"] = self.index.item.shape[1]
        if self.ranker is not None:
            shape["n_trees"] = len(self.ranker.order.trees.value)
        return shape


def build_ensemble(
    models: Mapping[str, ListModel],
    weights: Mapping[str, float],
    data: TrainingData,
    *,
    seed: int,
    order: LearnedOrder | None = None,
) -> Ensemble:
    """A blend without an index of models trained on the data; weights of 0, and of models that are not here as there is
    nothing for them to learn from, are left out. order: of the lists' heads; none without all the models it asks.
    """
    weights = {name: weight for name, weight in weights.items() if weight and name in models}
    order = order if order and set(order.names) <= set(models) else None
    names = dict.fromkeys((*weights, *(order.names if order else ())))
    scales = scales_of({name: models[name] for name in names}, data, seed=seed)
    ranker = ListRanker(order, ages_of(data)) if order else None
    return Ensemble(_parts(models, scales), weights, scales, ranker=ranker)


def scales_of(models: Mapping[str, ListModel], data: TrainingData, *, seed: int) -> dict[str, float]:
    """What one unit of each model is worth: the mean over users of the standard deviation of their scores.

    One scale for all users and not one for each: it costs nothing while serving, blended scores stay sums over the
    history, and whoever has a longer one gets a list that rests on it more and on popularity less.
    """
    histories = data.histories
    users = np.flatnonzero(np.diff(histories.indptr))
    bought = np.unique(histories.indices)
    # Of products that nobody has most models say nothing, and text says it louder.
    items = None if len(bought) == histories.shape[1] else bought
    if len(users) > _SCALED_ON:
        users = np.sort(np.random.default_rng(seed).choice(users, _SCALED_ON, replace=False))
    parts = [QueryBlock(np.full(len(some), -1), histories[some]) for some in np.array_split(users, 8) if len(some)]
    scales = {}
    for name, model in models.items():
        deviation = [np.nan_to_num(model.score_all(part, items)).std(axis=1) for part in parts]
        scales[name] = float(np.concatenate(deviation).mean()) if parts else 0.0
    return {name: scale or 1.0 for name, scale in scales.items()}


def _parts(models: Mapping[str, ListModel], scales: Mapping[str, float]) -> dict[str, ListModel]:
    return {name: models[name] for name in models if name in scales or name == POPULARITY}
