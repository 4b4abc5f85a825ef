"""Complete ids and titles while they are typed, and offer products and users to look at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set

import numpy as np

from app.serving.release_follower import ReleaseFollower
from app.serving.search_service import SearchService
from src.core.domain import Product, ProductFilter
from src.core.errors import NotReady
from src.core.messages import message
from src.models import POPULARITY
from src.recommendation.pipeline import Pipeline
from src.search.autocomplete import autocomplete
from src.search.tokenizer import plain
from src.store import Store

NAMED = 10
"""Highest number of completions."""
_IDS_BESIDE_TITLES = 4
_LOOKED_AT = 40
_GOOD_HISTORY = 12
"""Events of an example user: enough to see what a list rests on, too few for a wholesaler."""


class Typeahead:
    """Completions out of the release that this worker follows and the store."""

    def __init__(self, store: Store, follower: ReleaseFollower, searcher: SearchService) -> None:
        self._store, self._follower, self._searcher = store, follower, searcher
        self._examples: tuple[str, list[str]] | None = None

    def users(self, text: str) -> list[str]:
        """Return at most NAMED users whose ids begin with a text, in any of the usual cases of ids."""
        return _first(NAMED, *(self._store.events.user_ids(beginning, NAMED) for beginning in _cases(text)))

    def products(self, text: str) -> list[Product]:
        """Return at most NAMED products that a text may mean. Raises NoRelease.

        The product with this id comes first, then some whose ids begin with the text, then products with its words, the
        most popular first. If there is none, search is asked, which forgives typing errors.
        """
        _, pipeline = self._follower.serving()
        exact = list(self._store.products.get(_cases(text)))
        rows = [row for case in _cases(text) for row in pipeline.items.starting_with(case)[:NAMED].tolist()]
        beginning = pipeline.items.ids_of(row for row in rows if row not in pipeline.withdrawn)
        titled, elsewhere = self._by_words(pipeline, text)
        beside = _IDS_BESIDE_TITLES if titled else NAMED
        ids = _first(NAMED, exact, beginning[:beside], titled, beginning, elsewhere)
        is_letter = len(text.strip()) == 1 and text.isascii()  # nothing in it to correct; a Chinese sign is a word
        return self._known(ids) if ids or is_letter else self._searched(text)

    def browse(self, wanted: ProductFilter, n: int) -> list[Product]:
        """List the products that pass a filter.

        Args:
            wanted: the filter.
            n: highest number of products.

        Returns:
            At most n products, the most popular first.

        Raises:
            NotReady: without a release (NoRelease), or for a release without texts.
        """
        _, pipeline = self._follower.serving()
        if pipeline.search is None:
            raise NotReady(message("search.no_titles"))
        fits = pipeline.search.attributes.fitting(wanted)
        allowed = np.ones(len(pipeline.items), np.bool_) if fits is None else fits
        if pipeline.listed is not None:
            allowed = allowed & pipeline.listed
        rows = np.flatnonzero(allowed)
        weight = pipeline.models[POPULARITY].weight[rows]
        return self._known(pipeline.items.ids_of(rows[np.lexsort((rows, -weight))[:n]].tolist()))

    def alike(self, product_id: str, without: Set[str], n: int) -> list[Product]:
        """Find products that are described like one.

        Args:
            product_id: the product.
            without: ids of products to leave out.
            n: highest number of products.

        Returns:
            At most n products; of variants of one title, one.
        """
        _, pipeline = self._follower.serving()
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
        """Return up to n users of the release with histories of a medium length, to try it with. Raises NoRelease."""
        version, pipeline = self._follower.serving()
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
        """Return the ids of products with the words of a text in the title, and of those with the words elsewhere."""
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
            return self._searcher.search(text, NAMED, ProductFilter()).found()
        except NotReady:
            return []

    def _known(self, ids: list[str]) -> list[Product]:
        known = self._store.products.get(ids)
        return [known.get(id_, Product(id_)) for id_ in ids]


def _cases(text: str) -> list[str]:
    """Return a text as it is typed, and in the cases in which ids are usually written."""
    return list(dict.fromkeys((text, text.upper(), text.lower())))


def _first(n: int, *parts: Iterable[str]) -> list[str]:
    """Return the first n distinct ids of all parts."""
    return list(dict.fromkeys(id_ for part in parts for id_ in part))[:n]
