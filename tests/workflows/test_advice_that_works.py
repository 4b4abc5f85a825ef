"""Every command that a message about a file proposes works on that very file, and changes how it is read."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_processing import _hints, _parser
from src.core.errors import UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.store import Store
from src.workflows.ingest import load_files
from src.workflows.preview import preview_files
from src.workflows.saved_mappings import hints_for

_ONE = (
    r"(?:--cents|--(?:columns|words|scale|kind|dates|decimal|layout|language)\s+"
    r"(?:'[^']*'|[^\s;,.)('](?:[^\s;,)(']|,(?=\S))*|[^\s;,.)(']+))"
)
_OPTION = re.compile(rf"{_ONE}(?:\s+{_ONE})*")


def rows(header: str, *cells: str, n: int = 40) -> str:
    """A file of n rows; {u}, {p}, {n} and {k:3} are a user, a product, the row's number, and that modulo 3."""

    def fill(text: str, at: int) -> str:
        text = text.replace("{u}", f"u{at % 7}").replace("{p}", f"P{at % 9}").replace("{n}", str(at))
        text = re.sub(r"\{v:(\d+)\}", lambda match: f"{at % int(match[1]) * 1.5:.2f}", text)
        return re.sub(r"\{k:(\d+)\}", lambda match: str(at % int(match[1])), text)

    return header + "\n" + "".join(",".join(fill(cell, at) for cell in cells) + "\n" for at in range(n))


