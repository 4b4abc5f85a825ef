"""Files in the store: equal rows count once, different rows count each, and every row is accounted for."""

from __future__ import annotations

import csv
import gzip
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import NO_TIME, Event, EventKind, Product
from src.core.errors import UnusableFile
from src.core.progress import Silent
from src.core.settings import Settings
from src.ingestion import input_files
from src.ingestion.layout import Hints
from src.interactions.interactions import training_data
from src.store import Store
from src.workflows import ingest as ingest_module
from src.workflows.ingest import ingest, load_files, read_table
from src.workflows.load_summary import LoadSummary
from src.workflows.record_events import record_events

MIXED = """\
user_id,product_id,rating,timestamp
u1,p1,5,1700000000
u1,p2,4,1700000100
u2,p1,3,1700000200
u2,p1,9,1700000300
,p1,3,1700000400
u3,p1,three,1700000500
u3,p1,3
u3,p2,2,soon
u3,p2,2,1700000600
"""
GOOD, BAD = 4, 5
EVENTS = "user,product,kind,value,time\n"
RETAIL = "Invoice,StockCode,Quantity,InvoiceDate,Customer ID\n"

Load = Callable[..., LoadSummary]
Row = tuple[str, str, str, float, int]


@pytest.fixture
def load(settings: Settings, store: Store, tmp_path: Path) -> Load:
    """Loads a text as a file, or a file."""

    def load(content: str | Path, name: str = "r.csv", hints: Hints | None = None) -> LoadSummary:
        path = content if isinstance(content, Path) else tmp_path / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        return ingest(settings, store, path, Silent(), hints)

    return load


def events_of(store: Store) -> list[Row]:
    return [
        row
        for batch in store.events.read()
        for row in zip(
            batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), batch.at.tolist(), strict=True
        )
    ]


# --- Accounting -------------------------------------------------------------------------------------------------------


def test_every_row_read_is_stored_known_or_rejected(load: Load, store: Store) -> None:
    found = load(MIXED + "u1,p1,5,1700000000\nu1,p1,1,1600000000\n").load
    assert (found.n_read, found.n_kept, found.n_events, found.n_stored) == (GOOD + BAD + 2, GOOD + 2, GOOD + 2, GOOD)
    assert found.rejected == {
        "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)": 1,
        "empty user id": 1,
        "rating is not a number": 1,
        "missing field": 1,
        "time is not readable": 1,
    }
    assert store.summary().n_events == GOOD
    assert store.runs.loads(1) == [found]
    assert (found.file, found.newest_at) == ("r.csv", 1_700_000_600)
    assert found.layout.startswith("ratings")


def test_rejected_rows_are_written_with_their_line_reason_and_fields(settings: Settings, load: Load) -> None:
    found = load(MIXED)
    assert found.rejects_file is not None
    assert found.rejects_file.parent == settings.rejects_dir
    with open(found.rejects_file, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "reason", "fields"]
    assert [
        "5",
        "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)",
        "u2",
        "p1",
        "9",
        "1700000300",
    ] in rows
    assert ["8", "missing field", "u3", "p1", "3"] in rows
    assert len(rows) == 1 + BAD
    said = "\n".join(found.lines())
    assert str(found.rejects_file) in said
    assert "9 rows read: 4 kept, 5 rejected" in said
    assert "1 × empty user id" in said


