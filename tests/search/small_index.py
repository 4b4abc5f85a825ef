"""A small catalogue for tests of search, and an encoder without dependencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.core.domain import FloatArray, Product
from src.interactions.vocabulary import Vocabulary
from src.search.catalogue_text import CatalogueText
from src.search.index import EncodedBy, SearchIndex, build_search_index
from src.search.meaning import embed_products

PRODUCTS = [
    Product("p1", "Brother TN-2110 Toner Black", "Laser toner cartridge", "Office > Toner", "Brother", 40.0, stock=3),
    Product("p2", "Smartwatch with heart rate", None, "Watches", "Pulsar", 99.0, stock=0),
    Product("p3", "Dog lead", "Nylon, for walks", "Pets", "Wuff", 12.5),
    Product("p4", "Washing machine 8 kg", "A+++ front loader", "Home > Laundry", "Spin", 399.0, stock=1),
    Product("p5", "Café crème cups, set of 6", None, "Kitchen | Gifts", None, None, stock=5),
    Product("p6"),
]
DIMENSION = 3


class Letters:
    """An encoder that counts a, e and o, so that vectors can be computed by hand."""

    name, checksum, dimension = "letters", "c" * 64, DIMENSION

    def __init__(self) -> None:
        self.read: list[str] = []

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.read += texts
        found = np.array([[text.count(letter) for letter in "aeo"] for text in texts], np.float32).reshape(-1, 3)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(length, 1e-9))


def shelf(products: Sequence[Product] = PRODUCTS) -> CatalogueText:
    return CatalogueText.of(products).aligned(Vocabulary.of([product.product_id for product in products]))


def small_search(products: Sequence[Product] = PRODUCTS, *, with_vectors: bool = True) -> SearchIndex:
    catalogue, encoder = shelf(products), Letters()
    if not with_vectors:
        return build_search_index(catalogue, None, None)
    vectors = embed_products(encoder.encode, catalogue)
    return build_search_index(catalogue, vectors, EncodedBy(encoder.name, encoder.checksum, DIMENSION))