FILES = {
    "an unknown flag": rows("order,customer,sku,qty,date,abc", "{n}", "{u}", "{p}", "1", "2023-05-01", "q{k:2}"),
    "unknown kinds": rows("customer,sku,event,date", "{u}", "{p}", "qx{k:2}", "2023-05-01") + "u1,P1,view,2023-05-01\n",
    "unknown listing": rows("sku,name,price,status", "{n}", "Mug {n}", "1.50", "qx{k:2}"),
    "several prices": rows("sku,name,price,old price", "{n}", "Mug {n}", "1.50", "2.50"),
    "sorts of rows": rows("sku,name,price,row", "{n}", "Mug {n}", "1.50", "main") + "x1,,,sub\nx2,,,sub\n",
    "documents of one sale": "doc,no,customer,sku,qty\n" + "".join(
        f"{doc},{doc[0]}{at},u{at % 6},P{at},{at % 3 + 1}\n" for at in range(15) for doc in ("order", "note", "bill")),
    "papers of one sale": "kunde;artikel;papier\n" + "".join(
        f"u{at % 7};P{at};{doc}\n" for at in range(16) for doc in ("Zettel", "Bogen")),
    "dates of something else": rows("order,customer,sku,qty,Delivered on", "{n}", "{u}", "{p}", "1",
        '"Monday, {k:9} March 2023"').replace("0 March", "10 March"),
    "rules among variants": rows("sku,name,code,price,row", "{n}", "Mug {n}", "C{k:9}", "1.50", "main")
    + "x1,,C1,,rule\nx2,,C2,,rule\n",
    "returning visitors": rows("time,visitor id,visitor type,event,sku", "2023-05-01", "{u}", "new",
        "view", "{p}").replace("u3,new", "u3,returning"),
    "prices of lines": rows("order,customer,sku,qty,price,each", "{n}", "{u}", "{p}", "4", "6.00", "1.50"),
    "quantity by total": rows("order,customer,sku,abc,price,value", "{n}", "{u}", "{p}", "{k:3}", "1.50", "{v:3}"),
    "ids beside names": rows("customer,cust. code,sku,qty", "Ann {u}", "{u}", "{p}", "1"),
    "reviews": rows("item,author,rating,title", "{p}", "{u}", "{k:5}/5", "good {n}"),
    "codes of kinds": rows("user,item,action,ts", "{u}", "{p}", "{k:3}", "16900000{k:9}1"),
    "pairs": rows("user,item", "{u}", "{p}{k:5}"),
    "days or months": rows("order,customer,sku,qty,date", "{n}", "{u}", "{p}", "1", "03/05/2023"),
    "unknown states": rows("order,customer,sku,qty,status", "{n}", "{u}", "{p}", "1", "state {k:2}"),
    "another scale": rows("user,film,rating", "{u}", "{p}", "{k:9}"),
    "two ids": rows("order,customer,product_id,sku,qty", "{n}", "{u}", "{p}", "S{k:9}", "1"),
    "users by look": rows("zeit,kennung,vorgang,artikelnr", "2023-05-01 10:00:{k:60}", "{u}x", "view", "{p}"),
    "thousands": rows("sku,name,price", "{p}{n}", "Mug {n}", "1.500"),
    "cents": rows("sku,name,price", "{p}{n}", "Mug {n}", "199{k:9}"),
    "ranks": rows("voter,film,rank", "{u}{n}", "{p}", "{k:5}").replace(",0\n", ",5\n"),
    "votes": rows("member,clip,verdict", "{u}", "{p}", "{k:2}").replace(",0\n", ",-1\n"),
    "counts": rows("user,item,minutes", "{u}", "{p}", "{k:9}7"),
    "sorts of lines": rows("order,customer,sku,qty,category,line", "{n}", "{u}", "{p}", "1", "Home{k:3}", "item")
    + "91,u1,Q1,1,Home1,shipping\n92,u2,Q1,1,Home1,shipping\n93,u3,Q1,1,Home1,qzx\n",
    "acts side by side": rows("user,sku,viewed,bought", "{u}", "{p}", "1", "{k:2}"),
    "no header": rows("7,2023-05-01,A,aa", "{k:7}", "2023-05-02", "A{k:6}", "text {n}"),
    "names with blanks": rows("Order ID,Customer ID,Customer Email,SKU,Item,Qty", "{n}", "{u}", "{u}@x",
        "{p}", "My {p}", "1"),
    "a name twice": rows("sku,name,price,price", "{n}", "Mug {n}", "1.50", "2.50"),
    "names with signs": rows('order,"customer, id","customer, mail",sku,qty', "{n}", "{u}", "{u}@x", "{p}", "1"),
    "numbered columns": rows("customer,date,sku_1,qty_1,sku_2,qty_2", "{u}", "2023-05-01", "{p}", "2", "Q{k:5}", "3"),
    "columns of acts": rows("visitor,ts,viewed_sku,bought_sku", "{u}", "16900000{k:9}1", "{p}", "{p}"),
    "returns": rows("RMA,Return date,Customer,SKU,Returned qty", "R{n}", "2023-05-01", "{u}", "{p}", "1{k:2}"),
    "a scale in the name": rows("Nutzer,Film,Punkte (0-10)", "{u}", "{p}", "{k:9}"),
    "no rating": rows("user,item,rating", "{u}", "{p}", "{k:4}").replace(",0\n", ",99\n"),
    "flags of listing": rows("sku,name,price,En ligne", "{n}", "Mug {n}", "1.50", "{k:2}").replace(",0\n",
        ",non\n").replace(
        ",1\n", ",oui\n"
    ),
    "languages": rows("sku,language,name,price", "{p}", "de", "Tasse {n}", "1.0") + "P1,fr,Tasse,1.0\nP2,fr,Bol,1.0\n",
    "gaps in ids": rows("order,customer,sku,listing id,qty", "{n}", "{u}", "{k:3}S{p}", "L{p}",
        "1").replace(",0S", ",,").replace(",,P", ",,L"),
    "another id": rows("order,customer,sku,abc id,qty", "{n}", "{u}", "S{k:9}", "77{k:9}0", "1"),
    "one title for each": rows("customer,product id,item no,product title,qty", "{u}", "{k:4}", "{p}", "Mug {p}", "1"),
    "months": rows("customer,sku,date,qty", "{u}", "{p}", "2023-1{k:3}", "1"),
    "days of workbooks": rows("customer,sku,date,qty", "{u}", "{p}", "4571{k:9}.5", "1"),
    "times before 1973": rows("user,item,rating,timestamp", "{u}", "{p}", "{k:5}", "123{k:9}"),
    "a day in parts": rows("customer,sku,year,month,day,qty", "{u}", "{p}", "2023", "1{k:3}", "{k:9}",
        "1").replace(",0,1\n", ",30,1\n"),
    "two decimal signs": rows("user,item,rating", "{u}", "{p}", '"{k:4},5"') + "u1,X1,2.75\n",
    "in cents": rows("sku,name,price_cents", "{p}{n}", "Mug {n}", "199{k:9}"),
    "prices apart": rows("order,customer,sku,qty,price,other", "{n}", "{u}", "{p}", "1", "{k:2}.05", "{k:9}.5"),
    "titles apart": rows("order,customer,sku,title,code,qty", "{n}", "{u}", "P1{k:5}", "Mug no {k:8}", "C{k:8}", "1"),
    "ids of rows": rows("order,customer,sku,title,code,qty", "{n}", "{u}", "P1{n}", "Mug no {k:8}", "C{k:8}", "1"),
    "brands apart": rows("sku,name,brand,maker,price", "P{n}", "Mug {n}", "B{n}", "M{k:3}", "1.50"),
    "one picture": rows("sku,name,image,photo,price", "P{n}", "Mug {n}", "https://a.b/{k:3}.jpg",
        "https://a.b/x{n}.jpg", "1.50"),
    "titles of numbers": rows("sku,title,text,price", "P{n}", "100{n}", "Mug {n}", "1.50"),
    "titles of several": rows("sku,title,model,price", "P{n}", "Mug no {k:9}", "M{k:9}", "1.50"),
    "discounts": rows("sku,name,price,discount,low", "P{n}", "Mug {n}", "2.50", "0.50", "2.00"),
    "other ids of parents": rows("id,sku,name,parent,price", "1{n}", "P{n}", "Mug {n}", "1{k:4}", "1.50"),
    "a user for each": rows("order,customer,sku,person,qty", "{n}", "c{n}", "{p}", "{u}", "1", n=600),
    "few users": rows("order,customer,sku,person,qty", "{n}", "c{k:2}", "{p}", "{u}", "1", n=600),
    "quantities with parts": rows("order,customer,sku,qty,pieces", "{n}", "{u}", "{p}", "{k:9}.37", "{k:4}", n=600),
    "times of the future": rows("order,customer,sku,qty,date,day", "{n}", "{u}", "{p}", "1", "1980-01-01",
        "2023-05-01"),
    "kinds without users": rows("sku,name,action,abc,price", "P{n}", "Mug {n}", "view", "{u}",
        "1.50").replace("view,u1", "purchase,u1"),
    "states of another name": rows("customer,sku,qty,date,abc", "{u}", "{p}", "1", "2023-05-01",
        "p{k:3}").replace("p1", "cancelled").replace("p2", "paid").replace("p0", "paid"),
    "numbers beside pairs": rows("user,item,date,abc", "{u}", "{p}", "2023-05-01", "{k:5}"),
    "counts beside pairs": rows("user,item,abc", "{u}", "{p}", "{n}7.5"),
    "ratings of nobody": rows("sku,name,rating,abc,price", "P{n}", "Mug {n}", "{k:5}", "{u}", "1.50"),
    "marks": rows("sku,name,price,abc", "P{n}", "Mug {n}", "1.50", "{k:2}").replace(",0\n", ",x\n").replace(
        ",1\n", ",\n"),
    "codes in a log": rows("user,item,event,ts,abc", "{u}", "{p}", "view", "16900000{k:9}1", "q{k:3}"),
    "prices of another name": rows("order,customer,sku,qty,foo", "{n}", "{u}", "{p}", "1", "1{k:9}.50"),
    "carts left": rows("Abandoned checkout,customer,sku,qty", "{n}", "{u}", "{p}", "1"),
    "a rating or a purchase": rows("order,user,item,rating,qty", "{n}", "{u}", "{p}", "{k:5}", "1"),
    "a matrix": rows("user,Mug,Pot,Tin,Cup,Jar", "u{n}", "{k:5}", "{k:3}", "{k:4}", "{k:2}", "{k:5}"),
    "prices of nothing": rows("sku,name,price,real", "P{n}", "Mug {n}", "0.01", "1{n}.50"),
    "cashiers": rows("ticket;user;buyer code;sku".replace(";", ","), "{n}", "a{k:2}", "C{k:9}", "{p}"),
    "guests of one id": rows("order,customer id,email,sku,qty", "{n}", "4{k:7}", "{u}@x", "{p}", "1")
    + rows("", "9{n}", "0", "g{n}@x", "{p}", "1")[1:],
    "copies of titles": rows("Datum,Leser,Exemplar,Titelnr,Titel", "2023-05-01", "{u}", "E{k:5}{k:6}", "T{k:5}",
        "Book {k:5} of all"),
    "orders that look like users": "receipt,check id,date,sku,tab,quantity\n" + "".join(
        f"R{at // 2},K{at // 2},2023-05-01 10:{at // 2:02d},S{at % 5},Ann {'ABCDEFG'[at // 2 % 7]},1\n"
        for at in range(60)),
    "parts of a sale in a log": "time,user,sku,event,part\n" + "".join(
        f"2023-05-01 10:{at // 3:02d},u{at // 3 % 7},S{at // 3 % 5},buy,{('net', 'tax', 'cut')[at % 3]}\n"
        for at in range(60)),
    "rows without prices": rows("order,customer,sku,qty,price,xyz", "{n}", "{u}", "{p}", "1", "2.50", "top")
    + rows("", "9{n}", "{u}", "{p}", "1", "", "low")[1:],
    "sorts of lines beside a state": rows("order,customer,sku,qty,status,xyz", "{n}", "{u}", "{p}", "1", "paid",
        "q{k:2}"),
    "kinds that are not known": rows("user,item,type,date", "{u}", "{p}", "qx{k:2}", "2023-05-01").replace(
        "qx1", "fav"),
    "products of their own": rows("order,customer,sku,item,qty,date", "{n}", "{u}", "X{n}", "{p}", "1", "2023-05-01"),
    "users at one time": "visit,person,sku,ts\n" + "".join(
        f"v{at // 2},u{at % 7},S{at % 5},16900{at // 2:02d}000\n" for at in range(60)),
    "a number in most orders": "order,customer,item no,price\n" + "".join(
        f"B{at},c{at % 9},P{at % 13},9.00\nB{at},c{at % 9},88,{at % 4}.90\n" for at in range(60)),
    "sums below nothing": rows("order,customer,sku,qty,amount", "{n}", "{u}", "{p}", "1", "{k:5}.50").replace(
        ",0.50", ",-4.50"),
    "orders of staff": rows("order,customer,sku,qty,price,labels", "{n}", "{u}", "{p}", "1", "2.50", "t{k:9}").replace(
        "t8", "staff"),
    "tests among tags": rows("order,customer,sku,qty,price,labels", "{n}", "{u}", "{p}", "1", "2.50", "t{k:9}").replace(
        "t8", "test"),
    "weights for quantities": rows("order,customer,sku,qty,pieces", "{n}", "{u}", "{p}", "350 g", "{k:4}"),
    "refunds alone": rows("refund_id,customer,sku,qty,date", "F{n}", "{u}", "{p}", "1", "2023-05-01"),
    "ends of loans": rows("date,reader,item,act", "2023-05-01", "{u}", "{p}", "q{k:2}").replace("q0", "loan").replace(
        "q1", "checkin"),
    "codes beside names": rows("receipt,member,item,item code,qty", "{n}", "{u}", "A mug", "{p}", "1"),
    "telephones": rows("ticket,date,phone,sku,qty", "{n}", "2023-05-01", "0770090{k:7}", "{p}", "1"),
    "one user for many": rows("order,customer,sku,qty,person", "{n}", "shop", "{p}", "1", "{u}", n=30)
    + rows("", "{n}", "c{k:9}", "{p}", "1", "{u}")[1:],
}  # fmt: skip

