"""Lists of many histories at once where the catalogue is large: their candidates alone are scored, by compiled code."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models import MODELS
from src.models.base import NOBODY, QueryBlock, ScoresByFactors, ScoresByPairs, ScoresLessOwn
from src.models.compiled_lists import BestCandidates, CandidateRows
from src.models.normalization import scale_columns
from src.recommendation.ensemble import Ensemble


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
    """
    index = ensemble.index
    assert index is not None
    orders = _orders(ensemble, int(n_named.max(initial=1)))
    candidates = CandidateRows.named(histories.history, index.item, index.score, orders, n_named)
    return candidates.best(_scores(ensemble, histories.history, candidates), hidden, listed, n)


def _orders(ensemble: Ensemble, n: int) -> IntArray:
    """Return int64[n_sources, n], the items that sources without histories name; -1 beyond the last."""
    orders = np.full((len(ensemble.sources_for_all), n), -1, np.int64)
    for row, name in zip(orders, ensemble.sources_for_all, strict=True):
        first = ensemble.models[name].retrieve(NOBODY, n).item_idx
        row[: len(first)] = first
    return orders


def _scores(ensemble: Ensemble, history: csr_matrix, candidates: CandidateRows) -> FloatArray:
    """Return float32[n_candidates], the sum of the models' scores."""
    everything = np.arange(ensemble.n_items)
    same = np.array(ensemble.ties(everything), np.float32)  # what an item scores for every history
    own, score = np.zeros_like(same), np.zeros(len(candidates.item), np.float32)
    for name, weight in ensemble.weights.items():
        model, factor = ensemble.models[name], np.float32(weight / ensemble.scales[name])
        if isinstance(model, ScoresByFactors):
            candidates.add_products(model.history_factors(history) * factor, model.item_vectors, score)
        elif isinstance(model, ScoresByPairs):
            candidates.add_pairs(model.pair_scores(history) * factor, score)
        else:
            same += factor * np.nan_to_num(model.score(NOBODY, everything))
        if isinstance(model, ScoresLessOwn) and model.self_scores is not None:
            own += factor * model.self_scores
    if own.any():
        candidates.add_pairs(scale_columns(history, -own), score)
    return score + same[candidates.item]
