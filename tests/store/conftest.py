"""Empty stores, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from src.store import Store, open_store
from tests.postgresql import remove_tables

SHAPE = """
    SELECT table_name, column_name, data_type, (SELECT max(version_num) FROM schema_version)
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""


@pytest.fixture(scope="session")
def empty_postgresql(postgresql: str) -> Iterator[Callable[[], str]]:
    """Make the database an empty store of this version, and return its URL; tables are made again when they changed."""
    engine = create_engine(postgresql)
    with engine.begin() as connection:
        remove_tables(connection)
    open_store(postgresql).close()
    with engine.connect() as connection:
        shape = connection.execute(text(SHAPE)).all()
    filled = sorted({row.table_name for row in shape} - {"schema_version"})

    def empty() -> str:
        with engine.begin() as connection:
            has_versions = connection.execute(text("SELECT to_regclass('public.schema_version')")).scalar()
            if has_versions and connection.execute(text(SHAPE)).all() == shape:
                connection.execute(text("SET session_replication_role = replica"))  # in any order of the tables
                for table in filled:
                    connection.execute(text(f'DELETE FROM "{table}"'))
                connection.execute(text("SET session_replication_role = DEFAULT"))
            else:
                remove_tables(connection)
        return postgresql

    yield empty
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    return str(request.getfixturevalue("empty_postgresql")())


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()
