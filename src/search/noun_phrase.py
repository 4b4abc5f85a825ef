"""Find what a title names: the head noun of its first noun phrase."""

from __future__ import annotations

import re

from src.search.tokenizer import chunks_of, is_variant, plain, words_of

_END = re.compile(
    r"[,;:|()\[\]]| [-–—] | (?:with|without|for|by|of|in|mit|ohne|fur|aus|von|avec|sans|pour|"
    r"de|du|a|en|para|con|sin|por) "
)
"""What ends the first noun phrase of a title, in `plain` letters."""


_WITHOUT = re.compile(r" (?:without|ohne|sans|sin) ([^\W_]+)")


def first_phrase(title: str) -> list[list[str]]:
    """Return the chunks of the first noun phrase of a title, up to its head; empty without a head.

    The head is the last chunk of the phrase that is no number, size or colour: "machine" in "Washing machine, white",
    but "descaler" in "Coffee machine descaler for 10 uses".
    """
    text = plain(title)
    end = _END.search(text)
    chunks = chunks_of(text[: end.start()] if end else text)
    while chunks and is_variant(chunks[-1]):
        chunks.pop()
    return chunks


def denied_words(title: str) -> set[str]:
    """Return the words of a title that name what the product has not: "bags" in "Vacuum cleaner without bags"."""
    return {word for denied in _WITHOUT.findall(plain(title)) for word in words_of(denied)}
