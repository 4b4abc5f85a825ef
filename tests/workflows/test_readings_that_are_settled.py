"""Ids that do not meet, mappings that are kept, files that are joined, and a look before loading."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from src.core.domain import Product
from src.core.errors import UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.ingestion.given_words import parse_words
from src.ingestion.id_matching import IdMapping
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.layout_detection import open_table
from src.store import Store
from src.workflows.id_comparison import mapping_from
from src.workflows.ingest import load_files
from src.workflows.preview import preview
from src.workflows.saved_mappings import hints_for, save_mapping

Say = Callable[..., str]
CATALOGUE = "sku,title\n" + "".join(f"00{at},Part {at}\n" for at in range(900, 920))
ORDERS = "order,customer,sku,qty\n" + "".join(f"{at},c{at % 7},{at},1\n" for at in range(900, 920))
MISMATCH = "WARNING: ids of the catalogue"


@pytest.fixture
def say(settings: Settings, store: Store, tmp_path: Path) -> Say:
    """Writes files (name=text), loads them in one go, and returns what is said."""

    def say(hints: Hints | None = None, **files: str) -> str:
        paths = []
        for name, text in files.items():
            paths.append(tmp_path / f"{name}.csv")
            paths[-1].write_text(text, encoding="utf-8")
        return "\n".join(load_files(settings, store, paths, Silent(), hints))

    return say


def bought(store: Store) -> list[str]:
    return sorted(product for batch in store.events.read() for product in batch.product_id)


def options(said: str) -> Sequence[str]:
    """The command that a warning proposes, without the program."""
    found = re.search(r"python data_processing\.py (.*)", said)
    assert found
    return shlex.split(found[1])


# --- Ids --------------------------------------------------------------------------------------------------------------


def test_orders_whose_ids_lost_their_zeros_are_given_those_of_the_catalogue(say: Say, store: Store) -> None:
    assert MISMATCH not in say(catalogue=CATALOGUE)
    said = say(orders=ORDERS)
    assert MISMATCH in said
    assert "zeros at the beginning were lost (900 ↔ 00900" in said
    assert "about 20 of 20 events" in said
    path, option, other = options(said)
    assert (Path(path).name, option) == ("orders.csv", "--ids-from")
    assert MISMATCH not in say(Hints(ids=mapping_from(Path(other))), orders=ORDERS)
    assert bought(store) == [f"00{at}" for at in range(900, 920)]  # those under the wrong ids are gone
    assert store.products.count() == 20


def test_a_catalogue_that_comes_after_the_orders_is_compared_too(say: Say, store: Store) -> None:
    assert MISMATCH not in say(orders=ORDERS)
    said = say(catalogue=CATALOGUE)
    assert MISMATCH in said
    assert list(options(said)[1:]) == ["--ids", "strip-zeros"]
    assert MISMATCH not in say(Hints(ids=IdMapping()), catalogue=CATALOGUE)
    assert store.products.get(["900"]) == {"900": Product("900", title="Part 900")}
    assert store.products.count() == 20


def test_a_catalogue_with_two_ids_is_read_by_the_one_that_the_events_have(say: Say, store: Store) -> None:
    say(orders=ORDERS)
    both = "SKU,ID,Name\n" + "".join(f"mug-{at},{at},Mug {at}\n" for at in range(900, 920))
    assert MISMATCH not in say(catalogue=both)
    assert store.products.get(["900"])["900"].title == "Mug 900"


def test_a_table_of_several_ids_maps_events_to_the_catalogue(say: Say, store: Store, tmp_path: Path) -> None:
    both = "SKU,ID,Name\n" + "".join(f"mug-{at},{at},Mug {at}\n" for at in range(900, 920))
    say(catalogue=both)
    said = say(orders=ORDERS)
    assert "events have numbers where the catalogue has article codes" in said
    assert MISMATCH not in say(Hints(ids=mapping_from(tmp_path / "catalogue.csv")), orders=ORDERS)
    assert bought(store)[0] == "mug-900"


def test_events_of_several_files_keep_their_returns_and_marks_when_products_are_renamed(store: Store, say: Say) -> None:
    say(
        one="order,customer,sku,qty,date\n1,a,9,2,2023-05-01\n",
        two="order,customer,sku,qty,date\n2,a,9,-1,2023-05-02\n",
    )
    assert store.rename_products({"9": "009", "unknown": "x"}) == 1
    (event,) = store.events.history("a")
    assert (event.product_id, event.value) == ("009", 1.0)


# --- Two files --------------------------------------------------------------------------------------------------------

LINES = "order_id,product_id,price\n1,A,2.00\n1,B,3.00\n2,A,2.00\n3,A,2.00\n"
HEADS = "order_id,customer_id,order_status,order_date\n1,u,delivered,2023-05-01\n2,v,canceled,2023-05-02\n"


@pytest.mark.parametrize("order", [("lines", "heads"), ("heads", "lines")])
def test_order_lines_and_orders_in_two_files_are_joined(say: Say, store: Store, order: tuple[str, str]) -> None:
    texts = {"lines": LINES, "heads": HEADS}
    said = say(**{name: texts[name] for name in order})
    assert "are joined by 'order_id'" in said
    assert "4 rows read: 2 kept, 1 rejected, 1 not counted" in said
    assert [(event.user_id, event.product_id, event.at) for event in store.events.history("u")] == [
        ("u", "A", 1_682_899_200),
        ("u", "B", 1_682_899_200),
    ]


def test_order_lines_alone_are_refused_with_advice_that_works(say: Say) -> None:
    with pytest.raises(UnusableFile, match=r"give both files together"):
        say(lines=LINES)
    assert "2 kept" in say(lines=LINES, heads=HEADS)


# --- A look before loading, and mappings ------------------------------------------------------------------------------


def test_a_preview_says_in_words_how_rows_are_read_and_stores_nothing(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order,email,sku,qty,date,status,colour\n1,ann@x.test,MUG-R,2,2023-05-01,paid,red\n"
        "2,bob@x.test,TIN,1,2023-05-02,cancelled,blue\n3,,TIN,1,2023-05-02,paid,blue\n",
        encoding="utf-8",
    )
    said = list(preview(settings, path, 3, Hints()))
    assert "  row 2: on 2023-05-01 00:00:00 UTC ann@… bought 2 × MUG-R" in said
    assert "  row 3: not counted: order is 'cancelled': cancelled, refunded or failed" in said
    assert "  row 4: not counted: sale without a customer (at the till, or by a guest)" in said
    assert "  user: 'email'" in said
    assert "  not needed: colour (colours and sizes)" in said
    assert "  3 rows read: 1 kept, 0 rejected, 2 not counted" in said
    assert store.summary().n_events == 0


def test_a_saved_mapping_is_used_for_the_series_and_refused_when_the_file_has_changed(
    settings: Settings, say: Say, tmp_path: Path
) -> None:
    text = "a,b,c\nu1,p1,5\nu2,p2,4\n"
    first = tmp_path / "export-01.csv"
    first.write_text(text, encoding="utf-8")
    mapping = save_mapping(settings, "stars", first, Hints(columns=parse_columns("user=1,product=2,rating=3")))
    assert json.loads(mapping.read_text())["names"] == []
    second = tmp_path / "export-02.csv"
    second.write_text("user_id,item,stars\nu1,p1,5\n", encoding="utf-8")
    with pytest.raises(UnusableFile, match=r"columns are not those of the mapping 'stars'.*--no-mapping"):
        hints_for(settings, second, Hints())
    assert hints_for(settings, second, Hints(mapping=False)) == (Hints(mapping=False), None)
    named = tmp_path / "named-01.csv"
    named.write_text("user_id,item,other_item,stars\nu1,p1,q1,5\n", encoding="utf-8")
    save_mapping(settings, "named", named, Hints(columns=parse_columns("product=other_item")))
    said = say(**{"named-02": "user_id,item,other_item,stars\nu1,p1,q1,5\n"})
    assert "product = other_item" in said
    assert "read by the saved mapping 'named'" in said


def test_a_mapping_keeps_words_and_what_columns_become_rows(settings: Settings, tmp_path: Path) -> None:
    log, matrix = tmp_path / "log-1.csv", tmp_path / "matrix-1.csv"
    log.write_text(
        "user,sku,event\n" + "".join(f"u{at % 5},S{at % 7},{'qx' if at % 2 else 'view'}\n" for at in range(30))
    )
    matrix.write_text("user,Mug,Lamp,Vase,Bowl\n" + "".join(f"u{at},5,,{at % 5 + 1},0\n" for at in range(9)))
    save_mapping(settings, "log", log, Hints(words=parse_words("qx=purchase")))
    save_mapping(settings, "matrix", matrix, Hints())
    assert hints_for(settings, log, Hints())[0].words.kind("qx") == "purchase"
    table = open_table(matrix, hints_for(settings, matrix, Hints())[0])
    assert (table.layout.name, table.layout.names) == ("ratings", ("user", "product", "rating"))
