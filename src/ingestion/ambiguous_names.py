"""Words of column names that mean one thing in one language and another in another: data, and who decides. Pure.

`column_words` knows each word in one meaning. Here are the others, found by reading its vocabulary in every language
that it has words of: German "Tag" is a day and an English tag a label, "nota" is a rating, a remark and a receipt.
Which of them a column means is told by its cells, never by the name (`ColumnProfile.meaning`).
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from src.ingestion.column_vocabulary import FILLER, ID_WORD, ORDER_WORD, PRODUCT_WORD, REGULAR_WORD
from src.ingestion.column_words import classes_of, parts_in, words_of


class Look(Enum):
    """What cells are if a name means something else than its word does in the vocabulary."""

    DAYS = "written days"
    MONEY = "amounts of money beyond ratings"
    NUMBERS = "numbers or codes of documents"
    REMARKS = "words that are no ratings"


class OtherMeaning(NamedTuple):
    """Another meaning of a name.

    Attributes:
        look: What the cells are if it is meant.
        name: The name, in words that have this meaning only.
    """

    look: Look
    name: str


_MEANINGS: dict[str, tuple[tuple[Look, str], ...]] = {
    "tag": ((Look.DAYS, "datum"),),  # German: day; English: label
    "tags": ((Look.DAYS, "datum"),),
    "tage": ((Look.DAYS, "datum"),),
    "note": ((Look.REMARKS, "comment"), (Look.NUMBERS, "invoice")),  # German, French: mark; English: remark, document
    "notes": ((Look.REMARKS, "comment"),),
    "nota": ((Look.NUMBERS, "invoice"), (Look.REMARKS, "comment")),  # Portuguese, Spanish: mark; also a receipt
    "rate": ((Look.MONEY, "price"),),  # English: to rate; in India the price of one piece
    "os": ((Look.NUMBERS, "order"),),  # operating system; Portuguese: order of service
    "resi": ((Look.NUMBERS, "tracking"),),  # Italian: returns; Indonesian: number of a parcel
}
"""Word in plain letters → how its cells look in another language, and a word that means that alone."""
_BESIDE = {
    "price": {FILLER, PRODUCT_WORD, REGULAR_WORD},
    "invoice": {FILLER, ID_WORD, ORDER_WORD},
    "order": {FILLER, ID_WORD},
    "tracking": {FILLER, ID_WORD},
}
"""Word → classes of the words that may stand beside it: the "tax rate" is no price."""


@lru_cache(maxsize=4096)
def other_meanings(name: str) -> tuple[OtherMeaning, ...]:
    """Return what a name may mean besides what its words mean in the vocabulary.

    Args:
        name: The name as the file has it.

    Returns:
        The other meanings, the likelier first; none for most names.
    """
    parts = [part for word in words_of(name) for part in parts_in(word)]
    at = next((at for at, part in enumerate(parts) if part in _MEANINGS), None)
    if at is None:
        return ()
    beside = {each for part in (*parts[:at], *parts[at + 1 :]) for each in classes_of(part)}
    return tuple(
        OtherMeaning(look, " ".join([*parts[:at], word, *parts[at + 1 :]]))
        for look, word in _MEANINGS[parts[at]]
        if beside <= _BESIDE.get(word, beside)
    )
