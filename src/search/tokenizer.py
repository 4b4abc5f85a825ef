"""Split texts into words as keyword search compares them: without case, accents and plurals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_CHUNK = re.compile(r"[^\W_]+(?:[-./'’+&][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_MEASURE = re.compile(
    r"(\d+)(mm|cm|m|km|inch|mg|g|kg|ml|cl|l|w|kw|v|mv|ma|mah|wh|hz|khz|mhz|ghz|kb|mb|gb|tb|dpi|mp|rpm)"
)
LONGEST = 40
_RUN = re.compile(r"\d+|[^\W\d_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
"""Chinese and Japanese."""
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_ES = ("ches", "shes", "xes", "sses")


def words_of(text: str) -> list[str]:
    """Return the words of a text in order; for one with signs in it, such as TN-2110, its parts and then the whole."""
    return [word for parts in chunks_of(text) for word in whole_and_parts(parts)]


def whole_and_parts(parts: list[str]) -> list[str]:
    """Return the parts of a chunk, and then the whole if there are several."""
    return [*parts, "".join(parts)[:LONGEST]] if len(parts) > 1 else parts


def chunks_of(text: str) -> list[list[str]]:
    """Return the words of a text in order, those that signs hold together, such as TN-2110, in one list."""
    text = plain(text)
    if not text.isascii():
        text = _UNSPACED.sub(_in_pairs, text)
    return [[singular(part[:LONGEST]) for part in _PART.findall(chunk)] for chunk in _CHUNK.findall(text)]


def _in_pairs(run: re.Match[str]) -> str:
    """Return all pairs of adjacent signs, for scripts without blanks between words."""
    signs = run[0]
    pairs = [signs[at : at + 2] for at in range(len(signs) - 1)] or [signs]
    return f" {' '.join(pairs)} "


def is_unspaced(word: str) -> bool:
    """Return whether a word is a run of Chinese or Japanese signs."""
    return not word.isascii() and _UNSPACED.fullmatch(word) is not None


def measure_of(word: str) -> list[str]:
    """Return the number and the unit of a word such as 500gb; nothing for other words."""
    found = _MEASURE.fullmatch(word)
    return list(found.groups()) if found else []


def splits_of(word: str) -> Iterator[list[str]]:
    """Yield the ways to split a word: between letters and digits, then in two."""
    runs = _RUN.findall(word)
    if len(runs) > 1:
        yield runs
    if not word.isdecimal():
        for at in range(3, len(word) - 2):
            yield [word[:at], word[at:]]


def plain(text: str) -> str:
    """Return a text in lower case, without accents."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in letters if not unicodedata.combining(each)).translate(_LETTERS)


def singular(word: str) -> str:
    """Return a word without an English plural's ending (after Harman, "How effective is suffixing?", 1991).

    Names may lose an s, consistently in titles and queries. Part numbers keep it.
    """
    if not word.endswith("s") or not word.isalpha():
        return word
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(_ES):
        return word[:-2]
    if len(word) > 3 and not word.endswith(("us", "ss", "is")):
        return word[:-1]
    return word


def title_key(title: str) -> str:
    """Return a key that is equal for titles that differ in order, signs, colours and sizes: variants of one product.

    The key is "" for a title without any word.
    """
    words = set(words_of(title))
    invariant = {word for word in words if not _VARIES.fullmatch(word)}
    return " ".join(sorted(invariant or words))


def is_variant(parts: list[str]) -> bool:
    """Return whether a chunk is a number, a size, a colour or a single letter: no noun that names a product."""
    word = parts[-1]
    return len(word) == 1 or not word.isalpha() or bool(_VARIES.fullmatch(word)) or bool(_MEASURE.fullmatch(f"1{word}"))


_VARIES = re.compile(
    r"x{0,3}s|x{0,3}l|m|small|medium|large|single|double|king|super|queen|"
    r"black|white|red|blue|green|yellow|pink|purple|grey|gray|brown|orange|silver|gold|beige|navy|cream|ivory"
)
