"""Candidate index of the ensemble: for each item, the items with the highest scores for a history of that item alone.

Ensemble scores are sums over the history (nearly so where a model folds the history in), so an item with a high score
for a long history has a high score for one of its items at least. The candidates are scored exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.mapped_arrays import mapped
from src.core.progress import Reporter
from src.models.base import QueryBlock, QueryRows
from src.models.top_n import Candidates, top_n, top_n_of_rows

_MOST_PAIRS, _FEWEST_NAMED = 4_000_000_000, 10_000
"""Highest number of pairs of items to score, and lowest number of items that can be neighbours. In a large catalogue
only the most popular items can be neighbours; rare items get high scores for no history."""
_BLOCK_BYTES = 1 << 27
_SHARE_OF_NEW = 0.2
_ARRAYS = ("item", "score")


@dataclass(frozen=True)
class CandidateIndex:
    """The neighbours of each item.

    Attributes:
        item: int32[n_items, m], best first; -1 beyond the last.
        score: float32[n_items, m]; 0 beyond the last.
    """

    item: IntArray
    score: FloatArray

    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        """Return the items with the highest sums over the history of weight · score.

        Args:
            query: the query in row numbers.
            n: highest number of items.

        Returns:
            At most n items, best first.
        """
        rows = query.item_idx
        item = self.item[rows].ravel()
        score = (self.score[rows] * query.weight[:, None]).ravel()
        order = np.argsort(item)
        item, score = item[order], score[order]
        starts = np.flatnonzero(np.diff(item, prepend=-2))
        item, total = item[starts], np.add.reduceat(score, starts) if len(starts) else score
        total[item < 0] = np.nan
        best = top_n(total, n)
        return Candidates(item[best.item_idx].astype(np.int64), best.score)

    def save(self, folder: Path) -> None:
        """Write item.npy and score.npy into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> CandidateIndex:
        """Map what `save` wrote."""
        return cls(*(mapped(folder / f"{name}.npy") for name in _ARRAYS))


ScoreAll = Callable[[QueryBlock, IntArray], FloatArray]


def build_candidate_index(
    score_all: ScoreAll, popularity: IntArray, known: BoolArray, n: int, reporter: Reporter
) -> CandidateIndex:
    """Index a scorer: its best items for every history of one item with weight 1.

    Args:
        score_all: returns float32[n_queries, m] for a block of queries and m items.
        popularity: int[n_items], number of users of each item.
        known: bool[n_items], whether the scorer can score the item; others get no neighbours and are none.
        n: number of neighbours.
        reporter: told of the progress.

    Returns:
        The index. In a catalogue too large to compare, the most popular items and some without users are neighbours.
    """
    n_items = len(popularity)
    rows = np.flatnonzero(known)
    n_named = max(_MOST_PAIRS // max(len(rows), 1), _FEWEST_NAMED)
    new = rows[popularity[rows] == 0][::-1]  # the last items of a catalogue usually are its newest
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
        part = rows[start : start + at_once]
        scores = score_all(QueryBlock(np.full(len(part), -1), _unit_histories(part, n_items)), named)
        own_column = column_of[part]
        scores[np.flatnonzero(own_column >= 0), own_column[own_column >= 0]] = np.nan
        best = top_n_of_rows(scores, n)
        exists = best >= 0
        item[part] = np.where(exists, named[best], -1)
        score[part] = np.where(exists, np.take_along_axis(scores, np.maximum(best, 0), axis=1), 0)
        reporter.advance(start + len(part), len(rows))
    return CandidateIndex(item, score)


def _unit_histories(items: IntArray, n_items: int) -> csr_matrix:
    """Return one history of weight 1 for each item."""
    ones = np.ones(len(items), np.float32)
    return csr_matrix((ones, items, np.arange(len(items) + 1)), shape=(len(items), n_items))
