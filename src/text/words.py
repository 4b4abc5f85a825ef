"""Words of texts, as keyword search compares them: without case, accents and plurals."""

from __future__ import annotations

import re
import unicodedata

_CHUNK = re.compile(r"[^\W_]+(?:[-./'’+&][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
LONGEST = 40
_ES = ("ches", "shes", "xes", "sses")


def words_of(text: str) -> list[str]:
    """The words of a text in their order; of one with signs in it, such as TN-2110, its parts and then the whole."""
    found: list[str] = []
    for parts in chunks_of(text):
        found += parts
        if len(parts) > 1:
            found.append("".join(parts)[:LONGEST])
    return found


def chunks_of(text: str) -> list[list[str]]:
    """The words of a text in their order, those that signs hold together, such as TN-2110, in one list."""
    return [[singular(part[:LONGEST]) for part in _PART.findall(chunk)] for chunk in _CHUNK.findall(plain(text))]


def plain(text: str) -> str:
    """In lower case, without accents."""
    text = text.lower()
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def singular(word: str) -> str:
    """Without an English plural's ending (after Harman, "How effective is suffixing?", 1991); a name may lose its s,
    which does no harm as it does so everywhere."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(_ES):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("us", "ss", "is")):
        return word[:-1]
    return word


def title_key(title: str) -> str:
    """Equal for titles that differ in order, signs, colours and sizes: variants of one product.

    Empty for a title without any word.
    """
    words = set(words_of(title))
    kept = {word for word in words if not _VARIES.fullmatch(word)}
    return " ".join(sorted(kept or words))


_VARIES = re.compile(
    r"x{0,3}s|x{0,3}l|m|small|medium|large|single|double|king|super|queen|"
    r"black|white|red|blue|green|yellow|pink|purple|grey|gray|brown|orange|silver|gold|beige|navy|cream|ivory"
)
