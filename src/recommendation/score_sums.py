"""Weighted sums of the scores of several models for blocks of histories, without an array for each model.

Models that score by factors are one product of matrices: their factors stand side by side, each times the weight of its
model. Models that score few items add these alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray
from src.models.base import ListModel, QueryBlock, ScoresByFactors, ScoresByPairs, ScoresLessOwn
from src.models.normalization import scale_columns


@dataclass(frozen=True)
class ScoreSum:
    """Σ factor · score of the models for some items.

    Attributes:
        models: by name.
        factors: of the models that are added up, by name.
        items: int64[m], the items to score, in this order; None for all.
        wanted: float32[m, Σf], the vectors of the items, of all models that score by factors, side by side; None where
            they are taken model by model, as a copy of those of all items would be large.
    """

    models: Mapping[str, ListModel]
    factors: Mapping[str, float]
    items: IntArray | None
    wanted: FloatArray | None

    @classmethod
    def of(cls, models: Mapping[str, ListModel], factors: Mapping[str, float], items: IntArray | None) -> ScoreSum:
        """Collect what blocks share.

        Args:
            models: see the class.
            factors: see the class.
            items: see the class.

        Returns:
            The sum.
        """
        vectors = [m.item_vectors for m in _by_factors(models, factors).values()]
        together = items is not None and bool(vectors)
        return cls(models, factors, items, np.concatenate([v[items] for v in vectors], axis=1) if together else None)

    def of_block(self, queries: QueryBlock) -> tuple[FloatArray, BoolArray]:
        """Add up the scores of a block.

        Args:
            queries: n queries.

        Returns:
            float32[n, m], 0 where no model has a score; bool[n], which queries a model scores.
        """
        history, n_items = queries.history, queries.history.shape[1]
        total = self._products(history)
        own = np.zeros(n_items, np.float32)
        is_scored = np.zeros(len(queries), np.bool_)
        for name, factor in self.factors.items():
            model = self.models[name]
            if isinstance(model, ScoresLessOwn):
                is_scored |= np.diff(history.indptr) > 0
                if model.self_scores is not None:
                    own += np.float32(factor) * model.self_scores
            if isinstance(model, ScoresByPairs):
                _add(total, self._of_items(model.pair_scores(history)), factor)
            elif not isinstance(model, ScoresByFactors):
                is_scored |= _add_all(total, model.score_all(queries, self.items), factor)
        if own.any():
            _add(total, self._of_items(scale_columns(history, own)), -1)
        return total, is_scored

    def _products(self, history: csr_matrix) -> FloatArray:
        """Return float32[n, m], the sum over the models that score by factors."""
        models = _by_factors(self.models, self.factors)
        given = [model.history_factors(history) * np.float32(self.factors[name]) for name, model in models.items()]
        if self.wanted is not None:
            return np.asarray(np.concatenate(given, axis=1) @ self.wanted.T, np.float32)
        shape = history.shape[0], history.shape[1] if self.items is None else len(self.items)
        total = np.zeros(shape, np.float32)
        for vectors, model in zip(given, models.values(), strict=True):
            total += vectors @ model.item_vectors.T
        return total

    def _of_items(self, scores: csr_matrix) -> csr_matrix:
        return scores if self.items is None else csr_matrix(scores[:, self.items])


def _by_factors(models: Mapping[str, ListModel], names: Mapping[str, float]) -> dict[str, ScoresByFactors]:
    return {name: model for name in names if isinstance(model := models[name], ScoresByFactors)}


def _add(total: FloatArray, scores: csr_matrix, factor: float) -> None:
    """Add a sparse matrix to an array, in place."""
    at = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr)), scores.indices
    total[at] += scores.data * np.float32(factor)


def _add_all(total: FloatArray, score: FloatArray, factor: float) -> BoolArray:
    """Add scores to an array, in place; return bool[n], which rows have any. A row has all or none."""
    is_scored = ~np.isnan(score[:, 0]) if score.shape[1] else np.zeros(len(score), np.bool_)
    score[~is_scored] = 0
    score *= np.float32(factor)
    total += score
    return np.asarray(is_scored)
