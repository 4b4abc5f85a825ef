"""What a file says of itself by names, by what stands beside, and by how its numbers and dates are spread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import Reading, kinds, notes, read, table

from src.core.errors import UnusableFile
from src.ingestion.catalogue_evidence import CatalogueEvidence
from src.ingestion.layout import Hints
from src.ingestion.word_account import Word, unknown_word_lines, word_lines

Write = Callable[..., Path]


def test_days_are_told_from_months_by_their_spread(write: Write) -> None:
    def dated(first: Callable[[int], int], second: Callable[[int], int]) -> list[int]:
        rows = table(
            "customer,sku,quantity,date", lambda at: f"c{at % 9},A{at % 7},1,{first(at):02d}/{second(at):02d}/2023"
        )
        return sorted({event[4] for event in read(write(rows)).events})

    days = dated(lambda at: at % 11 + 1, lambda _at: 3)
    assert days == dated(lambda _at: 3, lambda at: at % 11 + 1)
    assert (days[0], len(days)) == (1_677_628_800, 11)  # 2023-03-01


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("returns.csv", "RMA,Return date,Customer,SKU,Returned qty"),
        ("export.csv", "Retourennummer,Datum,Kunde,Artikelnr,Retourmenge"),
    ],
)
def test_files_of_returns_are_returns(write: Write, name: str, header: str) -> None:
    found = read(write(table(header, lambda at: f"R{at},2023-05-01,c{at % 9},A{at % 7},{1 + at % 2}"), name))
    assert kinds(found) == {"return": 40}
    assert "products were brought back" in notes(found)


def test_pieces_that_came_back_beside_those_that_were_bought_are_no_file_of_returns(write: Write) -> None:
    rows = table("order_id,customer,sku,quantity,returned_quantity", lambda at: f"{at},c{at % 9},A{at % 7},2,{at % 2}")
    assert kinds(read(write(rows))) == {"purchase": 40}


def test_movements_of_stock_are_no_purchases(write: Write) -> None:
    words = ("Receipt", "Transfer", "Adjustment", "Stocktake")
    found = read(
        write(
            table("Date,SKU,Movement,Qty,User", lambda at: f"2023-05-01,A{at % 7},{words[at % 4]},{at + 1},s{at % 3}")
        )
    )
    assert found.events == []
    assert {reason for _, reason in found.reasons} >= {"unknown kind of event 'Receipt'"}


def test_a_paid_order_whose_parcel_is_pending_counts(write: Write) -> None:
    def row(at: int) -> str:
        payment = ("captured", "pending", "refunded")[at % 3]
        return f"{at},c{at % 9},A{at % 7},1,{('pending', 'completed')[at % 2]},{payment}"

    found = read(write(table("order_id,customer,sku,quantity,status,payment_status", row, 36)))
    assert kinds(found) == {"purchase": 12}


def left_out(found: Reading) -> int:
    return sum(row.is_left_out for row in found.rejected)


# --- Ratings ----------------------------------------------------------------------------------------------------------


def test_the_name_of_a_column_says_its_scale(write: Write) -> None:
    found = read(write(table("Nutzer,Film,Punkte (0-10)", lambda at: f"n{at % 9},F{at % 11},{at % 11}", 99)))
    assert {round(event[3], 1) for event in found.events} == {round(1 + 0.4 * points, 1) for points in range(11)}


def test_stars_written_as_words_are_ratings(write: Write) -> None:
    found = read(
        write(
            table(
                "Kunde;Artikel;Sterne",
                lambda at: f"k{at % 9};A{at % 7};{1 + at % 5} {'Stern' if at % 5 == 0 else 'Sterne'}",
            )
        )
    )
    assert [event[3] for event in found.events[:5]] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_nines_far_from_all_others_mean_not_rated(write: Write) -> None:
    found = read(
        write(table("user,item,rating", lambda at: f"u{at % 9},p{at % 7},{99 if at % 4 == 0 else 1 + at % 5}"))
    )
    assert kinds(found) == {"rating": 30, "purchase": 10}
    assert "99 far from all others" in notes(found)
    high = read(write(table("user,item,rating", lambda at: f"u{at % 9},p{at % 7},{at % 10 + 1}")))
    assert kinds(high) == {"rating": 40}


def test_a_matrix_from_minus_ten_to_ten_is_converted(write: Write) -> None:
    def row(at: int) -> str:
        return f"u{at}," + ",".join(
            "99" if (at + n) % 3 == 0 else f"{((at * 7 + n) % 201 - 100) / 10}" for n in range(8)
        )

    found = read(write(table("user," + ",".join(f"joke_{n}" for n in range(8)), row)))
    assert len(found.events) == sum((at + n) % 3 > 0 for at in range(40) for n in range(8))
    ratings = [event[3] for event in found.events]
    assert 1 <= min(ratings) < 1.5 < 4.5 < max(ratings) <= 5


def test_a_spam_review_does_not_count(write: Write) -> None:
    rows = table(
        "reviewer_email,product_id,rating,curated",
        lambda at: f"r{at % 9}@x.example,7{at % 7}0,4,{'spam' if at % 5 == 0 else 'ok'}",
    )
    assert kinds(read(write(rows))) == {"rating": 32}


@pytest.mark.parametrize("kind_column", ["", ",Review kind"])
def test_reviews_that_are_not_published_do_not_count_and_are_said_to(write: Write, kind_column: str) -> None:
    states = ("Published", "Rejected", "Pending", "Published")
    kind = ",Product review" if kind_column else ""
    rows = table(
        f"reviewer_email,product_id,review score,time,Review Status{kind_column}",
        lambda at: f"r{at % 9}@x.example,7{at % 7}0,{at % 5 + 1},2023-01-{at % 28 + 1:02d},{states[at % 4]}{kind}",
    )
    found = read(write(rows), Hints(columns={"kind": "Review kind"}) if kind_column else None)
    assert kinds(found) == {"rating": 20}
    assert {reason for _, reason in found.reasons} == {
        "review is 'Rejected': not published", "review is 'Pending': not published"
    }  # fmt: skip
    words = {Word("state", text): 1 for text in states}
    assert [line.count("does not count") for line in word_lines(words, found.table.layout)] == [2]
    assert not unknown_word_lines(words, found.table.layout)


# --- Totals -----------------------------------------------------------------------------------------------------------


def test_prices_that_are_worlds_apart_are_named(write: Write) -> None:
    def evidence(price: Callable[[int], str]) -> CatalogueEvidence:
        found = CatalogueEvidence()
        found.add(read(write(table("id,title,price", lambda at: f"A{at},Mug {at},{price(at)}"))).products)
        return found

    usual = evidence(lambda at: f"{at + 5}.50")
    assert list(usual.checks()) == []
    assert usual.totals() == [
        "these products: 40 with a title, 40 with a price; prices 5.50 to 44.50, half of them at most 24.50"
    ]
    assert (
        "another column has the price: --columns price=COLUMN"
        in next(evidence(lambda at: f"{at / 1000}").checks()).message
    )
    assert not next(evidence(lambda at: "0.5" if at % 3 else "99000").checks()).passed


def test_a_file_of_nothing_but_adjustments_is_refused_with_its_words(write: Write) -> None:
    found = read(write(table("date,sku,movement,qty,user", lambda at: f"2023-05-01,A{at % 7},Adjustment,2,s{at % 3}")))
    assert found.events == []


def test_columns_that_an_option_names_are_not_made_into_rows(write: Write) -> None:
    rows = table("visitor,viewed_sku,purchased_sku", lambda at: f"v{at % 9},P-{at % 7},P-{at % 5}")
    assert kinds(read(write(rows), Hints(columns={"product": "viewed_sku"}))).keys() <= {"purchase", "view"}


def test_an_unknown_table_is_still_refused(write: Write) -> None:
    with pytest.raises(UnusableFile):
        read(write(table("alpha,beta", lambda at: f"{at},x{at}")))


# --- Columns beside each other ----------------------------------------------------------------------------------------


def test_each_of_several_flags_may_undo_an_order(write: Write) -> None:
    def row(at: int) -> str:
        return f"{at},c{at % 9},A{at % 7},1,{'NY'[at % 4 == 0]},{'NY'[at % 5 == 0]}"

    found = read(write(table("order_no,cust_no,sku,qty,is_cancelled,is_returned", row)))
    assert len(found.events) == sum(at % 4 > 0 and at % 5 > 0 for at in range(40))


def test_a_report_of_clicks_has_no_users(write: Write) -> None:
    rows = table(
        "Day,Campaign,Product ID,Clicks,Cost", lambda at: f"2023-05-{at % 28 + 1:02d},c{at % 3},A{at % 7},{at % 17},1.5"
    )
    with pytest.raises(UnusableFile):
        read(write(rows))


def test_a_time_of_day_with_a_point_completes_the_day(write: Write) -> None:
    rows = table(
        "Client,Code,Pieces,Sale date,Sale time",
        lambda at: f"c{at % 9},A{at % 7},1,{at % 28 + 1} May 2023,0{at % 10}.30",
    )
    assert read(write(rows)).events[1][4] == 1_682_991_000  # 2023-05-02 01:30


def test_the_visitor_is_the_user_and_not_the_visit(write: Write) -> None:
    rows = table(
        "id_sessione,id_visitatore,azione,sku",
        lambda at: f"{at // 3},v{at % 5},{('acquisto', 'aggiunta al carrello')[at % 2]},A{at % 7}",
    )
    found = read(write(rows))
    assert (set(found.users), kinds(found)) == ({f"v{n}" for n in range(5)}, {"purchase": 20, "cart": 20})


def test_nouns_of_products_say_nothing_of_the_kind(write: Write) -> None:
    words = ("hotel_view", "booking", "recipe_shortlist")
    found = read(
        write(
            table("user_id,action,item_id,created_at", lambda at: f"u{at % 9},{words[at % 3]},h{at % 7},2023-05-01", 39)
        )
    )
    assert kinds(found) == {"view": 13, "purchase": 13, "cart": 13}


def test_rows_that_name_the_customer_alone_are_headings(write: Write) -> None:
    lines = [f"Customer: C{at // 6};;;" if at % 6 == 0 else f";A{at % 4};2;2023-05-01" for at in range(36)]
    found = read(write("Customer;SKU;Qty;Date\n" + "\n".join(lines) + "\n"))
    assert (len(found.events), set(found.users)) == (30, {f"C{n}" for n in range(6)})
    assert left_out(found) == len(found.rejected) == 6


def test_a_bare_id_that_repeats_is_the_group_and_the_longer_title_counts(write: Write) -> None:
    rows = table(
        "Internal_ID,Internal_Variant_ID,Title_Short,Price,Variant title",
        lambda at: f"9{at // 2:02d},5{at:03d},Trui {at // 2},49.95,{'SM'[at % 2]}",
    )
    product = read(write(rows)).products[3]
    assert (product.product_id, product.group_id, product.title) == ("5003", "901", "Trui 1")


def test_thousands_in_stock_may_have_apostrophes(write: Write) -> None:
    rows = table("sku,title,stock", lambda at: f"A{at},Mug {at},1'{at:03d}")
    assert [product.stock for product in read(write(rows)).products[:2]] == [1_000, 1_001]


def test_a_name_whose_cells_are_kinds_of_events_is_the_kind(write: Write) -> None:
    words = ("pageview", "Add to Basket", "Order placed")
    rows = table(
        "timestamp,name,visitor,props.sku",
        lambda at: f"2023-05-01 10:00:{at % 60:02d},{words[at % 3]},v{at % 7},A{at % 5}",
        60,
    )
    assert kinds(read(write(rows))) == {"view": 20, "cart": 20, "purchase": 20}


@pytest.mark.parametrize("cell", ["Lamp {a} (2 pcs) / Rug {b} (3 pcs)", "L-{a} - 2, R-{b} - 3"])
def test_quantities_behind_titles_and_dashes_are_taken_apart(write: Write, cell: str) -> None:
    found = read(write(table("order;buyer;contents", lambda at: f"{at};b{at % 7};" + cell.format(a=at % 3, b=at % 4))))
    assert [event[3] for event in found.events[:4]] == [2.0, 3.0, 2.0, 3.0]
    assert len({event[1] for event in found.events}) == 7


def test_numbers_called_n_are_said(write: Write) -> None:
    assert "'n' was taken for the quantity by its look; for none: --columns quantity=" in notes(
        read(write(table("cust,item,n,dt", lambda at: f"c{at % 9},A{at % 7},{at % 3 + 1},2023-05-01")))
    )


def test_f_keeps_a_product_back_and_minus_nine_is_no_rating(write: Write) -> None:
    listed = read(write(table("sku,name,active", lambda at: f"A{at},Mug {at},{'ft'[at > 0]}"))).products
    assert [bool(product.unlisted) for product in listed[:2]] == [True, False]
    rated = read(
        write(table("user,item,rating", lambda at: f"u{at % 9},p{at % 7},{-9 if at % 4 == 0 else 1 + at % 5}"))
    )
    assert kinds(rated) == {"rating": 30, "purchase": 10}


def test_words_for_done_and_undone_are_states_beside_an_unknown_one(write: Write) -> None:
    words = ("betaald", "storno", "qwx")
    found = read(
        write(
            table("bon,klant_id,artikel,stuks,toestand", lambda at: f"{at},k{at % 7},A{at % 5},1,{words[at % 3]}", 60)
        )
    )
    assert kinds(found) == {"purchase": 40}


def test_a_total_that_is_paid_back_is_a_return(write: Write) -> None:
    rows = table(
        "invoice,client,product,qty,total", lambda at: f"{at},c{at % 7},A{at % 5},1,{'-' if at % 10 == 9 else ''}9.50"
    )
    assert kinds(read(write(rows))) == {"purchase": 36, "return": 4}


def test_finnish_receipts_name_their_customers(write: Write) -> None:
    rows = table("Kuitti;Pvm;Klo;Asiakasnro;Tuotekoodi;Kpl", lambda at: f"{at};1.5.2023;09.30;4{at % 7};H{at % 5};2")
    found = read(write(rows))
    assert (len(set(found.users)), found.events[0][3:]) == (7, (2.0, 1_682_933_400))