def test_rejected_json_lines_and_broken_lines_are_written_unchanged(load: Load) -> None:
    found = load('{"user_id": "u", "asin": "p", "rating": 5}\n{"user_id": "u", "asin"\n{"asin": "p", "rating": 4.0}\n')
    assert found.rejects_file is not None
    with open(found.rejects_file, encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == [
            ["2", "line is no JSON object", '{"user_id": "u", "asin"'],
            ["3", "empty user id", '{"asin": "p", "rating": 4.0}'],
        ]


def test_a_file_without_rejected_rows_removes_the_old_file_of_rejects(load: Load) -> None:
    rejects = load(MIXED).rejects_file
    assert rejects is not None
    assert load("user_id,product_id,rating\nu1,p1,5\n").rejects_file is None
    assert not rejects.exists()


def test_a_row_that_is_not_utf8_is_rejected_and_written_unchanged(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"user_id,product_id,rating\nu1,p\xff1,5\nu1,p\xc3\xa91,5\nu1,p2,5\n")
    found = load(path)
    assert found.load.n_stored == 2
    assert found.rejects_file is not None
    assert b"p\xff1" in found.rejects_file.read_bytes()


def test_a_path_with_blanks_and_a_compressed_file_are_loaded(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "my own folder" / "all ratings (2).csv.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(MIXED.encode()))
    assert load(path).load.n_stored == GOOD


def test_a_truncated_file_is_stored_up_to_its_end_and_the_whole_one_adds_the_rest(
    load: Load, store: Store, tmp_path: Path
) -> None:
    rows = "".join(f"u{i * 7919 % 5_003},p{i % 997},5,{1_600_000_000 + i * 37}\n" for i in range(20_000))
    packed = gzip.compress(("user,product,rating,time\n" + rows).encode())
    path = tmp_path / "r.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UnusableFile, match=r"cannot be read after line \d+.*fetch it again"):
        load(path)
    some = store.summary().n_events
    assert 5_000 < some < 20_000
    assert store.runs.loads(1)[0].n_stored == some
    path.write_bytes(packed)
    assert load(path).load.n_stored == 20_000 - some


def test_an_unusable_file_does_not_stop_the_others_and_is_reported_at_the_end(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    texts = {"first": "u,p,5\n", "bad": "u,p,55\n", "last": "u,q,5\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text("user,product,rating\n" + text)
    named = [tmp_path / f"{name}.csv" for name in texts]
    with pytest.raises(UnusableFile, match=r"bad\.csv: none of its 1 rows is usable.*1 × rating is out of range"):
        list(load_files(settings, store, named, Silent()))
    assert len(events_of(store)) == 2


def test_a_file_without_the_named_column_does_not_stop_the_others(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("user,what,rating\nu,p,5\n")
    (tmp_path / "b.csv").write_text("user,sku,rating\nu,q,5\n")
    named, hints = [tmp_path / "a.csv", tmp_path / "b.csv"], Hints(columns={"product": "sku"})
    with pytest.raises(UnusableFile, match=r"a\.csv: it has no column 'sku'"):
        list(load_files(settings, store, named, Silent(), hints))
    assert [event[1] for event in events_of(store)] == ["q"]


def test_an_unusable_file_that_was_not_named_is_skipped_with_a_message(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/notes.csv").write_text("dear diary\n")
    with pytest.raises(UnusableFile, match="dear diary"):
        list(load_files(settings, store, [], Silent()))
    (tmp_path / "data/ratings.csv").write_text("user,product,rating\nu,p,5\n")
    said = list(load_files(settings, store, [], Silent()))
    assert any(line.startswith("left out: data/notes.csv") for line in said)
    assert len(events_of(store)) == 1


def test_the_rating_scale_of_the_settings_decides_what_is_usable(
    tmp_path: Path, opened: Callable[[Settings], Store], settings: Settings
) -> None:
    path = tmp_path / "r.csv"
    path.write_text("user,product,rating\nu,p,10\nu,q,0.5\n")
    wide = settings.model_copy(update={"rating_min": 0.5, "rating_max": 10.0})
    assert ingest(wide, opened(wide), path, Silent()).load.n_stored == 2


# --- The same, or not -------------------------------------------------------------------------------------------------

AT = 1_700_000_000
SAME_OR_NOT: dict[str, tuple[str, int]] = {
    "a repeated purchase": (EVENTS + f"u,p,purchase,2,{AT}\nu,p,purchase,1,{AT}\n", 2),
    "views without times": (EVENTS + "u,p,view,,\nu,p,view,,\nu,p,view,,\n", 3),
    "identical rows far apart": (EVENTS + f"u,p,cart,,{AT}\n" + f"u,q,cart,,{AT}\n" * 60 + f"u,p,cart,,{AT}\n", 62),
    "invoices": (RETAIL + "1,p,1,2011-01-01,u\n2,p,1,2011-01-01,u\n2,p,1,2011-01-01,u\n", 3),
    "event ids": ("user,item,event,event_id\nu,p,view,a\nu,p,view,b\nu,p,view,a\n", 2),
    "one event id of two products": ("user,item,event,event_id\nu,p,view,a\nu,q,view,a\n", 2),
    "marks": ("user,item,kind,mark\nu,p,purchase,a\nu,p,purchase,b\nu,p,purchase,a\n", 2),
    "empty marks": ("user,item,kind,mark\nu,p,purchase,\nu,p,purchase,\n", 2),
    "ratings": (EVENTS + f"u,p,rating,1,{AT}\nu,p,rating,2,{AT}\nu,p,rating,3,\n", 1),
    "ratings with marks": ("user,item,kind,mark,value\nu,p,rating,a,1\nu,p,rating,b,2\n", 1),
    "clicks that sold": ("user_id,product_clicked,purchased\nu,p,1\nu,p,1\nu,p,0\n", 5),
    "an invoice and its return": (RETAIL + "1,p,3,2011-01-01,u\nC2,p,-3,2011-01-02,u\n", 2),
    "lists": ("0 7 8 8\n1 7\n", 4),
}


@pytest.mark.parametrize(("text", "n"), SAME_OR_NOT.values(), ids=SAME_OR_NOT)
@pytest.mark.parametrize("small", [False, True], ids=["one block", "blocks of a few bytes"])
def test_equal_rows_count_once_and_a_file_loaded_again_adds_nothing(
    load: Load, store: Store, text: str, n: int, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:
        monkeypatch.setattr(input_files, "CHUNK_BYTES", 40)
        monkeypatch.setattr(ingest_module, "_MAX_BATCH", 2)
    load(text)
    before = events_of(store)
    assert store.summary().n_events == n
    assert load(text).load.n_stored == 0
    assert load(text, "under another name.csv").load.n_stored == 0
    assert (store.summary().n_events, events_of(store)) == (n, before)


def test_a_return_reduces_the_purchase_in_any_order_of_rows_and_files(load: Load, store: Store) -> None:
    load(RETAIL + "C2,p,-1,2011-01-02,u\n1,p,3,2011-01-01,u\n", "one.csv")
    load(RETAIL + "C3,p,-1,2011-01-03,u\n", "two.csv")
    assert events_of(store) == [("u", "p", "purchase", 1.0, 1_293_840_000)]


@pytest.mark.parametrize("chunk", [30, 1 << 21])
def test_the_latest_rating_wins_within_a_file_across_blocks_and_across_files(
    load: Load, store: Store, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", chunk)
    head = "user,product,rating,time\n"
    load(head + "u,p,2,200\n" + "u,q,5,1\n" * 9 + "u,p,1,100\n", "new.csv")
    load(head + "u,p,5,150\nu,p,4,\n", "old.csv")
    assert events_of(store)[0] == ("u", "p", "rating", 2.0, 200)
    load(head + "u,p,3,200\n", "same.csv")
    assert events_of(store)[0] == ("u", "p", "rating", 3.0, 200)


@pytest.mark.parametrize("at_once", [1, 3, 50_000])
def test_events_are_numbered_in_the_order_of_the_file(
    load: Load, store: Store, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "_MAX_BATCH", at_once)
    monkeypatch.setattr(input_files, "CHUNK_BYTES", 20)
    record_events(store, [Event("first", "z", EventKind.VIEW, at=1)])
    load(EVENTS + "d,p,view,,\na,q,view,,\nc,p,view,,\nb,q,view,,\na,p,view,,\n")
    record_events(store, [Event("last", "a", EventKind.VIEW, at=1)])
    batches = list(store.events.read())
    numbered = [
        pair
        for batch in batches
        if batch.arrival_seq is not None
        for pair in zip(batch.arrival_seq.tolist(), batch.user_id, strict=True)
    ]
    assert [user for _, user in sorted(numbered)] == ["first", "d", "a", "c", "b", "a", "last"]


def test_training_data_has_the_order_of_the_file(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("user,product,rating,time\nd,p,2,200\na,q,1,100\nc,p,3,\nd,p,5,300\n")
    data = read_table(settings, path, Silent())
    assert data.users.ids_of(data.events.user_idx.tolist()) == ["d", "a", "c"]
    assert data.events.value.tolist() == [5.0, 1.0, 3.0]
    assert data.events.at.tolist() == [300, 100, NO_TIME]
    assert list(settings.var.glob(".reading*")) == []


@pytest.mark.parametrize("with_return", [False, True])
def test_data_that_are_read_for_training_are_those_that_a_store_would_give(
    settings: Settings, store: Store, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_return: bool
) -> None:
    monkeypatch.setattr(input_files, "CHUNK_BYTES", 200)
    monkeypatch.setattr(ingest_module, "_SORTED_BATCH", 5)
    draw, kinds = random.Random(3), ["view", "purchase", "purchase", *(["return"] if with_return else [])]
    rows = [f"u{draw.randrange(9)},p{draw.randrange(5)},{draw.choice(kinds)},,{draw.randrange(9)}" for _ in range(200)]
    text = EVENTS + "\n".join([*rows, *rows[:20]]) + "\n"
    path = tmp_path / "to_train.csv"
    path.write_text(text)
    load(text)
    stored, read = training_data(store.events.read()), read_table(settings, path, Silent())
    for name in ("user_idx", "item_idx", "value", "at"):
        np.testing.assert_array_equal(getattr(read.events, name), getattr(stored.events, name))
    np.testing.assert_array_equal(read.kind, stored.kind)
    assert read.users.ids_of(range(len(read.users))) == stored.users.ids_of(range(len(stored.users)))
    assert read.items.ids_of(range(len(read.items))) == stored.items.ids_of(range(len(stored.items)))


# --- Products ---------------------------------------------------------------------------------------------------------


def test_a_catalogue_is_loaded_and_its_repairs_are_reported(load: Load, store: Store) -> None:
    found = load("sku,title,price,stock\np,A lamp,9.50,3\nq,A <b>bed</b>,cheap,many\np,A blue lamp,,\n,x,1,1\n")
    assert store.products.get(["p", "q"]) == {
        "p": Product("p", "A blue lamp", price=9.5, stock=3),
        "q": Product("q", "A bed"),
    }
    assert (found.load.n_kept, found.load.n_events, found.load.n_products) == (3, 0, 3)
    assert found.load.mended["product given more than once: the last one counts"] == 1
    assert found.load.mended["price is not readable: left empty"] == 1
    assert found.load.nulls == {"title": 0.0, "price": 0.6667, "stock": 0.6667}
    assert "3 products" in "\n".join(found.lines())


def test_products_in_a_file_of_events_are_stored_and_counted_once(load: Load, store: Store) -> None:
    found = load("invoice,sku,description,quantity,user\n1,p,A lamp,1,u\n2,p,A lamp,1,v\n3,q,A bed,2,v\n")
    assert (found.load.n_events, found.load.n_products, found.load.mended) == (3, 2, {})
    assert store.products.get(["p"])["p"].title == "A lamp"


def test_the_share_of_known_ids_is_measured_before_the_file_is_stored(load: Load) -> None:
    rows = "user,product,rating\n" + "".join(f"u{i},p{i},5\n" for i in range(10))
    load(rows)
    again = load(rows).load  # it finds the ids that it brought itself
    assert (again.known_users, again.known_products) == (None, None)
    found = load("user,product,rating\nu1,p1,5\nu2,new,5\nnew,p3,5\nnewer,p4,5\n", "s.csv").load
    assert (found.known_users, found.known_products) == (0.5, 0.75)


def test_too_many_rejected_rows_are_a_warning(load: Load) -> None:
    lines = load("user,product,rating\n" + "u,p,5\n" * 100 + "u,p,50\n" * 20).lines()
    assert any(line.strip().startswith("WARNING: rejected rows") for line in lines)


def test_only_the_store_and_the_rejected_rows_remain_in_the_folder(settings: Settings, load: Load) -> None:
    load(MIXED)
    assert {path.name.removesuffix("-journal") for path in settings.var.iterdir()} == {"rejects", "store.sqlite3"}
    shutil.rmtree(settings.rejects_dir)
    load(MIXED)
    assert settings.rejects_dir.is_dir()
