"""A PostgreSQL database for tests, if there is one; tests/conftest.py provides it as a fixture."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

POSTGRESQL = os.environ.get("AISLE_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


def remove_tables(connection: Connection) -> None:
    """Leave a database without tables."""
    connection.execute(text("DROP SCHEMA public CASCADE"))
    connection.execute(text("CREATE SCHEMA public"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a fresh database, dropped at the end."""
    admin = create_engine(make_url(POSTGRESQL), isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    name = f"aisle_test_{secrets.token_hex(6)}"
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit TO off"))  # no test cuts the power
    except SQLAlchemyError as error:
        admin.dispose()
        where = make_url(POSTGRESQL).render_as_string(hide_password=True)
        pytest.skip(f"no PostgreSQL at {where} (set AISLE_TEST_DATABASE_URL): {str(error).splitlines()[0]}")
    yield make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
