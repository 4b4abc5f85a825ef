"""Add lists as they were asked for."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

_TABLES = """
CREATE TABLE requests (
    request_id {key} NOT NULL, number BIGINT NOT NULL, at BIGINT NOT NULL, user_id {key}, release TEXT NOT NULL,
    placement TEXT NOT NULL, experiments TEXT NOT NULL, n_stored BIGINT NOT NULL, history TEXT NOT NULL,
    recipe TEXT NOT NULL, places TEXT NOT NULL, PRIMARY KEY (request_id, number)
);
CREATE INDEX requests_at ON requests (at);
CREATE INDEX requests_user ON requests (user_id)
"""
_KEYS = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}


def upgrade() -> None:
    """Add the tables."""
    for statement in _TABLES.format(key=_KEYS[op.get_bind().dialect.name]).strip().split(";\n"):
        op.execute(statement)