ANOTHER = {
    "one title for each": "product=product id", "prices apart": "price=other", "titles apart": "product=sku",
    "ids of rows": "product=code", "brands apart": "brand=maker", "one picture": "image=photo",
    "titles of numbers": "title=text", "titles of several": "group=model", "discounts": "sale_price=low",
    "a user for each": "user=person", "few users": "user=person",
    "quantities with parts": "quantity=pieces", "times of the future": "time=day", "ratings of nobody": "user=abc",
    "users by look": "user=vorgang",
    "weights for quantities": "quantity=pieces", "telephones": "user=ticket",
    "a matrix": "product=Mug", "prices of nothing": "price=real",
    "one user for many": "user=person", "products of their own": "product=item", "users at one time": "user=person",
}  # fmt: skip
"""What stands for role=COLUMN in the messages on a file."""


REFUSED = {
    "users of unknown name": rows("qzx,item,n", "{u}", "{p}", "{k:4}"),
    "nothing is known": rows("3,2023-05-01,0.5,A,B", "{n}", "x{k:5}", "0.{k:9}", "{u}", "{p}"),
    "codes of kinds": FILES["codes of kinds"],
    "points of tasters": "# tastings\n"
    + rows("taster,wine_code,tasted_on,points", "Ann {u}", "{p}", "2023-05-1{k:5}", "8{k:9}"),
    "orders without customers": rows("order_id,sku,qty,date", "{k:8}", "{p}", "1", "2023-05-01"),
}


