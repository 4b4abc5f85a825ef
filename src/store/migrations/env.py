"""Alembic's environment: run migrations on the connection that src/store/schema.py hands in."""

from __future__ import annotations

from alembic import context

from src.store.tables import schema_version

context.configure(connection=context.config.attributes["connection"], version_table=schema_version.name)
context.run_migrations()
