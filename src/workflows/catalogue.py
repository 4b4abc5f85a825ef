"""The catalogue's part of a training: products that nobody has bought yet, vectors of texts, the search index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from src.config import Settings
from src.dataset.interactions import TrainingData
from src.progress import Reporter
from src.store import Store
from src.text.catalogue import Catalogue
from src.text.encoders import Encoder, open_encoder
from src.text.kept import encoded
from src.text.search import EncodedBy, SearchIndex, search_index


@dataclass(frozen=True)
class Described:
    """Training data whose items are described. catalogue: a row for each item. data.item_vectors and encoded_by are
    None where no item has a text."""

    data: TrainingData
    catalogue: Catalogue
    encoded_by: EncodedBy | None

    def search(self, reporter: Reporter) -> SearchIndex | None:
        """The search over the items; None where no item has a text."""
        if self.encoded_by is None:
            return None
        reporter.step(f"making the search over {len(self.catalogue):,} products")
        return search_index(self.catalogue, self.data.item_vectors, self.encoded_by)


def read_catalogue(store: Store, reporter: Reporter) -> Catalogue:
    """All products of the store that are not withdrawn."""
    reporter.step("reading the catalogue")
    products = chain.from_iterable(store.read_products())
    return Catalogue.of(product for product in products if not product.withdrawn)


def described(
    settings: Settings, data: TrainingData, catalogue: Catalogue, reporter: Reporter, *, with_new: bool = True
) -> Described:
    """The data with what the catalogue knows of its items, and (with_new) all other products of it as further items.

    Raises NotReady where texts are known and AISLE_ENCODER is not here.
    """
    if with_new:
        described_ids = (id_ for id_, text in zip(catalogue.ids, catalogue.passages(), strict=True) if text)
        data = data.with_items(described_ids)
    catalogue = catalogue.aligned(data.items)
    passages = catalogue.passages()
    if not any(passages):
        return Described(data, catalogue, None)
    encoder = encoder_of(settings)
    reporter.step(f"encoding titles with {encoder.name}")
    made = encoded(encoder, passages, settings.embeddings_dir, reporter)
    reporter.step(f"encoded {made.n_new:,} texts that are new; {len(passages) - made.n_new:,} were known")
    by = EncodedBy(encoder.name, encoder.checksum, encoder.dimension)
    return Described(replace(data, item_vectors=made.vectors), catalogue, by)


def encoder_of(settings: Settings, name: str | None = None) -> Encoder:
    """AISLE_ENCODER, or the encoder of this name. Raises NotReady."""
    return open_encoder(name or settings.encoder, batch=settings.encoder_batch, download=settings.encoder_download)
