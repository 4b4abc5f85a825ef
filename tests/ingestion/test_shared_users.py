"""Ids of users that are no persons: said by their words, their shape or their lead, and left out by an option."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import read, table

from src.ingestion.event_evidence import EventEvidence
from src.ingestion.given_words import parse_words
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.shared_users import chance_of_lead, names_no_person, shared_user

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "user",
    ["PASSAGE", "Amazon-Kunde", "Amazon Customer", "walk-in", "Cliente contado", "Personal", "STAFF", "Client comptoir",
     "Kunde", "cash sale", "Mitarbeiter", "klient detaliczny", "персонал", "Training"],
)  # fmt: skip
def test_words_for_customers_in_general_name_no_person(user: str) -> None:
    assert names_no_person(user)


@pytest.mark.parametrize("user", ["Kunde 12", "KD0012", "Anna Gast-Maier", "amazon", "Barbara", "shop", "u1", "42", ""])
def test_names_and_numbers_of_customers_do(user: str) -> None:
    assert not names_no_person(user)


def counts(most: dict[str, int], ids: str) -> Counter[str]:
    return Counter(most | {ids.format(at): 2 + at % 4 for at in range(24)})


@pytest.mark.parametrize(
    ("found", "shared"),
    [
        (counts({"ABC": 13}, "A{:03d}"), "ABC"),  # letters among codes
        (counts({"Xy-Zz": 12}, "mary"), None),  # too few others
        (counts({"A999": 13}, "A{:03d}"), None),  # a good customer
        (counts({"A999": 400}, "A{:03d}"), "A999"),  # a lead that no customer has
        (counts({"ABC": 5}, "A{:03d}"), None),  # hardly more than others
        (counts({"Gast": 1}, "A{:03d}"), "Gast"),
    ],
)
def test_a_user_for_many_is_found_by_shape_lead_or_words(found: Counter[str], shared: str | None) -> None:
    assert shared_user(found) == shared


def test_the_lead_of_the_largest_count_is_held_against_the_spread_of_the_others() -> None:
    spread = [round(1000 / at) for at in range(2, 42)]
    assert chance_of_lead([1000, *spread]) > 0.1  # as such counts go on
    assert chance_of_lead([1000, *[30 - at // 4 for at in range(40)]]) < 1e-6
    assert chance_of_lead([9, 1]) == 1.0


def test_a_user_is_left_out_by_a_word_for_none(write: Write) -> None:
    file = write(
        table("order,customer,sku,qty", lambda at: f"{at},{'Counter' if at % 4 == 0 else f'C{at % 7}'},A{at % 5},1")
    )
    found = read(file, Hints(words=parse_words("counter=none")))
    assert (len(found.events), {reason for _, reason in found.reasons}) == (
        30, {"'Counter' stands for no single customer"},
    )  # fmt: skip


def test_words_of_kinds_leave_no_users_out(write: Write) -> None:
    file = write(table("user,item,event", lambda at: f"{at % 7},A{at % 5},{at % 3 + 1}"))
    found = read(file, Hints(words=parse_words("1=view,2=purchase,3=none"), columns=parse_columns("kind=event")))
    assert "3" in found.users


def test_floats_of_zero_among_longer_numbers_are_nobody(write: Write) -> None:
    file = write(table("user,item,rating", lambda at: f"{0 if at % 5 == 0 else 120 + at % 9}.0,A{at % 7},{at % 5 + 1}"))
    assert "0" not in read(file).users


def test_the_advice_names_the_id_for_the_option() -> None:
    found = EventEvidence(users=counts({"ABC D": 13}, "A{:03d}"), products=Counter("abcdef" * 20), n_events=97)
    assert ["--words 'ABC D=none'" in check.message for check in found.checks() if "one user" in check.name] == [True]
