"""Keyword search: BM25 over words, as arrays that all workers map.

Scores are computed while the index is built (by bm25s: Lù, "BM25S", 2024; Lucene's formula), so that a query adds up
the columns of its words. bm25s itself imports Numba and pandas, so only trainings use it.
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
from src.core.mapped_arrays import mapped
from src.interactions.vocabulary import Vocabulary
from src.search.catalogue_text import CatalogueText
from src.search.spelling import Spelling
from src.search.tokenizer import LONGEST, chunks_of, measure_of, splits_of, words_of

_FIELDS = {"title": 1.1, "brand": 1.0, "category": 1.0, "description": 1.0, "ids": 1.0}
"""Weight of a word's score in each field."""
_K1, _B = 1.2, 0.75
_ARRAYS = ("score", "item", "pointer")
_MOST_WORDS = 40
_WRITTEN_AS_ONE = (2, 3)
"""Numbers of words of a query that may be written as one word in a title."""


@dataclass(frozen=True)
class Bm25Index:
    """One column for each word w: its items are item[pointer[w] : pointer[w + 1]].

    Attributes:
        words: the known words.
        spelling: corrects unknown words.
        score: float32[m], BM25 of the word for the item.
        item: int32[m], row numbers of items.
        pointer: int64[n_words + 1], where the columns begin.
        n_items: number of items, with or without words.
    """

    words: Vocabulary
    spelling: Spelling
    score: FloatArray
    item: IntArray
    pointer: IntArray
    n_items: int

    def scores(self, query: str) -> tuple[FloatArray, IntArray]:
        """Return float32[n_items], 0 where no word of the query occurs; and the items with a word, ascending.

        The score is the sum over the words times the share of the query that an item covers. So an item with all words
        comes before one that repeats a single word.
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
        """Return the items that have a word, and its score for each."""
        column = slice(int(self.pointer[word]), int(self.pointer[word + 1]))
        return self.item[column], self.score[column]

    def _share(self, asked: Sequence[Mapping[int, float]]) -> FloatArray:
        """Return float32[n_items]: the share of the query that an item covers, parts weighted by their rarity."""
        share, whole = np.zeros(self.n_items, np.float32), 0.0
        for part in asked:
            rows = [self._column(word)[0] for word in part]
            rarity = self._rarity(next(iter(part)))
            share[rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))] += np.float32(rarity)
            whole += rarity
        return share / np.float32(whole)

    def _frequency(self, word: int) -> int:
        """Return the number of items with a word."""
        return int(self.pointer[word + 1] - self.pointer[word])

    def _rarity(self, word: int) -> float:
        """Return the inverse document frequency of a word."""
        has = self._frequency(word)
        return math.log(1 + (self.n_items - has + 0.5) / (has + 0.5))

    def _asked(self, query: str) -> list[dict[int, float]]:
        """Return the parts of a query: for each, the known words that match it, itself first, with their weights.

        An unknown word is replaced by similar known words. Words that titles join ("smart watch", "C 7115 A") are also
        matched by the joined word.
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
        parts = (means for parts_of_word in meant.values() for means in parts_of_word)
        return list({next(iter(means)): means for means in parts}.values())

    def _meanings(self, word: str) -> list[dict[int, float]]:
        """Return the parts of a query that one word stands for: itself, or similar words if it is unknown."""
        known = self.words.idx_of(word)
        if known is not None:
            parts = self._all_known(measure_of(word))  # some titles write 500gb, others 500 GB
            return [{part: 1.0, known: 1.0} for part in parts] or [{known: 1.0}]
        for pieces in splits_of(word):  # "smartwatch" where titles write smart watch
            if parts := self._all_known(pieces):
                return [{part: 1.0} for part in parts]
        near = self.spelling.near(word, self._frequency)
        return [dict(near)] if near else []

    def _all_known(self, words: Sequence[str]) -> list[int]:
        """Return the row numbers of the words; none if one of them is unknown."""
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
        """Map what `save` wrote.

        Args:
            folder: where it was saved.
            n_items: number of items of the release.

        Returns:
            The index.
        """
        words = Vocabulary.load(folder / "words")
        spelling = Spelling.load(folder / "spelling", words)
        arrays = {name: mapped(folder / f"{name}.npy") for name in _ARRAYS}
        return cls(words=words, spelling=spelling, n_items=n_items, **arrays)


def build_bm25(catalogue: CatalogueText) -> Bm25Index:
    """Index a catalogue; called by trainings only.

    Every field is scored separately, and a word gets its highest score among the fields (disjunction maximum), so that
    long descriptions do not outweigh titles.
    """
    number: dict[str, int] = {}
    total = csc_matrix((len(catalogue), 1), dtype=np.float32)
    for name, weight in _FIELDS.items():  # one at a time: the lists of a million products take a gigabyte
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
    """Return float32 CSC [n_items, n_words]: BM25 of every word of one field, over the items that have the field."""
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
