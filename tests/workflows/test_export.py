"""Exports of the store, which add nothing when they are loaded again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from src.core.domain import NO_TIME, Event, EventBatch, EventKind
from src.core.errors import AisleError, InputError
from src.core.progress import Silent
from src.core.records import FollowUp, ServedList
from src.core.remote_files import file_system
from src.core.settings import Settings
from src.interactions.interactions import TrainingData, training_data
from src.store import Store
from src.synthetic.shop import SyntheticShop
from src.workflows.delivery import delivered
from src.workflows.export import export, export_served, input_files
from src.workflows.ingest import read_table
from src.workflows.record_events import record_events
from tests.workflows.stored import events_of, load, write


def as_table(data: TrainingData) -> list[tuple[str, str, int, float, int]]:
    """Every event in order, with ids instead of row numbers."""
    e = data.events
    rows = zip(e.user_idx, e.item_idx, data.kind.tolist(), e.value.tolist(), e.at.tolist(), strict=True)
    return [(e.users.id_of(user), e.items.id_of(item), kind, value, at) for user, item, kind, value, at in rows]


def test_an_export_of_ratings_alone_names_them_ratings(settings: Settings, store: Store, tmp_path: Path) -> None:
    load(settings, store, write(tmp_path / "r.csv", "user,product,rating,time\nu,p,5,7\nu,q,2.5,\n"))
    target = tmp_path / "out" / "clean.csv"
    assert export(settings, store, target) == 2
    assert target.read_text(encoding="utf-8") == "user_id,product_id,rating,timestamp\nu,p,5.0,7\nu,q,2.5,\n"


def test_an_export_with_other_events_names_their_kind(settings: Settings, store: Store, tmp_path: Path) -> None:
    record_events(
        store, [Event("u", "p", EventKind.PURCHASE, 3.0, 5, "o-1"), Event("u", "p", EventKind.RATING, 4.0, 6)]
    )
    target = tmp_path / "clean.csv"
    assert export(settings, store, target) == 2
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines == ["user_id,product_id,kind,mark,value,timestamp", "u,p,purchase,id:o-1,3.0,5", "u,p,rating,,4.0,6"]


def test_training_from_an_export_is_training_from_the_store(
    settings: Settings, store: Store, shop: SyntheticShop, tmp_path: Path
) -> None:
    store.events.add(shop.events)
    record_events(
        store,
        [
            Event('a "quoted", id', "p,1", EventKind.RATING, 3.3, 1_700_000_000),
            Event("größe 💚", "p 2", EventKind.PURCHASE, 2.0, 1_700_000_000),
            Event("größe 💚", "p 2", EventKind.PURCHASE, 2.0, 1_700_000_000),
        ],
    )
    no_time = EventBatch(["u9"], ["p9"], ["rating"], np.array([4.0]), np.array([NO_TIME]), [""])
    store.events.add(no_time)
    target = tmp_path / "an export.csv"
    export(settings, store, target)
    assert as_table(read_table(settings, target, Silent())) == as_table(training_data(store.events.read()))


def test_an_export_of_an_empty_store_is_a_header(settings: Settings, store: Store, tmp_path: Path) -> None:
    assert export(settings, store, tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == "user_id,product_id,rating,timestamp\n"


def test_an_export_that_cannot_be_written_leaves_the_old_file(
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


def test_an_export_read_back_adds_nothing(settings: Settings, store: Store, tmp_path: Path) -> None:
    clicked, bought = Event("u", "p", EventKind.CLICK, at=5), Event("u", "p", EventKind.PURCHASE, 2.0, 5, "o-1")
    record_events(store, [clicked, clicked, bought, Event("v", "q", EventKind.VIEW, at=6)])
    export(settings, store, tmp_path / "clean.csv")
    before = events_of(store)
    found = load(settings, store, tmp_path / "clean.csv").load
    assert (found.n_read, found.n_kept, found.n_stored) == (4, 4, 0)
    assert events_of(store) == before


def test_an_export_with_returns_adds_nothing_when_it_is_loaded(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    rows = "1,p,3,2011-01-01,u\nC2,p,-1,2011-01-02,u\n3,q,1,2011-01-01,u\nC4,q,-1,2011-01-02,u\n"
    load(settings, store, write(tmp_path / "r.csv", "invoice,sku,quantity,date,user\n" + rows))
    before = events_of(store)
    assert export(settings, store, tmp_path / "clean.csv") == 4
    load(settings, store, tmp_path / "clean.csv")
    assert events_of(store) == before


# --- Finding files ---


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_files_in_data_and_in_raw_are_found(settings: Settings, here: Path) -> None:
    assert input_files(settings) == []
    names = ["data/b.csv", "data/raw/a.csv", "data/raw/c c.CSV", "data/raw/d.jsonl/d.jsonl", "data/raw/e/f/g.csv"]
    for name in [*names, "data/README.md", "data/.hidden.csv"]:
        write(here / name, "user,product,rating\n")
    assert [str(path) for path in input_files(settings)] == names[:4]


@pytest.mark.parametrize("name", ["data/processed_amazon_reviews.csv", "data/mine.csv", "data/raw/mine.csv"])
def test_an_export_is_not_an_input_file_but_a_file_of_the_user_is(
    settings: Settings, store: Store, here: Path, name: str
) -> None:
    write(here / "data/raw/users own.csv", "user,product,rating\nu,p,5\n")
    export(settings, store, Path(name))
    assert (here / name).is_file()
    assert [path.name for path in input_files(settings)] == ["users own.csv"]


def test_all_exports_are_remembered(settings: Settings, store: Store, here: Path) -> None:
    for name in ("data/one.csv", "data/two.csv", "data/three.csv"):
        export(settings, store, Path(name))
    export(settings, store, here / "data" / "raw" / ".." / "four.csv")
    assert input_files(settings) == []


def test_an_export_is_recognized_by_its_absolute_path_too(
    settings: Settings, store: Store, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(settings, store, here / "data" / "out.csv")
    assert input_files(settings) == []


def test_a_parquet_export_gives_the_store_back(
    settings: Settings, store: Store, opened: Callable[[Settings], Store], tmp_path: Path
) -> None:
    record_events(
        store,
        [
            Event("größe 💚", "p,1", EventKind.PURCHASE, 3.0, 1_700_000_000, "o-1"),
            Event("u", "p", EventKind.RATING, 4.5, 1_700_000_001),
            *(Event("u", "p", EventKind.VIEW, 1.0, 1_700_000_000 + n) for n in range(30)),
        ],
    )
    assert export(settings, store, tmp_path / "clean.parquet") == 32
    again = opened(settings.model_copy(update={"var": tmp_path / "again"}))
    load(settings, again, tmp_path / "clean.parquet")
    assert events_of(again) == events_of(store)


def test_served_lists_are_written_place_by_place_with_what_followed(store: Store, tmp_path: Path) -> None:
    shown = (("p1", "blend"), ("p2", "popularity"))
    store.served_lists.add(
        [
            ServedList(f"r{n:04}", n % 2, 1_700_000_000 + n, "v1", "user", None, shown, "home", "")
            for n in range(1_003)  # more than a page
        ]
    )
    store.served_lists.add_follow_ups(
        [FollowUp("r0001", "p2", kind, 1_700_000_100, "m") for kind in ("purchase", "click")]
    )
    assert export_served(store, tmp_path / "served.parquet") == 2_006
    rows = pq.read_table(tmp_path / "served.parquet").to_pylist()
    assert [row["request_id"] for row in rows] == sorted(row["request_id"] for row in rows)
    assert [row["position"] for row in rows[:4]] == [1, 2, 1, 2]
    followed = {(row["request_id"], row["product_id"]): row["followed"] for row in rows if row["followed"]}
    assert followed == {("r0001", "p2"): ["click", "purchase"]}
    assert rows[0]["at"].timestamp() == 1_700_000_000
    with pytest.raises(InputError, match="ends in"):
        export_served(store, tmp_path / "served.csv")


def test_a_file_for_an_object_store_is_sent_whole_and_stays_until_it_was_sent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = "memory://bucket/day/events.csv?token=secret"
    with delivered(settings, target, "--export") as path:
        path.write_text("all of it")
    assert not path.exists()
    fs, _ = file_system("memory://", "--export")
    (sent,) = (name for name in fs.find("/") if "events.csv" in name)
    assert fs.cat_file(sent) == b"all of it"
    monkeypatch.setattr(type(fs), "put_file", lambda *_, **__: (_ for _ in ()).throw(OSError("the bucket is away")))
    with (
        pytest.raises(
            AisleError, match=r"memory://bucket/day/events\.csv does not answer as expected \(the bucket is away"
        ),
        delivered(settings, target, "--export") as path,
    ):
        path.write_text("all of it")
    assert path.read_text() == "all of it"
    assert "secret" not in path.name
