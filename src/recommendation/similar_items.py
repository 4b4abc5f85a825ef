"""Find similar products: by behaviour as far as there are events, filled up by texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.core.domain import BoolArray, FloatArray
from src.models import ITEM_GRAPH, POPULARITY
from src.models.base import QueryRows
from src.recommendation.ensemble import ENSEMBLE
from src.search.index import SearchIndex

BEHAVIOUR, TEXT = "behaviour", "text"
ENOUGH = 20.0
"""Sum of event weights from which a product's list comes from behaviour alone; with half of it, half the list does. On
an online shop's data this predicted later co-purchases best (python -m bench.similar)."""
_LOOKED_AT = 200
_OF_ONE_TITLE = 1


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


def similar(
    models: Mapping[str, Any],
    search: SearchIndex | None,
    item: int | None,
    vector: FloatArray | None,
    n: int,
    listed: BoolArray | None,
) -> list[SimilarItem]:
    """Find the items similar to one.

    Args:
        models: of the release, by name.
        search: of the release; None without texts.
        item: row number; None for a product that the release does not know.
        vector: float32[dimension], embedding of the text of an unknown product.
        n: highest number of items.
        listed: bool[n_items], False for items that must not be listed; None if all may be.

    Returns:
        At most n items, best first, without the item itself; of variants of one title, one.
    """
    by_behaviour = [] if item is None else list(_by_behaviour(models, item))
    by_text = list(_by_text(search, item, vector, listed))
    n_by_behaviour = 0 if item is None else int(np.ceil(n * min(_evidence(models, item) / ENOUGH, 1)))
    taken = {item} if item is not None else set[int]()
    titles: dict[int, int] = {}
    chosen: list[SimilarItem] = []
    # Behaviour as far as there is evidence, then texts, then the rest of behaviour.
    for part, most in ((by_behaviour, min(n_by_behaviour, n)), (by_text, n), (by_behaviour, n)):
        for each in part:
            if len(chosen) >= most:
                break
            group = -1 if search is None else int(search.title_group[each.item_idx])
            if each.item_idx in taken or (group >= 0 and titles.get(group, 0) >= _OF_ONE_TITLE):
                continue
            if listed is not None and not listed[each.item_idx]:
                continue
            taken.add(each.item_idx)
            titles[group] = titles.get(group, 0) + 1
            chosen.append(each)
    return chosen


def _evidence(models: Mapping[str, Any], item: int) -> float:
    """Return the sum of the weights of an item's events."""
    return round(float(np.expm1(models[POPULARITY].weight[item])), 3)  # float32 of a logarithm


def _by_behaviour(models: Mapping[str, Any], item: int) -> Iterator[SimilarItem]:
    """Yield neighbours by the candidate index of the ensemble, or by the item graph without one."""
    blend = models.get(ENSEMBLE)
    query = QueryRows(None, np.array([item]), np.ones(1, np.float32))
    if blend is not None and blend.index is not None:
        found = blend.index.retrieve(query, _LOOKED_AT)
    elif ITEM_GRAPH in models:
        found = models[ITEM_GRAPH].retrieve(query, _LOOKED_AT)
    else:
        return
    for each, score in zip(found.item_idx.tolist(), found.score.tolist(), strict=True):
        if score > 0:
            yield SimilarItem(each, score, BEHAVIOUR)


def _by_text(
    search: SearchIndex | None, item: int | None, vector: FloatArray | None, listed: BoolArray | None
) -> Iterator[SimilarItem]:
    """Yield items with similar texts."""
    if search is None:
        return
    found = search.like(item, _LOOKED_AT, listed) if item is not None else search.near(vector, _LOOKED_AT, listed)
    for each, score in zip(found.item_idx.tolist(), found.score.tolist(), strict=True):
        yield SimilarItem(each, score, TEXT)
