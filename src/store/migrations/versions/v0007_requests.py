"""Add lists as they were asked for, releases that answer unseen, and those on their way to all users."""

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
CREATE INDEX requests_user ON requests (user_id);
CREATE TABLE shadows (
    release {key} NOT NULL PRIMARY KEY, share FLOAT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT,
    who TEXT NOT NULL
);
CREATE TABLE shadow_lists (
    release {key} NOT NULL, served_by {key} NOT NULL, slice {key} NOT NULL, lists BIGINT NOT NULL,
    overlap FLOAT NOT NULL, agreement FLOAT NOT NULL, seconds FLOAT NOT NULL, served_seconds FLOAT NOT NULL,
    dropped BIGINT NOT NULL, failed BIGINT NOT NULL, PRIMARY KEY (release, served_by, slice)
);
CREATE TABLE canaries (
    release {key} NOT NULL PRIMARY KEY, run_id TEXT NOT NULL, proposed_at BIGINT NOT NULL, state TEXT NOT NULL,
    against TEXT NOT NULL, step BIGINT NOT NULL, step_at BIGINT NOT NULL, ended_at BIGINT, reason TEXT NOT NULL
)
"""
_KEYS = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}


def upgrade() -> None:
    """Add the tables."""
    for statement in _TABLES.format(key=_KEYS[op.get_bind().dialect.name]).strip().split(";\n"):
        op.execute(statement)
