"""Search by text: the query encoded as the release was, and what is found checked against the catalogue of now."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import numpy as np

from app.serving.recommender import Recommender
from app.telemetry.served_lists import PRODUCT, SEARCH, TEXT, ShownList, note
from src.core.domain import FloatArray, JsonDict, Product, ProductFilter
from src.core.errors import AisleError, NotReady
from src.core.settings import Settings
from src.interactions.item_attributes import ItemAttributes
from src.recommendation.pipeline import Pipeline
from src.search.catalogue_text import CatalogueText
from src.search.encoders.registry import Encoder, open_encoder
from src.search.index import EncodedBy

_FIRST_LOOK = 100
"""Products beyond those asked for whose price and stock of this moment are looked up."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hit:
    """A product that was found. score: comparable within one answer, and one source, only."""

    product: Product
    score: float
    source: str = ""


@dataclass(frozen=True)
class SearchResult:
    """What was found, best first; release: what it was found by."""

    release: str
    hits: list[Hit]


class SearchService:
    """One per worker. Opens the encoder of the release that is served: no query is ever encoded by another one."""

    def __init__(self, settings: Settings, recommender: Recommender) -> None:
        self._settings, self._recommender = settings, recommender
        self._opened: tuple[EncodedBy, Encoder | None, str] | None = None
        self._opening = threading.Lock()

    def search(self, text: str, n: int, wanted: ProductFilter) -> SearchResult:
        """At most n products for a text that fit the filter by now. Raises NoRelease, NotReady, StoreError."""
        release, pipeline = self._recommender.serving()
        vector = self._encoded(pipeline, text)
        # The category as the release has it; price and stock may have changed since, so more are found than asked for.
        by_category = ProductFilter(categories=wanted.categories, not_categories=wanted.not_categories)
        hits = self._checked(pipeline, text, vector, n, by_category, wanted)
        if len(hits) < n and wanted != by_category:
            known = {hit.product.product_id for hit in hits}
            more = self._checked(pipeline, text, vector, n, wanted, wanted)
            hits += [hit for hit in more if hit.product.product_id not in known]
        return _noted(TEXT, text, SearchResult(release, hits[:n]))

    def similar(self, product_id: str, n: int) -> SearchResult | None:
        """At most n products that go with one, each with its source; None for a product that nobody knows.

        One that came after the release was made is answered by its text.
        """
        release, pipeline = self._recommender.serving()
        vector = None
        if pipeline.items.idx_of(product_id) is None:
            product = self._recommender.products([product_id]).get(product_id)
            if product is None:
                return None
            vector = self._encoded(pipeline, CatalogueText.of([product]).passages()[0])
        found = pipeline.similar(product_id, vector, n)
        ids = pipeline.items.ids_of(each.item_idx for each in found)
        products = self._recommender.products(ids)
        pairs = zip(ids, found, strict=True)
        hits = [Hit(products.get(id_, Product(id_)), round(each.score, 4), each.source) for id_, each in pairs]
        return _noted(PRODUCT, product_id, SearchResult(release, hits))

    def _checked(
        self,
        pipeline: Pipeline,
        text: str,
        vector: FloatArray | None,
        n: int,
        roughly: ProductFilter,
        wanted: ProductFilter,
    ) -> list[Hit]:
        found = pipeline.find(text, vector, n if wanted == ProductFilter() else n + _FIRST_LOOK, roughly)
        ids = pipeline.items.ids_of(found.item_idx.tolist())
        products = self._recommender.products(ids)
        pairs = zip(ids, found.score.tolist(), strict=True)
        hits = [Hit(products.get(id_, Product(id_)), round(score, 4)) for id_, score in pairs]
        passed = ItemAttributes.of_rows([hit.product.attributes for hit in hits]).fitting(wanted)
        passed = np.ones(len(hits), np.bool_) if passed is None else passed
        return [hit for hit, passes in zip(hits, passed, strict=True) if passes and not hit.product.withdrawn][:n]

    def _encoded(self, pipeline: Pipeline, text: str) -> FloatArray | None:
        by = pipeline.search.encoded_by if pipeline.search else None
        if by is None:
            return None
        encoder, problem = self._encoder(by)
        if encoder is None:
            raise NotReady(problem)
        vector: FloatArray = encoder.encode([text])[0]
        return vector

    def _encoder(self, by: EncodedBy) -> tuple[Encoder | None, str]:
        """(the encoder, or None; why there is none)."""
        with self._opening:
            if self._opened is None or self._opened[0] != by:
                self._opened = (by, *self._open(by))
            return self._opened[1], self._opened[2]

    def _open(self, by: EncodedBy) -> tuple[Encoder | None, str]:
        try:
            encoder = open_encoder(by.name, batch=self._settings.encoder_batch)
        except AisleError as error:
            _log.error("search is not served: %s", error)
            return None, str(error)
        if encoder.checksum == by.checksum:
            return encoder, ""
        problem = (
            f"the encoder {by.name!r} of this machine is another one (checksum {encoder.checksum[:12]}…) than the one "
            f"that made the release's vectors ({by.checksum[:12]}…), and they cannot be compared: run python "
            "train_model.py here, or install what the release was made with"
        )
        _log.error("search is not served: %s", problem)
        return None, problem

    def status(self) -> JsonDict:
        """For GET /status; opens the encoder, so that what is wrong with it is seen before somebody searches."""
        try:
            _, pipeline = self._recommender.serving()
        except NotReady:
            return {"status": "not_loaded"}
        search = pipeline.search
        if search is None:
            return {"status": "not_loaded", "note": "no product's title is known: load a catalogue and train"}
        problem = self._encoder(search.encoded_by)[1] if search.encoded_by else ""
        return {"status": "not_loaded" if problem else "loaded", "note": problem, **search.describe()}


def _noted(made_for: str, asked: str, answer: SearchResult) -> SearchResult:
    """The answer, which is counted, and kept if wanted, once it is given."""
    places = [(hit.product.product_id, hit.source or SEARCH) for hit in answer.hits]
    sources = [source for _, source in places] or [SEARCH]
    note(ShownList(answer.release, made_for, asked, max(sources, key=sources.count), places))
    return answer
