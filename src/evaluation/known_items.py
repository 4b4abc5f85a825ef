"""Make search queries with known answers out of a catalogue, to choose settings of search without judged queries.

A known-item query is made from one product, as a person would write who has the product in mind (Azzopardi, de Rijke
and Balog, "Building simulated queries for known-item topics", 2007). The product has the grade 2, and so have others
whose titles have the same words; for queries that name a category, all its products do.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from src.core.domain import category_names
from src.evaluation.search_evaluation import Judged
from src.search.catalogue_text import CatalogueText
from src.search.tokenizer import chunks_of, plain, singular, title_key, words_of

FRAGMENT, FEATURE, TYPO, NUMBER = "fragment", "feature", "typing error", "part number"
PLURAL, JOINED, SPLIT = "plural", "joined words", "split word"
CATEGORY, WISH, SYNONYM = "category", "wish", "category's word"
BY_CATEGORY = (CATEGORY, WISH, SYNONYM)
"""Kinds whose queries name a category. They are asked of a catalogue without categories, so that words alone fail."""
_GRADE = 2.0
_MOST_ANSWERS = 100
_TELLING = 1.5
"""Inverse document frequency, in natural logarithms, from which on a word of a title tells something."""
_TRIES = 30
_WISHES = ("something for {}", "{} for sale", "looking for {}", "gift for somebody who likes {}", "best {} please")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def make_known_items(catalogue: CatalogueText, per_kind: int, seed: int) -> dict[str, Judged]:
    """Make queries from a catalogue.

    Args:
        catalogue: the products.
        per_kind: highest number of queries of each kind.
        seed: of the choices.

    Returns:
        Kind → queries, each with at least one right answer, for every kind that the catalogue allows.
    """
    rng = np.random.default_rng(seed)
    maker = _Maker(catalogue, rng)
    made = {kind: _judged(make, maker, per_kind) for kind, make in _KINDS.items()}
    return {kind: judged for kind, judged in made.items() if len(judged)}


def without_categories(catalogue: CatalogueText) -> CatalogueText:
    """Return the catalogue with all categories empty, for the kinds BY_CATEGORY."""
    return replace(catalogue, category=[""] * len(catalogue))


@dataclass
class _Maker:
    """The catalogue, prepared for making queries."""

    catalogue: CatalogueText
    rng: np.random.Generator
    titles: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.titles = [plain(title).split() for title in self.catalogue.title]
        self.titled = [row for row, words in enumerate(self.titles) if len(words) > 1]

    @cached_property
    def with_word(self) -> dict[str, set[int]]:
        """Word → rows with the word in the title."""
        rows: dict[str, set[int]] = defaultdict(set)
        for row, title in enumerate(self.catalogue.title):
            for word in words_of(title):
                rows[word].add(row)
        return rows

    @cached_property
    def variants(self) -> dict[str, list[int]]:
        """Key of a title → rows with equal titles but for colour and size."""
        rows: dict[str, list[int]] = defaultdict(list)
        for row, title in enumerate(self.catalogue.title):
            rows[title_key(title)].append(row)
        return rows

    @cached_property
    def in_category(self) -> dict[str, list[int]]:
        """Name of a category → rows in it; without names of nearly everything or of next to nothing."""
        rows: dict[str, list[int]] = defaultdict(list)
        for row, path in enumerate(self.catalogue.category):
            for name in dict.fromkeys(category_names(path)):
                rows[name].append(row)
        most = len(self.catalogue) // 4
        return {name: found for name, found in sorted(rows.items()) if 3 <= len(found) <= most}

    def row(self) -> int:
        """Return a product whose title has two words or more."""
        return int(self.rng.choice(self.titled))

    def one_of(self, choices: list[str]) -> str:
        """Return one of some texts."""
        return choices[int(self.rng.integers(len(choices)))]

    def with_all(self, words: list[str]) -> set[int]:
        """Return the rows with all words in the title."""
        found = [self.with_word.get(word, set()) for word in words]
        return set.intersection(*found) if found else set()

    def answers(self, row: int, words: list[str]) -> dict[int, float]:
        """Return the grades for words of a product's title; empty if they tell too little."""
        parts = [part for word in words for part in words_of(word)]
        found = self.with_all(parts) | set(self.variants[title_key(self.catalogue.title[row])])
        return dict.fromkeys(found, _GRADE) if row in found and len(found) <= _MOST_ANSWERS else {}

    def fragment(self, row: int) -> list[str]:
        """Return two to four words of a title in order, half of the time adjacent ones."""
        words = [word for word in self.titles[row] if any(map(str.isalnum, word))]
        n = min(int(self.rng.integers(2, 5)), len(words))
        if self.rng.random() < 0.5:
            start = int(self.rng.integers(len(words) - n + 1))
            return words[start : start + n]
        return [words[at] for at in sorted(self.rng.choice(len(words), n, replace=False).tolist())]


_Made = tuple[str, dict[int, float]]


def _judged(make: Callable[[_Maker], Iterator[_Made]], maker: _Maker, n: int) -> Judged:
    """Return up to n different queries."""
    found: dict[str, dict[int, float]] = {}
    for query, grades in make(maker):
        if query.strip() and grades:
            found.setdefault(query, grades)
        if len(found) == n:
            break
    return Judged(list(found), list(found.values()))


def _attempts(maker: _Maker) -> Iterator[int]:
    """Yield products at random, as many as are tried for one kind of query."""
    if maker.titled:
        yield from (maker.row() for _ in range(_TRIES * 100))


