"""Vectors of products, what cosines to them tell, and their fusion with words.

The settings are chosen on queries made from catalogues (python evaluate_model.py --products FILE), none on judged ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, category_names
from src.search.catalogue_text import CatalogueText

_TITLE, _CATEGORY, _DESCRIPTION = 1.0, 0.3, 0.3
"""Weights of the vectors of the parts of a product's text. One vector of the whole text would mostly be that of its
description, which is the longest part."""
_ENCODED_DESCRIPTION = 200
"""Characters; encoders average, so they get fewer than the keyword index."""
_POWER = 2.5
"""Power of the share of a query that an item's words cover: an item with half of the words is worth less than half."""
_MEANING, _MORE_MEANING = 0.1, 0.3
"""Weight of the meaning where words cover the whole query, and what is added where they cover nothing of it."""
_TYPICAL, _SHARPNESS = 0.2, 8
"""Weight of being like the best products of a query, as a share of the best score; and the power of the scores that
decides who is one of them: a product with half of the best score counts 1/256."""
_USUAL = 0.75
"""Share of the items found for a query whose cosines are taken to tell nothing."""
_LEAST_COVERED = 0.1
_N_NONSENSE, _HIGH = 200, 0.97
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Noise:
    """Highest cosines of texts without meaning to the products of a catalogue, which tell when a cosine tells anything.

    Attributes:
        typical: their median; a cosine of this height tells nothing.
        high: their 97 % quantile; a query without words in common needs a cosine of this height to be answered.
    """

    typical: float = 0.0
    high: float = 0.0


def embed_products(encode: Callable[[Sequence[str]], FloatArray], catalogue: CatalogueText) -> FloatArray:
    """Embed the products of a catalogue by title, category and description.

    Args:
        encode: returns one vector of length 1 for each text, zeros for an empty one; called once.
        catalogue: n products.

    Returns:
        float16[n, dimension], rows of length 1; zeros for a product without any text.
    """
    number: dict[str, int] = {}
    category = [number.setdefault(text, len(number)) for text in catalogue.category]
    names = [" ".join(category_names(text)) for text in number]
    n = len(catalogue)
    vectors = encode([*catalogue.title, *(text[:_ENCODED_DESCRIPTION] for text in catalogue.description), *names])
    total = np.empty((n, vectors.shape[1]), np.float16)
    for start in range(0, n, _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, n))
        parts = ((_TITLE, rows), (_DESCRIPTION, n + rows), (_CATEGORY, 2 * n + np.array(category, np.int64)[rows]))
        part = np.sum([np.float32(weight) * vectors[at].astype(np.float32) for weight, at in parts], axis=0)
        length = np.linalg.norm(part, axis=1, keepdims=True)
        total[rows] = np.divide(part, length, out=part, where=length > 0)
    return total


def nonsense(n: int, seed: int) -> list[str]:
    """Make texts without meaning.

    Args:
        n: number of texts.
        seed: of the choices.

    Returns:
        n texts of one or two words of random letters, mostly consonants.
    """
    rng = np.random.default_rng(seed)
    letters = list("bcdfghjklmnpqrstvwxz" * 3 + "aeiouy")
    words = ["".join(rng.choice(letters, size)) for size in rng.integers(4, 9, 2 * n)]
    return [words[2 * at] + (f" {words[2 * at + 1]}" if at % 3 == 0 else "") for at in range(n)]


def measure_noise(encode: Callable[[Sequence[str]], FloatArray], vectors: FloatArray) -> Noise:
    """Measure how similar texts without meaning are to the products.

    Args:
        encode: embeds texts.
        vectors: float16[n, dimension], of the products.

    Returns:
        The noise; none for an empty catalogue.
    """
    texts = encode(nonsense(_N_NONSENSE, 1)).astype(np.float32)
    highest = np.zeros(len(texts), np.float32)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = vectors[start : start + _ROWS_AT_ONCE].astype(np.float32)
        highest = np.maximum(highest, (texts @ rows.T).max(axis=1))
    return Noise(round(float(np.median(highest)), 4), round(float(np.quantile(highest, _HIGH)), 4))


def fused(covered: FloatArray, similarity: FloatArray, most: float, noise: Noise) -> FloatArray:
    """Fuse words and meaning; the weight of the meaning depends on how well words do for the query.

    A cosine counts from the height at which it tells nothing: that of random letters, or what is usual among the items
    found, if that is lower. A sentence is less similar to every product than one word is, so that its best product may
    not reach the height of random letters.

    Args:
        covered: float32[m], share of the query that each item's words cover.
        similarity: float32[m], cosines.
        most: the highest share that an item of the catalogue covers.
        noise: of the catalogue's vectors.

    Returns:
        float32[m].
    """
    weight = _MEANING + _MORE_MEANING * (1 - min(most, 1.0))
    low = min(noise.typical, _usual(similarity))
    meaning = np.maximum(similarity - low, 0) / (1 - noise.typical)
    return np.asarray(covered**_POWER + weight * meaning, dtype=np.float32)


def _usual(similarity: FloatArray) -> float:
    """Return the cosine that a quarter of the items exceed; 0 for no items."""
    place = int(_USUAL * len(similarity))
    return float(np.partition(similarity, place)[place]) if len(similarity) else 0.0


def with_typical_first(score: FloatArray, rows: FloatArray) -> FloatArray:
    """Add to the scores of found items how much each is like the best of them.

    A word that many products have says little about which of them are meant; most of the best ones are, and a bag for
    notebooks is not like notebooks. The best ones are those that the scores name: nobody is asked (pseudo-relevance
    feedback of vectors: Rocchio, "Relevance feedback in information retrieval", 1971; Li et al., "Pseudo relevance
    feedback with deep language models and dense retrievers", 2021).

    Args:
        score: float32[m], fused.
        rows: float32[m, dimension], vectors of the items, of length 1 or 0.

    Returns:
        float32[m]: the scores, plus the cosine to the mean of the vectors, weighted by the scores, times a share of the
        best score: where nothing fits the query well, what is like the best fits it no better.
    """
    best = float(score.max(initial=0))
    if best <= 0:
        return score
    mean = (np.maximum(score, 0) / best) ** _SHARPNESS @ rows
    length = float(np.linalg.norm(mean))
    if length == 0:
        return score
    return np.asarray(score + _TYPICAL * best * np.maximum(rows @ (mean / length), 0), dtype=np.float32)


def is_answered(covered: FloatArray, similarity: FloatArray, noise: Noise) -> bool:
    """Tell whether a catalogue has anything to do with a query.

    Args:
        covered: float32[n], share of the query that the words of each item cover.
        similarity: float32[m], cosines of the most similar items.
        noise: of the catalogue's vectors.

    Returns:
        False if words cover next to nothing of the query and no item is more similar to it than to random letters.
    """
    return float(covered.max(initial=0)) >= _LEAST_COVERED or float(similarity.max(initial=0)) > noise.high
