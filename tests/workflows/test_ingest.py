"""Files into the store and out again: nothing is lost unseen, and the made-up shop leaves when real data comes."""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from src.config import Settings
from src.dataset.interactions import TrainingData, training_data
from src.dataset.loading import EventFile
from src.dataset.synthetic import MadeUpShop, make_shop
from src.domain import NO_TIME, Event, EventBatch, EventKind, Product
from src.errors import AisleError, NoRelease, UnusableFile
from src.models import MODELS, POPULARITY
from src.models.popularity import PopularityParams
from src.progress import Silent
from src.registry import Registry
from src.release import Draft
from src.store import Store
from src.workflows import ingest as ingest_module
from src.workflows.ingest import Loaded, export, ingest, input_files, make_up_shop, read_table, take_in
from src.workflows.record import record

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


def load(settings: Settings, store: Store, path: Path) -> Loaded:
    return ingest(settings, store, path, Silent())


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def events_of(store: Store) -> list[tuple[str, str, str, float, int]]:
    return [
        row
        for batch in store.read_events()
        for row in zip(
            batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), batch.at.tolist(), strict=True
        )
    ]


def as_table(data: TrainingData) -> list[tuple[str, str, int, float, int]]:
    """Every event in order, with ids instead of row numbers."""
    e = data.events
    rows = zip(e.user_idx, e.item_idx, data.kind.tolist(), e.value.tolist(), e.at.tolist(), strict=True)
    return [(e.users.id_of(user), e.items.id_of(item), kind, value, at) for user, item, kind, value, at in rows]


# counting


