"""Correct unknown words: candidates share trigrams, the edit distance decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import OSA

from src.core.domain import IntArray
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.interactions.vocabulary import Vocabulary

_ARRAYS = ("word", "pointer")
_LOOKED_AT = 200
_NAMED = 3
_SHORTEST, _TWO_EDITS = 4, 8
"""Letters: shorter words have too many neighbours; words of the second length may have two edits."""
_INFLECTION = 2
_WEIGHT = 0.7
"""Factor of a word's weight for each edit."""


@dataclass(frozen=True)
class Spelling:
    """Trigrams → words: word[pointer[g] : pointer[g + 1]] are the words with trigram g.

    Attributes:
        words: the known words.
        grams: the trigrams.
        word: int32[m], row numbers in `words`.
        pointer: int64[n_grams + 1].
    """

    words: Vocabulary
    grams: Vocabulary
    word: IntArray
    pointer: IntArray

    @classmethod
    def of(cls, words: Vocabulary) -> Spelling:
        """Index all words that are long enough to be misspelt."""
        number: dict[str, int] = {}
        gram, owner = [], []
        for at in range(len(words)):
            text = words.id_of(at)
            if len(text) >= _SHORTEST - 1:
                grams = sorted(trigrams(text))  # the order of a set differs between processes
                gram += [number.setdefault(each, len(number)) for each in grams]
                owner += [at] * len(grams)
        order = np.argsort(np.array(gram, np.int64), kind="stable")
        counts = np.bincount(np.array(gram, np.int64), minlength=len(number))
        pointer = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(words, Vocabulary.of(list(number)), np.array(owner, np.int32)[order], pointer)

    def near(self, word: str, frequency: Callable[[int], int]) -> list[tuple[int, float]]:
        """Find known words similar to an unknown one.

        Args:
            word: the unknown word.
            frequency: returns the number of items with a known word.

        Returns:
            At most three pairs of a row number and a weight below 1, fewest edits first, then most frequent. If no word
            is near enough: words that begin or end with it.
        """
        if len(word) < _SHORTEST:
            return []
        known = (self.grams.idx_of(gram) for gram in trigrams(word))
        parts = [self.word[self.pointer[gram] : self.pointer[gram + 1]] for gram in known if gram is not None]
        if not parts:
            return []
        found, shared = np.unique(np.concatenate(parts), return_counts=True)
        found = found[np.argsort(-shared, kind="stable")[:_LOOKED_AT]].tolist()
        most = 2 if len(word) >= _TWO_EDITS else 1
        judged = [(OSA.distance(word, self.words.id_of(each), score_cutoff=most), each) for each in found]
        near = sorted((edits, -frequency(each), each) for edits, each in judged if edits <= most)
        longer = [] if near else [each for each in found if _is_part(word, self.words.id_of(each))]
        near += sorted((most + 1, -frequency(each), each) for each in longer)
        return [(each, _WEIGHT**edits) for edits, _, each in near[:_NAMED]]

    def save(self, folder: Path) -> None:
        """Write everything but the words themselves into the folder, which is made."""
        self.grams.save(folder / "grams")
        save_arrays(self, _ARRAYS, folder)

    @classmethod
    def load(cls, folder: Path, words: Vocabulary) -> Spelling:
        """Map what `save` wrote.

        Args:
            folder: where it was saved.
            words: the known words.

        Returns:
            The index.
        """
        return cls(words, Vocabulary.load(folder / "grams"), **mapped_arrays(folder, _ARRAYS))


def _is_part(word: str, other: str) -> bool:
    """Return whether the other word begins with it or ends with it and at most an inflection, as compounds do."""
    return other.startswith(word) or (0 <= len(other) - other.rfind(word) - len(word) <= _INFLECTION and word in other)


def trigrams(word: str) -> set[str]:
    """Return all runs of three letters of a word with its two ends marked."""
    marked = f"^{word}$"
    return {marked[at : at + 3] for at in range(len(marked) - 2)}
