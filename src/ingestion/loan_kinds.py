"""Know events and states of libraries and rentals: what is lent comes back, which takes no interest back. Pure."""

from __future__ import annotations

from collections.abc import Collection

from src.core.domain import EventKind
from src.ingestion.column_words import plain_letters, words_of
from src.ingestion.event_kind_names import kind_of
from src.ingestion.order_states import OrderState

_WORDS_OF_LOANS = """
    loan loans loaned lent lend borrow borrowed checkedout rental rentals rented utlan utlaning udlan ausleihe
    ausgeliehen
    entleihung verleih emprunt emprunte pret prestito prestamo emprestimo uitlening uitgeleend wypozyczenie
    wypozyczono
    pujceno zapujceno vypujceno pujcovna pozicane pozicovna verliehen vermietet gemietet miete mietvertrag verleih
    alquilado
    alquiler arrendado noleggio noleggiato loue louee aluguel alugado verhuurd gehuurd verhuur uthyrd uthyrning
    utlejet udlejning utleid utleie vuokrattu vuokraus kiadva berles kiralandi kiralama wypozyczone wynajete wynajem
    hired ενοικιαση аренда прокат оренда inchiriat najam najem renting leased
    vypujcka kolcsonzes lainaus lainattu imprumut odunc peminjaman выдача 借出 貸出 대출
"""
_WORDS_OF_RETURNS = """
    return returned checkin checkedin aterlamning aterlamnad innlevering aflevering inlevering ingeleverd
    ruckgabe
    rueckgabe zuruckgegeben retour restitution restituzione devolucion devolucao zwrot vraceni visszahozas
    palautus
    back vraceno vracene zuruckgebracht zurueckgegeben zuruckgekommen zwrocono zwrocone oddano oddane rendu rendue
    restitue
    restituee restituito restituita reso devuelto devuelta devolvido devolvida teruggebracht geretourneerd aterlamnat
    innlevert returneret tilbageleveret palautettu visszahozva iade returnat vrnjeno επιστραφηκε возвращено возвращен
    возвращён повернено
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
    reservation reservations reserved reserve hold holds request requested vormerkung reservierung rezervovano
    reserviert
    vorgemerkt reservee prenotato reservado zarezerwowane gereserveerd
    vorbestellung
    prenotazione reserva reservering rezerwacja rezervace varaus onskemal 预约 予約 예약
"""
_WORDS_OF_RENTALS = """
    rental rentals verleih ausleihe ausleihen mietvertrag vermietung vypujcka vypujcky pujcovna pozicovna wypozyczenie
    wypozyczenia noleggio alquiler aluguel locacao verhuur uitlening uthyrning utlan udlejning udlan utleie vuokraus
    lainaus kolcsonzes berles kiralama аренда прокат inchiriere emprunt
"""
_RENTALS = frozenset(plain_letters(_WORDS_OF_RENTALS).split())
_LOANS, _RETURNS, _RENEWALS, _WISHES = (
    frozenset(plain_letters(words).split())
    for words in (_WORDS_OF_LOANS, _WORDS_OF_RETURNS, _WORDS_OF_RENEWALS, _WORDS_OF_WISHES)
)


def names_rental(names: Collection[str]) -> bool:
    """Return whether a word of names of columns says that the rows are rentals or loans; "location" says it in one.

    Args:
        names: Of the columns.
    """
    return any(not _RENTALS.isdisjoint(words_of(name)) for name in names)


def loan_state(name: str) -> OrderState | None:
    """Return what the state of a loan or rental means: whether it took place, whatever became of it.

    Args:
        name: Its name.

    Returns:
        PENDING where it is only wished for; None for another name, such as that of what was cancelled.
    """
    words = set(words_of(name))
    if words & (_LOANS | _RETURNS | _RENEWALS):
        return OrderState.DONE
    return OrderState.PENDING if words & _WISHES else None


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
