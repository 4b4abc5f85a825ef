"""Schema version of the database: create a new store, upgrade an older one, refuse a newer one."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from src.core.errors import StoreError
from src.store.tables import metadata, schema_version

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""The revisions in src/store/migrations/versions, oldest first."""
_NEWEST = VERSIONS[-1]
_MIGRATIONS = Path(__file__).with_name("migrations")


def is_current(connection: Connection) -> bool:
    """Return whether the store has the newest schema version; read only.

    Raises:
        StoreError: The store has a version that this code does not know.
    """
    version = _version(connection)
    if version is not None and version not in VERSIONS:
        where = connection.engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"the store {where} has schema version {version}. This version of Aisle expects {_NEWEST} or an earlier "
            "one, and has changed nothing: a later version made or upgraded the store. Update Aisle, or set "
            "AISLE_DATABASE_URL to another store."
        )
    return version == _NEWEST


def upgrade_schema(connection: Connection) -> None:
    """Create the tables in an empty database, or run the migrations that are due.

    Must run inside a write transaction: of several processes that open a store at once one does the work, and an
    upgrade that is interrupted leaves the store as it was.

    Raises:
        StoreError: The store has a version that this code does not know.
    """
    if is_current(connection):
        return
    if metadata.tables.keys() & set(inspect(connection).get_table_names()):
        _migrate(connection)
    else:
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version_num=_NEWEST))


def _version(connection: Connection) -> str | None:
    """Return the store's schema version; None before versions had numbers, and for an empty database."""
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version_num)).scalar()


def _migrate(connection: Connection) -> None:
    version = _version(connection)
    # Alembic logs its plugins on import and every step at INFO, between the lines of a command or of the server.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Imported here: Alembic takes half a second, and almost every start finds nothing to upgrade.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        if "already exists" not in str(error.orig):
            raise
        raise StoreError(
            f"the store has tables that its schema version {version} does not know: a backup of an earlier "
            "version was restored over a later one. Expected a backup that is restored into an empty database; empty "
            "it, and restore the backup again (docs/operations/backup-and-upgrade.md)."
        ) from None
