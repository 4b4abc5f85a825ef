"""Products similar to one: bought together as far as behaviour tells, filled by what texts tell."""

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
"""Events, by their weights: a product with so many gets a list from behaviour alone, one with half of them half. Of an
online shop's products with fewer, what was bought with them later was named best by lists so filled; of those with
more, by behaviour alone (python -m bench.similar)."""
_LOOKED_AT = 200
_OF_ONE_TITLE = 1


@dataclass(frozen=True)
class SimilarItem:
    """A place of a list. score: the source's own number, comparable within one source only. source: BEHAVIOUR, what
    the same people took, or TEXT, what is described alike.
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
    """At most n products, never the item itself, and of variants of one title one.

    item: None for a product that the models do not know; then vector, what its text means, decides. listed:
    bool[n_items], False for what must not be listed; None when all may be.
    """
    together = [] if item is None else list(_together(models, item))
    alike = list(_alike(search, item, vector, listed))
    sure = 0 if item is None else int(np.ceil(n * min(_evidence(models, item) / ENOUGH, 1)))
    taken = {item} if item is not None else set[int]()
    titles: dict[int, int] = {}
    chosen: list[SimilarItem] = []
    # Behaviour as far as it is sure, then texts, then what behaviour has left.
    for part, most in ((together, min(sure, n)), (alike, n), (together, n)):
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
    return round(float(np.expm1(models[POPULARITY].weight[item])), 3)  # float32 of a logarithm


def _together(models: Mapping[str, Any], item: int) -> Iterator[SimilarItem]:
    """By the blend's own index, or, in a release without a blend, by the item graph."""
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


def _alike(
    search: SearchIndex | None, item: int | None, vector: FloatArray | None, listed: BoolArray | None
) -> Iterator[SimilarItem]:
    if search is None:
        return
    found = search.like(item, _LOOKED_AT, listed) if item is not None else search.near(vector, _LOOKED_AT, listed)
    for each, score in zip(found.item_idx.tolist(), found.score.tolist(), strict=True):
        yield SimilarItem(each, score, TEXT)
