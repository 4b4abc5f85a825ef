"""Search a catalogue by keywords and by vectors, fused into one list."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from src.core.domain import CATEGORY_LIST, BoolArray, FloatArray, IntArray, JsonDict
from src.core.mapped_arrays import mapped
from src.interactions.category_index import CategoryIndex
from src.interactions.item_attributes import ItemAttributes
from src.interactions.vocabulary import Vocabulary
from src.search.bm25 import Bm25Index
from src.search.bm25_build import build_bm25
from src.search.catalogue_text import CatalogueText
from src.search.meaning import Noise, fused, is_answered, with_typical_first
from src.search.tokenizer import title_key
from src.search.vector_index import VectorIndex, build_vector_index

DEPTH = 200
"""Lowest number of items that keyword search and vector search retrieve each."""
_PER_PLACE = 3
_COMPARED = 50_000
"""If no more items than this are allowed, their vectors are compared without the index."""
_NO_NOISE = Noise()


@dataclass(frozen=True)
class EncodedBy:
    """The encoder that made the vectors; queries are encoded by no other.

    Attributes:
        name: in AISLE_ENCODER.
        checksum: hex sha256.
        dimension: length of a vector.
    """

    name: str
    checksum: str
    dimension: int


@dataclass(frozen=True)
class SearchHits:
    """Columns of m retrieved items, best first.

    Attributes:
        item_idx: int64[m].
        score: float32[m], fused, up to about 1.5.
        similarity: float32[m], cosine to the query, 0 without a vector.
        keyword: float32[m], share of the query that the words cover, 0 without a common word.
    """

    item_idx: IntArray
    score: FloatArray
    similarity: FloatArray
    keyword: FloatArray

    def __len__(self) -> int:
        return len(self.item_idx)

    def take(self, places: IntArray) -> SearchHits:
        """Return the hits at these positions, in this order."""
        return SearchHits(self.item_idx[places], self.score[places], self.similarity[places], self.keyword[places])


@dataclass(frozen=True)
class SearchIndex:
    """The search of a release, over its items.

    Attributes:
        keywords: keyword index.
        vectors: vector index; None without an encoder.
        encoded_by: the encoder; None without one.
        attributes: of the items when the release was made.
        title_group: int32[n_items], equal for variants of one title; -1 without a title.
        n_products: number of items with a text.
        noise: cosines that tell nothing.
    """

    keywords: Bm25Index
    vectors: VectorIndex | None
    encoded_by: EncodedBy | None
    attributes: ItemAttributes
    title_group: IntArray
    n_products: int
    noise: Noise = _NO_NOISE

    @property
    def n_items(self) -> int:
        """Number of items, with or without a text."""
        return len(self.attributes)

    def search(self, query: str, vector: FloatArray | None, n: int, allowed: BoolArray | None = None) -> SearchHits:
        """Search for a text.

        Args:
            query: the text.
            vector: float32[dimension], its embedding by `encoded_by`; None to search by keywords alone.
            n: highest number of items.
            allowed: bool[n_items]; None for all.

        Returns:
            At most n hits, best first; none if the catalogue has nothing for the query.
        """
        depth = max(DEPTH, _PER_PLACE * n)
        scores, matching = self.keywords.scores(query)
        if allowed is not None:
            matching = matching[allowed[matching]]
        among = scores[matching]
        highest = float(among.max(initial=0))
        if len(matching) > depth:
            best = np.argpartition(-among, depth - 1)[:depth]
            matching = np.sort(matching[best])
        near = self._near(vector, depth, allowed)
        items = np.union1d(matching, near).astype(np.int64)
        keyword = scores[items]
        similarity: FloatArray = np.zeros(len(items), np.float32)
        if vector is None or self.vectors is None:
            score = fused(keyword, similarity, highest, self.noise)
        else:
            rows = self.vectors.rows[items].astype(np.float32)
            similarity = rows @ vector
            score = with_typical_first(fused(keyword, similarity, highest, self.noise), rows)
        order = np.lexsort((items, -score))[: n if is_answered(scores, similarity, self.noise) else 0]
        return SearchHits(items, score, similarity, keyword).take(order)

    def like(self, item: int, n: int, allowed: BoolArray | None = None) -> SearchHits:
        """Find items whose text is similar to that of an item.

        Args:
            item: row number.
            n: highest number of items.
            allowed: bool[n_items]; None for all.

        Returns:
            At most n hits, best first, the item itself included; none without vectors.
        """
        return self.near(None if self.vectors is None else self.vectors.rows[item].astype(np.float32), n, allowed)

    def near(self, vector: FloatArray | None, n: int, allowed: BoolArray | None = None) -> SearchHits:
        """Find items whose text is similar to a vector.

        Args:
            vector: float32[dimension], an embedding by `encoded_by`; None for no hits.
            n: highest number of items.
            allowed: bool[n_items]; None for all.

        Returns:
            At most n hits, best first.
        """
        items = self._near(vector, n, allowed)
        similarity = self._similarity(vector, items)
        order = np.lexsort((items, -similarity))
        return SearchHits(items, similarity, similarity, np.zeros(len(items), np.float32)).take(order)

    def _near(self, vector: FloatArray | None, n: int, allowed: BoolArray | None) -> IntArray:
        """Return at most n allowed items with the highest cosines, in any order."""
        if vector is None or self.vectors is None or not vector.any():
            return np.zeros(0, np.int64)
        if allowed is None:
            return self.vectors.nearest(vector, n)
        rows = np.flatnonzero(allowed)
        if len(rows) > _COMPARED:
            found = self.vectors.nearest(vector, 4 * n)
            found = found[allowed[found]]
            if len(found) >= n:
                return found[:n]
        similarity = self._similarity(vector, rows)
        best = np.argpartition(-similarity, n - 1)[:n] if len(rows) > n else np.arange(len(rows))
        return rows[best][similarity[best] > 0]

    def _similarity(self, vector: FloatArray | None, items: IntArray) -> FloatArray:
        """Return float32[m]: cosines; 0 without vectors."""
        if vector is None or self.vectors is None:
            return np.zeros(len(items), np.float32)
        return self.vectors.similarity(vector, items)

    def describe(self) -> JsonDict:
        """Return what the manifest and /status say of it."""
        by = self.encoded_by
        return {
            "n_products": self.n_products,
            "embedding_dimension": by.dimension if by else None,
            "encoder": by.name if by else None,
            "encoder_checksum": by.checksum if by else None,
            "exact": self.vectors.exact if self.vectors else None,
        }

    def save(self, folder: Path) -> None:
        """Write everything into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.keywords.save(folder / "keywords")
        self.attributes.save(folder / "attributes")
        if self.vectors is not None:
            self.vectors.save(folder / "vectors")
        np.save(folder / "title_group.npy", self.title_group, allow_pickle=False)
        document = {**self.describe(), "noise": asdict(self.noise)}
        (folder / "search.json").write_text(json.dumps(document, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> SearchIndex:
        """Map what `save` wrote; a folder of an older version is readable too."""
        document = json.loads((folder / "search.json").read_text(encoding="utf-8"))
        title_group = mapped(folder / "title_group.npy")
        is_current = (folder / "attributes").is_dir()
        by = None
        if document["encoder"] is not None:
            by = EncodedBy(document["encoder"], document["encoder_checksum"], document["embedding_dimension"])
        return cls(
            keywords=Bm25Index.load(folder / "keywords", len(title_group)),
            vectors=None if by is None else VectorIndex.load(folder / "vectors", document["exact"]),
            encoded_by=by,
            attributes=ItemAttributes.load(folder / "attributes") if is_current else _older_attributes(folder),
            title_group=title_group,
            n_products=document["n_products"],
            noise=Noise(**document.get("noise", {})),
        )


def build_search_index(
    catalogue: CatalogueText,
    vectors: FloatArray | None,
    encoded_by: EncodedBy | None,
    noise: Noise = _NO_NOISE,
) -> SearchIndex:
    """Index a catalogue.

    Args:
        catalogue: aligned with the items of the release.
        vectors: float16[n_items, dimension]; None without an encoder.
        encoded_by: what made the vectors.
        noise: of the vectors.

    Returns:
        The search of a release.
    """
    group: dict[str, int] = {}
    keys = [title_key(title) for title in catalogue.title]
    return SearchIndex(
        keywords=build_bm25(catalogue),
        vectors=None if vectors is None else build_vector_index(vectors),
        encoded_by=encoded_by,
        attributes=catalogue.attributes(),
        title_group=np.array([group.setdefault(key, len(group)) if key else -1 for key in keys], np.int32),
        n_products=int(catalogue.has_text().sum()),
        noise=noise,
    )


def _older_attributes(folder: Path) -> ItemAttributes:
    """Read the attributes that older versions saved with a search index: float32 prices, category names, no brands."""
    arrays = {name: mapped(folder / f"{name}.npy") for name in ("price", "stock", "category", "category_pointer")}
    names, category, pointer = Vocabulary.load(folder / "categories"), arrays["category"], arrays["category_pointer"]
    number: dict[bytes, int] = {b"": 0}
    rows = [
        number.setdefault(category[start:end].tobytes(), len(number))
        for start, end in zip(pointer[:-1].tolist(), pointer[1:].tolist(), strict=True)
    ]
    texts = [CATEGORY_LIST.join(names.ids_of(np.frombuffer(key, category.dtype).tolist())) for key in number]
    unknown = np.zeros(len(rows), np.int32)
    return ItemAttributes(
        arrays["price"],
        arrays["stock"],
        np.array(rows, np.int32),
        unknown,
        CategoryIndex(texts),
        {"": 0},
        unknown,
        {"": 0},
    )
