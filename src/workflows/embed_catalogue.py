"""Add the catalogue to the training data: products without events, text vectors, and the search index."""

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
    """Training data with the texts of its items.

    Attributes:
        data: the training data; `item_vectors` is None if no item has a text.
        catalogue: the texts, a row for each item.
        encoded_by: the encoder of the vectors; None if no item has a text.
    """

    data: TrainingData
    catalogue: CatalogueText
    encoded_by: EncodedBy | None

    def search(self, reporter: Reporter) -> SearchIndex | None:
        """Build the search index of the items; None if no item has a text."""
        if self.encoded_by is None:
            return None
        reporter.step(f"making the search over {len(self.catalogue):,} products")
        weight = vector_weight_of(self.encoded_by.name)
        return build_search_index(self.catalogue, self.data.item_vectors, self.encoded_by, weight)


def embed_catalogue(
    settings: Settings, store: Store, data: TrainingData, reporter: Reporter, *, with_new: bool = True
) -> EmbeddedCatalogue:
    """Add categories and text vectors from the store's catalogue to training data.

    Args:
        settings: which encoder is used, and where its vectors are cached.
        store: the products.
        data: the training data.
        reporter: shows the steps.
        with_new: add products without events as further items, but for withdrawn ones and those without a text.

    Returns:
        The data, with a row of the catalogue for each item.

    Raises:
        NotReady: there are texts, but AISLE_ENCODER is not installed.
        StoreError: the store does not answer.
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
    encoded = encode_texts(encoder, passages_of_items, settings.embeddings_dir, reporter)
    reporter.step(f"encoded {encoded.n_new:,} texts that are new; the others were known")
    by = EncodedBy(encoder.name, encoder.checksum, encoder.dimension)
    return EmbeddedCatalogue(replace(data, item_vectors=encoded.vectors), catalogue, by)


def encoder_of(settings: Settings, name: str | None = None) -> Encoder:
    """Open an encoder.

    Args:
        settings: how it runs.
        name: its name; None for AISLE_ENCODER.

    Returns:
        The encoder.

    Raises:
        NotReady: it is not installed.
    """
    return open_encoder(name or settings.encoder, batch=settings.encoder_batch, download=settings.encoder_download)


def vector_weight_of(name: str) -> float:
    """Return the weight of vectors, against words, in a search with the encoder of this name."""
    return VECTOR_WEIGHT if name == WORDLLAMA else SENTENCE_WEIGHT
