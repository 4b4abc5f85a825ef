"""Exports in many languages and encodings, with states, kinds, dates and scales as shops write them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import Reading, kinds, notes, read, table

from src.core.domain import EventKind
from src.core.errors import InputError, UnusableFile
from src.ingestion.column_words import classes_of, image_size, role_by_words
from src.ingestion.event_kind_names import kind_of, kind_of_file, likely_kind
from src.ingestion.given_words import Words, parse_words
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.legacy_encodings import detect_legacy_encoding
from src.ingestion.no_products import is_charge, is_charge_by_id, is_gift_card
from src.ingestion.order_states import OrderState, is_kept_back, order_state
from src.ingestion.parsing import time_format
from src.ingestion.prices import price_in
from src.ingestion.rating_scales import Scale, find_scale, parse_scale, says_unrated
from src.ingestion.written_dates import written_date

Write = Callable[..., Path]


def left_out(found: Reading) -> Counter[str]:
    return Counter(row.reason for row in found.rejected if row.is_left_out)


# --- Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("客户编号", "user"), ("商品名称", "title"), ("訂單編號", "invoice"),
        ("在庫数量", "stock"), ("注文状況", "state"),
        ("구매자", "user"), ("상품번호", "product"), ("Покупатель", "user"), ("Количество", "quantity"),
        ("event_properties.sku", "product"), ("properties.price", "price"), ("Order Lines/Product/Code", "product"),
        ("Lagerbestand gesamt", "stock"), ("UVP", "price"), ("Stan w magazynie", "stock"), ("Pzs.", "quantity"),
        ("buyer email address", "user"), ("merchant sku", "product"), ("qty_returned", "returned"),
        ("Testbestellung", "test"), ("Bild gross", "image"), ("num_products", "quantity"), ("Etsy Order ID", "invoice"),
        ("product group name", "category"), ("Shipped Qty", "quantity"),
        ("order_item_id", None), ("shipping total", None), ("Kundengruppe", None), ("customer type", None),
    ],
)  # fmt: skip
def test_a_name_is_understood_by_its_words_in_any_language(name: str, role: str | None) -> None:
    assert (role_by_words(name) or (None,))[0] == role


def test_a_compound_of_unknown_parts_is_unknown() -> None:
    assert classes_of("Blumenvase") == [None]
    assert classes_of("花瓶") == [None]


def test_the_largest_pictures_are_taken(write: Write) -> None:
    names = ["thumb_url", "picture_s", "picture", "zoom picture", "back view image"]
    assert sorted(names, key=image_size)[-1] == "zoom picture"
    text = "sku,name,picture_thumb,picture_big,picture_medium\n" + "".join(
        f"S{at},Cup {at},https://x.test/t.jpg,{'https://x.test/b.jpg' if at else ''},https://x.test/m.jpg\n"
        for at in range(30)
    )
    images = {product.product_id: product.image_url for product in read(write(text)).products}
    assert (images["S5"], images["S0"]) == ("https://x.test/b.jpg", "https://x.test/m.jpg")


@pytest.mark.parametrize(
    ("encoding", "header", "row"),
    [
        ("cp1250", "zákazník;číslo zboží;množství;název", "z{u};P{p};1;Příliš žluťoučký {p}"),
        ("cp1251", "клиент;артикул;количество;название", "к{u};P{p};1;Чашка {p}"),
        ("gb18030", "客户编号;商品编码;数量;商品名称", "k{u};P{p};1;茶杯 {p}"),
        ("shift_jis", "顧客番号;商品番号;数量;商品名", "k{u};P{p};1;湯のみ {p}"),
        ("cp1252", "Käufer;Artikelnr;Menge;Bezeichnung", "k{u};P{p};1;Schüssel groß {p}"),
    ],
)
def test_old_encodings_are_told_by_what_they_make_of_a_text(write: Write, encoding: str, header: str, row: str) -> None:
    text = table(header, lambda at: row.format(u=at % 7, p=at % 9))
    found = read(write(text.encode(encoding)))
    assert kinds(found) == {"purchase": 40}
    assert {product.title for product in found.products} == {row.split(";")[3].format(p=at) for at in range(9)}


def test_swedish_is_not_taken_for_chinese() -> None:
    assert (
        detect_legacy_encoding(["Benämning;Återförsäljare".encode("cp1252"), "Kärra;Örebro".encode("cp1252")])
        == "cp1252"
    )


# --- Kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Artikelaufruf", "view"), ("查看商品", "view"), ("加入購物車", "cart"), ("장바구니", "cart"),
        ("клик", "click"),
        ("ajout au panier", "cart"), ("vista del producto", "view"), ("Stornorechnung", "return"),
        ("Nota de crédito", "return"), ("Factura", "purchase"), ("ecommerce product detail view", "view"),
        ("Clicked Email", ""), ("newsletter opened", ""), ("Kaffeekanne", ""),
    ],
)  # fmt: skip
def test_kinds_of_events_are_understood_in_many_languages(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_mails_of_a_log_of_marketing_are_no_acts_on_products(write: Write) -> None:
    names = ("Viewed Product", "Clicked SMS", "Placed Order", "Opened Email")
    text = table(
        "person email,activity,product sku,units,value,moment",
        lambda at: (
            f"p{at % 7}@x.test,{names[at % 4]},{f'S{at % 9}' if at % 2 == 0 else ''},2,9.5,2023-05-0{at % 9 + 1}"
        ),
    )
    found = read(write(text))
    assert kinds(found) == {"view": 10, "purchase": 10}
    assert {event[3] for event in found.events if event[2] == "purchase"} == {2.0}
    assert left_out(found).total() == 20


def test_credit_notes_are_returns_though_their_quantity_is_positive(write: Write) -> None:
    text = table(
        "Beleg;Art des Belegs;Kunde;Artikel;Menge",
        lambda at: f"{at};{'Gutschrift' if at % 8 == 0 else 'Rechnung'};k{at % 7};S{at % 9};1",
    )
    assert kinds(read(write(text))) == {"purchase": 35, "return": 5}


def test_codes_of_kinds_are_asked_for_and_the_answer_works(write: Write) -> None:
    path = write(table("user,item,event_type,ts", lambda at: f"u{at % 7},i{at % 9},{at % 3 + 1},{1_690_000_000 + at}"))
    with pytest.raises(UnusableFile, match=r"'event_type' has the codes 1, 2, 3.*--words 1=view,2=view,3=view"):
        read(path)
    hints = Hints(columns=parse_columns("kind=event_type"), words=parse_words("1=view,2=cart,3=purchase"))
    assert kinds(read(path, hints)) == {"view": 14, "cart": 13, "purchase": 13}
    assert kinds(read(path, Hints(columns=parse_columns("kind=")))) == {"purchase": 40}


def test_the_name_of_a_file_tells_the_kind_where_no_column_does(write: Write) -> None:
    text = table("visitor,sku,when", lambda at: f"v{at % 7},S{at % 9},2023-05-01 10:00:{at}")
    found = read(write(text, "page-views_2023.csv"))
    assert kinds(found) == {"view": 40}
    assert "each was taken for a view; if it is another kind of event: --kind purchase" in found.table.layout.notes
    assert kind_of_file(Path("clicks-and-views.csv")) is EventKind.PURCHASE


# --- States -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("已取消", OrderState.UNDONE), ("待付款", OrderState.PENDING), ("交易完成", OrderState.DONE),
        ("キャンセル済み", OrderState.UNDONE), ("환불완료", OrderState.UNDONE), ("Återbetalad", OrderState.UNDONE),
        ("En attente du paiement par virement", OrderState.PENDING), ("Angebot versendet", OrderState.PENDING),
        ("In afwachting van betaling", OrderState.PENDING), ("Erreur du paiement", OrderState.UNDONE),
        ("Sales credit note", OrderState.UNDONE), ("Note de crédit", OrderState.UNDONE),
        ("Paid by credit card", OrderState.DONE),
        ("charged", OrderState.DONE), ("charged back", OrderState.DONE), ("chargeback", OrderState.UNDONE),
        ("xyz", None),
    ],
)  # fmt: skip
def test_states_of_orders_are_understood_in_many_languages(text: str, state: OrderState | None) -> None:
    assert order_state(text) is state


def test_states_of_products_are_understood_as_letters_and_in_other_scripts() -> None:
    assert all(map(is_kept_back, ("D", "H", "下架", "下架中", "nowhere", "off", "Sold out", "archived")))
    assert [is_kept_back(text) for text in ("A", "上架", "Online only")] == [False] * 3


@pytest.mark.parametrize("text", ["Office", "Offer", "Non-stick", "Noël", "Lively", "Allround"])
def test_a_word_that_begins_as_a_short_state_is_none(text: str) -> None:
    assert is_kept_back(text) is None


def test_of_two_states_the_worse_one_counts(write: Write) -> None:
    states = ("Versendet;Bezahlt", "Versendet;Erstattet", "In Bearbeitung;Offen", "Storniert;Bezahlt")
    text = table(
        "Auftrag;Kunde;Artikel;Menge;Auftragsstatus;Zahlungsstatus",
        lambda at: f"{at};k{at % 7};S{at % 9};1;{states[at % 4]}",
    )
    found = read(write(text))
    assert kinds(found) == {"purchase": 10}
    assert left_out(found).total() == 30


def test_unknown_states_can_be_given(write: Write) -> None:
    text = table("order,customer,sku,qty,status", lambda at: f"{at},c{at % 7},S{at % 9},1,{('paid', 'limbo')[at % 2]}")
    path = write(text)
    assert kinds(read(path)) == {"purchase": 40}
    assert kinds(read(path, Hints(words=parse_words("limbo=cancelled")))) == {"purchase": 20}


def test_units_that_came_back_lower_the_purchase(write: Write) -> None:
    text = table("order,customer,sku,quantity,returned quantity", lambda at: f"{at},c{at % 7},S{at % 9},4,{at % 2}")
    assert Counter(event[3] for event in read(write(text)).events) == {4.0: 20, 3.0: 20}


def test_rows_of_orders_that_are_no_products_or_only_tests_are_left_out(write: Write) -> None:
    extra = ("1,k1,FEE,Versandkosten DHL,1,", "2,k2,T,Pourboire,1,", "3,k3,R,Rabatt 5 %,-1,", "4,k4,G,Geschenkkarte,1,",
             "5,k5,S1,Box,1,TRUE", "6,,S2,Box,1,", "7,k7,S3,Shipping Box,1,")  # fmt: skip
    text = "order,customer,sku,product name,qty,is test\n" + "\n".join(extra)
    found = read(write(text))
    assert [event[1] for event in found.events] == ["S3"]
    assert sorted(left_out(found).values()) == [1, 1, 1, 3]
    assert len(found.rejected) == 6


def test_sales_of_a_till_in_a_log_of_payments_and_refunds_are_counted_apart(write: Write) -> None:
    text = table(
        "date,item,sku,qty,receipt,event type,customer",
        lambda at: (
            f"2023-05-01,{('Cup', 'Tip')[at % 8 == 0]},S{at % 9},1,R{at},"
            f"{('Payment', 'Refund')[at % 10 == 9]},{('', f'c{at % 7}')[at % 4 > 0]}"
        ),
    )
    found = read(write(text))
    assert kinds(found) == {"purchase": 26, "return": 4}
    assert left_out(found) == {
        "sale without a customer (at the till, or by a guest)": 10,
    }


def test_payments_without_products_are_refused(write: Write) -> None:
    text = table(
        "payment_id,memo,paid_on,sum_paid,fee,client", lambda at: f"x{at},ok,2023-05-01,{at % 5}9.5,0.3,c{at % 7}"
    )
    with pytest.raises(UnusableFile, match="Expected a user and a product"):
        read(write(text))


def test_names_of_carriers_and_places_may_stand_beside_a_delivery() -> None:
    charges = (
        "Livraison Chronopost",
        "Envío Correos 24h",
        "Frakt PostNord",
        "Dostawa Paczkomat InPost",
        "Versand DHL Paket",
    )
    products = ("Speedy bag", "Seur", "Nova lamp", "Livraison de bois")
    assert [is_charge(title) for title in charges] == [True] * len(charges)
    assert [is_charge(title) for title in products] == [False] * len(products)


def test_charges_are_told_by_all_their_words() -> None:
    assert [is_charge(text) for text in ("Frais de port", "POSTAGE", "tip", "Deposit bottle 0.5l", "Tip Top tea")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert is_gift_card("Gift Card 50 €")


@pytest.mark.parametrize(
    ("title", "is_deposit"),
    [("Pfand Becher", True), ("Flaschenpfand", True), ("Pfandrückgabe Kasten", True), ("Deposit return", True),
     ("Consigne bouteille", True), ("Statiegeld fles", True), ("Glas", False), ("Flasche Pfand & Söhne", False),
     ("Return bottle", False), ("Zero deposit", False), ("Mehrweg Becher", False)],
)  # fmt: skip
def test_beside_a_deposit_may_stand_what_it_is_for(title: str, is_deposit: bool) -> None:
    assert is_charge(title) is is_deposit


def test_an_id_is_a_charge_with_a_number_too() -> None:
    found = [is_charge_by_id(id_) for id_ in ("FREIGHT", "Shipping12", "BILLING_3", "TIP4", "4711", "SHIPPINGBOX1", "")]
    assert found == [True, True, True, False, False, False, False]


def test_words_that_name_no_meaning_are_refused() -> None:
    with pytest.raises(InputError, match=r"--words: found '1=look'; expected word=meaning"):
        parse_words("1=look")
    words = Words({"foo": "none"})
    assert words.is_ignored_kind("Foo")
    assert words.state("foo") is OrderState.UNDONE


# --- Dates and scales -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("3. Dezember 2023, 09:15 Uhr", "2023-12-03T09:15:00"), ("14 févr. 2023 à 8h05", "2023-02-14T08:05:00"),
        ("Dec-31-23", "2023-12-31"), ("5 de agosto de 2023", "2023-08-05"),
        ("2023年11月2日 7:30", "2023-11-02T07:30:00"),
        ("Nov 2, 2023 12:05 AM", "2023-11-02T00:05:00"),
        ("Thu, 02 Nov 2023 10:00:00 +0100", "2023-11-02T10:00:00+01:00"),
        ("12 pieces", ""), ("May", ""), ("2023-11-02", ""),
    ],
)  # fmt: skip
def test_months_that_are_words_are_read(text: str, iso: str) -> None:
    assert written_date(text) == iso


@pytest.mark.parametrize(
    ("cell", "at"),
    [("2.11.2022, 14:05", 1_667_397_900), ("2022年11月2日 14:05", 1_667_397_900), ("2-nov-2022 14:05", 1_667_397_900)],
)
def test_times_of_orders_are_read_in_these_notations(write: Write, cell: str, at: int) -> None:
    text = table("order;kunde;artikelnr;menge;erstellt", lambda row: f"{row};k{row % 7};S{row % 9};1;{cell}")
    assert {event[4] for event in read(write(text)).events} == {at}


def test_days_come_first_where_the_column_is_named_in_such_a_language(write: Write) -> None:
    text = table("usuario,producto,fecha", lambda at: f"u{at % 7},S{at % 9},02/03/2022")
    assert {event[4] for event in read(write(text)).events} == {1_646_179_200}


@pytest.mark.parametrize(
    ("ratings", "scale"),
    [
        ([1.0, 3.0, 5.0] * 10, Scale(1, 5)), ([2.0, 7.0, 9.0] * 10, Scale(1, 10)), ([0.0, 7.0, 9.0] * 10, Scale(0, 10)),
        ([55.0, 90.0] * 10, Scale(1, 100)), ([0.5, 3.5, 5.0] * 10, Scale(0.5, 5)),
        ([1.0, 5.0] * 30 + [9.0], Scale(1, 5)),
        ([7.0] * 5, None), ([-9.0, 9.0] * 10, Scale(-10, 10)), ([5.0] * 50 + [50.0] * 10, None),
    ],
)  # fmt: skip
def test_the_scale_is_the_smallest_that_holds_nearly_all_ratings(ratings: list[float], scale: Scale | None) -> None:
    assert find_scale(ratings) == scale


def test_ratings_of_another_scale_are_converted_and_said(write: Write) -> None:
    path = write(table("user_id,film_id,grade", lambda at: f"{at % 8},{at // 8},{at % 10 + 1}"))
    found = read(path)
    assert (min(event[3] for event in found.events), max(event[3] for event in found.events)) == (1.0, 5.0)
    assert any("if they begin elsewhere: --scale 0-10" in note for note in found.table.layout.notes)
    half = read(path, Hints(scale=parse_scale("1-19")))
    assert max(event[3] for event in half.events) == 3.0
    with pytest.raises(InputError, match=r"--scale: found '10-10'"):
        parse_scale("10-10")


# --- More languages and notations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Šifra artikla", "product"), ("Kupac", "user"), ("Cijena", "price"), ("Vevőkód", "user"),
        ("Darab", "quantity"),
        ("Müşteri No", "user"), ("Sipariş Durumu", "state"), ("Кількість", "quantity"), ("Πελάτης", "user"),
        ("Jumlah", "quantity"), ("Tanggal Pesanan", "time"), ("MATNR", "product"), ("KUNNR", "user"),
        ("Utsalgspris", "sale_price"), ("Vejl. pris", "price"), ("CATEGORYTEXT", "category"), ("Modell-Nr.", "group"),
        ("custom_data.num_products", "quantity"), ("Anzahl Sterne", "rating"), ("Stock item no", "product"),
        ("Viditelné", "listed"), ("Master style", "group"), ("Tellimuse nr", "invoice"), ("style", None),
        ("Acct No", "user"), ("E-posta", "user"),
    ],
)  # fmt: skip
def test_a_name_in_further_languages_is_understood(name: str, role: str | None) -> None:
    assert (role_by_words(name) or (None,))[0] == role


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sepete eklendi", "cart"), ("kosárba helyezés", "cart"), ("перегляд товару", "view"), ("kupovina", "purchase"),
        ("προβολή προϊόντος", "view"), ("vizualizare produs", "view"), ("prodView", "view"), ("scAdd", "cart"),
        ("iade", "return"),
    ],
)  # fmt: skip
def test_kinds_in_further_languages_are_known(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("İptal edildi", OrderState.UNDONE), ("Törölve", OrderState.UNDONE), ("Ακυρωμένη", OrderState.UNDONE),
        ("Скасовано", OrderState.UNDONE), ("Dibatalkan", None), ("Kargoya verildi", OrderState.DONE),
        ("Függőben", OrderState.PENDING), ("Livrată", OrderState.DONE), ("Devolución recibida", OrderState.UNDONE),
    ],
)  # fmt: skip
def test_states_in_further_languages_are_known(text: str, state: OrderState | None) -> None:
    assert order_state(text) is state


@pytest.mark.parametrize(
    ("text", "price"),
    [("Rp 75.500.000", 75_500_000.0), ("RM 12.50", 12.5), ("249:-", 249.0), ("1 990,00 грн.", 1990.0)],
)
def test_prices_with_further_currencies_are_read(text: str, price: float) -> None:
    assert price_in(text) == (price, False)


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["7. 3. 2024", "28. 12. 2023"], "2024-03-07T00:00:00"),
        (["7. 3. 2024 8:05", "28. 12. 2023 17:40"], "2024-03-07T08:05:00"),
        (["07.03.2024. 08:05", "28.12.2023. 17:40"], "2024-03-07T08:05:00"),
        (["2024.03.07.", "2023.12.28."], "2024-03-07T00:00:00"),
        (["07.03.2024 р.", "28.12.2023 р."], "2024-03-07T00:00:00"),
        (["07.03.2024 08:05 Uhr", "28.12.2023 17:40 Uhr"], "2024-03-07T08:05:00"),
    ],
)
def test_dates_may_have_blanks_and_points_after_numbers(texts: list[str], first: str) -> None:
    seconds, is_time = time_format(texts)[0].seconds(texts)
    assert is_time.all()
    assert dt.datetime.fromtimestamp(int(seconds[0]), dt.UTC).isoformat() == f"{first}+00:00"


def test_prices_tell_the_encoding_where_names_are_alike_in_several() -> None:
    assert (
        detect_legacy_encoding(["Kód;Cena".encode("cp1250"), *(f"A{at};1{at} Kč".encode("cp1250") for at in range(5))])
        == "cp1250"
    )


@pytest.mark.parametrize(
    ("text", "is_none"),
    [("nicht bewertet", True), ("sin calificar", True), ("unrated", True), ("–", True), ("", False), ("4", False),
     ("not 5", False), ("good", False)],
)  # fmt: skip
def test_words_for_no_rating(text: str, is_none: bool) -> None:
    assert says_unrated(text) is is_none


def test_ratings_in_words_for_none_are_events_without_a_rating(write: Write) -> None:
    found = read(
        write(
            table("user_id,book_id,rating", lambda at: f"u{at},B{at % 7},{'not rated' if at % 4 == 0 else 1 + at % 5}")
        )
    )
    assert kinds(found) == {"rating": 30, "purchase": 10}
    assert not found.rejected


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("user,item,answer", ("strongly disagree", "disagree", "neutral", "agree", "strongly agree")),
        ("Kunde,Artikel,Bewertung", ("sehr schlecht", "schlecht", "mittel", "gut", "sehr gut")),
        ("Kunde,Artikel,Urteil",
         ("stimme gar nicht zu", "stimme eher nicht zu", "teils teils", "stimme zu", "stimme voll zu")),
        ("client,produit,avis", ("très mauvais", "mauvais", "moyen", "bon", "très bon")),
        ("user,item,rating", ("terrible", "poor", "average", "good", "excellent")),
    ],
)  # fmt: skip
def test_ratings_in_words(write: Write, header: str, words: tuple[str, ...]) -> None:
    found = read(write(table(header, lambda at: f"u{at % 7},P{at % 9},{words[at * at % 5]}")))
    assert {event[3] for event in found.events} == {1.0 + at * at % 5 for at in range(5)}
    assert f"{words[1]!r} 2" in notes(found)


@pytest.mark.parametrize(
    ("name", "no", "yes"),
    [
        ("voted_up", "0", "1"),
        ("recommended", "False", "True"),
        ("recommendation", "Not Recommended", "Recommended"),
        ("liked", "false", "true"),
    ],
)
def test_votes_that_a_name_tells_are_ratings_and_said(write: Write, name: str, no: str, yes: str) -> None:
    rows = table(
        f"user,appid,{name},timestamp_created", lambda at: f"u{at % 7},57{at % 5},{yes if at % 3 else no},16000000{at}"
    )
    found = read(write(rows))
    assert [event[3] for event in found.events[:3]] == [1.0, 5.0, 5.0]
    assert f"{name!r} has votes for and against: 0 is the worst" in notes(found)
    assert f"{name!r} was taken for the rating by its look" in notes(found)


def test_words_of_the_state_of_a_thing_are_no_ratings(write: Write) -> None:
    rows = table(
        "user,item,condition,date",
        lambda at: f"u{at % 7},P{at % 9},{('good', 'very good')[at % 2]},2023-05-0{1 + at % 9}",
    )
    assert kinds(read(write(rows))) == {"purchase": 40}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("warenkorbaktion", "cart"), ("viewport_enter", "view"), ("hover", "none"), ("Mia", "none"),
     ("deleted_view", "none")],
)  # fmt: skip
def test_an_unknown_kind_is_offered_what_its_words_suggest(name: str, kind: str) -> None:
    assert likely_kind(name) == kind
