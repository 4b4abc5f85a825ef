"""Know ids of users that stand for nobody: guests, strangers at the till, unknown customers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from src.core.ids import clean_id
from src.ingestion.column_names import CANCELLED, KIND, LINE_KIND, PURCHASED, STATE, TEST
from src.ingestion.column_profile import MANY
from src.ingestion.column_vocabulary import SUM_WORD
from src.ingestion.column_words import classes_of

_WORDS = """
    guest guests anonymous anonym anon unknown none undefined unbekannt gast gaest laufkunde laufkundschaft barverkauf
    barkunde diverse invite anonyme inconnu client_comptoir visitante anonimo anonima desconocido desconhecido
    consumidor_final ospite sconosciuto onbekend anoniem winkelklant gość gosc anonimowy klient_detaliczny nieznany
    walk-in walkin walk_in walk-in_customer walk_in_customer cash_customer cash_sale retail_customer one-time_customer
    einmalkunde розничный_покупатель гость аноним неизвестно физлицо частное_лицо 匿名 匿名用户 ゲスト 비회원 misafir
    keine keiner aucun aucune ninguno ninguna nessuno geen brak ingen yok нет nincs żaden
    mittel mittelwert durchschnitt schnitt average avg mean moyenne promedio media média średnia gemiddelde gennemsnit
    medelvärde keskiarvo ortalama průměr priemer átlag medie среднее среднее_значение 平均 평균 ø
    anonim okänd anonyymi (not_set) not_set (none) n/a na -1 - -- – — ? .
"""
NOBODY = frozenset(
    spelled for word in _WORDS.split() for text in (word, word.replace("_", " ")) for spelled in (text, text.title(),
    text.upper(), text.capitalize())
)  # fmt: skip
"""Texts in a column of users that name no single one, as they are usually spelled."""
_ROLES_OF_WORDS = (KIND, STATE, LINE_KIND, PURCHASED, CANCELLED, TEST)
_LETTERS = re.compile(r"[^\W\d_]{2,12}( [^\W\d_]{2,12})?[ .:]*")
_SHORTEST = 3  # characters of the other ids, beside which a lone 0 is none


def zeros_for_nobody(users: Sequence[str]) -> frozenset[str]:
    """Return the users of a sample that are zeros only, where all others are longer numbers.

    Args:
        users: One a row, "" for none.

    Returns:
        The ids that stand for nobody.
    """
    filled = [clean_id(user) for user in users if user]
    zeros = {user for user in filled if not user.strip("0")}
    others = {user for user in filled if user not in zeros}
    is_sure = len(filled) >= MANY and sum(user in zeros for user in filled) > 1
    shortest = min(map(len, others), default=0)
    return frozenset(zeros if is_sure and shortest >= _SHORTEST and shortest > max(map(len, zeros)) else ())


def nobody_by_words(texts: Mapping[str, Sequence[str]], given: Mapping[str, str]) -> frozenset[str]:
    """Return the words that options give the meaning of none, and that no column of words in the file has.

    Args:
        texts: Role → cells of a sample.
        given: Word in lower case → its meaning.

    Returns:
        Ids of users in lower case, whose rows do not count.
    """
    elsewhere = {cell.strip().lower() for role in _ROLES_OF_WORDS for cell in texts.get(role, ())}
    return frozenset(word for word, meaning in given.items() if meaning == "none" and word not in elsewhere)


def found_among(users: Iterable[str], own: frozenset[str]) -> list[str]:
    """Return the users that stand for nobody.

    Args:
        users: Ids of users.
        own: Ids that stand for nobody in this file only, as they are or in lower case.

    Returns:
        Those among them, in order.
    """
    users = set(users)
    named = {user for user in users if user in own or user.lower() in own} if own else set()
    return sorted({*NOBODY.intersection(users), *named, *filter(_is_sum, filter(_LETTERS.fullmatch, users))})


@lru_cache(maxsize=16_384)
def _is_sum(user: str) -> bool:
    """Whether a cell names the sum of the rows above it: "TOTAL", "Summe"."""
    return set(classes_of(user)) == {SUM_WORD}
