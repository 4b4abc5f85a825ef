"""Products for a text that is still being typed: by words whose last one may be unfinished."""

from __future__ import annotations

import re

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.search.bm25 import Bm25Index
from src.search.tokenizer import plain, singular, words_of

_PART = re.compile(r"[^\W_]+")
_MOST_ROWS = 300_000
"""Places in the index that one unfinished word may touch; its rarest completions are left out first."""


def autocomplete(
    keywords: Bm25Index, text: str, weight: FloatArray, n: int, listed: BoolArray | None = None
) -> IntArray:
    """int64[≤ n]: the products that have every word of the text, the last one finished or not, most weight first.

    weight: float32[n_items]. listed: bool[n_items], None for all. Empty where a word is misspelt: a search forgives it.
    """
    parts = _PART.findall(plain(text))
    if not parts:
        return np.zeros(0, np.int64)
    is_finished = text[-1:].isspace()
    fits = np.ones(keywords.n_items, np.bool_) if listed is None else listed.copy()
    for word in words_of(" ".join(parts if is_finished else parts[:-1])):
        fits &= _with_any(keywords, [row for row in [keywords.words.idx_of(word)] if row is not None])
    if not is_finished:
        fits &= _with_any(keywords, _completions(keywords, parts[-1]))
    found = np.flatnonzero(fits)
    if len(found) > n:
        found = found[np.argpartition(-weight[found], n - 1)[:n]]
    return found[np.lexsort((found, -weight[found]))]


def _completions(keywords: Bm25Index, beginning: str) -> list[int]:
    """The words that begin so, and the one it is if it is finished: those of most products, as far as they may go."""
    rows = keywords.words.starting_with(beginning)
    whole = keywords.words.idx_of(singular(beginning))
    counts = keywords.pointer[rows + 1] - keywords.pointer[rows]
    order = np.argsort(-counts, kind="stable")
    fitting = order[np.cumsum(counts[order]) <= _MOST_ROWS]
    return [*rows[fitting].tolist(), *([] if whole is None else [whole])]


def _with_any(keywords: Bm25Index, words: list[int]) -> BoolArray:
    """bool[n_items]: the products with at least one of these words."""
    found, rows = np.zeros(keywords.n_items, np.bool_), np.asarray(words, np.int64)
    starts = keywords.pointer[rows].astype(np.int64)
    lengths = keywords.pointer[rows + 1] - starts
    before = np.cumsum(lengths) - lengths
    places = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    found[keywords.item[places]] = True
    return found
