"""Autocomplete: find products by words of which the last may be unfinished."""

from __future__ import annotations

import re

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.search.bm25 import Bm25Index
from src.search.tokenizer import plain, singular, words_of

_PART = re.compile(r"[^\W_]+")
_MOST_ROWS = 300_000
"""Highest number of index entries read for an unfinished word; its rarest completions are left out first."""


def autocomplete(
    keywords: Bm25Index, text: str, weight: FloatArray, n: int, listed: BoolArray | None = None
) -> IntArray:
    """Find the items that have every word of a text.

    Args:
        keywords: the index.
        text: what was typed; its last word is unfinished unless a blank follows it.
        weight: float32[n_items], sorts the result.
        n: highest number of items.
        listed: bool[n_items], items that may be returned; None for all.

    Returns:
        int64[≤ n], highest weight first; empty if a word is misspelt, which only a search corrects.
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
    """Return the words with a beginning, most frequent first up to _MOST_ROWS, and the word itself if there is one."""
    rows = keywords.words.starting_with(beginning)
    whole = keywords.words.idx_of(singular(beginning))
    counts = keywords.pointer[rows + 1] - keywords.pointer[rows]
    order = np.argsort(-counts, kind="stable")
    fitting = order[np.cumsum(counts[order]) <= _MOST_ROWS]
    return [*rows[fitting].tolist(), *([] if whole is None else [whole])]


def _with_any(keywords: Bm25Index, words: list[int]) -> BoolArray:
    """Return bool[n_items]: the items with at least one of these words."""
    found, rows = np.zeros(keywords.n_items, np.bool_), np.asarray(words, np.int64)
    starts = keywords.pointer[rows].astype(np.int64)
    lengths = keywords.pointer[rows + 1] - starts
    before = np.cumsum(lengths) - lengths
    places = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    found[keywords.item[places]] = True
    return found
