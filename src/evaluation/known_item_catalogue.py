"""A catalogue prepared for making queries: who has which words, and who is a right or partly right answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from src.core.domain import category_names
from src.search.catalogue_text import CatalogueText
from src.search.noun_phrase import first_phrase
from src.search.tokenizer import plain, title_key, words_of

RIGHT, PARTLY = 3.0, 1.0
"""Grades: what was asked for; another product of its kind."""
_MOST_ANSWERS = 100
_MOST_AKIN = 0.1
"""Share of a catalogue that products of one kind are at most, for a kind to tell something."""
_TRIES = 3_000
_TELLING = 0.02
"""Share of the products that have a word of a description, at most, for it to tell something."""
_USUAL, _USUAL_ROWS, _ALL_OF_THEM = 0.25, 6, 0.9
"""Share of a category that has a usual word, products that have it at least, and their share in such categories."""
_Key = TypeVar("_Key", bound=Hashable)
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True)
class KnownItemCatalogue:
    """The products that queries are made from.

    Attributes:
        catalogue: the products.
        rng: chooses products and words.
    """

    catalogue: CatalogueText
    rng: np.random.Generator

    @cached_property
    def titles(self) -> list[list[str]]:
        """The words of each title as they stand, in lower case and without accents."""
        return [plain(title).split() for title in self.catalogue.title]

    @cached_property
    def with_word(self) -> dict[str, set[int]]:
        """Word → rows with the word in the title."""
        return _rows_by(map(words_of, self.catalogue.title))

    @cached_property
    def described_with(self) -> dict[str, set[int]]:
        """Word → rows with the word in the description."""
        return _rows_by(map(words_of, self.catalogue.description))

    @cached_property
    def heads(self) -> list[list[str]]:
        """The words of the first noun phrase of each title, its head last; empty without one."""
        return [[chunk[-1] for chunk in first_phrase(title)] for title in self.catalogue.title]

    @cached_property
    def of_kind(self) -> dict[tuple[str, str], set[int]]:
        """Category and head noun → the products of that kind."""
        return _rows_by([self._kind(row)] for row in range(len(self.catalogue)))

    @cached_property
    def variants(self) -> dict[str, set[int]]:
        """Key of a title → rows with equal titles but for colour and size."""
        return _rows_by([title_key(title)] for title in self.catalogue.title)

    @cached_property
    def in_category(self) -> dict[str, set[int]]:
        """Name of a category → rows in it; without names of nearly everything or of next to nothing."""
        rows = _rows_by(map(category_names, self.catalogue.category))
        most = len(self.catalogue) // 4
        return {name: found for name, found in sorted(rows.items()) if 3 <= len(found) <= most}

    @cached_property
    def with_text(self) -> dict[str, set[int]]:
        """Word → rows with the word in the title, or in the description of a product without a title."""
        pairs = zip(self.catalogue.title, self.catalogue.description, strict=True)
        return _rows_by(words_of(title or description) for title, description in pairs)

    @cached_property
    def usual_words(self) -> dict[str, list[str]]:
        """Word → categories in which it is usual, for words that a good part of other products have too."""
        usual: dict[str, list[str]] = {}
        for word, rows in self.with_text.items():
            if not _WORD.fullmatch(word) or len(rows) < _USUAL_ROWS:
                continue
            names = [name for name, all_ in self.in_category.items() if len(rows & all_) >= _USUAL * len(all_)]
            right = rows & self.in_categories(names)
            if names and len(right) <= _ALL_OF_THEM * len(rows):
                usual[word] = names
        return usual

    def in_categories(self, names: Iterable[str]) -> set[int]:
        """Return the rows in any of the categories."""
        return set().union(*(self.in_category[name] for name in names))

    def _kind(self, row: int) -> tuple[str, str]:
        head = self.heads[row]
        return self.catalogue.category[row], head[-1] if head else ""

    def attempts(self) -> Iterator[int]:
        """Yield products at random whose title has two words or more."""
        titled = [row for row, words in enumerate(self.titles) if len(words) > 1]
        if titled:
            yield from self.rng.choice(titled, _TRIES).tolist()

    def described(self) -> Iterator[int]:
        """Yield products at random that have a description."""
        rows = [row for row, text in enumerate(self.catalogue.description) if text]
        if rows:
            yield from self.rng.choice(rows, _TRIES).tolist()

    def one_of(self, choices: Sequence[str]) -> str:
        """Return one of some texts."""
        return choices[int(self.rng.integers(len(choices)))]

    def some_of(self, choices: Sequence[str], n: int) -> list[str]:
        """Choose some of the texts.

        Args:
            choices: texts.
            n: highest number of them.

        Returns:
            Up to n texts, in their order.
        """
        places = self.rng.choice(len(choices), min(n, len(choices)), replace=False)
        return [choices[at] for at in sorted(places.tolist())]

    def with_all(self, words: Iterable[str]) -> set[int]:
        """Return the rows with all words in the title."""
        found = [self.with_word.get(part, set()) for word in words for part in words_of(word)]
        return set.intersection(*found) if found else set()

    def variants_of(self, row: int) -> set[int]:
        """Return the product with those that differ in colour and size alone; the product without a title."""
        return self.variants[title_key(self.catalogue.title[row])] if self.titles[row] else {row}

    def grades(self, row: int, right: set[int], also: Iterable[int] = ()) -> dict[int, float]:
        """Grade the answers to a query that was made from a product.

        Args:
            row: the product.
            right: all products that were asked for.
            also: further partly right answers beside the products of the same category and head noun.

        Returns:
            Row → grade; empty if the product is no answer, or if so many are that the query tells too little.
        """
        if row not in right or len(right) > _MOST_ANSWERS:
            return {}
        akin = self.of_kind[self._kind(row)] if self.heads[row] else set()
        partly = akin.union(also)
        if len(partly) > _MOST_AKIN * len(self.catalogue):  # "card" where everything is a gift card
            partly = set()
        return {**dict.fromkeys(partly, PARTLY), **dict.fromkeys(right, RIGHT)}

    def fragment(self, row: int) -> list[str]:
        """Return two to four words of a title in order, half of the time adjacent ones."""
        words = [word for word in self.titles[row] if any(map(str.isalnum, word))]
        n = min(int(self.rng.integers(2, 5)), len(words))
        if self.rng.random() < 0.5:
            start = int(self.rng.integers(len(words) - n + 1))
            return words[start : start + n]
        return self.some_of(words, n)

    def telling_words(self, row: int) -> list[str]:
        """Return the rarer words of a description in order, those of the title left out."""
        known = set(words_of(self.catalogue.title[row]))
        most = max(3, int(_TELLING * len(self.catalogue)))
        words = dict.fromkeys(_WORD.findall(plain(self.catalogue.description[row])))
        found = {word: words_of(word)[0] for word in words}
        return [w for w, key in found.items() if key not in known and len(self.described_with.get(key, ())) <= most]

    @cached_property
    def purposes(self) -> dict[str, set[int]]:
        """What descriptions say that products are for, in two to four words → rows."""
        rows = _rows_by(_PURPOSE.findall(plain(text)) for text in self.catalogue.description)
        most = max(3, int(_TELLING * len(self.catalogue)))
        return {text: found for text, found in sorted(rows.items()) if len(found) <= most}


_PURPOSE = re.compile(r"\bfor ((?:[a-z]{2,} ){1,3}[a-z]{3,})(?=[.,;:!])")


def _rows_by(keys: Iterable[Iterable[_Key]]) -> dict[_Key, set[int]]:
    """Return key → numbers of the collections that have it."""
    rows: dict[_Key, set[int]] = defaultdict(set)
    for row, names in enumerate(keys):
        for name in names:
            rows[name].add(row)
    return rows
