"""Keep the columns that describe products: a name beside a first name is a person's, what differs is of the row. Pure.

Names such as "Name", "store" and "department" stand for products in one file and for people and places in another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from src.ingestion.column_names import BRAND, CATEGORY, TITLE
from src.ingestion.column_profile import ColumnProfile
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


def drop_names_of_persons(roles: Roles, profiles: Sequence[ColumnProfile], settled: Collection[str]) -> None:
    """Take a plain "name" out of the titles where a first name or surname stands beside it.

    Args:
        roles: Role → its possible columns; changed.
        profiles: One a column.
        settled: Roles that options give or rule out.
    """
    of_persons = {at for at, profile in enumerate(profiles) if _names_person(profile.name)}
    if of_persons and not {TITLE} & {*settled}:
        plain = [
            column.at
            for column in roles.get(TITLE, ())
            if column.at in of_persons or {*classes_of(profiles[column.at].meaning)} <= {TITLE, FILLER}
        ]
        free_columns(roles, plain)


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
