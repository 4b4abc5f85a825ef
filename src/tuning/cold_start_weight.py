"""How loudly texts speak for products that are new: chosen on lists as they would be if some known ones were new.

What is held out is liked by people who could buy it before, so that it tells little of what nobody has bought yet. A
share of the products is therefore taken for new: no model but the one of texts says anything of them, and that one
says it as loudly as of a product without an event. So both sides are seen: how many of the new products that people
would like the lists name, and what the lists lose in known ones to the new products that the shop really has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray, JsonDict
from src.models import TEXT
from src.models.base import ListModel, QueryBlock
from src.models.text import Text
from src.recommendation.ensemble import scales_of
from src.tuning.hyperparameter_search import Search
from src.tuning.objective import ComponentScores

K = 50
"""Places of a list in which a new product counts as named."""
_SHARE = 0.1
_MOST_USERS = 2_000
_WEIGHTS = (0.03, 0.06, 0.1, 0.2, 0.3, 0.45, 0.7)
_BOOSTS = (2.0, 4.0, 8.0, 16.0, 32.0)
_LOST_AT_MOST = 0.01
"""Share of the NDCG@k: what is held out counts nothing of what people would have liked among the really new ones."""
_NONE = np.zeros(1)  # events


def tune_cold_start_weight(
    search: Search,
    opinions: ComponentScores,
    models: Mapping[str, ListModel],
    weights: Mapping[str, float],
    without: float,
) -> tuple[Tried, JsonDict]:
    """(what was chosen, what was seen of it for people).

    Chosen is what names the most of the products that are taken for new, among all that cost the lists next to nothing:
    their NDCG@k is that of the best lists without texts, `without`, or higher. Where all cost more, what costs least.
    weights: those of the other models, of these best lists; so texts are all that differs.
    """
    train, text = search.split.train, models[TEXT]
    assert isinstance(text, Text)
    events = np.asarray(train.histories.sum(axis=0)).ravel()
    others = _sum_of_others(opinions, weights, scales_of(models, train, seed=search.seed))
    as_if = _AsIfNew.of(search, text, events)
    tried = []
    for boost in _BOOSTS:
        louder = text.with_boost(replace(text.params, boost=boost), events)
        ratio = louder.cold_start_boost(events) / text.cold_start_boost(events)
        said = opinions.score[opinions.names.index(TEXT)] * ratio[np.maximum(opinions.item, 0)].astype(np.float32)
        unit = 1 / scales_of({TEXT: louder}, train, seed=search.seed)[TEXT]
        as_loud = unit * louder.cold_start_boost(_NONE)[0] / text.cold_start_boost(_NONE)[0]
        for weight in _WEIGHTS:
            total = others + np.float32(weight * unit) * said
            named = as_if.named(opinions, total, weight * as_loud) if as_if else 0.0
            tried.append(Tried(louder, weight, float(opinions.ndcg_of(total).mean()), named))
    best = max(tried, key=lambda each: each.rank(without))
    return best, {f"recall_at_{K}": round(best.named, 5), "ndcg_without_texts": round(without, 5)}


@dataclass(frozen=True)
class Tried:
    """The model of texts with a boost, and its weight; NDCG@k of the lists, and recall@K of products taken for new."""

    text: Text
    weight: float
    ndcg: float
    named: float

    def rank(self, without: float) -> tuple[bool, float, float]:
        """The higher the better."""
        is_free = self.ndcg >= without * (1 - _LOST_AT_MOST)
        return (True, self.named, self.ndcg) if is_free else (False, self.ndcg, self.named)


def _sum_of_others(opinions: ComponentScores, weights: Mapping[str, float], scales: Mapping[str, float]) -> FloatArray:
    """float32, the shape of opinions.item: the blended scores without texts; -inf beyond the last product."""
    total = np.zeros(opinions.item.shape, np.float32)
    for at, name in enumerate(opinions.names):
        if name != TEXT:
            total += np.float32(weights.get(name, 0.0) / scales[name]) * opinions.score[at]
    total[opinions.item < 0] = -np.inf
    return total


@dataclass(frozen=True)
class _AsIfNew:
    """is_new: bool[n_items]. users: int[m], rows of the judge's queries: whoever likes one of the new ones. score:
    float32[m, n_new], what texts say of these, as loud as of products without an event; relevant: bool[m, n_new].
    """

    is_new: BoolArray
    users: IntArray
    score: FloatArray
    relevant: BoolArray

    @classmethod
    def of(cls, search: Search, text: Text, events: FloatArray) -> _AsIfNew | None:
        """None where nobody likes any of the products drawn."""
        rng, judge = np.random.default_rng(search.seed), search.judge
        known = np.flatnonzero((events > 0) & text.wanted.any(axis=1))
        drawn = np.sort(rng.choice(known, int(np.ceil(_SHARE * len(known))), replace=False))
        relevant = judge.relevant[:, drawn]
        users = np.flatnonzero(np.diff(relevant.indptr))
        if not len(users):
            return None
        if len(users) > _MOST_USERS:
            users = np.sort(rng.choice(users, _MOST_USERS, replace=False))
        is_new = np.zeros(len(events), np.bool_)
        is_new[drawn] = True
        queries = QueryBlock(judge.queries.user_idx[users], judge.queries.history[users])
        score = np.nan_to_num(text.score_all(queries, drawn))
        score *= (text.cold_start_boost(_NONE) / text.cold_start_boost(events[drawn])).astype(np.float32)
        score[judge.masked[users][:, drawn].toarray() > 0] = -np.inf
        return cls(is_new, users, score, relevant[users].toarray() > 0)

    def named(self, opinions: ComponentScores, total: FloatArray, unit: float) -> float:
        """Mean recall@K of the new ones. total: what all products score; unit: what one of texts is worth."""
        item = opinions.item[self.users]
        known = np.where(self.is_new[np.maximum(item, 0)], -np.inf, total[self.users])
        new = self.score * np.float32(unit)
        both = np.concatenate([known, new], axis=1)
        last = max(both.shape[1] - K, 0)
        least = np.partition(both, last, axis=1)[:, last]  # the K-th best, which a product has to reach
        hits = (new >= least[:, None]) & (new > 0) & self.relevant
        return float((hits.sum(axis=1) / self.relevant.sum(axis=1)).mean())
