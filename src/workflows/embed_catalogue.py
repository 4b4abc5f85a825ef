"""Add the catalogue to the training data: products without events, text vectors, and the search index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

from src.core.domain import FloatArray
from src.core.messages import message
from src.core.progress import Reporter
from src.core.settings import Settings
from src.interactions.interactions import TrainingData
from src.interactions.item_categories import ItemCategories
from src.search.catalogue_text import CatalogueText
from src.search.encoders.embedding_cache import encode_texts
from src.search.encoders.registry import Encoder, open_encoder
from src.search.index import EncodedBy, SearchIndex, build_search_index
from src.search.meaning import Noise, embed_products, measure_noise
from src.store import Store


@dataclass(frozen=True)
class EmbeddedCatalogue:
    """Training data with the texts of its items.

    Attributes:
        data: the training data; `item_vectors` is None if no item has a text.
        catalogue: the texts, a row for each item.
        encoded_by: the encoder of the vectors; None if no item has a text.
        noise: of the vectors.
    """

    data: TrainingData
    catalogue: CatalogueText
    encoded_by: EncodedBy | None
    noise: Noise = field(default_factory=Noise)

    def search(self, reporter: Reporter) -> SearchIndex | None:
        """Build the search index of the items; None if no item has a text."""
        if self.encoded_by is None:
            return None
        reporter.step(message("step.search", n=len(self.catalogue)))
        return build_search_index(self.catalogue, self.data.item_vectors, self.encoded_by, self.noise)


def embed_catalogue(
    settings: Settings, store: Store, data: TrainingData, reporter: Reporter, *, with_new: bool = True
) -> EmbeddedCatalogue:
    """Add categories and text vectors from the store's catalogue to training data.

    Args:
        settings: which encoder is used, and where its vectors are cached.
        store: the products.
        with_new: add products without events as further items, but for withdrawn ones and those without a text.

    Returns:
        The data, with a row of the catalogue for each item.

    Raises:
        NotReady: there are texts, but AISLE_ENCODER is not installed.
        StoreError: the store does not answer.
    """
    reporter.step(message("step.reading_catalogue"))
    catalogue = CatalogueText.of(chain.from_iterable(store.products.read()))
    if with_new:
        withdrawn = store.products.withdrawn()
        told = zip(catalogue.ids, catalogue.has_text().tolist(), strict=True)
        data = data.with_items(id_ for id_, has_text in told if has_text and id_ not in withdrawn)
    catalogue = catalogue.aligned(data.items)
    categories = ItemCategories.of(category or None for category in catalogue.category)
    data = replace(data, categories=categories, attributes=catalogue.attributes())
    if not catalogue.has_text().any():
        return EmbeddedCatalogue(data, catalogue, None)
    encoder = encoder_of(settings)
    embedded = embedded_by(settings, encoder, catalogue, reporter)
    by = EncodedBy(encoder.name, encoder.checksum, encoder.dimension)
    return EmbeddedCatalogue(replace(data, item_vectors=embedded.vectors), catalogue, by, embedded.noise)


class Embedded(NamedTuple):
    """Vectors of products, float16[n, dimension], and their noise."""

    vectors: FloatArray
    noise: Noise


def embedded_by(settings: Settings, encoder: Encoder, catalogue: CatalogueText, reporter: Reporter) -> Embedded:
    """Return a vector for each product of a catalogue; of texts that were encoded before it comes from the cache."""
    reporter.step(message("step.encoding", encoder=encoder.name))

    def encode(texts: Sequence[str]) -> FloatArray:
        encoded = encode_texts(encoder, texts, settings.embeddings_dir, reporter)
        reporter.step(message("step.encoded", n=encoded.n_new))
        return encoded.vectors

    vectors = embed_products(encode, catalogue)
    return Embedded(vectors, measure_noise(encoder.encode, vectors))


def encoder_of(settings: Settings, name: str | None = None) -> Encoder:
    """Open an encoder; name: None for AISLE_ENCODER. Raises NotReady if it is not installed."""
    return open_encoder(name or settings.encoder, batch=settings.encoder_batch, download=settings.encoder_download)
