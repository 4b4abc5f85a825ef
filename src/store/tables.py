"""The tables, the same on SQLite and PostgreSQL. Times are UTC seconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

# SQLite numbers rows by itself only in a column that is exactly INTEGER.
_RowNumber = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    metadata,
    Column("id", _RowNumber, primary_key=True, autoincrement=True),
    Column("user_id", Text, nullable=False),
    Column("product_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("at", BigInteger),
    # "" for ratings, so that there is one per user and product; tells repeat purchases, views … apart.
    Column("mark", Text, nullable=False, server_default=""),
    UniqueConstraint("user_id", "product_id", "kind", "mark", name="events_same"),
)

event_ids = Table(
    "event_ids",
    metadata,
    # Kept apart from events: a rating that was replaced must still know its sender's id when it is sent again.
    Column("event_id", Text, primary_key=True),
    Column("product_id", Text, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("product_id", Text, primary_key=True),
    Column("title", Text),
    Column("description", Text),
    Column("category", Text),
    Column("price", Float),
    Column("image_url", Text),
    Column("stock", Integer),
    Column("made_up", Boolean, nullable=False, server_default="0"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("trigger", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    # Unique: whoever writes a due moment first does that night's run, whatever the number of workers and hosts.
    Column("due", BigInteger, unique=True),
    Column("finished_at", BigInteger),
    Column("release", Text),
    Column("message", Text, nullable=False, server_default=""),
    Index("runs_started", "started_at"),
)
