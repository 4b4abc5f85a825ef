"""Search by text and by product: queries encoded as the release was, results checked against the store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from app.serving.release_follower import ReleaseFollower
from app.serving.ruled_search import RuledPipelines, with_boosts
from app.telemetry.served_lists import PRODUCT, SEARCH, TEXT, ShownList, note
from src.core.domain import FloatArray, JsonDict, Product, ProductFilter, Recommendation
from src.core.errors import AisleError, NotReady
from src.core.messages import message
from src.core.settings import Settings
from src.core.shop_rules import ActiveRules
from src.interactions.item_attributes import ItemAttributes
from src.interactions.item_groups import ItemGroups
from src.interactions.vocabulary import Vocabulary
from src.recommendation.pipeline import Pipeline
from src.recommendation.similar_items import with_falling_scores
from src.search.catalogue_text import CatalogueText
from src.search.encoders.registry import Encoder, open_encoder
from src.search.index import EncodedBy, SearchHits
from src.search.meaning import embed_products
from src.store import Store

_FIRST_LOOK = 100
"""Products retrieved beyond n, because some may not pass the filter with their present price and stock."""

_DEEPER, _DEEPEST = 4, 3_000
"""Growth of the products retrieved where variants leave too few things, and its limit."""

_log = logging.getLogger(__name__)


class OpenedEncoder(NamedTuple):
    """The encoder of a release, or why there is none.

    Attributes:
        by: what the release was encoded by.
        encoder: None if it cannot be used.
        problem: why it cannot; None if it can.
    """

    by: EncodedBy
    encoder: Encoder | None
    problem: str | None = None


@dataclass(frozen=True)
class SearchResult:
    """Products that were found.

    Attributes:
        release: version of the release that found them.
        recommendations: best first; scores are comparable within one result and source only.
        products: what the store knows of them, by id.
        variants: of those that have several variants, how many.
    """

    release: str
    recommendations: list[Recommendation]
    products: dict[str, Product]
    variants: dict[str, int] = field(default_factory=dict)

    def found(self, places: Iterable[Recommendation] | None = None) -> list[Product]:
        """Return the products of all places, or of these."""
        listed = self.recommendations if places is None else places
        return [self.products.get(place.product_id, Product(place.product_id)) for place in listed]


class SearchService:
    """Searches with the release that this worker follows and with the encoder that made its vectors."""

    def __init__(self, settings: Settings, store: Store, follower: ReleaseFollower) -> None:
        self._settings, self._store, self._follower = settings, store, follower
        self._opened: OpenedEncoder | None = None
        self._opening = threading.Lock()
        self._ruled = RuledPipelines()

    def search(
        self, text: str, n: int, wanted: ProductFilter, shop: ActiveRules | None = None, *, variants: bool = False
    ) -> SearchResult:
        """Search for a text. Raises NoRelease, NotReady or StoreError.

        Args:
            text: the query.
            n: highest number of products.
            wanted: only products that pass it now.
            shop: the rules of the shop; None to find what they exclude too.
            variants: whether variants of one thing are named each by itself; else the one that fits the text best, and
                of those that fit alike the first in stock.

        Returns:
            At most n products.
        """
        release, pipeline = self._serving(shop)
        vector = self._encoded(pipeline, text)
        # Prices and stocks may have changed since the training, so the first look filters by names only.
        by_category = replace(wanted, min_price=None, max_price=None, in_stock=False)
        groups = None if variants else pipeline.groups
        is_plain = wanted == ProductFilter() and groups is None and (shop is None or not shop.rules.boosts)
        n_hits = n if is_plain else n + _FIRST_LOOK
        listed: list[Recommendation] = []
        products: dict[str, Product] = {}
        for depth, passing in self._looks(n_hits, by_category, wanted, deeper=groups is not None):
            hits = pipeline.find(text, vector, depth, passing)
            result = self._checked(release, pipeline.items, hits, wanted, groups)
            met = {place.product_id for place in listed}
            met |= met if groups is None else pipeline.variants_of(met)
            found = [place for place in result.recommendations if place.product_id not in met]
            listed += found if shop is None else with_boosts(found, pipeline, shop)
            products.update(result.products)
            if len(listed) >= n or (passing == wanted and len(hits) < depth):
                break
        return _noted(TEXT, text, _with_variants(SearchResult(release, listed[:n], products), pipeline))

    def _looks(
        self, n_hits: int, first: ProductFilter, wanted: ProductFilter, *, deeper: bool
    ) -> Iterator[tuple[int, ProductFilter]]:
        """Yield how many products to retrieve, and which, until enough are found."""
        yield n_hits, first
        if wanted != first:
            yield n_hits, wanted
        while deeper and (n_hits := n_hits * _DEEPER) <= _DEEPEST:  # many variants of few things
            yield n_hits, wanted

    def _serving(self, shop: ActiveRules | None) -> tuple[str, Pipeline]:
        """Return the version and the pipeline that are served, without what the rules exclude."""
        release, pipeline = self._follower.serving()
        return release, pipeline if shop is None else self._ruled.of(pipeline, shop)

    def similar(
        self, product_id: str, n: int, shop: ActiveRules | None = None, *, variants: bool = False
    ) -> SearchResult | None:
        """Find products that go with one; a product newer than the release is compared by its text.

        Args:
            product_id: the product.
            n: highest number of products.
            shop: the rules of the shop; None without.
            variants: whether variants of one thing are named each by itself, those of the product included.

        Returns:
            At most n products, each with its source; None for a product that neither the release nor the store knows.
        """
        release, pipeline = self._serving(shop)
        vector, group = None, None
        if pipeline.items.idx_of(product_id) is None:
            product = self._store.products.get([product_id]).get(product_id)
            if product is None:
                return None
            encoder, group = self._usable_encoder(pipeline), product.group
            vector = None if encoder is None else embed_products(encoder.encode, CatalogueText.of([product]))[0]
        items = with_falling_scores(pipeline.similar(product_id, vector, n, variants=variants, group=group))
        ids = pipeline.items.ids_of(item.item_idx for item in items)
        listed = [Recommendation(id_, round(item.score, 4), item.source) for id_, item in zip(ids, items, strict=True)]
        if shop is not None:
            listed = with_boosts(listed, pipeline, shop)
        found = SearchResult(release, listed, self._store.products.get(ids))
        return _noted(PRODUCT, product_id, _with_variants(found, pipeline))

    def _checked(
        self, release: str, items: Vocabulary, hits: SearchHits, wanted: ProductFilter, groups: ItemGroups | None
    ) -> SearchResult:
        """Return the hits that pass the filter with the attributes that the store has now, and are not withdrawn."""
        ids = items.ids_of(hits.item_idx.tolist())
        products = self._store.products.get(ids)
        listed = [
            Recommendation(id_, round(score, 4), SEARCH) for id_, score in zip(ids, hits.score.tolist(), strict=True)
        ]
        found = SearchResult(release, listed, products).found()
        passes = ItemAttributes.of_rows([product.attributes for product in found]).fitting(wanted)
        passes = np.ones(len(found), np.bool_) if passes is None else passes
        places = [at for at, now in enumerate(found) if passes[at] and not now.withdrawn]
        if groups is not None:
            places = _one_of_each(places, found, hits, groups)
        return SearchResult(release, [listed[at] for at in places], products)

    def _encoded(self, pipeline: Pipeline, text: str) -> FloatArray | None:
        """Return the embedding of a text by the release's encoder; None for a release without vectors."""
        encoder = self._usable_encoder(pipeline)
        if encoder is None:
            return None
        vector: FloatArray = encoder.encode([text])[0]
        return vector

    def _usable_encoder(self, pipeline: Pipeline) -> Encoder | None:
        """Return the release's encoder; None for a release without vectors. Raises NotReady if it cannot be used."""
        by = pipeline.search.encoded_by if pipeline.search else None
        if by is None:
            return None
        opened = self._encoder(by)
        if opened.encoder is None:
            raise NotReady(opened.problem)
        return opened.encoder

    def _encoder(self, by: EncodedBy) -> OpenedEncoder:
        """Return the encoder of a release, opened at most once."""
        with self._opening:
            if self._opened is None or self._opened.by != by:
                self._opened = self._open(by)
            return self._opened

    def _open(self, by: EncodedBy) -> OpenedEncoder:
        try:
            encoder = open_encoder(by.name, batch=self._settings.encoder_batch)
        except AisleError as error:
            _log.error("search is not served: %s", error)
            return OpenedEncoder(by, None, str(error))
        if encoder.checksum == by.checksum:
            return OpenedEncoder(by, encoder)
        problem = (
            f"the encoder {by.name!r} of this machine is another one (checksum {encoder.checksum[:12]}…) than the one "
            f"that made the release's vectors ({by.checksum[:12]}…), and they cannot be compared: run python "
            "train_model.py here, or install what the release was made with"
        )
        _log.error("search is not served: %s", problem)
        return OpenedEncoder(by, None, problem)

    def warm_up(self) -> None:
        """Encode nothing with the encoder of the release, if there is one, so that its libraries are loaded."""
        with suppress(NotReady):
            self._encoded(self._follower.serving()[1], "")

    def status(self) -> JsonDict:
        """Return what GET /status says of search; checks the encoder, so that its problems show before a search."""
        try:
            _, pipeline = self._follower.serving()
        except NotReady:
            return {"status": "not_loaded"}
        search = pipeline.search
        if search is None:
            return {"status": "not_loaded", "note": message("search.no_titles")}
        problem = self._encoder(search.encoded_by).problem if search.encoded_by else None
        status = "loaded" if problem is None else "not_loaded"
        return {"status": status, "note": problem or "", **search.describe()}


