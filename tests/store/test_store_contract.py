"""Opening a store, its summary and its errors, on SQLite and on PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from rows import Row, batch, rating, stored

from src.core.domain import EventKind, Product, ProductCount
from src.core.errors import ConfigError, StoreError
from src.core.records import StoreSummary
from src.store import Store, open_store
from src.store.database import SYNCHRONOUS

STRANGE = [
    "日本",
    "é",
    "😀",
    "a'b",
    'a"b',
    "'; DROP TABLE events; --",
    "%s",
    ":name",
    "?",
    "a\\b",
    "\\N",
    "a,b",
    " a",
    "A",
]


def test_an_empty_store_returns_empty_results(store: Store) -> None:
    assert store.events.add(batch()) == 0
    assert store.products.add([]) == 0
    assert list(store.events.read()) == []
    assert store.events.history("a") == []
    assert store.events.popular(list(EventKind), None, 5) == []
    assert store.products.get(["p"]) == {}
    assert store.products.get([]) == {}
    assert store.runs.newest(5) == []
    assert store.runs.loads(5) == []
    assert store.products.withdrawn() == frozenset()
    assert store.products.categories() == []
    assert store.delete_synthetic() == 0
    assert store.summary() == StoreSummary(0, 0, 0, 0, None, None)


def test_a_reopened_store_has_its_events(store: Store, url: str) -> None:
    store.events.add(batch(rating("a", "x", 4, 10)))
    again = open_store(url)
    assert stored(again) == [rating("a", "x", 4, 10)]
    again.close()


def test_the_summary_counts_everything(store: Store) -> None:
    store.products.add([Product("x"), Product("never sold")])
    store.events.add(
        batch(
            rating("a", "x", 4, 10), rating("a", "y", 1, None), rating("b", "x", 4, 5), ("c", "z", "click", 7, 99, "m")
        )
    )
    assert store.summary() == StoreSummary(
        n_events=4,
        n_ratings=3,
        n_users=3,
        n_products=4,
        avg_rating=3.0,
        newest_at=99,
        made_up=False,
        by_kind={"click": 1, "rating": 3},
    )


@pytest.mark.parametrize("id_", STRANGE)
def test_any_text_can_be_an_id(store: Store, id_: str) -> None:
    row: Row = (id_, id_, "view", 1, 1, id_)
    assert store.events.add(batch(row, rating("a", "x", 3, 1)), [id_, None]) == 2
    store.products.add([Product(id_, title=id_)])
    assert stored(store) == [row, rating("a", "x", 3, 1)]
    assert [event.product_id for event in store.events.history(id_)] == [id_]
    assert store.products.get([id_])[id_].title == id_
    assert store.events.popular([EventKind.VIEW], None, 5) == [ProductCount(id_, 1)]
    assert store.events.add(batch(row), [id_]) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        "mysql://user:secret@host/name",
        "postgres://user:secret@host/name",
        "sqlite+nosuch:///file.db",
        "postgresql://user:secret@host:port/name",
        "postgresql://user:@x:secret@host/name",
        "postgresql://user:p@host:secret/name",
    ],
)
def test_a_wrong_url_is_a_configuration_error_that_shows_no_password(wrong: str) -> None:
    with pytest.raises(ConfigError, match="AISLE_DATABASE_URL") as caught:
        open_store(wrong)
    assert "secret" not in str(caught.value)
    assert "postgresql+psycopg://" in str(caught.value)


def test_a_database_that_does_not_answer_is_a_store_error_that_shows_no_password() -> None:
    with pytest.raises(StoreError, match="refused") as caught:
        open_store("postgresql://user:secret@127.0.0.1:1/name?connect_timeout=2")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1/name" in str(caught.value)


def test_the_folder_of_a_sqlite_file_is_created(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a/b c/store.sqlite3")
    assert store.events.add(batch(rating("a", "x", 1))) == 1
    assert (tmp_path / "a/b c/store.sqlite3").is_file()
    store.close()


def test_a_path_that_cannot_be_a_database_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database at all, but long enough to have a header" * 20)
    for url in (f"sqlite:///{tmp_path}", f"sqlite:///{tmp_path}/file", f"sqlite:///{tmp_path}/file/store.sqlite3"):
        with pytest.raises(StoreError, match="Expected"):
            open_store(url)


def test_a_commit_waits_for_the_disk(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite is told to flush a commit to disk, and PostgreSQL is left with what its database says."""
    monkeypatch.setattr("src.store.database.SYNCHRONOUS", SYNCHRONOUS)
    with closing(open_store(url)) as store, store.database.write() as connection:
        if url.startswith("sqlite"):
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        else:
            source = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
            assert connection.exec_driver_sql(source).scalar() == "database"