def test_what_was_read_is_what_was_stored_known_or_rejected(settings: Settings, store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", MIXED + "u1,p1,5,1700000000\nu1,p1,1,1600000000\n")
    loaded = load(settings, store, path)
    assert (loaded.read, loaded.stored, loaded.known) == (GOOD + BAD + 2, GOOD, 2)
    assert loaded.rejected == {
        "rating is out of range": 1,
        "empty user id": 1,
        "rating is not a number": 1,
        "missing field": 1,
        "time is not a number": 1,
    }
    assert store.summary().n_events == GOOD


def test_rejected_rows_are_written_with_their_line_reason_and_fields(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    loaded = load(settings, store, write(tmp_path / "r.csv", MIXED))
    assert loaded.rejects_file is not None
    assert loaded.rejects_file.parent == settings.rejects_dir
    with open(loaded.rejects_file, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "reason", "fields"]
    assert ["5", "rating is out of range", "u2", "p1", "9", "1700000300"] in rows
    assert ["8", "missing field", "u3", "p1", "3"] in rows
    assert len(rows) == 1 + BAD
    assert str(loaded.rejects_file) in "\n".join(loaded.lines())


def test_a_clean_file_leaves_no_file_of_rejects_not_even_an_old_one(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "r.csv", MIXED)
    rejects = load(settings, store, path).rejects_file
    assert rejects is not None
    write(path, "user_id,product_id,rating\nu1,p1,5\n")
    assert load(settings, store, path).rejects_file is None
    assert not rejects.exists()


def test_a_row_that_is_not_utf8_is_rejected_and_written_back_as_it_came(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"user_id,product_id,rating\nu1,p\xff1,5\nu1,p2,5\n")
    loaded = load(settings, store, path)
    assert loaded.stored == 1
    assert loaded.rejects_file is not None
    assert b"p\xff1" in loaded.rejects_file.read_bytes()


def test_processing_a_file_twice_changes_nothing(settings: Settings, store: Store, tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.csv",
        "user,product,value,kind,time\nu,p,2,purchase,100\nu,p,1,purchase,100\nu,p,,view,\nu,p,,view,\nu,p,4,rating,9\n",
    )
    first = load(settings, store, path)
    before = events_of(store)
    second = load(settings, store, path)
    assert (first.stored, first.known) == (5, 0)
    assert (second.stored, second.known) == (0, 5)
    assert events_of(store) == before


def test_the_latest_rating_wins_whatever_the_order_of_rows_and_files(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "new.csv", "user,product,rating,time\nu,p,2,200\nu,p,1,100\n"))
    load(settings, store, write(tmp_path / "old.csv", "user,product,rating,time\nu,p,5,150\nu,p,4,\n"))
    assert events_of(store) == [("u", "p", "rating", 2.0, 200)]
    load(settings, store, write(tmp_path / "same.csv", "user,product,rating,time\nu,p,3,200\n"))
    assert events_of(store) == [("u", "p", "rating", 3.0, 200)]


def test_a_path_with_blanks_and_a_packed_file_are_loaded(settings: Settings, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "my own folder" / "all ratings (2).csv.gz"
    path.parent.mkdir()
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(MIXED)
    assert load(settings, store, path).stored == GOOD


def test_an_unusable_file_stops_none_of_the_others_and_is_named_at_the_end(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    first = write(tmp_path / "first.csv", "user,product,rating\nu,p,5\n")
    bad = write(tmp_path / "bad.csv", "user,product,rating\nu,p,55\n")
    last = write(tmp_path / "last.csv", "user,product,rating\nu,q,5\n")
    with pytest.raises(UnusableFile, match=r"bad\.csv: none of its 1 rows is usable.*1 × rating is out of range"):
        list(take_in(settings, store, [first, bad, last], Silent()))
    assert len(events_of(store)) == 2


def test_an_unusable_file_that_only_lies_there_is_left_out_with_a_word(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data/notes.csv", "dear diary\n")
    write(tmp_path / "data/ratings.csv", "user,product,rating\nu,p,5\n")
    said = list(take_in(settings, store, [], Silent()))
    assert any(line.startswith("left out: data/notes.csv") for line in said)
    assert len(events_of(store)) == 1


def test_loading_in_several_transactions_counts_as_one(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "_STORED_AT_ONCE", 3)
    text = "user,product,rating\n" + "".join(f"u{n},p{n % 4},{1 + n % 5}\n" for n in range(10)) + "u0,p0,1\n"
    loaded = load(settings, store, write(tmp_path / "r.csv", text))
    assert (loaded.read, loaded.stored, loaded.known) == (11, 10, 1)


# the made-up shop


@pytest.fixture
def tiny_shop(monkeypatch: pytest.MonkeyPatch) -> MadeUpShop:
    """Makes make_up_shop quick; the shop it makes up."""
    shop = make_shop(n_users=5, n_products=10)
    monkeypatch.setattr(ingest_module, "make_shop", lambda **_: shop)
    return shop


@pytest.fixture
def made_up(settings: Settings, store: Store, tiny_shop: MadeUpShop, monkeypatch: pytest.MonkeyPatch) -> MadeUpShop:
    """A store with the made-up shop, and an active release that was trained on it."""
    assert make_up_shop(store, Silent())
    data = training_data(store.read_events())
    models = {POPULARITY: MODELS[POPULARITY].train(data, PopularityParams(1, 5), seed=1)}
    monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
    registry = Registry(settings.releases_dir)
    draft = Draft(data.users, data.items, models, POPULARITY, {"made_up": True})
    registry.activate(registry.publish(draft, "1" * 12, datetime.now(UTC)))
    return tiny_shop


def test_the_made_up_shop_enters_an_empty_store(store: Store, tiny_shop: MadeUpShop) -> None:
    assert make_up_shop(store, Silent())
    here = store.summary()
    assert here.made_up
    assert (here.n_events, here.n_products) == (len(tiny_shop.events), 10)


def test_the_made_up_shop_does_not_enter_twice_nor_beside_real_events(
    settings: Settings, store: Store, tiny_shop: MadeUpShop, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))
    assert not make_up_shop(store, Silent())
    assert store.summary().n_events == 1
    assert not store.summary().made_up


def test_the_made_up_shop_reaches_up_to_now(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, int] = {}

    def spy(until: int) -> MadeUpShop:
        asked["until"] = until
        return make_shop(n_users=2, n_products=2)

    monkeypatch.setattr(ingest_module, "make_shop", spy)
    before = int(time.time())
    make_up_shop(store, Silent())
    assert before <= asked["until"] <= int(time.time())


def test_the_first_real_file_drives_out_the_made_up_shop_and_its_release(
    settings: Settings, store: Store, made_up: MadeUpShop, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))
    assert events_of(store) == [("u", "p", "rating", 5.0, NO_TIME)]
    assert store.products(product.product_id for product in made_up.products) == {}
    assert not store.summary().made_up
    with pytest.raises(NoRelease):
        Registry(settings.releases_dir).active()


def test_a_release_trained_on_real_data_stays_when_the_next_file_is_loaded(
    settings: Settings, store: Store, made_up: MadeUpShop, tmp_path: Path
) -> None:
    load(settings, store, write(tmp_path / "one.csv", "user,product,rating\nu,p,5\n"))
    registry = Registry(settings.releases_dir)
    data = training_data(store.read_events())
    models = {POPULARITY: MODELS[POPULARITY].train(data, PopularityParams(1, 5), seed=1)}
    draft = Draft(data.users, data.items, models, POPULARITY, {"made_up": False})
    real = registry.publish(draft, "2" * 12, datetime.now(UTC))
    registry.activate(real)
    load(settings, store, write(tmp_path / "two.csv", "user,product,rating\nu,q,5\n"))
    assert registry.active().version == real


@pytest.mark.parametrize(
    "text",
    ["", "hello\n", "user,product,rating\n", "user,product,rating\nu,p,77\n,p,1\n"],
    ids=["empty", "no table", "header only", "rejected rows only"],
)
def test_an_unusable_file_changes_nothing_and_keeps_the_made_up_shop(
    settings: Settings, store: Store, made_up: MadeUpShop, tmp_path: Path, text: str
) -> None:
    before = events_of(store)
    with pytest.raises(UnusableFile):
        load(settings, store, write(tmp_path / "r.csv", text))
    assert events_of(store) == before
    assert store.summary().made_up
    assert Registry(settings.releases_dir).active().note == ""


def test_real_events_on_real_products_survive_the_leaving_of_the_made_up_shop(
    settings: Settings, store: Store, made_up: MadeUpShop, tmp_path: Path
) -> None:
    store.add_products([Product("real", title="A real one")])
    product_id = made_up.products[0].product_id
    record(store, [Event("me", "real", EventKind.PURCHASE, at=5), Event("me", product_id, EventKind.RATING, 4.0, 6)])
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating,time\nu,p,5,7\n"))
    assert events_of(store) == [("me", "real", "purchase", 1.0, 5), ("u", "p", "rating", 5.0, 7)]
    assert set(store.products(["real", product_id])) == {"real"}


def test_a_real_product_with_the_id_of_a_made_up_one_is_a_new_product(
    settings: Settings, store: Store, made_up: MadeUpShop, tmp_path: Path
) -> None:
    product_id = made_up.products[0].product_id
    load(settings, store, write(tmp_path / "r.csv", f"user,product,rating,time\nu,{product_id},5,7\n"))
    assert events_of(store) == [("u", product_id, "rating", 5.0, 7)]


# exporting


def test_an_export_of_ratings_alone_names_them_ratings(settings: Settings, store: Store, tmp_path: Path) -> None:
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating,time\nu,p,5,7\nu,q,2.5,\n"))
    target = tmp_path / "out" / "clean.csv"
    assert export(settings, store, target) == 2
    assert target.read_text(encoding="utf-8") == "user_id,product_id,rating,timestamp\nu,p,5.0,7\nu,q,2.5,\n"


def test_an_export_with_other_events_names_their_kind(settings: Settings, store: Store, tmp_path: Path) -> None:
    record(store, [Event("u", "p", EventKind.PURCHASE, 3.0, 5, "o-1"), Event("u", "p", EventKind.RATING, 4.0, 6)])
    target = tmp_path / "clean.csv"
    assert export(settings, store, target) == 2
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines == ["user_id,product_id,kind,mark,value,timestamp", "u,p,purchase,id:o-1,3.0,5", "u,p,rating,,4.0,6"]


def test_training_from_an_export_is_training_from_the_store(
    settings: Settings, store: Store, shop: MadeUpShop, tmp_path: Path
) -> None:
    store.add_events(shop.events)
    record(
        store,
        [
            Event('a "quoted", id', "p,1", EventKind.RATING, 3.3, 1_700_000_000),
            Event("größe 💚", "p 2", EventKind.PURCHASE, 2.0, 1_700_000_000),
            Event("größe 💚", "p 2", EventKind.PURCHASE, 2.0, 1_700_000_000),
        ],
    )
    no_time = EventBatch(["u9"], ["p9"], ["rating"], np.array([4.0]), np.array([NO_TIME]), [""])
    store.add_events(no_time)
    target = tmp_path / "an export.csv"
    export(settings, store, target)
    assert as_table(read_table(settings, target, Silent())) == as_table(training_data(store.read_events()))


def test_an_export_of_an_empty_store_is_a_header(settings: Settings, store: Store, tmp_path: Path) -> None:
    assert export(settings, store, tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == "user_id,product_id,rating,timestamp\n"


def test_an_export_that_cannot_be_written_leaves_the_file_of_before(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write(tmp_path / "out.csv", "the one of before")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", no_space)
    with pytest.raises(AisleError, match="No space left on device"):
        export(settings, store, target)
    assert target.read_text() == "the one of before"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.csv"]


def test_an_export_onto_a_folder_is_refused(settings: Settings, store: Store, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(AisleError, match="could not be written"):
        export(settings, store, tmp_path / "folder")


# finding files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_files_in_data_and_in_raw_are_found(settings: Settings, here: Path) -> None:
    assert input_files(settings) == []
    for name in ("data/b.csv", "data/raw/a.csv", "data/raw/c c.CSV", "data/raw/deeper/d.csv", "data/README.md"):
        write(here / name, "user,product,rating\n")
    assert [str(path) for path in input_files(settings)] == ["data/b.csv", "data/raw/a.csv", "data/raw/c c.CSV"]


@pytest.mark.parametrize("name", ["data/processed_amazon_reviews.csv", "data/mine.csv", "data/raw/mine.csv"])
def test_an_export_is_not_taken_for_input_but_a_file_of_the_user_is(
    settings: Settings, store: Store, here: Path, name: str
) -> None:
    write(here / "data/raw/users own.csv", "user,product,rating\nu,p,5\n")
    export(settings, store, Path(name))
    assert (here / name).is_file()
    assert [path.name for path in input_files(settings)] == ["users own.csv"]


def test_every_export_is_remembered_not_just_the_last(settings: Settings, store: Store, here: Path) -> None:
    for name in ("data/one.csv", "data/two.csv", "data/three.csv"):
        export(settings, store, Path(name))
    export(settings, store, here / "data" / "raw" / ".." / "four.csv")
    assert input_files(settings) == []


def test_an_export_is_found_by_its_absolute_path_too(
    settings: Settings, store: Store, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(settings, store, here / "data" / "out.csv")
    assert input_files(settings) == []


# reading a table for training


def test_a_table_read_for_training_keeps_the_latest_rating(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "user,product,rating,time\nu,p,2,200\nu,p,1,100\nv,p,3,\n")
    assert [row[3:] for row in as_table(read_table(settings, path, Silent()))] == [(2.0, 200), (3.0, NO_TIME)]


def test_a_table_without_a_usable_row_cannot_be_trained_from(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "user,product,rating,time\nu,p,0,200\n")
    with pytest.raises(UnusableFile, match="none of its 1 rows is usable"):
        read_table(settings, path, Silent())
    with pytest.raises(UnusableFile, match="no such file"):
        read_table(settings, tmp_path / "missing.csv", Silent())


def test_the_rating_scale_of_the_settings_decides_what_is_usable(
    tmp_path: Path, opened: Callable[[Settings], Store], settings: Settings
) -> None:
    path = write(tmp_path / "r.csv", "user,product,rating\nu,p,10\nu,q,0.5\n")
    wide = settings.model_copy(update={"rating_min": 0.5, "rating_max": 10.0})
    assert load(wide, opened(wide), path).stored == 2


def test_an_export_read_back_adds_nothing(settings: Settings, store: Store, tmp_path: Path) -> None:
    clicked, bought = Event("u", "p", EventKind.CLICK, at=5), Event("u", "p", EventKind.PURCHASE, 2.0, 5, "o-1")
    record(store, [clicked, clicked, bought, Event("v", "q", EventKind.VIEW, at=6)])
    export(settings, store, tmp_path / "clean.csv")
    before = events_of(store)
    loaded = load(settings, store, tmp_path / "clean.csv")
    assert (loaded.read, loaded.stored, loaded.known) == (4, 0, 4)
    assert events_of(store) == before


def test_equal_purchases_count_alike_wherever_they_stand_in_a_file(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = EventFile.blocks
    monkeypatch.setattr(EventFile, "blocks", lambda self: blocks(self, 2))
    same = "u,p,purchase,1,5\n"
    path = write(tmp_path / "r.csv", "user,product,kind,value,time\n" + same + "u,q,rating,3,5\n" + same + same)
    assert load(settings, store, path).stored == 4
    assert load(settings, store, path).stored == 0


def test_an_event_id_of_the_made_up_shop_is_free_again_for_real_events(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    make_up_shop(store, Silent())
    assert record(store, [Event("U00001", "P00001", EventKind.PURCHASE, 1.0, 5, "order-1")]) == 1
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating\nu,p,5\n"))
    assert record(store, [Event("u", "p", EventKind.PURCHASE, 1.0, 5, "order-1")]) == 1


def test_a_made_up_shop_that_could_not_be_filled_is_filled_the_next_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "add_events", killed)
        with pytest.raises(KeyboardInterrupt):
            make_up_shop(store, Silent())
    assert make_up_shop(store, Silent())
    assert store.summary().n_users == 2_000


def test_a_long_transaction_makes_the_next_one_smaller_and_a_short_one_larger() -> None:
    pace = ingest_module._Pace()
    start = pace.size
    pace.took(10.0)
    assert pace.size < start
    for _ in range(9):
        pace.took(0.0)
    assert start < pace.size <= 50_000


def test_a_mark_in_a_file_tells_purchases_apart_but_never_ratings(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    rows = ["u,p,rating,a,3,5", "u,p,rating,b,4,6", "u,p,purchase,a,1,5", "u,p,purchase,b,1,5"]
    path = write(tmp_path / "r.csv", "user,product,kind,mark,value,time\n" + "\n".join(rows) + "\n")
    load(settings, store, path)
    assert sorted(events_of(store)) == [
        ("u", "p", "purchase", 1.0, 5),
        ("u", "p", "purchase", 1.0, 5),
        ("u", "p", "rating", 4.0, 6),
    ]


def test_purchases_whose_mark_is_empty_are_told_apart_as_if_there_were_none(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path / "r.csv", "user,product,kind,mark,value,time\n" + "u,p,purchase,,1,5\n" * 2)
    assert load(settings, store, path).stored == 2
    assert load(settings, store, path).stored == 0


def test_a_mark_that_no_database_takes_rejects_its_row(settings: Settings, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"user,product,kind,mark,value\nu,p,purchase,\xff,1\nu,p,purchase,a\x00,1\nu,p,purchase,ok,1\n")
    loaded = load(settings, store, path)
    assert loaded.stored == 1
    assert loaded.rejected == {"mark has control characters or is not UTF-8": 2}
