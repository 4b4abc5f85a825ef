"""What a person who types a few letters may mean, and what there is to look at: in milliseconds, of millions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set

import numpy as np

from app.serving.recommender import Recommender
from app.serving.search_service import SearchService
from src.core.domain import Product, ProductFilter
from src.core.errors import NotReady
from src.models import POPULARITY
from src.recommendation.pipeline import Pipeline
from src.search.autocomplete import autocomplete
from src.search.tokenizer import plain
from src.store import Store

NAMED = 10
"""A type-ahead names no more."""
_IDS_BESIDE_TITLES = 4
_LOOKED_AT = 40
_GOOD_HISTORY = 12  # events: enough to see what a list rests on, and no wholesaler


class Typeahead:
    """One per worker, over the release that is served and the store of this moment."""

    def __init__(self, store: Store, recommender: Recommender, searcher: SearchService) -> None:
        self._store, self._recommender, self._searcher = store, recommender, searcher
        self._examples: tuple[str, list[str]] | None = None

    def users(self, text: str) -> list[str]:
        """At most NAMED users whose ids begin with a text, in any of the cases that ids are usually written in."""
        return _first(NAMED, *(self._store.events.user_ids(beginning, NAMED) for beginning in _cases(text)))

    def products(self, text: str) -> list[Product]:
        """At most NAMED products: the one of this id, some whose ids begin so, those whose words do, the most popular
        first; and if there is none, what a search finds, which forgives typing errors. Raises NoRelease.
        """
        _, pipeline = self._recommender.serving()
        exact = list(self._recommender.products(_cases(text)))
        rows = [row for case in _cases(text) for row in pipeline.items.starting_with(case)[:NAMED].tolist()]
        beginning = pipeline.items.ids_of(row for row in rows if row not in pipeline.withdrawn)
        titled, elsewhere = self._by_words(pipeline, text)
        beside = _IDS_BESIDE_TITLES if titled else NAMED
        ids = _first(NAMED, exact, beginning[:beside], titled, beginning, elsewhere)
        return self._known(ids) if ids else self._searched(text)

    def browse(self, wanted: ProductFilter, n: int) -> list[Product]:
        """At most n products that fit a filter, the most popular first. Raises NoRelease, NotReady without texts."""
        _, pipeline = self._recommender.serving()
        if pipeline.search is None:
            raise NotReady("the release knows no product's category. Load a catalogue and run python train_model.py")
        fits = pipeline.search.attributes.fitting(wanted)
        allowed = np.ones(len(pipeline.items), np.bool_) if fits is None else fits
        if pipeline.listed is not None:
            allowed = allowed & pipeline.listed
        rows = np.flatnonzero(allowed)
        weight = pipeline.models[POPULARITY].weight[rows]
        return self._known(pipeline.items.ids_of(rows[np.lexsort((rows, -weight))[:n]].tolist()))

    def alike(self, product_id: str, without: Set[str], n: int) -> list[Product]:
        """At most n products that are described like this one, none of them twice in other words or of `without`."""
        _, pipeline = self._recommender.serving()
        row, search = pipeline.items.idx_of(product_id), pipeline.search
        if row is None or search is None:
            return []
        groups = {int(search.title_group[row])} - {-1}
        chosen: list[str] = []
        for item in search.like(row, _LOOKED_AT, pipeline.listed).item_idx.tolist():
            group, id_ = int(search.title_group[item]), pipeline.items.id_of(item)
            if item == row or id_ in without or group in groups:
                continue
            groups |= {group} - {-1}
            chosen.append(id_)
        return self._known(chosen[:n])

    def examples(self, n: int) -> list[str]:
        """Up to n users of the release to try it with, who did neither little nor very much. Raises NoRelease."""
        version, pipeline = self._recommender.serving()
        if self._examples is None or self._examples[0] != version:
            rows = np.unique(np.linspace(0, len(pipeline.users) - 1, _LOOKED_AT).astype(int)).tolist()
            lengths = {
                id_: len(self._store.events.history(id_)) for id_ in pipeline.users.ids_of(rows if rows != [-1] else ())
            }
            known = [id_ for id_, length in lengths.items() if length]
            known.sort(key=lambda id_: abs(math.log(lengths[id_] / _GOOD_HISTORY)))
            self._examples = version, known
        return self._examples[1][:n]

    def _by_words(self, pipeline: Pipeline, text: str) -> tuple[list[str], list[str]]:
        """(ids of products with the words of a text in the title, of those that have them elsewhere)."""
        if pipeline.search is None:
            return [], []
        keywords, weight = pipeline.search.keywords, pipeline.models[POPULARITY].weight
        rows = autocomplete(keywords, text, weight, _LOOKED_AT, pipeline.listed)
        words = plain(text).split()
        found: tuple[list[str], list[str]] = [], []
        for product in self._known(pipeline.items.ids_of(rows.tolist())):
            title = plain(product.title or "")
            found[not all(word in title for word in words)].append(product.product_id)
        return found

    def _searched(self, text: str) -> list[Product]:
        try:
            return [hit.product for hit in self._searcher.search(text, NAMED, ProductFilter()).hits]
        except NotReady:
            return []

    def _known(self, ids: list[str]) -> list[Product]:
        known = self._recommender.products(ids)
        return [known.get(id_, Product(id_)) for id_ in ids]


def _cases(text: str) -> list[str]:
    """As it is typed, and as ids are usually written."""
    return list(dict.fromkeys((text, text.upper(), text.lower())))


def _first(n: int, *parts: Iterable[str]) -> list[str]:
    """The first n different ones."""
    return list(dict.fromkeys(id_ for part in parts for id_ in part))[:n]