def _with_variants(found: SearchResult, pipeline: Pipeline) -> SearchResult:
    """Return the result with the numbers of variants."""
    counts = {place.product_id: pipeline.n_variants(place.product_id) for place in found.recommendations}
    return replace(found, variants={id_: count for id_, count in counts.items() if count > 1})


def _one_of_each(places: list[int], found: list[Product], hits: SearchHits, groups: ItemGroups) -> list[int]:
    """Return one place of each group: the first, or a later one in stock where the words fit as well.

    Args:
        places: positions in `found`, best first.
        found: the products of the hits.
        hits: in the same order.
        groups: of the items.

    Returns:
        The places that are left, each group at its first place.
    """
    chosen: dict[int, int] = {}
    for at in places:
        leader = int(groups.leader[hits.item_idx[at]])
        first = chosen.setdefault(leader, at)
        fits_alike = hits.keyword[at] >= hits.keyword[first]
        if found[first].stock == 0 and found[at].stock != 0 and fits_alike:
            chosen[leader] = at
    return list(chosen.values())


def _noted(made_for: str, asked: str, result: SearchResult) -> SearchResult:
    """Return the result, noted as a list that the request shows."""
    sources = [place.source for place in result.recommendations] or [SEARCH]
    note(ShownList(result.release, made_for, asked, max(sources, key=sources.count), result.recommendations))
    return result
