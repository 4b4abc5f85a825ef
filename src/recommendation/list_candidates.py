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
from src.interactions.item_groups import ItemGroups
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


def n_retrieved(n: int) -> int:
    """Return how many items a list of n looks for at first, beside as many as it must not hold."""
    return max(n, ALWAYS_SOUGHT)


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
        groups: of which the list may hold one item each; None if it may hold any.
        standing_in: withdrawn items that have a place on the list, which a listed variant of them takes: shops that
            sell sizes and show the thing.
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
    groups: ItemGroups | None = None
    standing_in: Set[int] = frozenset()

    def allows(self, item: int) -> bool:
        """Whether the query lets the list show an item, whatever its attributes are."""
        return item not in self.excluded and item not in self.withdrawn


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
            At least n items, if the model names as many; of each group, the best one.
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
        order = np.arange(len(items)) if is_exhaustive else top_n(final, len(items)).item_idx
        if request.groups is not None:
            order = order[request.groups.first_of_each(items[order])]
        return NamedItems(items[order], final[order], score[order])

    def shown(self, item: int, source: str) -> int:
        """Return the variant to show at the place of an item, the best one in stock; the item itself if it may be had.

        Args:
            item: row number.
            source: name of the model that knows which variant is best.
        """
        request = self._request
        if request.groups is None:
            return item

        def best(items: list[int]) -> int:
            score = request.models[source].display_scores(request.rows, np.array(items))
            return items[int(np.argmax(np.nan_to_num(score, nan=-np.inf)))]

        return request.groups.variant_to_show(item, self._allows, best)

    def _allows(self, item: int) -> bool:
        request = self._request
        return request.allows(item) and (not request.rules.asks_facts or bool(self._fitting[item]))

    def _unfiltered(self, model: ListModel, n: int, excluded: Set[int]) -> NamedItems:
        """Return what a model retrieves, where no rule depends on attributes."""
        groups, enough, withdrawn = self._request.groups, n_retrieved(n), self._request.withdrawn
        n = n if groups is None else enough  # as a deeper look may find other candidates, a short list looks as deep
        for k in self._depths(enough + len(excluded)):
            found = model.retrieve(self._request.rows, k)
            offered = enumerate(found.item_idx.tolist())
            allowed = (
                at
                for at, item in offered
                if item not in excluded and (item not in withdrawn or self._is_stood_for(item))
            )
            if groups is None:
                at = list(islice(allowed, n))
            else:
                at = list(allowed)
                at = [at[each] for each in groups.first_of_each(found.item_idx[at]).tolist()][:n]
            if len(at) >= n or len(found.item_idx) < k:
                break
        places = np.array(at, np.int64)
        score = found.score[places]
        return NamedItems(found.item_idx[places], score, score)

    def _is_stood_for(self, item: int) -> bool:
        """Whether a variant of a withdrawn item that stands for it may be listed."""
        request = self._request
        if request.groups is None or item not in request.standing_in:
            return False
        return any(map(request.allows, request.groups.members(item)))

    def _depths(self, enough: int) -> Iterator[int]:
        """Yield growing numbers of items to retrieve; `enough` if none is withdrawn or another one's variant."""
        # Few of thousands of withdrawn items would be listed, and as many more candidates take long to score.
        yield enough
        with_withdrawn = enough + len(self._request.withdrawn)
        if with_withdrawn > enough:
            yield with_withdrawn
        k, n_items = with_withdrawn, len(self._request.items)
        while self._request.groups is not None and k < n_items:
            k *= _GROWTH
            yield k

    @cached_property
    def _fitting(self) -> BoolArray:
        """bool[n_items]: the items that the rules and the query allow."""
        fitting = self._request.attributes.fitting(self._request.rules)
        fitting = np.ones(len(self._request.attributes), np.bool_) if fitting is None else fitting
        for items in (self._request.withdrawn, self._request.excluded):
            fitting[list(items)] = False
        return fitting

    def _open(self, taken: Set[int]) -> BoolArray:
        """Return bool[n_items]: the items that are not taken and may be listed, or have a variant that may."""
        request, mask = self._request, self._fitting.copy()
        if request.groups is not None and request.standing_in:
            hidden = np.zeros(len(mask), np.bool_)
            hidden[list(request.standing_in - request.excluded)] = True
            mask |= request.groups.represented(hidden, self._fitting)
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
            if self._n_places(among) >= enough or len(found) < k:
                break
        if self._n_places(among) < enough:
            parts.append(self._by_popularity(eligible)[:_SCORED])
        return np.unique(np.concatenate([among, *parts]))

    def _n_places(self, items: IntArray) -> int:
        """Return how many places of a list the items could take."""
        groups = self._request.groups
        return len(items) if groups is None else len(np.unique(groups.leader[items]))

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
