"""Choose the text model's weight and cold-start boost by simulating cold items.

Held-out likes are of products that could be bought before, so they tell little about products without events. A share
of the known products is therefore treated as cold: no model but text scores them, and text scores them as it scores
products without an event. Two figures result: how many of the liked cold products the lists hold, and how much the
lists of known products lose to the products that really are cold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models import TEXT
from src.models.base import ListModel
from src.models.text import Text
from src.recommendation.ensemble import scales_of
from src.tuning.hyperparameter_search import Search
from src.tuning.objective import ComponentScores

K = 50
"""Length of the lists in which cold products are counted."""
_COLD_SHARE = 0.1
_MAX_USERS = 2_000
_WEIGHTS = (0.03, 0.06, 0.1, 0.2, 0.3, 0.45, 0.7)
_BOOSTS = (2.0, 4.0, 8.0, 16.0, 32.0)
_MAX_LOSS = 0.01
"""Share of the NDCG@k. Held-out data count none of the likes that really cold products would get."""
_NO_EVENT = np.zeros(1)


@dataclass(frozen=True)
class TextTrial:
    """A text model with a boost, its weight, and what its lists achieve.

    Attributes:
        text: the model.
        weight: in units of the model's scale.
        ndcg: mean NDCG@k of the lists of the ensemble.
        cold_recall: recall@K of the products treated as cold.
    """

    text: Text
    weight: float
    ndcg: float
    cold_recall: float

    def rank(self, ndcg_without: float) -> tuple[bool, float, float]:
        """Return a key to sort by, the higher the better, see `tune_cold_start_weight`."""
        is_free = self.ndcg >= ndcg_without * (1 - _MAX_LOSS)
        recall, ndcg = round(self.cold_recall, 9), round(self.ndcg, 9)  # rounding of sums must not break a tie
        return (True, recall, ndcg) if is_free else (False, ndcg, recall)


def tune_cold_start_weight(
    search: Search,
    scores: ComponentScores,
    models: Mapping[str, ListModel],
    weights: Mapping[str, float],
    ndcg_without: float,
) -> TextTrial:
    """Choose the text model's boost and weight.

    Of all choices whose lists lose at most 1 % of NDCG@k the one with the highest recall of cold products is chosen;
    where all lose more, the one that loses least.

    Args:
        search: the context of the tuning.
        scores: component scores of all models.
        models: the models, text among them.
        weights: of the other models, in units of their scales.
        ndcg_without: mean NDCG@k of the best lists without text.

    Returns:
        The best trial.
    """
    train, text = search.split.train, models[TEXT]
    assert isinstance(text, Text)
    events = np.asarray(train.histories.sum(axis=0)).ravel()
    others = _sum_of_others(scores, weights, scales_of(models, train, seed=search.seed))
    simulation = _ColdSimulation.of(search, text, events)
    trials = []
    for boost in _BOOSTS:
        boosted = text.with_boost(replace(text.params, boost=boost), events)
        ratio = boosted.cold_start_boost(events) / text.cold_start_boost(events)
        text_score = scores.score[scores.names.index(TEXT)] * ratio[np.maximum(scores.item, 0)].astype(np.float32)
        unit = 1 / scales_of({TEXT: boosted}, train, seed=search.seed)[TEXT]
        cold_unit = unit * boosted.cold_start_boost(_NO_EVENT)[0] / text.cold_start_boost(_NO_EVENT)[0]
        for weight in _WEIGHTS:
            total = others + np.float32(weight * unit) * text_score
            recall = simulation.recall(scores, total, weight * cold_unit) if simulation else 0.0
            trials.append(TextTrial(boosted, weight, float(scores.ndcg_of(total).mean()), recall))
    return max(trials, key=lambda trial: trial.rank(ndcg_without))


def _sum_of_others(scores: ComponentScores, weights: Mapping[str, float], scales: Mapping[str, float]) -> FloatArray:
    """Return float32, of the shape of scores.item, the ensemble's scores without text; -inf beyond the last item."""
    total = np.zeros(scores.item.shape, np.float32)
    for at, name in enumerate(scores.names):
        if name != TEXT:
            total += np.float32(weights.get(name, 0.0) / scales[name]) * scores.score[at]
    total[scores.item < 0] = -np.inf
    return total


@dataclass(frozen=True)
class _ColdSimulation:
    """Known products that are treated as cold, and the users who like one of them.

    Attributes:
        is_cold: bool[n_items].
        users: int[m], rows of the objective's queries.
        score: float32[m, n_cold], text scores of these products as if they had no events.
        relevant: bool[m, n_cold].
    """

    is_cold: BoolArray
    users: IntArray
    score: FloatArray
    relevant: BoolArray

    @classmethod
    def of(cls, search: Search, text: Text, events: FloatArray) -> _ColdSimulation | None:
        """Draw the products; None where no user likes one of them."""
        rng, objective = np.random.default_rng(search.seed), search.objective
        known = np.flatnonzero((events > 0) & text.wanted.any(axis=1))
        cold = np.sort(rng.choice(known, int(np.ceil(_COLD_SHARE * len(known))), replace=False))
        relevant = objective.relevant[:, cold]
        users = np.flatnonzero(np.diff(relevant.indptr))
        if not len(users):
            return None
        if len(users) > _MAX_USERS:
            users = np.sort(rng.choice(users, _MAX_USERS, replace=False))
        is_cold = np.zeros(len(events), np.bool_)
        is_cold[cold] = True
        queries = objective.queries.take(users)
        score = np.nan_to_num(text.score_all(queries, cold))
        score *= (text.cold_start_boost(_NO_EVENT) / text.cold_start_boost(events[cold])).astype(np.float32)
        score[objective.masked[users][:, cold].toarray() > 0] = -np.inf
        return cls(is_cold, users, score, relevant[users].toarray() > 0)

    def recall(self, scores: ComponentScores, total: FloatArray, unit: float) -> float:
        """Return the mean recall@K of the cold products. total: scores of all candidates; unit: weight of text."""
        item = scores.item[self.users]
        known = np.where(self.is_cold[np.maximum(item, 0)], -np.inf, total[self.users])
        cold = self.score * np.float32(unit)
        both = np.concatenate([known, cold], axis=1)
        last = max(both.shape[1] - K, 0)
        threshold = np.partition(both, last, axis=1)[:, last]  # the K-th highest score
        hits = (cold >= threshold[:, None]) & (cold > 0) & self.relevant
        return float((hits.sum(axis=1) / self.relevant.sum(axis=1)).mean())
