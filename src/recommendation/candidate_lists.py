"""Lists of many histories at once where the catalogue is large: their candidates alone are scored, by compiled code."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models import MODELS, POPULARITY
from src.models.base import QueryBlock, QueryRows, ScoresByFactors, ScoresByPairs
from src.models.normalization import scale_columns
from src.recommendation.ensemble import Ensemble

_NOBODY = QueryRows(None, np.zeros(0, np.int64), np.zeros(0, np.float32))


class BestCandidates(NamedTuple):
    """Lists of candidates.

    Attributes:
        item: int32[n_histories, n], row numbers, best first; -1 beyond the last.
        score: float32[n_histories, n].
        n_reaching: int64[n_histories], candidates, hidden ones included, that score as high as the last place.
    """

    item: IntArray
    score: FloatArray
    n_reaching: IntArray


def scores_candidates(ensemble: Ensemble) -> bool:
    """Tell whether `best_candidates` can score by all models of an ensemble, and in its order."""
    kinds = (ScoresByFactors, ScoresByPairs)
    return ensemble.ranker is None and all(
        MODELS[name].scores_cold_users or isinstance(ensemble.models[name], kinds) for name in ensemble.weights
    )


def best_candidates(
    ensemble: Ensemble, histories: QueryBlock, hidden: csr_matrix, listed: BoolArray | None, n: int, n_named: IntArray
) -> BestCandidates:
    """Return the best candidates of each history.

    Args:
        ensemble: one that `scores_candidates`, with an index that has the neighbours of all items of the histories.
        histories: of one product or more.
        hidden: CSR [n_histories, n_items], other than 0 for what each list must not hold.
        listed: bool[n_items], False for what no list holds; None if there is no such item.
        n: length of the lists.
        n_named: int[n_histories], candidates that each source names.

    Returns:
        The lists.
    """
    from src.models.kernels.list_kernels import name_candidates, write_lists  # not at the top: serving has no Numba

    assert ensemble.index is not None
    history = histories.history
    candidates = name_candidates(
        history.indptr,
        history.indices,
        np.asarray(history.data, np.float32),
        ensemble.index.item,
        ensemble.index.score,
        _orders(ensemble, int(n_named.max(initial=1))),
        n_named.astype(np.int64),
    )
    score = _scores(ensemble, history, *candidates)
    shape, is_listed = (len(histories), n), np.ones(ensemble.n_items, np.bool_) if listed is None else listed
    best = BestCandidates(np.empty(shape, np.int32), np.empty(shape, np.float32), np.empty(len(histories), np.int64))
    write_lists(*candidates, score, hidden.indptr, hidden.indices, is_listed, best.item, best.score, best.n_reaching)
    return best


def _orders(ensemble: Ensemble, n: int) -> IntArray:
    """Return int64[n_sources, n], the items that sources without histories name; -1 beyond the last."""
    names = (*(name for name in ensemble.weights if MODELS[name].scores_cold_users), POPULARITY)
    orders = np.full((len(names), n), -1, np.int64)
    for row, name in zip(orders, names, strict=True):
        first = ensemble.models[name].retrieve(_NOBODY, n).item_idx
        row[: len(first)] = first
    return orders


def _scores(ensemble: Ensemble, history: csr_matrix, starts: IntArray, item: IntArray) -> FloatArray:
    """Return float32[n_candidates], the sum of the models' scores."""
    from src.models.kernels.list_kernels import add_pairs, add_products

    same, everything = np.zeros(ensemble.n_items, np.float32), np.arange(ensemble.n_items)
    same += ensemble.ties(everything)  # what an item scores for every history
    own = np.zeros(ensemble.n_items, np.float32)
    score = np.zeros(len(item), np.float32)
    for name, weight in ensemble.weights.items():
        model, factor = ensemble.models[name], np.float32(weight / ensemble.scales[name])
        if isinstance(model, ScoresByFactors):
            add_products(starts, item, model.history_factors(history) * factor, model.item_vectors, score)
        elif isinstance(model, ScoresByPairs):
            pairs = model.pair_scores(history)
            add_pairs(starts, item, pairs.indptr, pairs.indices, pairs.data * factor, ensemble.n_items, score)
        else:
            same += factor * np.nan_to_num(model.score(_NOBODY, everything))
        if isinstance(model, (ScoresByFactors, ScoresByPairs)) and model.self_scores is not None:
            own += factor * model.self_scores
    if own.any():
        less = scale_columns(history, -own)
        add_pairs(starts, item, less.indptr, less.indices, less.data, ensemble.n_items, score)
    return score + same[item]
