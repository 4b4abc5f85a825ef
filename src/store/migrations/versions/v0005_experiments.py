"""Add experiments, who was shown what in them, and what their lists cost."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_TABLES = """
CREATE TABLE experiments (
    name {key} PRIMARY KEY, body TEXT NOT NULL, slot {float} NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT,
    who TEXT NOT NULL
);
CREATE TABLE exposures (
    experiment {key}, user_id {key}, arm {key}, at BIGINT NOT NULL, PRIMARY KEY (experiment, user_id)
){without_rowid};
CREATE TABLE arm_lists (
    experiment {key}, arm {key}, lists BIGINT NOT NULL, empty_lists BIGINT NOT NULL, slow_lists BIGINT NOT NULL,
    seconds {float} NOT NULL, PRIMARY KEY (experiment, arm)
)
"""
_WORDS = {
    "sqlite": {"key": "TEXT NOT NULL", "float": "FLOAT", "without_rowid": " WITHOUT ROWID"},
    "postgresql": {"key": 'TEXT COLLATE "C" NOT NULL', "float": "FLOAT", "without_rowid": ""},
}


def upgrade() -> None:
    """Add the tables."""
    for statement in _TABLES.format(**_WORDS[op.get_bind().dialect.name]).strip().split(";\n"):
        op.execute(statement)
