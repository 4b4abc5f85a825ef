"""Tell which half of an exchange a name says: what came back, or what was given for it. Pure."""

from __future__ import annotations

import re

from src.core.domain import EventKind
from src.ingestion.column_words import plain_letters

_EXCHANGES = (
    "exchang", "umtausch", "echang", "cambio", "troca", "swap", "wymian", "omruil", "bytte", "byte", "vymen", "csere",
    "degisim", "обмен", "交換", "换货", "교환",
)  # fmt: skip
_WORDS_OF_WHAT_CAME_BACK = """
    in back return returned retour old inbound entrada ingreso devuelto eingang zuruck zurueck ruckgabe alt entree
    entrata reso ingresso inn tilbage tillbaka zwrot przyjecie vstup be iade
"""
_WORDS_OF_WHAT_WENT_OUT = """
    out new outbound salida nuevo ausgang neu ausgabe sortie nouveau uscita nuovo saida novo ut ud wydanie nowy vystup
    ki
"""
_CAME_BACK = frozenset(_WORDS_OF_WHAT_CAME_BACK.split())
_WENT_OUT = frozenset(_WORDS_OF_WHAT_WENT_OUT.split())


def half_of_exchange(name: str) -> str:
    """Return what the name of an event suggests for an exchange.

    Args:
        name: The name, such as "Exchange (in)".

    Returns:
        The kind of a return or of a purchase; "" where the name says no exchange, or not which half.
    """
    words = set(re.findall(r"[^\W\d_]+", plain_letters(name)))
    if not any(word.startswith(_EXCHANGES) for word in words) or bool(words & _CAME_BACK) == bool(words & _WENT_OUT):
        return ""
    return EventKind.RETURN.value if words & _CAME_BACK else EventKind.PURCHASE.value
