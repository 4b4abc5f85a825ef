"""Keep the columns that describe products: a name beside a first name is a person's, what differs is of the row. Pure.

Names such as "Name", "store" and "department" stand for products in one file and for people and places in another.
"""

from __future__ import annotations

from collections.abc import Collection

from src.ingestion.column_names import BRAND, CATEGORY, TITLE, USER
from src.ingestion.column_vocabulary import FILLER
from src.ingestion.column_words import classes_of, words_of
from src.ingestion.consistent_columns import share_single
from src.ingestion.first_rows import FirstRows
from src.ingestion.role_columns import Roles, free_columns

_WORDS_OF_PERSONS = """
    vorname vornamen nachname familienname prenom prenoms apellido apellidos cognome voornaam achternaam fornavn
    etternavn efternavn fornamn efternamn imie nazwisko sobrenome surname firstname lastname forename prijmeni etunimi
    sukunimi keresztnev vezeteknev soyad soyadi prenume prezime фамилия отчество
"""
_OF_PERSONS = frozenset(_WORDS_OF_PERSONS.split())
_IN_TWO_WORDS = ({"first", "name"}, {"last", "name"}, {"given", "name"}, {"family", "name"})
_SELDOM = 0.2


def drop_names_of_persons(roles: Roles, first: FirstRows, settled: Collection[str]) -> None:
    """Take a plain "name" out of the titles where a first name stands beside it, or each user has one of her own.

    Args:
        roles: Role → its possible columns; changed.
        first: The first rows of the file.
        settled: Roles that options give or rule out.
    """
    if TITLE not in roles or TITLE in settled:
        return
    of_persons = {at for at, profile in enumerate(first.profiles) if _names_person(profile.name)}
    titles = [column.at for column in roles[TITLE]]
    plain = [at for at in titles if {*classes_of(first.profiles[at].meaning)} <= {TITLE, FILLER}]
    dropped = {*of_persons, *(plain if of_persons else ())}
    if USER in roles and len(plain) > 1:  # two columns of one name
        user = roles[USER][0].at
        dropped |= {at for at in plain if at != user and first.depends_on(at, [user])}
    free_columns(roles, [at for at in titles if at in dropped])


def _names_person(name: str) -> bool:
    words = set(words_of(name))
    return not _OF_PERSONS.isdisjoint(words) or any(pair <= words for pair in _IN_TWO_WORDS)


def drop_attributes_of_rows(roles: Roles, product: int, first: FirstRows, settled: Collection[str]) -> list[str]:
    """Take columns out of the brands and categories of products that mostly have several in the rows of one product.

    Args:
        roles: Role → its possible columns; changed.
        product: Position of the product.
        first: The first rows of the file, which are events.
        settled: Roles that options give or rule out.

    Returns:
        A sentence with an option for each column.
    """
    notes = []
    for role in (BRAND, CATEGORY):
        columns = [] if role in settled else [column.at for column in roles.get(role, ())]
        of_rows = [at for at in columns if 0.0 <= share_single(first, product, at) < _SELDOM]
        free_columns(roles, of_rows)
        notes += [
            f"{first.profiles[at].name!r} differs for one product and was not taken for the {role}; to take it: "
            f"{first.option(role, at)}"
            for at in of_rows
        ]
    return notes
