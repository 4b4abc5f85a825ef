"""Rows of charges, tests, credits, ends of loans and refunds count for what they are, in files of any shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reading import kinds, notes, read, table

from src.core.domain import EventBatch
from src.ingestion.event_columns import as_columns
from src.ingestion.event_evidence import EventEvidence
from src.ingestion.layout import Hints
from src.ingestion.no_products import is_charge, is_charge_by_id, is_gift_card_alone, is_series
from src.ingestion.odd_buyers import staff_notes
from src.ingestion.order_validation import says_no_live_order, says_test
from src.ingestion.row_validation import ValidatedBlock

Write = Callable[..., Path]


def test_charges_among_pairs_of_users_and_products_do_not_count(write: Write) -> None:
    rows = table("client,article", lambda at: f"k{at % 7},{'Frais de port' if at % 4 == 0 else f'A{at % 9}'}")
    found = read(write(rows))
    assert found.layout == "pairs"
    assert kinds(found) == {"purchase": 30}
    assert {reason for _, reason in found.reasons} == {"shipping, tip, discount, deposit or fee: no product"}


def test_charges_in_the_titles_of_pairs_do_not_count_but_views_of_such_pages_do(write: Write) -> None:
    rows = table(
        "client,ref,titre,jour", lambda at: f"k{at % 7},R{at % 4},{'Remise' if at % 4 == 0 else 'Bol'},2023-05-01"
    )
    assert kinds(read(write(rows))) == {"purchase": 30}
    assert kinds(read(write(rows, "views.csv"))) == {"view": 40}


@pytest.mark.parametrize(
    ("id_", "title", "is_none"),
    [("PORTO12", "Ruby port of 2011", False), ("SHIPPING4", "", True), ("SHIPPING4", "Standard delivery", True),
     ("FREIGHT", "Parcel by road", True), ("TAX7", "TAX7", False)],
)  # fmt: skip
def test_a_numbered_word_is_a_charge_unless_its_title_says_otherwise(id_: str, title: str, is_none: bool) -> None:
    assert is_charge_by_id(id_, title) is is_none


def test_many_numbers_after_one_word_are_codes_of_products() -> None:
    is_code = is_series([*(f"FRACHT{at}" for at in range(9)), "SHIPPING1", "SHIPPING2"])
    assert (is_code("FRACHT3"), is_code("SHIPPING1"), is_code("FRACHT")) == (True, False, False)


def test_words_for_costs_are_charges_together_and_alone_are_none() -> None:
    assert [is_charge(text) for text in ("Bank charges", "Express Kosten", "Charges", "Standard")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_number_that_most_orders_have_at_several_prices_is_said(write: Write) -> None:
    def row(at: int) -> str:
        order, line = divmod(at, 3)
        article, paid = (77, f"{3 + order % 4}.50") if line == 2 else (100 + (order * 5 + line) % 13, None)
        return f"d{order % 9};B{order};{article};{paid or f'{article}.00'}"

    text = table("debitor;beleg;artikelnr;preis", row, n=120)
    said = next(note for note in read(write(text)).table.layout.notes if "'77'" in note)
    assert said.startswith("WARNING: '77' stands in")
    assert said.endswith("--columns product=artikelnr,line_kind=artikelnr --words 77=none")
    settled = read(write(text), Hints(columns={"product": "artikelnr", "line_kind": "artikelnr"}))
    assert "'77'" not in notes(settled)


def test_a_product_that_many_orders_have_at_its_one_price_is_no_charge(write: Write) -> None:
    rows = table(
        "debitor;beleg;artikelnr;preis",
        lambda at: f"d{at % 9};B{at // 3};{77 if at % 3 == 2 and at % 4 else 100 + at % 13};9.00",
        n=120,
    )
    assert "WARNING" not in notes(read(write(rows)))


def test_orders_with_a_test_among_their_tags_do_not_count_in_any_of_their_lines(write: Write) -> None:
    def row(at: int) -> str:
        order, line = divmod(at, 2)
        first = f"c{order % 9}@x,{'vip; Test order' if order % 10 == 0 else 'vip'}" if line == 0 else ","
        return f"B{order},{first},S{at % 7},1"

    found = read(write(table("order,email,labels,sku,qty", row)))
    assert kinds(found) == {"purchase": 36}
    assert {reason for _, reason in found.reasons} == {"test order"}
    assert "'labels' was taken for the test by its look" in notes(found)


def test_flags_of_tests_and_of_live_orders_are_told_apart() -> None:
    assert [says_test(text) for text in ("true", "x", "2024-01-01", "no", "0", "wholesale", "vip, test")] == [
        True, True, True, False, False, False, True,
    ]  # fmt: skip
    assert [says_no_live_order(text) for text in ("false", "0", "true", "")] == [True, True, False, False]


def test_orders_that_are_not_live_do_not_count(write: Write) -> None:
    rows = table("order,customer,sku,qty,live_mode", lambda at: f"{at},c{at % 9},S{at % 7},1,{'ny'[at % 5 > 0]}")
    assert kinds(read(write(rows))) == {"purchase": 32}


def test_sums_below_nothing_beside_a_quantity_are_returns(write: Write) -> None:
    rows = table(
        "order,customer,sku,qty,line_amount", lambda at: f"{at},c{at % 9},S{at % 7},1,{'-' if at % 8 == 0 else ''}19.50"
    )
    found = read(write(rows))
    assert kinds(found) == {"purchase": 35, "return": 5}
    assert "'line_amount' is below 0 in some rows" in notes(found)
    assert kinds(read(write(rows), Hints(columns={"total": ""}))) == {"purchase": 40}


def test_what_libraries_lend_comes_back_and_counts_as_lent_once(write: Write) -> None:
    acts = ("Ausleihe", "Rückgabe", "Verlängerung", "Vormerkung")
    found = read(
        write(table("Zeit;Art;Leser;Titelnr", lambda at: f"2023-05-01;{acts[at % 4]};L{at % 9};{700 + at % 11}"))
    )
    assert kinds(found) == {"purchase": 10, "cart": 10}
    assert "'Rückgabe', 'Verlängerung' end or prolong one" in notes(found)
    assert found.table.layout.columns["product"] == 3


def test_what_a_shop_takes_back_is_a_return_where_nothing_is_lent(write: Write) -> None:
    acts = ("Kauf", "Rückgabe")
    rows = table("Zeit;Art;Kunde;Artikelnr", lambda at: f"2023-05-01;{acts[at % 2]};L{at % 9};{700 + at % 11}")
    assert kinds(read(write(rows))) == {"purchase": 20, "return": 20}


@pytest.mark.parametrize("word", ["no_interest", "hide", "thumbs_down", "skipped", "nicht interessiert"])
def test_what_somebody_does_not_want_is_no_interest(write: Write, word: str) -> None:
    rows = table(
        "ts,who_id,clip_id,event", lambda at: f"16900000{at + 10},u{at % 9},c{at % 7},{'play' if at % 4 else word}"
    )
    assert kinds(read(write(rows))) == {"view": 30}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("export.csv", "credit note no,customer,sku,qty,amount,day"),
        ("export.csv", "id_commande,client,article,quantite,motif_retour,date"),
        ("erstattungen.csv", "Bestellung,Kunde,Artikel,Menge,Betrag,Datum"),
    ],
)
def test_a_file_of_refunds_alone_has_returns(write: Write, name: str, header: str) -> None:
    def row(at: int) -> str:
        return f"N{at},c{at % 9},A{at % 7},1,{'too small' if 'motif' in header else f'{at}.50'},2023-05-01"

    found = read(write(table(header, row), name))
    assert kinds(found) == {"return": 40}
    assert "if bought: --kind purchase" in notes(found)


def test_orders_of_which_some_were_refunded_are_no_file_of_refunds(write: Write) -> None:
    rows = table(
        "order,customer,sku,qty,refund_id", lambda at: f"{at},c{at % 9},A{at % 7},1,{f'R{at}' if at % 9 == 0 else ''}"
    )
    assert "return" not in kinds(read(write(rows)))
    assert "return" not in kinds(read(write(rows, "orders-and-refunds.csv")))


def test_orders_of_staff_are_said(write: Write) -> None:
    rows = table(
        "order,customer,sku,qty,groups", lambda at: f"{at},c{at % 9},A{at % 7},1,{'Personal' if at % 9 == 0 else 'B2C'}"
    )
    found = read(write(rows))
    assert "'groups' says 'Personal' in 5 of the first 40 rows, which count" in notes(found)
    assert "--columns line_kind=groups --words Personal=none" in notes(found)
    assert staff_notes.__doc__


def test_gift_cards_of_a_catalogue_are_not_listed_and_what_holds_them_is() -> None:
    found = [is_gift_card_alone(title) for title in ("Gift Card - 25 EUR", "Gutschein 50 €", "Gift card holder", "Mug")]
    assert found == [True, True, False, False]


def test_a_file_sorted_by_users_is_not_said_to_have_few_of_them() -> None:
    def block(users: list[str]) -> ValidatedBlock:
        n = len(users)
        batch = EventBatch(
            users, [f"P{at % 50}" for at in range(n)], ["purchase"] * n, np.ones(n), np.arange(n) + 1_600_000_000
        )
        return ValidatedBlock(n, batch, np.zeros(n, bool), [], [])

    evidence = EventEvidence()
    evidence.add(as_columns(block(["a"] * 10_000)).events)
    assert "number of users" in {check.name for check in evidence.checks() if not check.passed}
    evidence.add(as_columns(block([f"u{at % 40}" for at in range(4_000)])).events)
    assert "number of users" not in {check.name for check in evidence.checks() if not check.passed}
