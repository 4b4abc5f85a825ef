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
from typing_extensions import override

from src.core.all_cores import map_on_all_cores
from src.core.domain import BoolArray, FloatArray, IntArray
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.core.progress import Reporter, Silent
from src.core.sorted_sets import distinct
from src.models.base import QueryBlock, QueryRows
from src.models.compiled_top_n import best_of_rows
from src.models.sparse_rows import sums_by_column
from src.models.top_n import Candidates, top_n

_MOST_PAIRS, _FEWEST_NAMED = 400_000_000, 10_000
"""Highest number of pairs of items to score, and lowest number of items that can be neighbours. In a catalogue of more
than 20,000 items only the most popular ones can be neighbours: rare items get high scores for no history. Of Yelp2018's
38,023 items 10,000 give lists as good as all of them do, and 5,000 worse ones."""
_BLOCK_BYTES = 1 << 25
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
        # Places beyond the last neighbour, -1, are the first column, which is left out.
        column = self.item[rows].ravel() + 1
        items, total = sums_by_column(column, (self.score[rows] * query.weight[:, None]).ravel(), len(self.item) + 1)
        begin = int(np.searchsorted(items, 1))
        items, total = items[begin:] - 1, total[begin:]
        best = top_n(total, n)
        return Candidates(items[best.item_idx], best.score)

    def save(self, folder: Path) -> None:
        """Write item.npy and score.npy into the folder, which is made."""
        save_arrays(self, _ARRAYS, folder)

    @classmethod
    def load(cls, folder: Path) -> CandidateIndex:
        """Map what `save` wrote."""
        return cls(**mapped_arrays(folder, _ARRAYS))


BlockScores = Callable[[QueryBlock], FloatArray]


@dataclass(frozen=True)
class Neighbourhoods:
    """Finds the neighbours of items: the best items for every history of one item with weight 1.

    Attributes:
        score: returns float32[n_queries, m], the scores of `named` for a block of queries.
        named: int64[m], the items that can be neighbours, ascending.
        known: int64[k], the items that have neighbours, ascending; others get none and are none.
        n_items: number of items.
        n: number of neighbours.
    """

    score: BlockScores
    named: IntArray
    known: IntArray
    n_items: int
    n: int

    @classmethod
    def of(
        cls, scorer_of: Callable[[IntArray], BlockScores], popularity: IntArray, known: BoolArray, n: int
    ) -> Neighbourhoods:
        """Choose the items that can be neighbours.

        Args:
            scorer_of: returns the function that scores these items.
            popularity: int[n_items], number of users of each item.
            known: bool[n_items], whether the scorer can score the item.
            n: number of neighbours.

        Returns:
            All known items can be neighbours. In a catalogue too large to compare, the most popular ones and some
            without users can.
        """
        rows = np.flatnonzero(known)
        n_named = max(_MOST_PAIRS // max(len(rows), 1), _FEWEST_NAMED)
        new = rows[popularity[rows] == 0][::-1]  # the last items of a catalogue usually are its newest
        if len(rows) > n_named:
            new = new[: int(_SHARE_OF_NEW * n_named)]
        bought = rows[popularity[rows] > 0]
        bought = bought[np.argsort(-popularity[bought], kind="stable")[: n_named - len(new)]]
        named = np.sort(np.concatenate([bought, new]))
        return cls(scorer_of(named), named, rows, len(popularity), max(min(n, len(named)), 1))

    def empty(self) -> CandidateIndex:
        """Return an index without neighbours; its memory is taken when it is written."""
        shape = (self.n_items, self.n)
        return CandidateIndex(np.full(shape, -1, np.int32), np.zeros(shape, np.float32))

    def whole(self, reporter: Reporter) -> CandidateIndex:
        """Return the neighbours of all known items. reporter: told of the progress."""
        index = self.empty()
        self.write(index, self.known, reporter)
        return index

    def write(self, index: CandidateIndex, items: IntArray, reporter: Reporter) -> None:
        """Write the neighbours of some items into an index, in blocks on all cores.

        Args:
            index: of `empty`.
            items: int64[k], some of `known`.
        """
        at_once = max(1, _BLOCK_BYTES // (4 * max(len(self.named), 1)))
        parts = [items[start : start + at_once] for start in range(0, len(items), at_once)]
        done = 0

        def write(part: IntArray) -> None:
            nonlocal done
            self._write_block(index, part)
            done += len(part)
            reporter.advance(done, len(items))

        # A block is small for BLAS, and half of its time is spent outside of it: one thread for each block.
        map_on_all_cores(write, parts)

    def _write_block(self, index: CandidateIndex, part: IntArray) -> None:
        scores = self.score(QueryBlock(np.full(len(part), -1), _unit_histories(part, self.n_items)))
        own = np.searchsorted(self.named, part)
        is_named = np.flatnonzero(self.named[np.minimum(own, len(self.named) - 1)] == part)
        scores[is_named, own[is_named]] = np.nan
        best = best_of_rows(scores, self.n)
        index.item[part] = np.where(best.column >= 0, self.named[best.column], -1)
        index.score[part] = best.score


@dataclass(frozen=True)
class GrowingIndex(CandidateIndex):
    """An index that finds the neighbours of an item when it is first asked for: few users need few of them.

    Attributes:
        neighbourhoods: finds them.
        has_row: bool[n_items], whether an item's neighbours are written, or need not be; changed.
    """

    neighbourhoods: Neighbourhoods
    has_row: BoolArray

    @classmethod
    def of(cls, neighbourhoods: Neighbourhoods) -> GrowingIndex:
        """Return an index without a row."""
        has_row = np.ones(neighbourhoods.n_items, np.bool_)
        has_row[neighbourhoods.known] = False
        empty = neighbourhoods.empty()
        return cls(empty.item, empty.score, neighbourhoods, has_row)

    def find(self, items: IntArray, reporter: Reporter) -> None:
        """Find the neighbours of many items at once; items: int[k], with repetitions."""
        missing = distinct(items[~self.has_row[items]])
        if len(missing):
            self.neighbourhoods.write(self, missing, reporter)
            self.has_row[missing] = True

    @override
    def retrieve(self, query: QueryRows, n: int) -> Candidates:
        self.find(query.item_idx, Silent())
        return super().retrieve(query, n)


def _unit_histories(items: IntArray, n_items: int) -> csr_matrix:
    """Return one history of weight 1 for each item."""
    ones = np.ones(len(items), np.float32)
    return csr_matrix((ones, items, np.arange(len(items) + 1)), shape=(len(items), n_items))
