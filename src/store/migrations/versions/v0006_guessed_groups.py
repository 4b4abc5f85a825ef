"""Add the group of a product that its title tells, and find the products of a group quickly."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column and the indexes."""
    op.execute("ALTER TABLE products ADD COLUMN guessed_group TEXT")
    for name, column in (("products_group", "group_id"), ("products_guessed_group", "guessed_group")):
        op.execute(f"CREATE INDEX {name} ON products ({column}) WHERE {column} IS NOT NULL")
