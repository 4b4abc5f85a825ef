"""Candidates of one list: eligible items, with the scores of the model that names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray, Rules
from src.interactions.item_attributes import ItemAttributes
from src.interactions.vocabulary import Vocabulary
from src.models import POPULARITY
from src.models.base import ListModel, QueryRows
from src.models.top_n import top_n

_SCORED = 10_000
"""If the rules leave no more items than this, all of them are scored; else at most this many of the most popular are
scored beside those that a model retrieves."""
_NAMED, _GROWTH, _WIDEST = 1_000, 4, 16_000
"""Items to retrieve at first where many will be left out, growth of that number, and its limit."""

ALWAYS_SOUGHT = 20
"""Places that the shortest list looks for, too, so that it is the beginning of a list of this length."""


@dataclass(frozen=True)
class ListRequest:
    """A query in row numbers, and what answers it.

    Attributes:
        models: the list models, by name.
        wanted: name of the model whose list it is.
        rows: the query as models see it.
        withdrawn: row numbers that are never listed.
        excluded: row numbers that this list must not contain: seen, or excluded by the query.
        items: ids of the row numbers.
        attributes: of the items.
        rules: of the list.
        factor: float32[n_items], boosts of the scores; None without boosts.
        watched: row number of an item whose refusal is of interest.
    """

    models: Mapping[str, ListModel]
    wanted: str
    rows: QueryRows
    withdrawn: Set[int]
    excluded: Set[int]
    items: Vocabulary
    attributes: ItemAttributes
    rules: Rules
    factor: FloatArray | None = None
    watched: int | None = None


class NamedItems(NamedTuple):
    """Eligible items in the order of a model.

    Attributes:
        item_idx: int64[m].
        score: float[m], with boosts.
        base_score: float[m], without boosts.
    """

    item_idx: IntArray
    score: FloatArray
    base_score: FloatArray


def boosted(score: FloatArray, factor: FloatArray) -> FloatArray:
    """Apply boosts so that a higher factor never lowers a score.

    Args:
        score: float[m].
        factor: float[m], above 0.

    Returns:
        float[m]: score · factor where the score is 0 or more, score / factor below 0.
    """
    return np.asarray(np.where(score >= 0, score * factor, score / factor))


class CandidatePool:
    """The items that one list may contain."""

    def __init__(self, request: ListRequest) -> None:
        self._request = request

    def named(self, source: str, n: int, taken: Set[int], *, is_exhaustive: bool = False) -> NamedItems:
        """Return eligible items in the order of a model's scores with boosts.

        Args:
            source: name of the model.
            n: number of items that the list lacks.
            taken: row numbers of the items that it has.
            is_exhaustive: return every eligible item, in the order of `source` without boosts.

        Returns:
            At least n items, if the model names as many.
        """
        request, model = self._request, self._request.models[source]
        if is_exhaustive:
            items, score = self._retrieved(model, len(self._fitting), self._open(taken))
        elif not request.rules.asks_facts:
            return self._unfiltered(model, n, request.excluded | taken)
        else:
            items = self._considered(model, n, self._open(taken))
            score = model.display_scores(request.rows, items)
        final = score if request.factor is None else boosted(score, request.factor[items])
        order = slice(None) if is_exhaustive else top_n(final, len(items)).item_idx
        return NamedItems(items[order], final[order], score[order])

    def _unfiltered(self, model: ListModel, n: int, excluded: Set[int]) -> NamedItems:
        """Return what a model retrieves, where no rule depends on attributes."""
        withdrawn, enough = self._request.withdrawn, max(n, ALWAYS_SOUGHT) + len(excluded)
        # Few of thousands of withdrawn items would be listed, and as many more candidates take long to score.
        for k in dict.fromkeys((enough, enough + len(withdrawn))):
            found = model.retrieve(self._request.rows, k)
            offered = enumerate(found.item_idx.tolist())
            allowed = (at for at, item in offered if item not in excluded and item not in withdrawn)
            at = list(islice(allowed, n))
            if len(at) == n or len(found.item_idx) < k:
                break
        return NamedItems(found.item_idx[at], found.score[at], found.score[at])

    @cached_property
    def _fitting(self) -> BoolArray:
        """bool[n_items]: the items that the rules and the query allow."""
        fitting = self._request.attributes.fitting(self._request.rules)
        fitting = np.ones(len(self._request.attributes), np.bool_) if fitting is None else fitting
        for items in (self._request.withdrawn, self._request.excluded):
            fitting[list(items)] = False
        return fitting

    def _open(self, taken: Set[int]) -> BoolArray:
        """Return bool[n_items]: the allowed items that are not taken."""
        mask = self._fitting.copy()
        mask[list(taken)] = False
        return mask

    def _considered(self, model: ListModel, n: int, eligible: BoolArray) -> IntArray:
        """Return int64, ascending: the eligible items worth scoring; all of them if they are few."""
        items = np.flatnonzero(eligible)
        if len(items) <= _SCORED:
            return items
        enough = max(n, _NAMED // _GROWTH)
        parts = [part[eligible[part]] for part in self._boosted_up(eligible)]
        for k in _portions(n):
            found = model.retrieve(self._request.rows, k).item_idx
            among = found[eligible[found]]
            if len(among) >= enough or len(found) < k:
                break
        if len(among) < enough:
            parts.append(self._by_popularity(eligible)[:_SCORED])
        return np.unique(np.concatenate([among, *parts]))

    def _boosted_up(self, eligible: BoolArray) -> list[IntArray]:
        """Return the most popular items with factors above 1, which the model may rank too low to retrieve."""
        factor = self._request.factor
        if factor is None:
            return []
        lifted: IntArray = np.flatnonzero(eligible & (factor > 1))
        if len(lifted) > _SCORED:
            popular = self._by_popularity(eligible)
            lifted = popular[factor[popular] > 1][:_SCORED]
        return [lifted]

    def _by_popularity(self, eligible: BoolArray) -> IntArray:
        """Return all eligible items, the most popular first."""
        return self._retrieved(self._request.models[POPULARITY], len(eligible), eligible)[0]

    def _retrieved(self, model: ListModel, n: int, eligible: BoolArray) -> tuple[IntArray, FloatArray]:
        """Return the eligible ones of the n items that a model retrieves, and their scores."""
        found = model.retrieve(self._request.rows, n)
        is_eligible = eligible[found.item_idx]
        return found.item_idx[is_eligible], found.score[is_eligible]


def _portions(n: int) -> Iterator[int]:
    """Yield growing numbers of items to retrieve."""
    k = max(_NAMED, _GROWTH * n)
    yield k
    while (k := k * _GROWTH) <= _WIDEST:
        yield k
