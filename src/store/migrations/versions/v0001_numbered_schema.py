"""Give a store its first schema version: from any store of the versions before, or from nothing.

The tables are spelled out here, not read from src/store/tables.py: a migration must not change when they do.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect

from src.core.errors import StoreError

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    user_id {key}, product_id {key}, kind {key}, mark {key} DEFAULT '', value FLOAT NOT NULL, at BIGINT,
    number BIGINT NOT NULL, taken_back FLOAT NOT NULL DEFAULT '0', PRIMARY KEY (user_id, product_id, kind, mark)
) {without_rowid};
CREATE TABLE IF NOT EXISTS event_ids (event_id TEXT NOT NULL PRIMARY KEY, product_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS searches (
    query {key}, product_id {key}, kind {key}, mark {key}, at BIGINT NOT NULL,
    PRIMARY KEY (query, product_id, kind, mark)
);
CREATE TABLE IF NOT EXISTS served (
    request_id {key}, number BIGINT NOT NULL, at BIGINT NOT NULL, "release" TEXT NOT NULL, made_for TEXT NOT NULL,
    asked TEXT, products TEXT NOT NULL, PRIMARY KEY (request_id, number)
);
CREATE TABLE IF NOT EXISTS shown (
    day BIGINT NOT NULL, "release" {key}, made_for {key}, source {key}, "position" BIGINT NOT NULL,
    count BIGINT NOT NULL, PRIMARY KEY (day, "release", made_for, source, "position")
);
CREATE TABLE IF NOT EXISTS followed (
    request_id {key}, product_id {key}, kind {key}, at BIGINT NOT NULL, mark TEXT NOT NULL, day BIGINT,
    "release" TEXT, made_for TEXT, source TEXT, "position" BIGINT, PRIMARY KEY (request_id, product_id, kind)
);
CREATE TABLE IF NOT EXISTS products (
    product_id TEXT NOT NULL PRIMARY KEY, title TEXT, description TEXT, category TEXT, brand TEXT, price FLOAT,
    image_url TEXT, stock INTEGER, withdrawn BOOLEAN, made_up BOOLEAN NOT NULL DEFAULT '0'
);
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT NOT NULL PRIMARY KEY, "trigger" TEXT NOT NULL, started_at BIGINT NOT NULL, status TEXT NOT NULL,
    due BIGINT UNIQUE, finished_at BIGINT, "release" TEXT, message TEXT NOT NULL DEFAULT '',
    host TEXT NOT NULL DEFAULT '', attempt INTEGER NOT NULL DEFAULT '1', model_type TEXT NOT NULL DEFAULT 'all',
    progress TEXT NOT NULL DEFAULT '', verdict TEXT
);
CREATE TABLE IF NOT EXISTS scores (
    at BIGINT NOT NULL, "release" TEXT NOT NULL, details TEXT NOT NULL, PRIMARY KEY (at, "release")
);
CREATE TABLE IF NOT EXISTS changes (what TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS loads (
    load_id TEXT NOT NULL PRIMARY KEY, file TEXT NOT NULL, layout TEXT NOT NULL, loaded_at BIGINT NOT NULL,
    details TEXT NOT NULL
);
"""
_INDEXES = """
CREATE INDEX IF NOT EXISTS events_returns ON events (user_id, product_id) WHERE kind = 'return';
CREATE INDEX IF NOT EXISTS searches_at ON searches (at);
CREATE INDEX IF NOT EXISTS served_at ON served (at);
CREATE INDEX IF NOT EXISTS followed_at ON followed (at);
CREATE INDEX IF NOT EXISTS followed_day ON followed (day);
CREATE INDEX IF NOT EXISTS products_withdrawn ON products (product_id) WHERE withdrawn{is_true};
CREATE INDEX IF NOT EXISTS products_made_up ON products (product_id) WHERE made_up{is_true};
CREATE INDEX IF NOT EXISTS products_category ON products (category, withdrawn) WHERE category IS NOT NULL;
CREATE INDEX IF NOT EXISTS runs_started ON runs (started_at);
CREATE INDEX IF NOT EXISTS loads_loaded ON loads (loaded_at);
"""
_DIALECTS = {
    "sqlite": {"key": "TEXT NOT NULL", "without_rowid": "WITHOUT ROWID", "is_true": " = 1"},
    "postgresql": {"key": 'TEXT COLLATE "C" NOT NULL', "without_rowid": "", "is_true": ""},
}
# The columns of the oldest supported version, and those that later ones added before versions had numbers.
_OLDEST = {
    "events": {"user_id", "product_id", "kind", "value", "at", "mark"},
    "event_ids": {"event_id", "product_id"},
    "products": {"product_id", "title", "description", "category", "price", "image_url", "stock", "made_up"},
    "runs": {"run_id", "trigger", "started_at", "status", "due", "finished_at", "release", "message"},
}
_ADDED = {
    "events": {"taken_back": "FLOAT NOT NULL DEFAULT '0'"},
    "products": {"brand": "TEXT", "withdrawn": "BOOLEAN"},
    "runs": {
        "host": "TEXT NOT NULL DEFAULT ''",
        "attempt": "INTEGER NOT NULL DEFAULT '1'",
        "model_type": "TEXT NOT NULL DEFAULT 'all'",
        "progress": "TEXT NOT NULL DEFAULT ''",
        "verdict": "TEXT",
    },
}
_KEY_AND_VALUE = "user_id, product_id, kind, mark, value, at"


def upgrade() -> None:
    """Add the missing tables, columns and indexes; store events in the order of their key.

    Raises:
        StoreError: A table lacks a column that every version of Aisle made.
    """
    columns = _columns()
    for table in _OLDEST.keys() & columns.keys():
        if missing := _OLDEST[table] - columns[table]:
            raise StoreError(
                f"the table {table} has no column {', '.join(sorted(missing))}. Expected a store that Aisle made, or "
                "a database without tables of these names; set AISLE_DATABASE_URL to another one."
            )
    has_row_numbers = "id" in columns.get("events", ())
    if has_row_numbers:
        op.execute("ALTER TABLE events RENAME TO events_before")
    _execute(_TABLES)
    if has_row_numbers:
        _move_events()
    columns = _columns()
    for table, added in _ADDED.items():
        for name in added.keys() - columns[table]:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {added[name]}")
    _execute(_INDEXES)


def _columns() -> dict[str, set[str]]:
    """Return table → the names of its columns."""
    inspector = inspect(op.get_bind())
    return {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}


def _execute(statements: str) -> None:
    for statement in statements.format(**_DIALECTS[op.get_bind().dialect.name]).strip().split(";\n"):
        op.execute(statement.rstrip(";"))


def _move_events() -> None:
    """Copy events from the table that is ordered by row number; the row number becomes the order of arrival."""
    op.execute(
        f"INSERT INTO events ({_KEY_AND_VALUE}, number) SELECT {_KEY_AND_VALUE}, id FROM events_before "
        "ORDER BY user_id, product_id, kind, mark"
    )
    op.execute("DROP TABLE events_before")
    # WHERE true: without it SQLite reads ON as a condition of the SELECT.
    op.execute(
        "INSERT INTO products (product_id) SELECT DISTINCT product_id FROM events WHERE true ON CONFLICT DO NOTHING"
    )
