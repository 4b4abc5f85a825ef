"""A reading must be supported by evidence: every column and word is accounted for, and what contradicts is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import NO_TIME, EventBatch
from src.ingestion.column_account import Fate
from src.ingestion.event_columns import as_columns
from src.ingestion.event_evidence import EventEvidence
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.order_states import OrderState, order_state
from src.ingestion.row_validation import ValidatedBlock
from src.ingestion.word_account import count_words, unknown_word_lines, word_lines
from tests.ingestion.reading import Reading, read

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "file.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def table(header: str, row: Callable[[int], str], n: int = 60) -> str:
    return "\n".join([header, *map(row, range(n))]) + "\n"


def notes(found: Reading) -> str:
    return "\n".join(found.table.layout.notes)


def test_every_column_ends_as_used_known_or_not_understood(write: Write) -> None:
    found = read(
        write(
            table(
                "order,customer,sku,qty,Payment,Land,vip,zzz,empty",
                lambda at: (
                    f"{at},c{at % 6},S{at % 9},1,{('PayPal', 'Visa')[at % 2]},{('DE', 'FR')[at % 3 // 2]},"
                    f"{('gold', 'blank')[at % 6 // 3]},{('q', 'w')[at % 5 // 3]},"
                ),
            )
        )
    )
    fates = {fate.name: (fate.fate, fate.why) for fate in found.table.layout.account}
    assert fates["sku"] == (Fate.USED, "product (by its name)")
    assert fates["Payment"] == (Fate.KNOWN, "ways of paying")
    assert fates["Land"] == (Fate.KNOWN, "countries")
    assert fates["vip"] == (Fate.KNOWN, "the same for each customer")
    assert fates["empty"] == (Fate.KNOWN, "empty")
    assert fates["zzz"] == (Fate.UNKNOWN, "")
    assert "'zzz' ('q', 'w') is not understood" in notes(found)
    assert "vip" not in notes(found)


def test_what_words_were_taken_for_is_counted_and_unknown_ones_are_said_with_advice(write: Write) -> None:
    layout = read(
        write(table("order,customer,sku,qty,status", lambda at: f"{at},c{at % 7},S{at % 9},1,paid"))
    ).table.layout
    words = count_words({"state": ["paid", "paid", "limbo", "storniert", ""]}, layout)
    assert word_lines(words, layout) == [
        "state by 'status': 'paid' 2 (counts), 'limbo' 1 (UNKNOWN), 'storniert' 1 (does not count), '' 1 (counts)"
    ]
    assert unknown_word_lines(words, layout) == [
        "words of the state are not known: 'limbo' (1); rows with them count; if they must not: --words limbo=cancelled"
    ]


def test_an_order_number_called_reference_is_told_from_the_product_by_the_titles(write: Write) -> None:
    found = read(
        write(
            table(
                "Référence,Client,ID client,Paiement,Réf. produit,Désignation,Qté",
                lambda at: (
                    f"R{at // 3},Ann {at // 3 % 8},{100 + at // 3 % 8},{('cb', 'autre', 'chèque')[at // 3 % 3]},"
                    f"P{at % 7},Mug {at % 7},1"
                ),
            )
        )
    )
    names = {role: found.table.layout.names[at] for role, at in found.table.layout.columns.items()}
    assert (names["product"], names["invoice"], names["user"]) == ("Réf. produit", "Référence", "ID client")
    assert "'Paiement' numbers no orders" in notes(found)


def test_a_customers_name_is_no_product(write: Write) -> None:
    found = read(
        write(
            table(
                "Email,Nombre,Pedido,Fecha",
                lambda at: f'a{at % 8}@x.org,Ann {at % 8},"2 x Miel, 1 kg; 1 x Pan",2023-05-0{at % 9 + 1}',
            )
        )
    )
    assert Counter(event[1] for event in found.events) == {"Miel, 1 kg": 60, "Pan": 60}
    assert {event[3] for event in found.events} == {1.0, 2.0}


def test_guests_are_left_out_and_zeros_where_ids_are_longer(write: Write) -> None:
    users = ("guest", "0", "1001", "1002", "1003")
    found = read(write(table("user,item,rating", lambda at: f"{users[at % 5]},P{at % 7},4")))
    assert Counter(reason for _, reason in found.reasons) == {
        "'0' stands for no single customer": 12,
        "'guest' stands for no single customer": 12,
    }
    users = ("0000", "0", "1001", "1002", "1003")
    found = read(write(table("user,item,rating", lambda at: f"{users[at % 5]},P{at % 7},4")))
    assert not found.reasons
    users = ("0", "1001", "1002", "1003")
    found = read(write(table("user,item,rating", lambda at: f"{users[at % 4]},P{at % 7},4")))
    assert {reason for _, reason in found.reasons} == {"'0' stands for no single customer"}


def test_columns_that_contradict_each_other_are_named(write: Write) -> None:
    found = read(
        write(table("sku,name,price,brand,kind of row", lambda at: f"S{at},Cup,5 USD,B{at},{('main', 'sub')[at % 2]}"))
    )
    assert "'brand' differs for every product" in notes(found)
    assert "'name' stands at several products" in notes(found)
    mixed = read(write(table("sku,name,price", lambda at: f"S{at},Cup {at},{('$5', '7 €')[at % 2]}")))
    assert "prices are in EUR, USD" in notes(mixed)


def test_a_column_that_is_named_like_a_role_and_has_other_cells_is_said(write: Write) -> None:
    found = read(write(table("user,item,event,visit time", lambda at: f"u{at % 5},P{at % 7},view,q{at % 3}")))
    assert "'visit time' ('q0', 'q1', 'q2') is named like the time, and its cells do not look so" in notes(found)
    assert "no column has the times of events" in notes(found)


def test_days_of_workbooks_are_times_where_a_name_or_fractions_say_it(write: Write) -> None:
    found = read(write(table("user;item;event;abc", lambda at: f"u{at % 5};P{at % 7};view;{45_000 + at},5")))
    assert found.events[0][4] == 1_678_881_600


def test_maps_of_products_to_quantities_are_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(
        "".join(f'{{"user": "u{at % 4}", "cart": {{"A-{at % 3}": 2, "B-{at % 5}": 1}}}}\n' for at in range(30))
    )
    found = read(path, Hints(columns=parse_columns("product=cart")))
    assert Counter(event[3] for event in found.events) == {2.0: 30, 1.0: 30}


def evidence(users: list[str], products: list[str], values: list[float], times: list[int]) -> EventEvidence:
    n = len(users)
    batch = EventBatch(users, products, ["purchase"] * n, np.array(values), np.array(times))
    found = EventEvidence()
    found.add(as_columns(ValidatedBlock(n, batch, np.zeros(n, bool), [], [])).events)
    return found


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (evidence(["a"] * 60 + [f"u{at}" for at in range(60)], [f"p{at % 9}" for at in range(120)], [1] * 120,
                  [1_700_000_000 + at for at in range(120)]), "one user for many"),
        (evidence([f"u{at % 3}" for at in range(120)], [f"p{at % 9}" for at in range(120)], [1] * 120, [NO_TIME] * 120),
         "number of users"),
        (evidence([f"u{at % 9}" for at in range(60)], [f"p{at % 9}" for at in range(60)], [1.99] * 60, [NO_TIME] * 60),
         "quantities"),
        (evidence([f"u{at % 9}" for at in range(60)], [f"p{at % 9}" for at in range(60)], [1] * 60, [86_400] * 60),
         "times"),
        (evidence([f"{'uU'[at % 2]}{at % 9}@x" for at in range(60)], [f"p{at % 9}" for at in range(60)], [1] * 60,
                  [NO_TIME] * 60), "spelling of users"),
        (evidence([f"u{at % 9}" for at in range(60)], [f"p{at}" for at in range(60)], [1] * 60, [NO_TIME] * 60),
         "products that come again"),
        (evidence([f"u{at // 10}" for at in range(60)], [f"p{at % 10}" for at in range(60)], [1] * 60, [NO_TIME] * 60),
         "all products of all users"),
        (evidence([f"u{at // 2}" for at in range(60)], [f"p{at % 9}" for at in range(60)], [1] * 60,
                  [1_700_000_000 + at // 2 * 9_999 for at in range(60)]), "users at several times"),
    ],
)  # fmt: skip
def test_events_that_no_shop_has_fail_a_check(found: EventEvidence, name: str) -> None:
    assert [check.name for check in found.checks() if not check.passed] == [name]


def test_ids_that_never_repeat_and_one_time_for_all_are_remarked() -> None:
    found = evidence([f"u{at}" for at in range(60)], [f"p{at % 9}" for at in range(60)], [1] * 60, [1_700_000_000] * 60)
    said = "\n".join(found.remarks())
    assert "all events have one time, 2023-11-14 22:13:20 UTC" in said
    assert ["60 of 60 events have a user of their own" in check.message for check in found.checks()] == [True]


def test_parents_that_are_named_by_another_id_and_discounts_are_said(write: Write) -> None:
    found = read(
        write(
            table(
                "ID,SKU,Name,Parent,Price,discountValue",
                lambda at: (
                    f"{100 + at},S{at},Mug {at},{f'id:{100 + at - at % 3}' if at % 3 else ''},5.00,{at % 2 * 10}"
                ),
            )
        )
    )
    assert "'Parent' has ids of 'ID', and products go by 'SKU'" in notes(found)
    assert "'discountValue' (0) is not taken off the price" in notes(found)


def test_the_end_of_something_unknown_is_no_state_of_a_paid_order() -> None:
    states = {word: order_state(word) for word in ("결제완료", "배송완료", "반품완료", "교환완료", "完了")}
    done, undone = OrderState.DONE, OrderState.UNDONE
    assert states == {"결제완료": done, "배송완료": done, "반품완료": undone, "교환완료": None, "完了": done}
