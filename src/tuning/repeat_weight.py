"""Choose the weight of earlier purchases for lists that may hold what the user rated or bought.

The weights of the models are chosen by lists of new products. Of products that were bought before, models say how well
they go with the rest of the history, while the number of purchases says more: it alone makes better lists than models
of preferences (Hu et al., "Modeling personalized item frequency information for next-basket recommendation", SIGIR
2020). The order of new products stays as it is; one weight says where the earlier ones stand among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from src.core.all_cores import map_on_all_cores
from src.core.domain import FloatArray, IntArray, JsonDict
from src.core.sorted_sets import distinct
from src.evaluation.exact_lists import blocks_of, queries_of
from src.models.base import QueryBlock
from src.models.compiled_top_n import best_of_rows
from src.recommendation.ensemble import BOUGHT_BEFORE, Ensemble
from src.tuning.hyperparameter_search import Search
from src.tuning.objective import ComponentScores

_WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)
_MAX_USERS, _MAX_SCORES = 2_000, 60_000_000
_SURE = 2.0
"""Standard errors by which the lists must be better than without."""


@dataclass(frozen=True)
class RepeatTrial:
    """The weight of earlier purchases and what it achieves.

    Attributes:
        weight: see Ensemble.again; 0 where lists are not surely better with one.
        about: for people: NDCG@k of lists of all products with and without it, and the number of users; empty where
            nobody liked again what she had rated or bought.
    """

    weight: float
    about: JsonDict


def tune_repeat_weight(search: Search, ensemble: Ensemble) -> RepeatTrial:
    """Choose the weight by lists that leave nothing out; what was liked again is relevant, as are new products.

    Args:
        ensemble: of the tuned models and weights, trained on the training part.
    """
    train, test = search.split.train, search.split.test
    liked = distinct(test.liked(search.objective.relevant_rating, train).events.pairs)
    user, item = np.divmod(liked, len(train.items))
    relevant = csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=train.n_seen.shape)
    if not relevant.multiply(train.n_seen).nnz:
        return RepeatTrial(0.0, {})
    users, most = distinct(user), min(_MAX_USERS, max(_MAX_SCORES // len(train.items), 1))
    if len(users) > most:
        users = np.sort(np.random.default_rng(search.seed).choice(users, most, replace=False))
    scores = _scores(ensemble, queries_of(train, users).queries, relevant[users], search.objective.k)
    without = scores.ndcg_of(scores.total(np.array([1.0, 0.0])))
    of_weight = {weight: scores.ndcg_of(scores.total(np.array([1.0, weight]))) for weight in _WEIGHTS}
    best = max(of_weight, key=lambda weight: float(of_weight[weight].mean()))
    gain = of_weight[best] - without
    is_sure = gain.mean() > _SURE * gain.std() / np.sqrt(len(gain))
    about: JsonDict = {
        "users": len(users),
        "without": round(float(without.mean()), 5),
        "with": round(float(of_weight[best].mean()), 5),
    }
    return RepeatTrial(best if is_sure else 0.0, about)


def _scores(ensemble: Ensemble, queries: QueryBlock, relevant: csr_matrix, k: int) -> ComponentScores:
    """Return two scores, the sum and earlier purchases, of the k best new items and all earlier ones of each user."""
    parts = map_on_all_cores(
        lambda rows: _of_block(ensemble, queries.take(rows), k), blocks_of(len(queries), ensemble.n_items)
    )
    width = max(item.shape[1] for item, _ in parts)
    item = np.concatenate([_widened(item, width, -1) for item, _ in parts])
    score = np.concatenate([_widened(score, width, 0) for _, score in parts], axis=1)
    place = np.repeat(np.arange(len(item)), width), np.maximum(item, 0).ravel()
    is_relevant = (np.asarray(relevant[place]).reshape(item.shape) > 0) & (item >= 0)
    return ComponentScores(("sum", BOUGHT_BEFORE), item, score, is_relevant, np.diff(relevant.indptr), k)


def _of_block(ensemble: Ensemble, block: QueryBlock, k: int) -> tuple[IntArray, FloatArray]:
    """Return int32[n, m], items, -1 beyond the last, and float32[2, n, m], the sums and the parts of some users."""
    total, seen = np.nan_to_num(ensemble.score_all(block)), block.n_seen
    assert seen is not None
    n_known = np.diff(seen.indptr)
    row, column = np.repeat(np.arange(len(block)), n_known), np.concatenate([np.arange(n) for n in n_known])
    known = np.full((len(block), n_known.max(initial=0)), -1, np.int32)
    known[row, column] = seen.indices
    n_seen = np.zeros(known.shape, np.float32)
    n_seen[row, column] = seen.data
    of_known = np.take_along_axis(total, np.maximum(known, 0), axis=1)
    total[row, seen.indices] = np.nan
    best = best_of_rows(total, k)
    item = np.concatenate([best.column, known], axis=1)
    part = np.concatenate([np.zeros(best.column.shape, np.float32), np.log1p(n_seen)], axis=1)
    return item, np.stack([np.concatenate([best.score, of_known], axis=1), part])


def _widened(values: Any, width: int, value: float) -> Any:
    """Return an array whose last axis is filled up to this width."""
    blank = [(0, 0)] * (values.ndim - 1) + [(0, width - values.shape[-1])]
    return np.pad(values, blank, constant_values=value)
