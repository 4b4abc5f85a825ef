"""Make search queries with known answers out of a catalogue, to choose settings of search without judged queries.

A known-item query is made from one product, as a person would write who has the product in mind (Azzopardi, de Rijke
and Balog, "Building simulated queries for known-item topics", 2007). What was asked for has the grade 3; a product of
the same kind, that is of the same category and head noun, has the grade 1, as judges of search results give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from src.evaluation.known_item_catalogue import PARTLY, RIGHT, KnownItemCatalogue
from src.evaluation.product_synonyms import SYNONYMS
from src.evaluation.search_evaluation import Judged
from src.search.catalogue_text import CatalogueText
from src.search.tokenizer import chunks_of, singular, words_of

FRAGMENT, TYPE, BRAND, ATTRIBUTE = "fragment", "type of product", "brand and type", "attribute and type"
TYPO, NUMBER, PLURAL, JOINED, SPLIT = "typing error", "part number", "plural", "joined words", "split word"
FEATURE, DESCRIBED, PURPOSE = "type and feature", "description", "purpose"
CATEGORY, WISH, SYNONYM, OTHER_WORD = "category", "wish", "category's word", "synonym"
FREQUENT = "frequent word"
BY_CATEGORY = (CATEGORY, WISH, SYNONYM, FREQUENT)
"""Kinds whose answers are told by categories. They are asked of a catalogue without categories, so that words alone
fail."""
_WISHES = ("something for {}", "{} for sale", "looking for {}", "gift for somebody who likes {}", "best {} please")
_WANTS = ("something for {}", "i need something for {}", "what is good for {}", "{}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_Made = tuple[str, dict[int, float]]


def make_known_items(catalogue: CatalogueText, per_kind: int, seed: int) -> dict[str, Judged]:
    """Make queries from a catalogue.

    Args:
        catalogue: the products.
        per_kind: highest number of queries of each kind.
        seed: of the choices.

    Returns:
        Kind → queries, each with at least one right answer, for every kind that the catalogue allows.
    """
    maker = KnownItemCatalogue(catalogue, np.random.default_rng(seed))
    made = {kind: _judged(make, maker, per_kind) for kind, make in _KINDS.items()}
    return {kind: judged for kind, judged in made.items() if len(judged)}


def without_categories(catalogue: CatalogueText) -> CatalogueText:
    """Return the catalogue with all categories empty, for the kinds BY_CATEGORY."""
    return replace(catalogue, category=[""] * len(catalogue))


def _judged(make: Callable[[KnownItemCatalogue], Iterator[_Made]], maker: KnownItemCatalogue, n: int) -> Judged:
    """Return up to n different queries."""
    found: dict[str, dict[int, float]] = {}
    for query, grades in make(maker):
        if query.strip() and grades:
            found.setdefault(query, grades)
        if len(found) == n:
            break
    return Judged(list(found), list(found.values()))


def _titled(maker: KnownItemCatalogue, row: int, words: list[str]) -> dict[int, float]:
    """Return the grades for words of a title: titles with all of them are right."""
    return maker.grades(row, maker.with_all(words) | maker.variants_of(row))


def _fragments(maker: KnownItemCatalogue) -> Iterator[_Made]:
    for row in maker.attempts():
        words = maker.fragment(row)
        yield " ".join(words), _titled(maker, row, words)


def _headed(maker: KnownItemCatalogue, row: int, more: list[str]) -> dict[int, float]:
    """Return the grades for a head noun and other words of a title: other things that have the words are wrong."""
    head = maker.heads[row][-1]
    with_head = {each for each in maker.with_word[head] if maker.heads[each][-1:] == [head]}
    return maker.grades(row, with_head & maker.with_all([*more, head]), with_head)


def _types(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield head nouns with the word before them."""
    for row in maker.attempts():
        phrase = maker.heads[row][-2:]
        if len(phrase) == 2 and all(word.isalpha() for word in phrase):
            yield " ".join(phrase), _headed(maker, row, phrase[:1])


