"""A store that an earlier version made, opened by this one, on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest
from rows import as_read, batch, rating, stored
from sqlalchemy import create_engine, inspect, text

from src.core.domain import Event, EventKind, Product
from src.core.records import Run, RunStatus
from src.store import Store, open_store
from src.store.tables import metadata

TABLES = """
CREATE TABLE events (
    id {row_number}, user_id TEXT NOT NULL, product_id TEXT NOT NULL, kind TEXT NOT NULL, value FLOAT NOT NULL,
    at BIGINT, mark TEXT DEFAULT '' NOT NULL, CONSTRAINT events_same UNIQUE (user_id, product_id, kind, mark)
);
CREATE TABLE event_ids (event_id TEXT NOT NULL PRIMARY KEY, product_id TEXT NOT NULL);
CREATE TABLE products (
    product_id TEXT NOT NULL PRIMARY KEY, title TEXT, description TEXT, category TEXT, price FLOAT, image_url TEXT,
    stock INTEGER, made_up BOOLEAN DEFAULT '0' NOT NULL
);
CREATE TABLE runs (
    run_id TEXT NOT NULL PRIMARY KEY, trigger TEXT NOT NULL, started_at BIGINT NOT NULL, status TEXT NOT NULL,
    due BIGINT UNIQUE, finished_at BIGINT, release TEXT, message TEXT DEFAULT '' NOT NULL
);
CREATE INDEX runs_started ON runs (started_at);
INSERT INTO events (user_id, product_id, kind, value, at, mark) VALUES
    ('z', 'x', 'rating', 4, 10, ''), ('a', 'y', 'purchase', 2, NULL, 'i1'), ('a', 'x', 'rating', 3, 5, '');
INSERT INTO event_ids VALUES ('e1', 'x');
INSERT INTO products (product_id, title, price) VALUES ('x', 'X', 1.5), ('never sold', NULL, NULL);
INSERT INTO runs (run_id, trigger, started_at, status) VALUES ('one', 'night', 5, 'succeeded');
"""
ROWS = [rating("z", "x", 4, 10), ("a", "y", "purchase", 2.0, None, "i1"), rating("a", "x", 3, 5)]


@pytest.fixture
def old_url(url: str) -> str:
    """The URL of a store as the first version made it."""
    engine = create_engine(url)
    numbers = "INTEGER PRIMARY KEY AUTOINCREMENT" if engine.dialect.name == "sqlite" else "BIGSERIAL PRIMARY KEY"
    with engine.begin() as connection:
        for statement in TABLES.format(row_number=numbers).strip().split(";\n"):
            connection.execute(text(statement.rstrip(";")))
    engine.dispose()
    return url


@pytest.fixture
def migrated(old_url: str) -> Iterator[Store]:
    store = open_store(old_url)
    yield store
    store._database.engine.dispose()  # type: ignore[attr-defined]


def test_events_move_into_the_order_of_their_key_and_keep_the_order_they_came_in(migrated: Store) -> None:
    assert stored(migrated) == ROWS
    assert [row[:2] for row in as_read(migrated)] == [("a", "x"), ("a", "y"), ("z", "x")]
    assert migrated.history("z") == [Event("z", "x", EventKind.RATING, 4.0, 10)]
    assert migrated.add_events(batch(*ROWS)) == 0
    assert migrated.add_events(batch(("a", "y", "return", 1, 5, "r"), rating("0", "x", 1)), ["e1", None]) == 1
    assert [row[0] for row in stored(migrated)] == ["z", "a", "a", "0"]


def test_what_else_was_known_is_known_still_and_every_product_of_an_event_is(migrated: Store) -> None:
    assert migrated.products(["x", "y", "never sold"]) == {
        "x": Product("x", title="X", price=1.5),
        "y": Product("y"),
        "never sold": Product("never sold"),
    }
    (run,) = migrated.journal.runs(5)
    assert run == Run("one", "night", 5, RunStatus.SUCCEEDED)
    assert migrated.changed_at() is None
    assert migrated.journal.scores(5) == []
    migrated.add_products([Product("x", brand="Brio", withdrawn=True)])
    assert migrated.withdrawn() == {"x"}


def test_a_migrated_store_has_the_columns_and_indexes_of_a_new_one(old_url: str) -> None:
    for _ in range(2):  # the second time there is nothing to do
        store = open_store(old_url)
        store._database.engine.dispose()  # type: ignore[attr-defined]
    engine = create_engine(old_url)
    found = inspect(engine)
    assert set(found.get_table_names()) == set(metadata.tables)
    for table in metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == set(table.columns.keys())
        assert {index.name for index in table.indexes} <= {index["name"] for index in found.get_indexes(table.name)}
    assert found.get_pk_constraint("events")["constrained_columns"] == ["user_id", "product_id", "kind", "mark"]
    engine.dispose()


def open_and_count(url: str, start: object) -> None:
    start.wait(30)  # type: ignore[attr-defined]
    assert open_store(url).summary().n_events == 3


def test_four_processes_that_open_an_old_store_at_once_migrate_it_once(old_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(4)
    processes = [context.Process(target=open_and_count, args=(old_url, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    store = open_store(old_url)
    assert stored(store) == ROWS
    store._database.engine.dispose()  # type: ignore[attr-defined]
