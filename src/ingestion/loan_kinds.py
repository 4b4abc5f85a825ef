"""Know the events of libraries and rentals: what is lent comes back, which takes no interest back. Pure."""

from __future__ import annotations

from collections.abc import Collection

from src.core.domain import EventKind
from src.ingestion.column_words import plain_letters, words_of
from src.ingestion.event_kind_names import kind_of

_WORDS_OF_LOANS = """
    loan loans loaned lent lend borrow borrowed checkedout rental rentals rented utlan utlaning udlan ausleihe
    ausgeliehen
    entleihung verleih emprunt emprunte pret prestito prestamo emprestimo uitlening uitgeleend wypozyczenie
    wypozyczono
    vypujcka kolcsonzes lainaus lainattu imprumut odunc peminjaman выдача 借出 貸出 대출
"""
_WORDS_OF_RETURNS = """
    return returned checkin checkedin aterlamning aterlamnad innlevering aflevering inlevering ingeleverd
    ruckgabe
    rueckgabe zuruckgegeben retour restitution restituzione devolucion devolucao zwrot vraceni visszahozas
    palautus
    возврат 归还 返却 반납
"""
_WORDS_OF_RENEWALS = """
    renewal renewals renew renewed omlan fornyelse verlangerung verlaengerung verlangert prolongation
    renouvellement
    rinnovo renovacion renovacao verlenging verlengd przedluzenie prolongata prodlouzeni hosszabbitas uusinta
    续借 延長
    продление overdue mahnung reminder lost
"""
_WORDS_OF_WISHES = """
    reservation reservations reserved reserve hold holds request requested vormerkung reservierung
    vorbestellung
    prenotazione reserva reservering rezerwacja rezervace varaus onskemal 预约 予約 예약
"""
_LOANS, _RETURNS, _RENEWALS, _WISHES = (
    frozenset(plain_letters(words).split())
    for words in (_WORDS_OF_LOANS, _WORDS_OF_RETURNS, _WORDS_OF_RENEWALS, _WORDS_OF_WISHES)
)


def are_loans(names: Collection[str]) -> bool:
    """Whether some events are loans."""
    return any(not _LOANS.isdisjoint(words_of(name)) for name in names)


def loan_kind(name: str) -> str | None:
    """Return the kind of an event of a library.

    Args:
        name: Its name.

    Returns:
        The EventKind's value: a purchase for a loan, a cart for a wish; "" for what is no act of its own: the end of a
        loan, or more time for it; None for another name.
    """
    words = set(words_of(name))
    if words & _RENEWALS or words & _RETURNS or kind_of(name) == EventKind.RETURN.value:
        return ""
    return EventKind.PURCHASE.value if words & _LOANS else EventKind.CART.value if words & _WISHES else None