def _brands(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield brands with a head noun; the same of another brand is partly right."""
    for row in maker.attempts():
        brand, head = maker.catalogue.brand[row].lower(), maker.heads[row][-1:]
        if brand and head and head[0].isalpha() and head[0] not in words_of(brand):
            alike = {each for each in maker.with_word[head[0]] if maker.heads[each][-1:] == head}
            right = {each for each in alike if maker.catalogue.brand[each].lower() == brand}
            yield f"{brand} {head[0]}", maker.grades(row, right, alike)


def _attributes(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield one or two words of a title that are not its head, such as sizes and colours, with the head."""
    for row in maker.attempts():
        head = maker.heads[row][-1:]
        others = [word for word in maker.titles[row] if word.isalnum() and words_of(word) != head]
        if head and head[0].isalpha() and others:
            more = maker.some_of(others, int(maker.rng.integers(1, 3)))
            yield " ".join([*more, head[0]]), _headed(maker, row, more)


def _features(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield a head noun with a telling word of the description."""
    for row in maker.attempts():
        head, telling = maker.heads[row][-1:], maker.telling_words(row)
        if head and head[0].isalpha() and telling:
            word = maker.one_of(telling)
            with_word = maker.described_with[words_of(word)[0]]
            alike = {each for each in with_word if maker.heads[each][-1:] == head}
            yield f"{head[0]} {word}", maker.grades(row, alike)


def _described(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield two to four telling words of a description."""
    for row in maker.described():
        telling = maker.telling_words(row)
        if len(telling) > 1:
            words = maker.some_of(telling, int(maker.rng.integers(2, 5)))
            sets = [maker.described_with[words_of(word)[0]] for word in words]
            yield " ".join(words), maker.grades(row, set.intersection(*sets) | maker.variants_of(row))


def _purposes(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield wishes for what descriptions say that products are for."""
    for text in maker.rng.permutation(list(maker.purposes)).tolist():
        rows = maker.purposes[text]
        yield maker.one_of(_WANTS).format(text), maker.grades(min(rows), set(rows))


def _typos(maker: KnownItemCatalogue) -> Iterator[_Made]:
    for row in maker.attempts():
        words = maker.fragment(row)
        long = [at for at, word in enumerate(words) if len(word) > 4 and word.isalpha()]
        if long:
            at = int(maker.rng.choice(long))
            wrong = [*words[:at], _misspelt(words[at], maker.rng), *words[at + 1 :]]
            yield " ".join(wrong), _titled(maker, row, words)


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


def _numbers(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield part numbers as they stand, without signs, or with blanks for the signs."""
    for row in maker.attempts():
        numbers = [word for word in maker.titles[row] if sum(map(str.isdigit, word)) > 1 and not word.isdecimal()]
        numbers = [word for word in numbers if len(word) > 4 and any(map(str.isalpha, word))]
        if numbers:
            number = maker.one_of(numbers)
            ways = [number, "".join(filter(str.isalnum, number)), " ".join(chunks_of(number)[0])]
            yield maker.one_of(ways), _titled(maker, row, [number])


def _plurals(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield fragments whose last word is in the other number."""
    for row in maker.attempts():
        words = maker.fragment(row)
        if words[-1].isalpha() and len(words[-1]) > 3:
            last = singular(words[-1])
            other = last if last != words[-1] else last[:-1] + "ies" if last.endswith("y") else last + "s"
            yield " ".join([*words[:-1], other]), _titled(maker, row, words)


def _joined(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield fragments with two adjacent words of the title written as one."""
    for row in maker.attempts():
        words = maker.titles[row]
        at = int(maker.rng.integers(len(words) - 1))
        pair = words[at : at + 2]
        if all(word.isalpha() and len(word) > 2 for word in pair):
            others = [word for word in words[:at] + words[at + 2 :] if word.isalpha() and len(word) > 3]
            more = [maker.one_of(others)] if others else []
            yield " ".join(["".join(pair), *more]), _titled(maker, row, [*pair, *more])


def _splits(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield words of a title written as two, where both are words of the catalogue."""
    for row in maker.attempts():
        for word in maker.titles[row]:
            parts = [(word[:at], word[at:]) for at in range(3, len(word) - 2)] if word.isalpha() else []
            known = [" ".join(pair) for pair in parts if all(singular(part) in maker.with_word for part in pair)]
            if known:
                yield maker.one_of(known), _titled(maker, row, [word])


def _categories(maker: KnownItemCatalogue) -> Iterator[_Made]:
    for name, rows in maker.in_category.items():
        yield name.lower(), dict.fromkeys(rows, RIGHT)


def _wishes(maker: KnownItemCatalogue) -> Iterator[_Made]:
    for name, rows in maker.in_category.items():
        yield maker.one_of(_WISHES).format(name.lower()), dict.fromkeys(rows, RIGHT)


def _synonyms(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield a word of a title with the name of the product's category in place of the others."""
    named = {row: name for name, rows in maker.in_category.items() for row in rows}
    most = len(maker.titles) // 5
    for row in maker.attempts():
        words = [word for word in words_of(maker.catalogue.title[row]) if word.isalpha()]
        words = [word for word in words if len(maker.with_word[word]) <= most]
        if words and row in named:
            word, rows = maker.one_of(words), maker.in_category[named[row]]
            grades = {**dict.fromkeys(rows, PARTLY), **dict.fromkeys(maker.with_word[word] & rows, RIGHT)}
            yield f"{word} {named[row].lower()}", grades


def _frequent_words(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield words that are usual in some categories; other products that have them are wrong, as bags for notebooks."""
    usual = maker.usual_words
    for word in maker.rng.permutation(sorted(usual)).tolist():
        rows, named = maker.in_categories(usual[word]), maker.with_text[word]
        yield word, {**dict.fromkeys(rows, PARTLY), **dict.fromkeys(rows & named, RIGHT)}


def _other_words(maker: KnownItemCatalogue) -> Iterator[_Made]:
    """Yield one or two words of a title, one of them replaced by a word of the same meaning."""
    for row in maker.attempts():
        words = [word for word in maker.titles[row] if word.isalpha()]
        for at, word in enumerate(words):
            if (means := SYNONYMS.get(singular(word))) is None:
                continue
            other = maker.one_of([each for each in sorted(means) if each != singular(word)])
            before = words[at - 1 : at] if at and maker.rng.random() < 0.5 else []
            named = set().union(*(maker.with_all([*before, each]) for each in means))
            alike = set().union(*(maker.with_all([each]) for each in means))
            yield " ".join([*before, other]), maker.grades(row, named, alike)


_KINDS: dict[str, Callable[[KnownItemCatalogue], Iterator[_Made]]] = {
    FRAGMENT: _fragments,
    TYPE: _types,
    BRAND: _brands,
    ATTRIBUTE: _attributes,
    FEATURE: _features,
    DESCRIBED: _described,
    PURPOSE: _purposes,
    TYPO: _typos,
    NUMBER: _numbers,
    PLURAL: _plurals,
    JOINED: _joined,
    SPLIT: _splits,
    CATEGORY: _categories,
    WISH: _wishes,
    SYNONYM: _synonyms,
    OTHER_WORD: _other_words,
    FREQUENT: _frequent_words,
}