def proposed(said: str, another: str = "=") -> Iterator[str]:
    """The options that messages propose, with the other column for COLUMN, and without those that name no column."""
    said = said.replace(f" {another.partition('=')[0]}=COLUMN", f" {shlex.quote(another)}")
    for option in dict.fromkeys(_OPTION.findall(said)):
        if not re.search(r"=(COLUMN|NAME|NUMBER)\b|NAME$", option):
            yield option


def outcome(settings: Settings, path: Path, options: str = "") -> tuple[str, Counter[str]]:
    """What is said of a file with these options, and what its rows come to; "refused" where it cannot be read."""
    hints = _hints(_parser().parse_args([str(path), *shlex.split(options)]))
    try:
        said = list(preview_files(settings, [(path, hints_for(settings, path, hints)[0])], 10))
    except UnusableFile as error:
        return str(error), Counter(["refused"])
    return "\n".join(said), Counter(line for line in said if "not used" not in line and "note:" not in line)


@pytest.mark.parametrize("name", FILES)
def test_what_a_message_proposes_is_possible_and_changes_the_reading(
    name: str, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(FILES[name], encoding="utf-8")
    said, before = outcome(settings, path)
    options = list(proposed(said, ANOTHER.get(name, "=")))
    assert options, said
    assert name not in ANOTHER or f"--columns {shlex.quote(ANOTHER[name])}" in options, said
    for option in options:
        then, after = outcome(settings, path, option)
        assert after["refused"] == 0, (option, said)
        assert after != before, (option, said)
        given = {f"'{word}'" for word in re.findall(r"([^,='\s]+)=", option.partition("--words")[2])}
        unknown = re.findall(r"words of the \w+ are not known.*?; ", then)
        assert not [line for line in unknown for word in given if word in line], (option, then)


@pytest.mark.parametrize(
    ("of_main", "of_odd", "sign", "n_odd"),
    [
        ("Sales invoice", "Sales credit note", "", 24),
        ("Kundenbeleg", "Gegenbeleg", "", 8),
        ("Kundenbeleg", "Gegenbeleg", "-", 24),
    ],
    ids=["what was undone", "the rarer one", "the one of negative amounts"],
)
def test_the_example_for_sorts_of_rows_leaves_out_the_odd_ones(
    settings: Settings, tmp_path: Path, of_main: str, of_odd: str, sign: str, n_odd: int
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(
        rows("order,customer,sku,qty,status,Type,booked", "{n}", "{u}", "{p}", "1", "paid", of_main, "2", n=40 - n_odd)
        + rows("", "9{n}", "{u}", "{p}", "2", "paid", of_odd, f"{sign}3", n=n_odd)[1:]
    )
    said, _ = outcome(settings, path)
    option = next(option for option in proposed(said) if f"{of_odd}=none" in option)
    assert f"{of_main}=none" not in said
    assert f"40 rows read: {40 - n_odd} kept, 0 rejected, {n_odd} not counted" in outcome(settings, path, option)[0]


def test_a_product_that_an_option_names_is_no_longer_guessed(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(FILES["names with blanks"], encoding="utf-8")
    assert "bought 1 × My P1" in outcome(settings, path, "--columns product=Item")[0]


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_refusal_proposes_makes_the_file_readable(name: str, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(REFUSED[name], encoding="utf-8")
    said, before = outcome(settings, path)
    assert before["refused"] == 1, said
    option = next(option for option in proposed(said) if "--columns" in option)
    assert outcome(settings, path, option)[1]["refused"] == 0, (option, said)


@pytest.mark.parametrize("name", [name for name in FILES if name != "no header"])
def test_a_preview_has_the_totals_of_the_load(name: str, settings: Settings, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(FILES[name], encoding="utf-8")
    options = "--columns kind=action --words 0=view,1=cart,2=purchase" if name == "codes of kinds" else ""
    hints = _hints(_parser().parse_args([str(path), *shlex.split(options)]))
    previewed = list(preview_files(settings, [(path, hints)], 0))
    loaded = list(load_files(settings, store, [path], Silent(), hints))
    totals = [line for line in previewed if re.match(r" +[\d,]+ (rows read|× )", line)]
    assert totals
    assert set(totals) <= set(loaded)


def test_two_files_that_are_joined_are_previewed_together(settings: Settings, tmp_path: Path) -> None:
    lines, heads = tmp_path / "lines.csv", tmp_path / "heads.csv"
    lines.write_text(rows("order_id,product_id,price", "{n}", "{p}", "2.00"))
    heads.write_text(rows("entity_id,customer_id,state,created_at", "{n}", "{u}", "paid", "2023-05-01"))
    hints = _hints(_parser().parse_args([]))
    said = "\n".join(preview_files(settings, [(lines, hints), (heads, hints)], 2))
    assert "are joined by 'order_id'" in said
    assert "40 rows read: 40 kept, 0 rejected" in said


def test_orders_with_a_code_that_is_no_product_are_joined_to_their_lines(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    heads, lines = tmp_path / "heads.csv", tmp_path / "lines.csv"
    states = [f"{at},X{at}K,k{at % 7},{('paid', 'cancelled')[at % 10 == 9]},2023-05-01 10:00:00" for at in range(20)]
    heads.write_text("\n".join(["order_id,product,client_id,state,created_at", *states]))
    lines.write_text(rows("order_id,product_id,qty", "{k:20}", "{p}", "2"))
    hints = _hints(_parser().parse_args(["--columns", "user=client_id"]))
    assert "36 kept" in "\n".join(preview_files(settings, [(heads, hints), (lines, hints)], 2))
    said = "\n".join(load_files(settings, store, [heads, lines], Silent(), hints))
    assert "40 rows read: 36 kept, 0 rejected, 4 not counted" in said
    assert "7 users, 9 products" in said


def test_orders_are_joined_to_lines_whose_product_no_name_tells(settings: Settings, tmp_path: Path) -> None:
    heads, lines = tmp_path / "heads.csv", tmp_path / "lines.csv"
    heads.write_text(rows("type,order_id,customer_id,abc,created_at", "head", "{n}", "{u}", "q{k:2}", "2023-05-01"))
    lines.write_text(rows("type,order_id,lot,name,qty", "line", "{n}", "130{k:9}0", "Mug {k:9}", "1"))
    hints = _hints(_parser().parse_args([]))
    said = "\n".join(preview_files(settings, [(lines, hints), (heads, hints)], 2))
    assert "7 users, 9 products" in said
    assert "abc" in said.partition("not used: ")[2]  # it may be a state, so that it is named


def test_orders_padded_with_zeros_are_joined_and_others_said(settings: Settings, store: Store, tmp_path: Path) -> None:
    lines, heads, back = tmp_path / "lines.csv", tmp_path / "orders.csv", tmp_path / "back.csv"
    lines.write_text(rows("line_id,order_id,product_id,qty", "5{n}", "3{n}", "S{k:7}", "1"))
    heads.write_text(
        rows("order_id,invoice_no,customer_id,date_added", "0003{n}", "0", "c{k:9}", "2023-05-01 10:00:00")
    )
    said = "\n".join(load_files(settings, store, [lines, heads], Silent()))
    assert "are joined by 'order_id'" in said
    assert store.events.history("c1")
    back.write_text(rows("order_id,product_id,qty", "X{n}", "S{k:7}", "1"))
    with pytest.raises(UnusableFile, match=r"'order_id' \('X.*compared with .*'order_id' \('00030") as refused:
        list(load_files(settings, store, [back, heads], Silent()))
    assert "give both files together" not in str(refused.value)
    with pytest.raises(UnusableFile, match="It was not joined"):
        list(preview_files(settings, [(each, _hints(_parser().parse_args([]))) for each in (back, heads)], 2))


def test_a_later_file_that_refunds_an_order_takes_its_purchase_back(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    def load(name: str, states: tuple[str, str]) -> str:
        path = tmp_path / name
        path.write_text("order,customer,sku,qty,date,status\n" + "".join(
            f"{at},u,P,1,2023-05-0{at},{state}\n" for at, state in enumerate(states, 1)
        ))  # fmt: skip
        return "\n".join(load_files(settings, store, [path], Silent()))

    load("may.csv", ("paid", "paid"))
    assert len(store.events.history("u")) == 2
    said = load("june.csv", ("refunded", "paid"))
    assert "1 × purchase of an earlier file taken back" in said
    (left,) = store.events.history("u")
    assert left.at == 1_682_985_600
    load("june.csv", ("refunded", "paid"))
    assert store.events.history("u") == [left]


def test_refunds_that_met_no_purchase_are_counted(settings: Settings, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "returns.csv"
    path.write_text("order,customer,sku,qty\n1,u,P,1\n1,u,P,-1\n2,u,Q,-1\n3,v,P,-2\n")
    said = "\n".join(load_files(settings, store, [path], Silent()))
    assert "2 × returned product that its customer never bought" in said
