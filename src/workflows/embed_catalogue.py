"""The catalogue's part of a training: products that nobody has bought yet, vectors of texts, the search index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from src.core.progress import Reporter
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.interactions.item_categories import ItemCategories
from src.search.catalogue_text import CatalogueText
from src.search.encoders.embedding_cache import encode_texts
from src.search.encoders.registry import WORDLLAMA, Encoder, open_encoder
from src.search.index import SENTENCE_WEIGHT, VECTOR_WEIGHT, EncodedBy, SearchIndex, build_search_index
from src.store import Store


@dataclass(frozen=True)
class EmbeddedCatalogue:
    """Training data whose items are described. catalogue: a row for each item. data.item_vectors and encoded_by are
    None where no item has a text.
    """

    data: TrainingData
    catalogue: CatalogueText
    encoded_by: EncodedBy | None

    def search(self, reporter: Reporter) -> SearchIndex | None:
        """The search over the items; None where no item has a text."""
        if self.encoded_by is None:
            return None
        reporter.step(f"making the search over {len(self.catalogue):,} products")
        weight = vector_weight_of(self.encoded_by.name)
        return build_search_index(self.catalogue, self.data.item_vectors, self.encoded_by, weight)


def embed_catalogue(
    settings: Settings, store: Store, data: TrainingData, reporter: Reporter, *, with_new: bool = True
) -> EmbeddedCatalogue:
    """The data with what the store's catalogue says of its items, and (with_new) its other products as further items,
    but for withdrawn ones.

    Raises NotReady where texts are known and AISLE_ENCODER is not here.
    """
    reporter.step("reading the catalogue")
    catalogue = CatalogueText.of(chain.from_iterable(store.products.read()))
    if with_new:
        withdrawn = store.products.withdrawn()
        passages = zip(catalogue.ids, catalogue.passages(), strict=True)
        data = data.with_items(id_ for id_, text in passages if text and id_ not in withdrawn)
    catalogue = catalogue.aligned(data.items)
    data = replace(data, categories=ItemCategories.of(category or None for category in catalogue.category))
    passages_of_items = catalogue.passages()
    if not any(passages_of_items):
        return EmbeddedCatalogue(data, catalogue, None)
    encoder = encoder_of(settings)
    reporter.step(f"encoding titles with {encoder.name}")
    made = encode_texts(encoder, passages_of_items, settings.embeddings_dir, reporter)
    reporter.step(f"encoded {made.n_new:,} texts that are new; the others were known")
    by = EncodedBy(encoder.name, encoder.checksum, encoder.dimension)
    return EmbeddedCatalogue(replace(data, item_vectors=made.vectors), catalogue, by)


def encoder_of(settings: Settings, name: str | None = None) -> Encoder:
    """AISLE_ENCODER, or the encoder of this name. Raises NotReady."""
    return open_encoder(name or settings.encoder, batch=settings.encoder_batch, download=settings.encoder_download)


def vector_weight_of(name: str) -> float:
    """What the meaning counts in search with the encoder of this name."""
    return VECTOR_WEIGHT if name == WORDLLAMA else SENTENCE_WEIGHT
