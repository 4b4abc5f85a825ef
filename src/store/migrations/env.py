"""Alembic's environment: run migrations on the connection that src/store/schema.py hands in."""

from __future__ import annotations

import logging

from alembic import context

from src.store.tables import schema_version

logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs every step at INFO, between the lines of a command
context.configure(connection=context.config.attributes["connection"], version_table=schema_version.name)
context.run_migrations()
