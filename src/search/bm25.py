"""Keyword search: BM25 over words, as arrays that all workers map.

Scores are computed while the index is built (by bm25s: Lù, "BM25S", 2024; Lucene's formula), so that a query adds up
the columns of its words. bm25s itself brings Numba and pandas and is used in trainings alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.sparse import csc_matrix

from src.core.domain import FloatArray, IntArray
from src.interactions.vocabulary import Vocabulary
from src.search.catalogue_text import CatalogueText
from src.search.spelling import Spelling
from src.search.tokenizer import LONGEST, chunks_of, measure_of, splits_of, words_of

_FIELDS = {"title": 1.1, "brand": 1.0, "category": 1.0, "description": 1.0, "ids": 1.0}
"""What a word's score in each field counts."""
_K1, _B = 1.2, 0.75
_ARRAYS = ("score", "item", "pointer")
_MOST_WORDS = 40
_WRITTEN_AS_ONE = (2, 3)
"""So many words of a query may be one word of a title."""


@dataclass(frozen=True)
class Bm25Index:
    """The columns of the words: of word w, item[pointer[w] : pointer[w + 1]] (int32) are the products that have it, and
    score (float32) says how much it speaks for each. n_items: products, with or without words.
    """

    words: Vocabulary
    spelling: Spelling
    score: FloatArray
    item: IntArray
    pointer: IntArray
    n_items: int

    def scores(self, query: str) -> tuple[FloatArray, IntArray]:
        """(float32[n_items], 0 where no word of the query is; the products with one, ascending).

        The sum over the words, times the share of what was asked for that a product has: of two that speak of a thing,
        the one that has all words comes before the one that says one of them loudly.
        """
        asked = self._asked(query)
        total, touched = np.zeros(self.n_items, np.float32), []
        for word, weight in {word: weight for part in asked for word, weight in part.items()}.items():
            rows, score = self._column(word)
            total[rows] += np.float32(weight) * score
            touched.append(rows)
        if not touched:
            return total, np.zeros(0, np.int64)
        if len(asked) > 1:
            total *= self._share(asked)
        if sum(map(len, touched)) > self.n_items // 4:
            return total, np.flatnonzero(total)
        return total, np.unique(np.concatenate(touched)).astype(np.int64)

    def _column(self, word: int) -> tuple[IntArray, FloatArray]:
        """(the products that have a word, how much it speaks for each)."""
        column = slice(int(self.pointer[word]), int(self.pointer[word + 1]))
        return self.item[column], self.score[column]

    def _share(self, asked: Sequence[Mapping[int, float]]) -> FloatArray:
        """float32[n_items]: how much of what was asked for is there, the rarer parts counting more."""
        share, whole = np.zeros(self.n_items, np.float32), 0.0
        for part in asked:
            rows = [self._column(word)[0] for word in part]
            rarity = self._rarity(next(iter(part)))
            share[rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))] += np.float32(rarity)
            whole += rarity
        return share / np.float32(whole)

    def _frequency(self, word: int) -> int:
        return int(self.pointer[word + 1] - self.pointer[word])

    def _rarity(self, word: int) -> float:
        has = self._frequency(word)
        return math.log(1 + (self.n_items - has + 0.5) / (has + 0.5))

    def _asked(self, query: str) -> list[dict[int, float]]:
        """The parts of a query that are known: for each the words that would do, itself first, and how much they count.

        A word that no product has stands for those that it may mean; some that titles write as one ("smart watch",
        "C 7115 A") may be there as that one, too.
        """
        chunks = chunks_of(query)
        words = list(dict.fromkeys(chain.from_iterable(chunks)))[:_MOST_WORDS]
        meant = {word: self._meanings(word) for word in words}
        runs = [words[at : at + n] for n in _WRITTEN_AS_ONE for at in range(len(words) - n + 1)]
        for run in [*runs, *(chunk for chunk in chunks if len(chunk) > 1)]:
            if (whole := self.words.idx_of("".join(run)[:LONGEST])) is None:
                continue
            for word in run:
                meant[word] = meant.get(word) or [{}]
                for means in meant[word]:
                    means.setdefault(whole, 1.0)
        parts = (means for its in meant.values() for means in its)
        return list({next(iter(means)): means for means in parts}.values())

    def _meanings(self, word: str) -> list[dict[int, float]]:
        """The parts of a query that one word of it is: itself, or what it may mean; none where nothing is like it."""
        known = self.words.idx_of(word)
        if known is not None:
            parts = self._all_known(measure_of(word))  # 500gb: of some titles, others say 500 GB
            return [{part: 1.0, known: 1.0} for part in parts] or [{known: 1.0}]
        for pieces in splits_of(word):  # "smartwatch" where titles say smart watch
            if parts := self._all_known(pieces):
                return [{part: 1.0} for part in parts]
        near = self.spelling.near(word, self._frequency)
        return [dict(near)] if near else []

    def _all_known(self, words: Sequence[str]) -> list[int]:
        """The numbers of the words; none if one of them is unknown."""
        found = [self.words.idx_of(word) for word in words]
        return [] if None in found else [word for word in found if word is not None]

    def save(self, folder: Path) -> None:
        """Write everything into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.words.save(folder / "words")
        self.spelling.save(folder / "spelling")
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, n_items: int) -> Bm25Index:
        """Map what `save` wrote."""
        words = Vocabulary.load(folder / "words")
        spelling = Spelling.load(folder / "spelling", words)
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
        return cls(words=words, spelling=spelling, n_items=n_items, **arrays)


def build_bm25(catalogue: CatalogueText) -> Bm25Index:
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
    return Bm25Index(
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
