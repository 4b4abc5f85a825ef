"""An index of the blend: for every product, those that would head the list of somebody with just this product.

Blended scores are sums over the history (nearly so where a model folds the history in), so what stands high for a long
history stands high for one of its products at least. The merged lists are the candidates, which are scored exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.progress import Reporter
from src.models.base import QueryBlock, QueryRows
from src.models.top_n import Candidates, top_n, top_n_of_rows

_MOST_PAIRS, _FEWEST_NAMED = 4_000_000_000, 10_000
"""So many pairs of products are looked at: in a large catalogue only the most popular products can be somebody's
neighbours. What hardly anybody has stands high for nobody."""
_BLOCK_BYTES = 1 << 27
_SHARE_OF_NEW = 0.2
_ARRAYS = ("item", "score")


@dataclass(frozen=True)
class CandidateIndex:
    """int32 item[n_items, m], float32 score[n_items, m]: a product's neighbours, best first, and how high they stand;
    -1 and 0 beyond the last.
    """

    item: IntArray
    score: FloatArray

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """The n highest sums over the history of weight · score; a product of it counts for the others only."""
        rows = query.item_idx
        item = self.item[rows].ravel()
        score = (self.score[rows] * query.weight[:, None]).ravel()
        order = np.argsort(item)
        item, score = item[order], score[order]
        starts = np.flatnonzero(np.diff(item, prepend=-2))
        item, total = item[starts], np.add.reduceat(score, starts) if len(starts) else score
        total[item < 0] = np.nan
        found = top_n(total, n)
        return Candidates(item[found.item_idx].astype(np.int64), found.score)

    def save(self, folder: Path) -> None:
        """Write item.npy and score.npy into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> CandidateIndex:
        """Map what `save` wrote."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS))


ScoreAll = Callable[[QueryBlock, IntArray], FloatArray]


def build_candidate_index(
    score_all: ScoreAll, popularity: IntArray, known: BoolArray, n: int, reporter: Reporter
) -> CandidateIndex:
    """The index of a scorer: its n best products for every history of one product with weight 1.

    popularity: int[n_items], how many users have each product. known: bool[n_items], whether the scorer knows anything
    of it; one that it does not gets no neighbours and is nobody's. Of a catalogue too large to compare, the most
    popular ones are neighbours, and a share of those that nobody has.
    """
    n_items = len(popularity)
    rows = np.flatnonzero(known)
    n_named = max(_MOST_PAIRS // max(len(rows), 1), _FEWEST_NAMED)
    new = rows[popularity[rows] == 0][::-1]  # the last ones of a catalogue are its newest, as a rule
    if len(rows) > n_named:
        new = new[: int(_SHARE_OF_NEW * n_named)]
    bought = rows[popularity[rows] > 0]
    bought = bought[np.argsort(-popularity[bought], kind="stable")[: n_named - len(new)]]
    named = np.sort(np.concatenate([bought, new]))
    column_of = np.full(n_items, -1, np.int64)
    column_of[named] = np.arange(len(named))
    n = max(min(n, len(named)), 1)
    item, score = np.full((n_items, n), -1, np.int32), np.zeros((n_items, n), np.float32)
    at_once = max(1, _BLOCK_BYTES // (4 * max(len(named), 1)))
    for start in range(0, len(rows), at_once):
        mine = rows[start : start + at_once]
        found = score_all(QueryBlock(np.full(len(mine), -1), _unit_histories(mine, n_items)), named)
        itself = column_of[mine]
        found[np.flatnonzero(itself >= 0), itself[itself >= 0]] = np.nan
        chosen = top_n_of_rows(found, n)
        there = chosen >= 0
        item[mine] = np.where(there, named[chosen], -1)
        score[mine] = np.where(there, np.take_along_axis(found, np.maximum(chosen, 0), axis=1), 0)
        reporter.advance(start + len(mine), len(rows))
    return CandidateIndex(item, score)


def _unit_histories(items: IntArray, n_items: int) -> csr_matrix:
    ones = np.ones(len(items), np.float32)
    return csr_matrix((ones, items, np.arange(len(items) + 1)), shape=(len(items), n_items))
