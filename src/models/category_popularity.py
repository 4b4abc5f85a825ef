"""Category popularity: popular products of the categories that occur in the history.

A product j of the history supports a product i by the similarity of their categories, s(j, i) = ĉ_j · ĉ_i. ĉ is a
product's row of categories scaled to length 1, each category weighted by log(n_items / n_members) as in TF-IDF (Spärck
Jones 1972). The score of i is s(h, i) times its popularity, the logarithm of its feedback. A product does not support
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix, diags_array
from typing_extensions import override

from src.core.domain import FloatArray, IntArray
from src.interactions.interactions import TrainingData
from src.models import popularity
from src.models.base import FromHistory, QueryBlock, QueryRows, SavedAsArrays
from src.models.normalization import less_own, scale_columns, subtract_self_scores
from src.models.sparse_rows import entries_of, sums_at


@dataclass(frozen=True)
class CategoryPopularityParams:
    """Parameters of category popularity.

    Attributes:
        half_life_days: an event this many days before the newest of all weighs half; 0: no decay.
    """

    half_life_days: float = 0.0

    @classmethod
    def of(cls, settings: object) -> CategoryPopularityParams:
        """Return the defaults: no setting changes them."""
        return cls()


@dataclass(frozen=True)
class CategoryPopularity(FromHistory, SavedAsArrays):
    """Category rows and popularity of every product.

    Attributes:
        n_categories: number of columns of ĉ.
        data: float32, values of the CSR matrix ĉ[n_items, n_categories].
        indices: int32, column numbers of ĉ.
        pointers: int64[n_items + 1], where the rows of ĉ begin.
        weight: float32[n_items], popularity.
        itself: float32[n_items], the support that a product would give itself.
    """

    ARRAYS: ClassVar = ("data", "indices", "pointers", "weight", "itself")
    NUMBERS: ClassVar = ("n_categories",)
    PARAMS: ClassVar = CategoryPopularityParams

    n_categories: int
    data: FloatArray
    indices: IntArray
    pointers: IntArray
    weight: FloatArray
    itself: FloatArray

    @property
    @override
    def n_items(self) -> int:
        return len(self.weight)

    @property
    def _rows(self) -> csr_matrix:
        return csr_matrix((self.data, self.indices, self.pointers), shape=(self.n_items, self.n_categories))

    @override
    def score_all(self, queries: QueryBlock, items: IntArray | None = None) -> FloatArray:
        rows = self._rows
        columns, weight = (rows, self.weight) if items is None else (rows[items], self.weight[items])
        scores = ((queries.history @ rows) @ columns.T).toarray() * weight
        subtract_self_scores(scores, queries.history, self.itself, items)
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return np.asarray(scores, dtype=np.float32)

    @override
    def score(self, query: QueryRows, item_idx: IntArray) -> FloatArray:
        if not len(query.item_idx):
            return np.full(len(item_idx), np.nan, np.float32)
        of_history = entries_of(query.item_idx, query.weight, self.pointers)
        member = self.data[of_history.at] * of_history.weight
        of_items = entries_of(item_idx, np.arange(len(item_idx)), self.pointers)
        profile = sums_at(self.indices[of_history.at], member, self.indices[of_items.at], self.n_categories)
        score = np.bincount(of_items.weight, self.data[of_items.at] * profile, minlength=len(item_idx))
        own = sums_at(query.item_idx, query.weight * self.itself[query.item_idx], item_idx, self.n_items)
        return np.asarray(less_own(score * self.weight[item_idx], own), dtype=np.float32)

    def describe(self) -> dict[str, int]:
        """Return the shapes: n_items and n_categories."""
        return {"n_items": self.n_items, "n_categories": self.n_categories}


def train(data: TrainingData, params: CategoryPopularityParams, *, seed: int) -> CategoryPopularity:
    """Weight the categories and sum the feedback, without a seed; without categories every score is 0."""
    popular = popularity.train(
        data, popularity.PopularityParams(0, 1, half_life_days=params.half_life_days), seed=seed
    ).weight
    n_items = len(popular)
    member = csr_matrix((n_items, 1), dtype=np.float32) if data.categories is None else data.categories.member
    members = np.bincount(member.indices, minlength=member.shape[1])
    rows = scale_columns(member, np.log((1 + n_items) / np.maximum(members, 1)))
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows = csr_matrix(diags_array(1 / np.where(length > 0, length, 1)) @ rows)
    return CategoryPopularity(
        params,
        rows.shape[1],
        rows.data.astype(np.float32),
        rows.indices.astype(np.int32),
        rows.indptr.astype(np.int64),
        popular,
        (popular * (length > 0)).astype(np.float32),
    )
