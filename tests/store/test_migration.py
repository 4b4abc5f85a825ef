"""A store that another version made, opened by this one, on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from rows import Row, as_read, batch, rating, stored
from sqlalchemy import create_engine, event, inspect, make_url, text
from sqlalchemy.engine import Engine

from src.core.domain import Event, EventKind, Product
from src.core.errors import StoreError
from src.core.records import FollowUp, Load, Run, RunStatus, Score, SearchFeedback, ServedFigures, ServedList
from src.core.settings import Settings
from src.store import Store, open_store
from src.store.schema import VERSIONS
from src.store.tables import metadata
from tests.forked import fork
from tests.postgresql import remove_tables
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).with_name("data")
ROWS: list[Row] = [
    rating("z", "x", 4, 10),
    ("a", "y", "purchase", 2.0, None, "i1"),
    rating("a", "x", 3, 5),
    ("é'b", "日本", "view", 1.0, 7, "7"),
]
RUN = Run("one", "night", 5, RunStatus.SUCCEEDED, 1000, 9, "R", "went 'well' – ✓")


def restore(url: str, dump: str) -> None:
    """Fill an empty database from `sqlite3 .dump` or `pg_dump --inserts` of a store that an earlier version made."""
    parsed = make_url(url)
    statements = (DATA / f"{dump}.{parsed.get_backend_name()}.sql").read_text(encoding="utf-8")
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database))
        connection.executescript(statements)
        connection.close()
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements.strip().split(";\n"):
            connection.execute(text(statement.replace(":", r"\:")))
    engine.dispose()


@pytest.fixture
def url(url: str) -> str:
    """The URL of a database without tables."""
    if url.startswith("postgresql"):
        engine = create_engine(url)
        with engine.begin() as connection:
            remove_tables(connection)
        engine.dispose()
    return url


@pytest.fixture
def first_url(url: str) -> str:
    """The URL of a store that the oldest supported version made."""
    restore(url, "first_version")
    return url


@pytest.fixture
def unnumbered_url(url: str) -> str:
    """The URL of a store that the last version without schema versions made."""
    restore(url, "unnumbered_version")
    return url


@pytest.fixture
def migrated(first_url: str) -> Iterator[Store]:
    store = open_store(first_url)
    yield store
    store.close()


def test_a_backup_that_was_restored_over_a_later_version_is_refused_with_what_to_do(first_url: str) -> None:
    """pg_restore --clean leaves the tables that the backup does not know."""
    engine = create_engine(first_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE interleaved (request_id TEXT)"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"restored over a later one.*into an empty database"):
        open_store(first_url)


def open_and_close(url: str) -> None:
    open_store(url).close()


def dump_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """The definition of every table and index, and the rows of every table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        inspector = inspect(connection)
        tables = {name: inspector.get_columns(name) for name in sorted(inspector.get_table_names())}
        found: dict[str, list[tuple[object, ...]]] = {}
        for name, columns in tables.items():
            found[name] = [(column["name"], str(column["type"]), column["nullable"]) for column in columns]
            found[name] += [(index["name"],) for index in inspector.get_indexes(name)]
            rows = connection.execute(text(f"SELECT * FROM {name}")).all()
            found[name] += sorted((tuple(row) for row in rows), key=repr)
    engine.dispose()
    return found


def version_of(url: str) -> str | None:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM schema_version")).scalar()
    engine.dispose()
    return found


def test_migrated_events_are_ordered_by_key_and_keep_their_order_of_arrival(migrated: Store) -> None:
    assert stored(migrated) == ROWS
    assert [row[:2] for row in as_read(migrated)] == [("a", "x"), ("a", "y"), ("z", "x"), ("é'b", "日本")]
    assert migrated.events.history("z") == [Event("z", "x", EventKind.RATING, 4.0, 10)]
    assert migrated.events.add(batch(*ROWS)) == 0
    assert migrated.events.add(batch(("a", "y", "return", 1, 5, "r"), rating("0", "x", 1)), ["e1", None]) == 1
    assert [row[0] for row in stored(migrated)] == ["z", "a", "a", "é'b", "0"]


