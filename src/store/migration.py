"""A store as this version wants it, made from nothing or from what an earlier version left."""

from __future__ import annotations

from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.schema import CreateColumn

from src.store.tables import events, metadata

_BEFORE = "events_before"
_OLD_EVENTS = "user_id, product_id, kind, mark, value, at"


def upgrade_schema(connection: Connection) -> None:
    """Make what is missing: tables, columns, indexes, and events in the order of their key.

    Must run inside a write transaction: several processes may open one store at once, and one of them does the work.
    """
    there = {name: _columns(connection, name) for name in inspect(connection).get_table_names()}
    moving = "id" in there.get(events.name, ())
    if moving:
        connection.execute(text(f"ALTER TABLE {events.name} RENAME TO {_BEFORE}"))
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        if table.name in there and not (moving and table is events):
            _complete(connection, table, there[table.name])
    if moving:
        _move_events(connection)


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def _complete(connection: Connection, table: Table, there: set[str]) -> None:
    """Add columns and indexes that a table of an earlier version does not have."""
    for column in table.columns:
        if column.name not in there:
            described = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {described}"))
    for index in table.indexes:
        index.create(connection, checkfirst=True)


def _move_events(connection: Connection) -> None:
    """From one row number for each event to one tree by the key; the row numbers say in which order they came."""
    connection.execute(
        text(
            f"INSERT INTO events ({_OLD_EVENTS}, number) SELECT {_OLD_EVENTS}, id FROM {_BEFORE} "
            "ORDER BY user_id, product_id, kind, mark"
        )
    )
    connection.execute(text(f"DROP TABLE {_BEFORE}"))
    connection.execute(
        # WHERE true: SQLite would take ON for a condition of the SELECT.
        text(
            "INSERT INTO products (product_id) SELECT DISTINCT product_id FROM events WHERE true ON CONFLICT DO NOTHING"
        )
    )
