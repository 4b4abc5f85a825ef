"""Build the keyword index: BM25 over fields.

BM25F (Robertson, Zaragoza and Taylor, "Simple BM25 extension to multiple weighted fields", 2004): the counts of a word
are weighted and normalised field by field, added up, and saturated once. So a word in a description is never worth as
much as one in a title, and a rare word is rare in the whole catalogue, not in one field. The settings are chosen on
queries made from catalogues (python evaluate_model.py --products FILE), each judged on catalogues that it was not
chosen on.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix

from src.core.domain import FloatArray
from src.interactions.vocabulary import Vocabulary
from src.search.bm25 import Bm25Index, idf
from src.search.catalogue_text import CatalogueText
from src.search.noun_phrase import denied_words, first_phrase
from src.search.spelling import Spelling
from src.search.tokenizer import whole_and_parts, words_of
from src.search.word_forms import WordForms, languages_of

_TITLE, _DESCRIPTION = "title", "description"
_FIELDS = {_TITLE: 1.0, "brand": 0.2, "category": 0.2, "ids": 1.0, _DESCRIPTION: 0.15}
"""Weights of a count in each field."""
_NOT_HEAD = 0.5
"""Weight of a word of a title that is not its head noun."""
_DENIED = 0.05
"""Weight of what a title says that the product has not; about half of the others' after saturation."""
_K1, _B = 0.05, 0.15
"""Saturation and normalisation of titles. Saturation is low, so that a product with all words of a query comes before
one that has some of them in better places; the places decide among products with the same words."""
_UNNAMED = 0.75
"""Factor of the rarity of a word that only descriptions have: most of these say nothing of what a product is."""


def build_bm25(catalogue: CatalogueText) -> Bm25Index:
    """Index a catalogue; called by trainings only.

    Args:
        catalogue: the texts, a row for each item.

    Returns:
        The index.
    """
    number: dict[str, int] = {}
    counts = {}
    for name in _FIELDS:  # one at a time: the words of a million products take a gigabyte
        texts = getattr(catalogue, name)
        counts[name] = _counts(map(title_words, texts) if name == _TITLE else map(_evenly, texts), number)
    n_words = len(number)
    named = sum(np.bincount(counts[name].indices, minlength=n_words) for name in _FIELDS if name != _DESCRIPTION)
    total = _saturated(counts, (len(catalogue), max(n_words, 1)))
    has = np.diff(total.indptr)[:n_words]
    rarity = (idf(has, len(catalogue)) * np.where(np.asarray(named) > 0, 1, _UNNAMED)).astype(np.float32)
    words = Vocabulary.of(list(number))
    return Bm25Index(
        words=words,
        spelling=Spelling.of(words),
        forms=WordForms.of(words, languages_of(chain(catalogue.title, catalogue.description))),
        score=total.data * np.repeat(rarity, has),
        item=total.indices.astype(np.int32),
        pointer=total.indptr.astype(np.int64)[: n_words + 1],
        rarity=rarity,
        n_items=len(catalogue),
    )


def title_words(title: str) -> Iterable[tuple[str, float]]:
    """Return the distinct words of a title with their weights: 1 for the head of its first noun phrase, else less."""
    weights = dict.fromkeys(words_of(title), _NOT_HEAD) | dict.fromkeys(denied_words(title), _DENIED)
    if phrase := first_phrase(title):
        head = phrase[-1]
        weights[head[-1]] = weights[whole_and_parts(head)[-1]] = 1.0
    return weights.items()


def _evenly(text: str) -> Iterator[tuple[str, float]]:
    """Yield all words of a text with the weight 1."""
    return ((word, 1.0) for word in words_of(text))


def _counts(texts: Iterable[Iterable[tuple[str, float]]], number: dict[str, int]) -> csr_matrix:
    """Return float32 CSR [n_texts, n_words]: the sum of the weights of each word. `number` learns new words."""
    pointer, columns, values = array("q", [0]), array("i"), array("f")
    for text in texts:
        for word, weight in text:
            columns.append(number.setdefault(word, len(number)))
            values.append(weight)
        pointer.append(len(columns))
    parts = (np.array(values, np.float32), np.array(columns, np.int32), np.array(pointer, np.int64))
    counts = csr_matrix(parts, shape=(len(pointer) - 1, max(len(number), 1)))
    counts.sum_duplicates()
    return counts


def _saturated(counts: dict[str, csr_matrix], shape: tuple[int, int]) -> csr_matrix:
    """Return float32 CSC [n_items, n_words]: what a word is worth for an item without its rarity; 1 as a head."""
    lengths = {name: np.diff(field.indptr) for name, field in counts.items()}
    titled = lengths[_TITLE][lengths[_TITLE] > 0]
    usual = float(titled.mean()) if len(titled) else 1.0
    total = csr_matrix(shape, dtype=np.float32)
    for name, weight in _FIELDS.items():
        field, relative = counts.pop(name), lengths[name] / usual
        factor = _factor(name, relative).astype(np.float32) * np.float32(weight)
        data = field.data * np.repeat(factor, lengths[name])
        total = total + csr_matrix((data, field.indices, field.indptr), shape=shape)
    total.data = (total.data * (1 + _K1) / (total.data + _K1)).astype(np.float32)
    total = total.tocsc()
    total.sort_indices()
    return total


def _factor(field: str, relative: FloatArray) -> FloatArray:
    """Return the normalisation of texts by their lengths relative to a title.

    Short descriptions are second titles; a word of one that is a hundred times as long as a title counts a tenth.
    """
    if field == _TITLE:
        return 1 / (1 - _B + _B * relative)
    return 1 / np.sqrt(np.maximum(relative, 1)) if field == _DESCRIPTION else np.ones_like(relative)
