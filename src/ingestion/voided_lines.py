"""Read lines that take another one back and name its product behind a word: "STORNO Mug". Pure."""

from __future__ import annotations

import re

from src.ingestion.column_words import plain_letters

_FIRST_WORD = re.compile(r"([^\W\d_]{4,20})(?:\s*[:\-–*]+\s*|\s+)(?=\S)")

_VOIDED = (
    "void", "cancelled", "canceled", "storn", "annul", "anul", "geannul", "estorn", "zrusen", "iptal", "makuler",
    "peruut", "sztorno", "отмен", "сторно",
)  # fmt: skip
"""Beginnings of words, without accents; words such as "fake" and "lost" stand in titles too."""


def without_void_words(products: list[str]) -> list[str]:
    """Return ids without a word for cancelling before them, where other rows have the id without it.

    Args:
        products: Ids of products, one a row.

    Returns:
        The ids of what the rows sell or take back, in the same order.
    """
    ids = set(products)
    found = {id_: match for id_ in ids if (match := _FIRST_WORD.match(id_)) and id_[match.end() :] in ids}
    voided = {id_: id_[match.end() :] for id_, match in found.items() if plain_letters(match[1]).startswith(_VOIDED)}
    return [voided.get(id_, id_) for id_ in products] if voided else products
