"""The sum of an ensemble as one matrix, for small catalogues: what a product of a history adds to the score of each.

All models of the sum but ALS and those that score everybody alike add up over the history. Their weighted sum is then
one product of a vector and some rows of a matrix, where each model by itself takes several small steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import eye_array

from src.core.domain import FloatArray
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.models.base import FromHistory, ListModel, QueryBlock, QueryRows
from src.recommendation.score_sums import ScoreSum

MOST_ITEMS = 2_000
"""The matrix of a larger catalogue takes more than 16 MB, and scoring all of it longer than scoring candidates."""
_AT_ONCE = 256
_ARRAYS = ("same", "pairs")


@dataclass(frozen=True)
class PairSums:
    """What the scores of all items are summed from.

    Attributes:
        same: float32[n_items], what an item scores whatever the history is.
        pairs: float32[n_items, n_items], what a product of a history (row) adds to the score of each at weight 1.
    """

    same: FloatArray
    pairs: FloatArray

    @classmethod
    def of(cls, models: Mapping[str, ListModel], factors: Mapping[str, float], same: FloatArray) -> Self:
        """Add up what single products say.

        Args:
            models: by name.
            factors: of the models that are added up, by name; those that do not add up over a history are left out.
            same: see the class.

        Returns:
            The sums.
        """
        adding = {name: factor for name, factor in factors.items() if adds_up(models[name])}
        sums, n_items = ScoreSum.of(models, adding, None), len(same)
        pairs, single = np.zeros((n_items, n_items), np.float32), eye_array(n_items, dtype=np.float32, format="csr")
        for start in range(0, n_items, _AT_ONCE):
            part = single[start : start + _AT_ONCE]
            pairs[start : start + _AT_ONCE] = sums.of_block(QueryBlock(np.full(part.shape[0], -1), part))[0]
        return cls(same, pairs)

    def scores(self, query: QueryRows) -> FloatArray:
        """Return float32[n_items], the sums for a history."""
        return np.asarray(self.same + query.weight @ self.pairs.take(query.item_idx, axis=0))

    def save(self, folder: Path) -> None:
        """Write same.npy and pairs.npy into the folder, which is made."""
        save_arrays(self, _ARRAYS, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what `save` wrote."""
        return cls(**mapped_arrays(folder, _ARRAYS))


def adds_up(model: ListModel) -> bool:
    """Tell whether a model's score of a history is the sum over its products of weight · score."""
    return isinstance(model, FromHistory) and model.ADDS_UP
