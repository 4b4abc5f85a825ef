"""Keyword search: BM25 over words, as arrays that all workers map.

Scores are computed while the index is built (bm25_build; eager scoring after Lù, "BM25S", 2024), so that a query adds
up the columns of its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.interactions.vocabulary import Vocabulary
from src.search.spelling import Spelling
from src.search.tokenizer import LONGEST, chunks_of, is_unspaced, measure_of, splits_of
from src.search.word_forms import WordForms

_ARRAYS = ("score", "item", "pointer", "rarity")
_MOST_WORDS = 40
_OFTEN = 10
"""How many times as frequent as a word its two halves are where a catalogue usually writes it as two."""
_WRITTEN_AS_ONE = (2, 3)
"""Numbers of words of a query that may be written as one word in a title."""


@dataclass(frozen=True)
class Bm25Index:
    """One column for each word w: its items are item[pointer[w] : pointer[w + 1]].

    Attributes:
        words: the known words.
        spelling: corrects unknown words.
        forms: other forms of words.
        score: float32[m], of the word for the item: its rarity, times 1 where a title has it, less elsewhere.
        item: int32[m], row numbers of items.
        pointer: int64[n_words + 1], where the columns begin.
        rarity: float32[n_words], inverse document frequency.
        n_items: number of items, with or without words.
    """

    words: Vocabulary
    spelling: Spelling
    forms: WordForms
    score: FloatArray
    item: IntArray
    pointer: IntArray
    rarity: FloatArray
    n_items: int

    def scores(self, query: str) -> tuple[FloatArray, IntArray]:
        """Return float32[n_items], how much of the query each item covers; and the items with a word, ascending.

        1 means every word in a short title, 0 none. Words count by their rarity; one that no item has is the rarest, so
        that a low score tells that words did not find what was asked for.
        """
        asked, n_unknown = self._asked(query)
        total, touched = np.zeros(self.n_items, np.float32), []
        whole = n_unknown * float(idf(np.zeros(1), self.n_items)[0])
        for part in asked:
            rarity = max(float(self.rarity[word]) for word in part)
            whole += rarity
            factors = {word: np.float32(weight * rarity / self.rarity[word]) for word, weight in part.items()}
            touched += [self._column(word)[0] for word in part]
            if len(part) == 1:
                rows, score = self._column(next(iter(part)))
                total[rows] += next(iter(factors.values())) * score
            else:
                total += self._best(factors)
        if not touched:
            return total, np.zeros(0, np.int64)
        total /= np.float32(whole)
        if sum(map(len, touched)) > self.n_items // 4:
            return total, np.flatnonzero(total)
        return total, np.unique(np.concatenate(touched)).astype(np.int64)

    def _best(self, factors: Mapping[int, np.float32]) -> FloatArray:
        """Return float32[n_items]: for each item the highest score among words that mean the same."""
        best = np.zeros(self.n_items, np.float32)
        for word, factor in factors.items():
            rows, score = self._column(word)
            best[rows] = np.maximum(best[rows], factor * score)
        return best

    def _column(self, word: int) -> tuple[IntArray, FloatArray]:
        """Return the items that have a word, and its score for each."""
        column = slice(int(self.pointer[word]), int(self.pointer[word + 1]))
        return self.item[column], self.score[column]

    def _frequency(self, word: int) -> int:
        """Return the number of items with a word."""
        return int(self.pointer[word + 1] - self.pointer[word])

    def _asked(self, query: str) -> tuple[list[dict[int, float]], int]:
        """Return the parts of a query, and the number of words that nothing is known of.

        A part has the known words that match it, itself first, with their weights. An unknown word is replaced by
        similar known words. Words that titles join ("smart watch", "C 7115 A") are also matched by the joined word.
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
        _count_whole(meant)
        unknown = [word for word, means in meant.items() if not means and not is_unspaced(word)]
        parts = (means for parts_of_word in meant.values() for means in parts_of_word)
        return list({tuple(means.items()): means for means in parts}.values()), len(unknown)

    def _meanings(self, word: str) -> list[dict[int, float]]:
        """Return the parts of a query that one word stands for: itself and its forms, or similar words."""
        known = self.words.idx_of(word)
        forms = dict(self.forms.of_word(word))
        if known is not None:
            parts = self._all_known(measure_of(word)) or self._apart(word, known)
            return [{part: 1.0, known: 1.0} for part in parts] or [{known: 1.0, **forms}]
        if forms:
            return [forms]
        near = self.spelling.near(word, self._frequency)
        usual = max((weight * self._frequency(each) for each, weight in near), default=0.0)
        apart = self._written_apart(word, usual)
        return [{part: 1.0} for part in apart] or ([dict(near)] if near else [])

    def _written_apart(self, word: str, usual: float) -> list[int]:
        """Return the known words that titles write for one, as smart watch for "smartwatch"; none if they do not.

        More than `usual` items have them all. Words that no item has together, such as lab and top of "labtop", are not
        meant: it is misspelt.
        """
        best: list[int] = []
        ways = [parts for parts in map(self._all_known, splits_of(word)) if parts]
        for parts in sorted(ways, key=lambda each: -min(map(self._frequency, each))):
            if min(map(self._frequency, parts)) <= usual:
                break
            if (n_items := self._n_items_with(set(parts))) > usual:
                best, usual = parts, n_items
        return best

    def _n_items_with(self, words: Collection[int]) -> int:
        """Return the number of items that have all of the words."""
        n_words = np.zeros(self.n_items, np.uint8)
        for word in words:
            n_words[self._column(word)[0]] += 1
        return int(np.count_nonzero(n_words == len(words)))

    def _apart(self, word: str, known: int) -> list[int]:
        """Return the two words that titles mostly write for one, such as "giftcard"; none if they do not."""
        usual = _OFTEN * self._frequency(known)
        for pieces in splits_of(word):
            parts = self._all_known(pieces) if word.isalpha() else []
            if parts and min(map(self._frequency, parts)) >= usual:
                return parts
        return []

    def _all_known(self, words: Sequence[str]) -> list[int]:
        """Return the row numbers of the words; none if one of them is unknown."""
        found = [self.words.idx_of(word) for word in words]
        return [] if None in found else [word for word in found if word is not None]

    def save(self, folder: Path) -> None:
        """Write everything into the folder, which is made."""
        self.words.save(folder / "words")
        self.spelling.save(folder / "spelling")
        self.forms.save(folder / "forms")
        save_arrays(self, _ARRAYS, folder)

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
        forms = WordForms.load(folder / "forms", words)
        there = [name for name in _ARRAYS if (folder / f"{name}.npy").is_file()]
        arrays = mapped_arrays(folder, there)
        if "rarity" not in arrays:  # a release of an older version: its scores have other factors for each word
            arrays["rarity"] = np.maximum.reduceat(arrays["score"], arrays["pointer"][:-1])
        return cls(words=words, spelling=spelling, forms=forms, n_items=n_items, **arrays)


def _count_whole(meant: Mapping[str, list[dict[int, float]]]) -> None:
    """Count a compound as whole where two words of a query are parts of it, such as Hundeleine for "Leine, Hund"."""
    spaced = [parts for word, parts in meant.items() if not is_unspaced(word)]
    partial = [{word for means in parts for word, weight in means.items() if weight < 1} for parts in spaced]
    named = Counter(chain.from_iterable(partial))
    for means in chain.from_iterable(spaced):
        means.update({word: 1.0 for word in means if named[word] > 1})


def idf(frequency: FloatArray | IntArray, n_items: int) -> FloatArray:
    """Return the inverse document frequency (Lucene's formula) of words.

    Args:
        frequency: number of items with each word.
        n_items: number of items.

    Returns:
        float64[n_words], above 0.
    """
    return np.asarray(np.log(1 + (n_items - frequency + 0.5) / (frequency + 0.5)))
