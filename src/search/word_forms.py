"""Other forms of a word that a catalogue has: inflections by stems, compounds by their last part, signs of Chinese.

Stems are made by Snowball's algorithms (Porter, "Snowball: a language for stemming algorithms", 2001), in the languages
that the catalogue is written in.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import Stemmer

from src.core.domain import IntArray
from src.core.mapped_arrays import mapped_arrays, save_arrays
from src.interactions.vocabulary import Vocabulary
from src.search.tokenizer import is_unspaced, plain

_FUNCTION_WORDS = {
    "english": "the and for with of to in is your",
    "german": "und der die das mit fur aus von zum ist",
    "french": "le les et pour avec des du une est",
    "spanish": "el los las para con del una por es",
}
"""Frequent words of each language, as `plain` writes them; few of them are words of another one."""
_LOOKED_AT = 20_000
_LEAST_SHARE = 0.1
"""Share of all such words that the words of one language need to be a language of the catalogue."""
_COMPOUNDING = "german"
_DOER = re.compile(r"([a-z]{3,})(?:ing|er)")
"""What somebody does and who or what does it, such as washing and washer: no stem of Snowball's joins them."""
_DOES = "~"
_BEGINS = "^"
_PART, _REST = 5, 3
"""Letters of the last part of a compound, and of what stands before it, at least."""
_INFLECTED, _COMPOUND, _BEGINNING = 0.9, 0.6, 0.4
"""Weights of another inflection, of a compound that is a kind of the word, and of one that only begins with it."""
_MOST = 30
_ARRAYS = ("word", "pointer")