def test_migration_keeps_products_and_runs_and_adds_the_products_of_events(migrated: Store) -> None:
    assert migrated.products.get(["x", "y", "日本", "never sold"]) == {
        "x": Product("x", title="X", price=1.5),
        "y": Product("y"),
        "日本": Product("日本"),
        "never sold": Product("never sold"),
    }
    assert migrated.runs.newest(5) == [RUN]
    assert migrated.events.changed_at() is None
    assert migrated.runs.scores(5) == []
    migrated.products.add([Product("x", brand="Brio", withdrawn=True)])
    assert migrated.products.withdrawn() == {"x"}


def test_an_application_serves_from_a_migrated_store(
    first_url: str, trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    client = make_app(trained_settings.model_copy(update={"database_url": first_url})).test_client()
    popular = client.get("/popular").get_json()
    assert [(row["product_id"], row["count"], row["title"]) for row in popular] == [("x", 2, "X"), ("y", 1, None)]


def test_migration_gives_an_unnumbered_store_a_version_and_keeps_all_rows(unnumbered_url: str) -> None:
    before = dump_of(unnumbered_url)
    store = open_store(unnumbered_url)
    after = dump_of(unnumbered_url)
    assert after.pop("schema_version")[-1] == (VERSIONS[-1],)
    widened = {"served", "shown", "followed", "products", "runs"}  # by columns that came later
    assert {name: rows for name, rows in after.items() if name in before.keys() - widened} == {
        name: rows for name, rows in before.items() if name not in widened
    }
    assert stored(store) == [ROWS[0], ("a", "y", "purchase", 1.0, None, "i1"), *ROWS[2:]]
    assert store.products.get(["x"]) == {"x": Product("x", "X", None, None, "Brio", 1.5, None, 3, True)}
    (run,) = store.runs.newest(5)
    assert (run.host, run.attempt, run.model_type, run.verdict) == (
        "h:1",
        2,
        "svd",
        {"promoted": True, "x": [1.5, None]},
    )
    assert store.runs.scores(5) == [Score(30, "R", n_events=4, ndcg_at_10=0.25, message="m")]
    load = Load("l1", "ratings.csv", "user, product", 20, 3, 2, 2, 1, 0, 9)
    assert store.runs.loads(5) == [replace(load, rejected={"no product – 'x'": 1}, mended={"price": 2})]
    assert store.searches.newest(5) == [SearchFeedback("red lamp", "x", "click", 5, "id:e9")]
    assert store.served_lists.newest(5) == [
        ServedList("r1", 1, 1728043200, "R", "user", None, (("x", "als"), ("y", "als")))
    ]
    assert store.served_lists.figures(0) == [
        ServedFigures("R", "user", "als", 1, 1, 0, 0),
        ServedFigures("R", "user", "als", 2, 1, 1, 0),
    ]
    assert store.served_lists.add_follow_ups([FollowUp("r1", "y", "click", 1728043205, "m")]) == 0
    store.close()


@pytest.mark.parametrize("dump", ["first_version", "unnumbered_version", None])
def test_a_migrated_store_has_the_columns_and_indexes_of_a_new_one(url: str, dump: str | None) -> None:
    if dump is not None:
        restore(url, dump)
    for _ in range(2):  # the second time there is nothing to do
        open_and_close(url)
    engine = create_engine(url)
    found = inspect(engine)
    assert set(found.get_table_names()) == set(metadata.tables)
    for table in metadata.sorted_tables:
        assert {column["name"] for column in found.get_columns(table.name)} == {column.name for column in table.columns}
        assert {index.name for index in table.indexes} <= {index["name"] for index in found.get_indexes(table.name)}
    assert found.get_pk_constraint("events")["constrained_columns"] == ["user_id", "product_id", "kind", "mark"]
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert version_of(url) == VERSIONS[-1]


def test_the_versions_are_those_of_the_migrations() -> None:
    config = Config(toml_file=None)
    config.set_main_option("script_location", str(ROOT / "src/store/migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == VERSIONS


@pytest.mark.parametrize("later", ["9999", "0000", "a4f0"])
def test_a_store_of_a_later_version_is_refused_and_not_altered(url: str, later: str) -> None:
    open_and_close(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE products RENAME COLUMN title TO name"))
        connection.execute(text("DROP TABLE scores"))
        connection.execute(text("UPDATE schema_version SET version_num = :later"), {"later": later})
    engine.dispose()
    before = dump_of(url)
    with pytest.raises(StoreError) as caught:
        open_store(url)
    found, expected, action = (f"schema version {later}.", f"expects {VERSIONS[-1]} or an earlier", "Update Aisle, or")
    assert 0 < str(caught.value).find(found) < str(caught.value).find(expected) < str(caught.value).find(action)
    assert dump_of(url) == before


def test_tables_of_another_program_are_refused_and_not_altered(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE products (product_id TEXT PRIMARY KEY, name TEXT)"))
    engine.dispose()
    before = dump_of(url)
    with pytest.raises(StoreError, match=r"products has no column category, description.* set AISLE_DATABASE_URL"):
        open_store(url)
    assert dump_of(url) == before


def open_until(url: str, last: str) -> None:
    """Open a store, and end the process right after a statement that begins so."""

    def end(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(last):
            os._exit(9)

    event.listen(Engine, "after_cursor_execute", end)
    open_store(url)


@pytest.mark.parametrize(
    "last", ["ALTER TABLE events RENAME", "INSERT INTO events", "DROP TABLE", "INSERT INTO schema"]
)
def test_an_upgrade_that_is_killed_leaves_the_store_as_it_was(first_url: str, last: str) -> None:
    before = dump_of(first_url)
    killed = fork(open_until, first_url, last)
    killed.join(PATIENCE_SECONDS)
    assert killed.exitcode == 9
    assert dump_of(first_url) == before
    store = open_store(first_url)
    assert stored(store) == ROWS
    store.close()
    assert version_of(first_url) == VERSIONS[-1]


def test_opening_a_store_that_is_up_to_date_imports_no_alembic_and_waits_for_no_writer(url: str) -> None:
    open_and_close(url)
    code = f"import sys; from src.store import open_store; open_store({url!r}); print('alembic' in sys.modules)"
    store = open_store(url)
    with store.database.write():
        opened = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE_SECONDS, capture_output=True, text=True
        )
    assert opened.stdout.strip() == "False", opened.stderr
    store.close()


def test_an_upgrade_adds_no_lines_of_alembic_to_the_log(first_url: str) -> None:
    code = (
        "import logging; logging.basicConfig(level=logging.INFO, format='%(name)s'); "
        f"from src.store import open_store; open_store({first_url!r})"
    )
    opened = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE_SECONDS, capture_output=True, text=True
    )
    assert (opened.returncode, opened.stderr) == (0, "")
    assert version_of(first_url) == VERSIONS[-1]


def open_and_count(url: str, start: object) -> None:
    start.wait(PATIENCE_SECONDS)  # type: ignore[attr-defined]
    assert open_store(url).summary().n_events == len(ROWS)


def test_four_processes_that_open_an_old_store_at_once_migrate_it_once(first_url: str) -> None:
    start = multiprocessing.get_context("fork").Barrier(4)
    processes = [fork(open_and_count, first_url, start) for _ in range(4)]
    for process in processes:
        process.join(PATIENCE_SECONDS)
    assert [process.exitcode for process in processes] == [0] * 4
    store = open_store(first_url)
    assert stored(store) == ROWS
    store.close()
    assert version_of(first_url) == VERSIONS[-1]


def test_four_threads_that_open_a_new_store_at_once_create_it_once(url: str) -> None:
    start = threading.Barrier(4)

    def open_at_once(_: int) -> int:
        start.wait(PATIENCE_SECONDS)
        store = open_store(url)
        n_added = store.events.add(batch(ROWS[0]))
        store.close()
        return n_added

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(open_at_once, range(4))) == [0, 0, 0, 1]
    assert version_of(url) == VERSIONS[-1]
