"""Keep the arms of served lists and of what followed them, interleaved lists, and places that were drawn at random."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = """
ALTER TABLE served ADD COLUMN experiments TEXT NOT NULL DEFAULT '';
ALTER TABLE followed ADD COLUMN experiments TEXT;
ALTER TABLE requests ADD COLUMN drawn TEXT;
CREATE TABLE interleaved (
    request_id {key} NOT NULL, experiment {key} NOT NULL, user_id {key} NOT NULL, at BIGINT NOT NULL,
    named TEXT NOT NULL, PRIMARY KEY (request_id, experiment)
);
CREATE INDEX interleaved_experiment ON interleaved (experiment);
CREATE INDEX interleaved_user ON interleaved (user_id)
"""
_KEYS = {"sqlite": "TEXT", "postgresql": 'TEXT COLLATE "C"'}


def upgrade() -> None:
    """Add the columns and the table."""
    for statement in _STATEMENTS.format(key=_KEYS[op.get_bind().dialect.name]).strip().split(";\n"):
        op.execute(statement)