@dataclass(frozen=True)
class WordForms:
    """Keys → words: word[pointer[k] : pointer[k + 1]] are the words that share key k.

    Attributes:
        words: the known words.
        languages: names of Snowball's algorithms.
        keys: stems, and signs.
        word: int32[m], row numbers in `words`.
        pointer: int64[n_keys + 1].
    """

    words: Vocabulary
    languages: tuple[str, ...]
    keys: Vocabulary
    word: IntArray
    pointer: IntArray

    @classmethod
    def of(cls, words: Vocabulary, languages: Sequence[str]) -> WordForms:
        """Group the words of an index.

        Args:
            words: the words.
            languages: of the catalogue.

        Returns:
            The groups; without those of a word that is its own stem and has no other form.
        """
        texts = words.ids_of(range(len(words)))
        plainest = cls(words, tuple(languages), Vocabulary.of([]), np.zeros(0, np.int32), np.zeros(1, np.int64))
        number: dict[str, int] = {}
        key, owner = [], []
        known = frozenset(texts)
        for at, text in enumerate(texts):
            names = {*plainest.keys_of(text), *plainest._related_keys(text, known), *plainest._begins(text, known)}
            key += [number.setdefault(name, len(number)) for name in sorted(names)]
            owner += [at] * len(names)
        keys = np.array(key, np.int64)
        counts = np.bincount(keys, minlength=len(number))
        shared = counts > 1
        shared[[number[name] for name in number if words.idx_of(name) is None]] = True
        place = np.cumsum(shared) - 1
        kept = shared[keys]
        order = np.argsort(place[keys[kept]], kind="stable")
        pointer = np.concatenate([[0], np.cumsum(counts[shared])]).astype(np.int64)
        names_kept = [name for name, there in zip(number, shared.tolist(), strict=True) if there]
        return cls(words, tuple(languages), Vocabulary.of(names_kept), np.array(owner, np.int32)[kept][order], pointer)

    @cached_property
    def _stemmers(self) -> list[Any]:
        return [Stemmer.Stemmer(language) for language in self.languages]

    def keys_of(self, word: str) -> list[str]:
        """Return the keys of a word: its stem in each language, or its signs; none for numbers."""
        if is_unspaced(word):
            return sorted(set(word))
        if not word.isalpha():
            return []
        pairs = zip(self.languages, self._stemmers, strict=True)
        return sorted({stemmer.stemWord(_before_stemming(word, language)) for language, stemmer in pairs})

    def _related_keys(self, word: str, known: Container[str]) -> list[str]:
        """Return keys of what a word is related to: of the last part of a compound, and of what a "washer" does."""
        tail = _tail_of(word, known) if _COMPOUNDING in self.languages else ""
        doer = _DOER.fullmatch(word) if "english" in self.languages else None
        return [*self.keys_of(tail), *([f"{_DOES}{doer[1]}"] if doer else [])]

    def _begins(self, word: str, known: Container[str]) -> list[str]:
        """Return keys of the longest known word that a compound begins with; none without one."""
        if _COMPOUNDING not in self.languages or not word.isalpha():
            return []
        beginnings = (word[:at] for at in range(len(word) - _PART, _REST, -1))
        first = next((each for each in beginnings if each in known), "")
        return [f"{_BEGINS}{key}" for key in self.keys_of(first)]

    def of_word(self, word: str) -> list[tuple[int, float]]:
        """Find the other forms of a word.

        Args:
            word: known or unknown.

        Returns:
            At most _MOST pairs of a row number and a weight below 1: inflections, then compounds that end with it, then
            those that begin with it.
        """
        own = set(self.keys_of(word))
        found: dict[int, float] = {}
        begins = [f"{_BEGINS}{key}" for key in sorted(own)]
        for name in [*sorted(own), *self._related_keys(word, ()), *begins]:
            key = self.keys.idx_of(name)
            if key is None:
                continue
            for row in self.word[self.pointer[key] : self.pointer[key + 1]].tolist():
                other = self.words.id_of(row)
                if other != word and row not in found:
                    inflects = own & set(self.keys_of(other)) and not is_unspaced(word)
                    found[row] = _INFLECTED if inflects else _BEGINNING if name in begins else _COMPOUND
        return sorted(found.items(), key=lambda pair: -pair[1])[:_MOST]

    def save(self, folder: Path) -> None:
        """Write everything but the words themselves into the folder, which is made."""
        self.keys.save(folder / "keys")
        save_arrays(self, _ARRAYS, folder)
        (folder / "languages.json").write_text(json.dumps(self.languages), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, words: Vocabulary) -> WordForms:
        """Map what `save` wrote; without a folder, as in releases of older versions, no word has another form.

        Args:
            folder: where it was saved.
            words: the known words.

        Returns:
            The groups.
        """
        if not folder.is_dir():
            return cls.of(words=Vocabulary.of([]), languages=())
        languages = tuple(json.loads((folder / "languages.json").read_text(encoding="utf-8")))
        return cls(words, languages, Vocabulary.load(folder / "keys"), **mapped_arrays(folder, _ARRAYS))


def _before_stemming(word: str, language: str) -> str:
    """Return a word with the z of a Spanish singular, such as "lapiz", whose plural Snowball's stems leave apart.

    The s of the plural is gone, as `singular` removes it whatever the language.
    """
    return f"{word[:-2]}z" if language == "spanish" and word.endswith("ce") else word


def _tail_of(word: str, known: Container[str]) -> str:
    """Return the longest known word that a longer one ends with; "" without one."""
    if not word.isalpha():
        return ""
    tails = (word[at:] for at in range(_REST, len(word) - _PART + 1))
    return next((tail for tail in tails if tail in known), "")


def languages_of(texts: Iterable[str]) -> list[str]:
    """Return the languages of a catalogue by their function words; English if there are none."""
    language_of = {word: language for language, words in _FUNCTION_WORDS.items() for word in words.split()}
    counts = Counter(
        language_of[word] for text in islice(texts, _LOOKED_AT) for word in plain(text).split() if word in language_of
    )
    least = _LEAST_SHARE * counts.total()
    return [language for language, count in counts.items() if count >= least] or ["english"]
