"""Add the phases of a run: what a training did, with its time and memory."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE runs ADD COLUMN phases TEXT")
