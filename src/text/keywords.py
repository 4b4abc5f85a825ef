"""Keyword search: BM25 over words, as arrays that all workers map.

Scores are computed while the index is built (by bm25s: Lù, "BM25S", 2024; Lucene's formula), so that a query adds up
the columns of its words. bm25s itself brings Numba and pandas and is used in trainings alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.sparse import csc_matrix

from src.dataset.interactions import Vocabulary
from src.domain import FloatArray, IntArray
from src.text.catalogue import Catalogue
from src.text.typos import Spelling
from src.text.words import words_of

_FIELDS = {"title": 1.1, "brand": 1.0, "category": 1.0, "description": 1.0, "ids": 1.0}
"""What a word's score in each field counts."""
_K1, _B = 1.2, 0.75
_ARRAYS = ("score", "item", "pointer")
_MOST_WORDS = 40


@dataclass(frozen=True)
class Keywords:
    """The columns of the words: of word w, item[pointer[w] : pointer[w + 1]] (int32) are the products that have it, and
    score (float32) says how much it speaks for each. n_items: products, with or without words."""

    words: Vocabulary
    spelling: Spelling
    score: FloatArray
    item: IntArray
    pointer: IntArray
    n_items: int

    def scores(self, query: str) -> tuple[FloatArray, IntArray]:
        """(float32[n_items], 0 where no word of the query is; the products with one, ascending)."""
        total, touched = np.zeros(self.n_items, np.float32), []
        for word, weight in self._expanded(query).items():
            column = slice(int(self.pointer[word]), int(self.pointer[word + 1]))
            rows = self.item[column]
            total[rows] += np.float32(weight) * self.score[column]
            touched.append(rows)
        if not touched:
            return total, np.zeros(0, np.int64)
        if sum(map(len, touched)) > self.n_items // 4:
            return total, np.flatnonzero(total)
        return total, np.unique(np.concatenate(touched)).astype(np.int64)

    def _expanded(self, query: str) -> Mapping[int, float]:
        """Known words → how much they count: those of the query, and for one that is not known those it may mean."""
        given = list(dict.fromkeys(words_of(query)))[:_MOST_WORDS]
        found: dict[int, float] = {}
        for word in given:
            known = self.words.idx_of(word)
            if known is not None:
                found[known] = 1.0
                continue
            for other, weight in self._meant_by(word):
                found[other] = max(found.get(other, 0.0), weight)
        for pair in pairwise(given):  # "smart watch" where titles say smartwatch
            if (joined := self.words.idx_of("".join(pair))) is not None:
                found.setdefault(joined, 1.0)
        return found

    def _meant_by(self, word: str) -> list[tuple[int, float]]:
        for at in range(3, len(word) - 2):  # "smartwatch" where titles say smart watch
            parts = self.words.idx_of(word[:at]), self.words.idx_of(word[at:])
            if parts[0] is not None and parts[1] is not None and not word.isdecimal():
                return [(part, 1.0) for part in parts if part is not None]
        return self.spelling.near(word, np.diff(self.pointer))

    def save(self, folder: Path) -> None:
        """Write everything into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.words.save(folder / "words")
        self.spelling.save(folder / "spelling")
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, n_items: int) -> Keywords:
        """Map what `save` wrote."""
        words = Vocabulary.load(folder / "words")
        spelling = Spelling.load(folder / "spelling", words)
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
        return cls(words=words, spelling=spelling, n_items=n_items, **arrays)


def keywords_of(catalogue: Catalogue) -> Keywords:
    """The index of a catalogue; only in a training.

    Every field is scored by itself, and a word of a product counts as in the field where it speaks most for it (a
    disjunction maximum): a long description does not drown a title, and one that names the thing is as good as one.
    """
    number: dict[str, int] = {}
    total = csc_matrix((len(catalogue), 1), dtype=np.float32)
    for name, weight in _FIELDS.items():  # one after the other: the lists of a million products take a gigabyte
        texts = [[number.setdefault(w, len(number)) for w in words_of(text)] for text in getattr(catalogue, name)]
        field = _scored(texts, number, len(catalogue)) * np.float32(weight)
        total.resize(field.shape)
        total = total.maximum(field)
    total.sort_indices()
    words = Vocabulary.of(list(number))
    return Keywords(
        words,
        Spelling.of(words),
        np.asarray(total.data, dtype=np.float32),
        total.indices.astype(np.int32),
        total.indptr.astype(np.int64)[: len(words) + 1],
        len(catalogue),
    )


def _scored(texts: list[list[int]], number: Mapping[str, int], n_items: int) -> csc_matrix:
    """float32 CSC [n_items, n_words]: BM25 of every word of one field, over the products that have the field."""
    import bm25s

    rows = np.array([row for row, words in enumerate(texts) if words], np.int64)
    shape = (n_items, max(len(number), 1))
    if not len(rows):
        return csc_matrix(shape, dtype=np.float32)
    index = bm25s.BM25(method="lucene", k1=_K1, b=_B)
    index.index(([texts[row] for row in rows.tolist()], dict(number)), create_empty_token=False, show_progress=False)
    columns = index.scores
    pointer = np.asarray(columns["indptr"], dtype=np.int64)
    pointer = np.append(pointer, np.full(max(shape[1] + 1 - len(pointer), 0), pointer[-1]))[: shape[1] + 1]
    return csc_matrix((np.asarray(columns["data"], np.float32), rows[columns["indices"]], pointer), shape=shape)
