"""Tell which of the encodings before UTF-8 a text has, by what its bytes come to in each of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from src.ingestion.column_words import classes_of
from src.ingestion.prices import price_in

_ENCODINGS = ("cp1252", "cp1250", "cp1251", "gb18030", "shift_jis", "euc_jp", "big5", "euc_kr", "cp1253", "cp1254")
_LINES, _CHARACTERS = 200, 40_000
# Inside a word there are letters: signs such as "³", "¶" or "¿" beside one come from the wrong encoding.
_TORN = re.compile(
    r"[^\W\d_][^\w\s'’\-./,;:|&+()\"@_!?%#*=<>\[\]{}´`€$£®™°–—…“”„«»·。、，；：（）「」【】・]|[½-¿×÷¡-¾][^\W\d_]"
)
_MIXED = re.compile(
    r"[a-z][A-ZÀ-ÞŁĄĘŚŻŹĆŃ]|[A-Za-zÀ-ž][Ѐ-ӿͰ-Ͽ]|[Ѐ-ӿͰ-Ͽ][A-Za-zÀ-ž]|[a-zà-ž][぀-鿿가-힣]|[぀-鿿가-힣][a-zà-ž]"
    r"|[｡-ﾟ]|[\ue000-\uf8ff]"
)


def detect_legacy_encoding(lines: Sequence[bytes]) -> str:
    """Return the encoding in which lines read best: no torn words, most known words of column names and most prices.

    Args:
        lines: Lines that are not ASCII, some of which are no UTF-8.

    Returns:
        The encoding's name; cp1252 where nothing speaks for another one.
    """
    data = b"\n".join(lines[:_LINES])[:_CHARACTERS]
    return min(_ENCODINGS, key=lambda encoding: _faults(data.decode(encoding, "replace")))


def _faults(text: str) -> int:
    """Return how many signs of a wrong encoding a text has, less what speaks for the right one."""
    n_torn = len(_TORN.findall(text)) + len(_MIXED.findall(text)) + 3 * text.count("\ufffd")
    cells = re.split(r"[,;\t|\n]", text[:2_000])[:40]
    return n_torn - 3 * sum(_known_words(cell) or price_in(cell) is not None for cell in cells if not cell.isascii())


def _known_words(cell: str) -> int:
    """Return how many words of a cell are known ones of names: of "Fiþ No" one, of "Fiş No" both."""
    return sum(each is not None for each in classes_of(cell))
