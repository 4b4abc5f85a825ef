"""Add the group of a product, and whether its catalogue keeps it back."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, and rebuild the index that holds all that counting categories reads."""
    is_true = " = 1" if op.get_bind().dialect.name == "sqlite" else ""
    op.execute("ALTER TABLE products ADD COLUMN group_id TEXT")
    op.execute("ALTER TABLE products ADD COLUMN unlisted BOOLEAN")
    op.execute(f"CREATE INDEX products_unlisted ON products (product_id) WHERE unlisted{is_true}")
    op.execute("DROP INDEX products_category")
    op.execute("CREATE INDEX products_category ON products (category, withdrawn, unlisted) WHERE category IS NOT NULL")
