"""Ids of the world, the same whether they come in a file or over HTTP."""

from __future__ import annotations

import unicodedata

MAX_ID_LENGTH = 256
MAX_ID_BYTES = 700  # PostgreSQL has 2,700 for a key of user, product, kind and mark together
_CONTROL_AND_BROKEN = ("Cc", "Cs")  # Unicode's control characters, and halves of surrogate pairs


def clean_id(text: str) -> str:
    """An id as the world means it: no blanks around it, and no `.0` that a numeric column left behind."""
    text = text.strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


def has_bad_characters(text: str) -> bool:
    """Whether there are characters that no database and no log should see: control characters, broken unicode."""
    if text.isascii() and text.isprintable():
        return False
    return any(unicodedata.category(character) in _CONTROL_AND_BROKEN for character in text)


def is_too_long(text: str) -> bool:
    """Whether an id is longer than MAX_ID_LENGTH, or than a database's index can hold beside others."""
    return len(text) > MAX_ID_LENGTH or (
        not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES
    )
