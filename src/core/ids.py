"""Clean and check ids of users, products and events, from files and HTTP alike."""

from __future__ import annotations

import unicodedata

MAX_ID_LENGTH = 256
MAX_ID_BYTES = 700  # PostgreSQL has 2,700 for a key of user, product, kind and mark together
_CONTROL_AND_BROKEN = ("Cc", "Cs")  # Unicode's control characters, and halves of surrogate pairs


def clean_id(text: str) -> str:
    """Return the id without surrounding blanks and without the `.0` that a numeric column appends."""
    text = text.strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text


def has_bad_characters(text: str) -> bool:
    """Whether the text has control characters or broken Unicode, which databases and logs refuse."""
    if text.isascii() and text.isprintable():
        return False
    return any(unicodedata.category(character) in _CONTROL_AND_BROKEN for character in text)


def is_too_long(text: str) -> bool:
    """Whether an id exceeds MAX_ID_LENGTH characters, or MAX_ID_BYTES of a database's index."""
    return len(text) > MAX_ID_LENGTH or (
        not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES
    )
