"""Find similar products: by behaviour as far as there are events, filled up by texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from src.core.domain import BoolArray, FloatArray
from src.interactions.item_groups import ItemGroups
from src.models import ITEM_GRAPH, POPULARITY
from src.models.base import QueryRows
from src.recommendation.ensemble import ENSEMBLE
from src.search.index import SearchIndex

BEHAVIOUR, TEXT = "behaviour", "text"
ENOUGH = 20.0
"""Sum of event weights from which a product's list comes from behaviour alone; with half of it, half the list does. On
an online shop's data this predicted later co-purchases best (python -m bench.similar)."""
_RETRIEVED = 200


@dataclass(frozen=True)
class SimilarItem:
    """An item similar to another one.

    Attributes:
        item_idx: row number.
        score: comparable within one source only.
        source: BEHAVIOUR (same users) or TEXT (similar description).
    """

    item_idx: int
    score: float
    source: str


@dataclass(frozen=True)
class SimilarTo:
    """What items should be similar to, and which may be named.

    Attributes:
        item: row number; None for a product that the release does not know.
        vector: float32[dimension], embedding of the text of an unknown product.
        n: highest number of items.
        listed: bool[n_items], False for items that must not be listed; None if all may be.
        groups: of each of which one item is named; None if there are none.
        variants: whether variants of one thing are named each by itself, those of the item included.
        own: further items that are variants of the product.
    """

    item: int | None
    vector: FloatArray | None
    n: int
    listed: BoolArray | None = None
    groups: ItemGroups | None = None
    variants: bool = False
    own: frozenset[int] = frozenset()


def similar(models: Mapping[str, Any], search: SearchIndex | None, wanted: SimilarTo) -> list[SimilarItem]:
    """Find the items similar to one.

    Args:
        models: of the release, by name.
        search: of the release; None without texts.
        wanted: what they should be similar to.

    Returns:
        At most n items, best first, without the item itself; of variants of one group or title one, the best one in
        stock first, unless all are wanted.
    """
    item, n = wanted.item, wanted.n
    by_behaviour = [] if item is None else list(_by_behaviour(models, item))
    by_text = list(_by_text(search, item, wanted.vector, wanted.listed))
    n_by_behaviour = 0 if item is None else int(np.ceil(n * min(_evidence(models, item) / ENOUGH, 1)))
    chosen = _Chosen(wanted, search, models[POPULARITY].weight)
    # Behaviour as far as there is evidence, then texts, then the rest of behaviour.
    for part, most in ((by_behaviour, min(n_by_behaviour, n)), (by_text, n), (by_behaviour, n)):
        for candidate in part:
            if len(chosen.items) >= most:
                break
            chosen.offer(candidate)
    return chosen.items


class _Chosen:
    """The items chosen so far.

    Attributes:
        items: best first.
    """

    def __init__(self, wanted: SimilarTo, search: SearchIndex | None, weight: FloatArray) -> None:
        self._wanted, self._weight = wanted, weight
        self._groups = None if wanted.variants else wanted.groups
        self._titles = None if wanted.variants or search is None else search.title_group
        self._met: set[int] = set()
        self._taken: set[int] = set() if wanted.item is None else {wanted.item}
        if self._groups is not None:
            self._taken = self._groups.with_members(self._taken | wanted.own)
        self.items: list[SimilarItem] = []

    def offer(self, candidate: SimilarItem) -> None:
        """Take an item, or the variant of it to show, unless one of its group or title is taken."""
        item = candidate.item_idx
        title = -1 if self._titles is None else int(self._titles[item])
        if item in self._taken or title in self._met:
            return
        shown = item if self._groups is None else self._groups.variant_to_show(item, self._is_listed, self._popular)
        if not self._is_listed(shown):
            return
        self._taken |= {shown} if self._groups is None else self._groups.with_members([item])
        self._met |= {title} - {-1}
        self.items.append(replace(candidate, item_idx=shown))

    def _popular(self, items: list[int]) -> int:
        return max(items, key=lambda each: float(self._weight[each]))

    def _is_listed(self, item: int) -> bool:
        return self._wanted.listed is None or bool(self._wanted.listed[item])


def with_falling_scores(items: Sequence[SimilarItem]) -> list[SimilarItem]:
    """Scale the scores of a list so that they never rise along it.

    The scores of the two sources have scales of their own. Each run of one source is scaled to begin no higher than the
    run before it ends; inside a run the ratios of scores stay.

    Args:
        items: best first.

    Returns:
        The same items in the same order.
    """
    falling: list[SimilarItem] = []
    factor = 1.0
    for each in items:
        last = falling[-1] if falling else each
        if each.source != last.source:
            factor = min(1.0, last.score / each.score) if each.score > 0 else 1.0
        score = each.score * factor
        falling.append(replace(each, score=min(score, last.score) if falling else score))
    return falling


def _evidence(models: Mapping[str, Any], item: int) -> float:
    """Return the sum of the weights of an item's events."""
    return round(float(np.expm1(models[POPULARITY].weight[item])), 3)  # float32 of a logarithm


def _by_behaviour(models: Mapping[str, Any], item: int) -> Iterator[SimilarItem]:
    """Yield neighbours by the candidate index of the ensemble, or by the item graph without one."""
    blend = models.get(ENSEMBLE)
    query = QueryRows(None, np.array([item]), np.ones(1, np.float32))
    if blend is not None and blend.index is not None:
        retrieved = blend.index.retrieve(query, _RETRIEVED)
    elif ITEM_GRAPH in models:
        retrieved = models[ITEM_GRAPH].retrieve(query, _RETRIEVED)
    else:
        return
    for item_idx, score in zip(retrieved.item_idx.tolist(), retrieved.score.tolist(), strict=True):
        if score > 0:
            yield SimilarItem(item_idx, score, BEHAVIOUR)


def _by_text(
    search: SearchIndex | None, item: int | None, vector: FloatArray | None, listed: BoolArray | None
) -> Iterator[SimilarItem]:
    """Yield items with similar texts."""
    if search is None:
        return
    retrieved = search.like(item, _RETRIEVED, listed) if item is not None else search.near(vector, _RETRIEVED, listed)
    for item_idx, score in zip(retrieved.item_idx.tolist(), retrieved.score.tolist(), strict=True):
        yield SimilarItem(item_idx, score, TEXT)