def _fragments(maker: _Maker) -> Iterator[_Made]:
    for row in _attempts(maker):
        words = maker.fragment(row)
        yield " ".join(words), maker.answers(row, words)


def _features(maker: _Maker) -> Iterator[_Made]:
    """Yield a word of the title with a rare word of the description."""
    count = Counter(word for text in maker.catalogue.description for word in set(words_of(text)))
    for row in _attempts(maker):
        words = sorted(
            {word for word in words_of(maker.catalogue.description[row]) if word.isalpha() and len(word) > 3}
        )
        rare = [word for word in words if count[word] <= max(3, len(maker.catalogue) // 100)]
        title = [word for word in words_of(maker.catalogue.title[row]) if word.isalpha() and len(word) > 3]
        if rare and title:
            grades = dict.fromkeys(maker.variants[title_key(maker.catalogue.title[row])], _GRADE)
            yield f"{maker.one_of(title)} {maker.one_of(rare)}", grades


def _typos(maker: _Maker) -> Iterator[_Made]:
    for row in _attempts(maker):
        words = maker.fragment(row)
        long = [at for at, word in enumerate(words) if len(word) > 4 and word.isalpha()]
        if long:
            at = int(maker.rng.choice(long))
            wrong = [*words[:at], _misspelt(words[at], maker.rng), *words[at + 1 :]]
            yield " ".join(wrong), maker.answers(row, words)


def _misspelt(word: str, rng: np.random.Generator) -> str:
    """Return a word with one letter left out, doubled, replaced or exchanged with the next; mostly not the first."""
    at = int(rng.integers(0 if rng.random() < 0.05 else 1, len(word) - 1))
    letter = _LETTERS[int(rng.integers(len(_LETTERS)))]
    ways = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )
    return ways[int(rng.integers(len(ways)))]


def _numbers(maker: _Maker) -> Iterator[_Made]:
    """Yield part numbers as they stand, without signs, or with blanks for the signs."""
    for row in _attempts(maker):
        numbers = [word for word in maker.titles[row] if sum(map(str.isdigit, word)) > 1 and not word.isdecimal()]
        numbers = [word for word in numbers if len(word) > 4 and any(map(str.isalpha, word))]
        if numbers:
            number = maker.one_of(numbers)
            ways = [number, "".join(filter(str.isalnum, number)), " ".join(chunks_of(number)[0])]
            yield maker.one_of(ways), maker.answers(row, [number])


def _plurals(maker: _Maker) -> Iterator[_Made]:
    """Yield fragments whose last word is in the other number."""
    for row in _attempts(maker):
        words = maker.fragment(row)
        if words[-1].isalpha() and len(words[-1]) > 3:
            last = singular(words[-1])
            other = last if last != words[-1] else last[:-1] + "ies" if last.endswith("y") else last + "s"
            yield " ".join([*words[:-1], other]), maker.answers(row, words)


def _joined(maker: _Maker) -> Iterator[_Made]:
    """Yield fragments with two adjacent words of the title written as one."""
    for row in _attempts(maker):
        words = maker.titles[row]
        at = int(maker.rng.integers(len(words) - 1))
        pair = words[at : at + 2]
        if all(word.isalpha() and len(word) > 2 for word in pair):
            others = [word for word in words[:at] + words[at + 2 :] if word.isalpha() and len(word) > 3]
            more = [maker.one_of(others)] if others else []
            yield " ".join(["".join(pair), *more]), maker.answers(row, [*pair, *more])


def _splits(maker: _Maker) -> Iterator[_Made]:
    """Yield words of a title written as two, where both are words of the catalogue."""
    for row in _attempts(maker):
        for word in maker.titles[row]:
            parts = [(word[:at], word[at:]) for at in range(3, len(word) - 2)] if word.isalpha() else []
            known = [" ".join(pair) for pair in parts if all(singular(part) in maker.with_word for part in pair)]
            if known:
                yield maker.one_of(known), maker.answers(row, [word])


def _categories(maker: _Maker) -> Iterator[_Made]:
    for name, rows in maker.in_category.items():
        yield name.lower(), dict.fromkeys(rows, _GRADE)


def _wishes(maker: _Maker) -> Iterator[_Made]:
    for name, rows in maker.in_category.items():
        yield maker.one_of(list(_WISHES)).format(name.lower()), dict.fromkeys(rows, _GRADE)


def _synonyms(maker: _Maker) -> Iterator[_Made]:
    """Yield a word of a title with the name of the product's category in place of the others."""
    named = {row: name for name, rows in maker.in_category.items() for row in rows}
    idf = {word: math.log(len(maker.titles) / len(rows)) for word, rows in maker.with_word.items()}
    for row in _attempts(maker):
        words = [word for word in words_of(maker.catalogue.title[row]) if word.isalpha() and idf[word] > _TELLING]
        if words and row in named:
            word = maker.one_of(words)
            found = maker.with_word[word] & set(maker.in_category[named[row]])
            yield f"{word} {named[row].lower()}", dict.fromkeys(found, _GRADE)


_KINDS: dict[str, Callable[[_Maker], Iterator[_Made]]] = {
    FRAGMENT: _fragments,
    FEATURE: _features,
    TYPO: _typos,
    NUMBER: _numbers,
    PLURAL: _plurals,
    JOINED: _joined,
    SPLIT: _splits,
    CATEGORY: _categories,
    WISH: _wishes,
    SYNONYM: _synonyms,
}
