"""The tables, the same on SQLite and PostgreSQL. Times are UTC seconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, text

metadata = MetaData()

# By bytes on both databases: pages follow the key, and a comparison by a language's rules takes ten times as long.
_Key = Text().with_variant(Text(collation="C"), "postgresql")


def _partial(name: str, *columns: str, where: str, sqlite_where: str = "") -> Index:
    """An index of the rows that meet a condition; SQLite takes it only where a query has the condition's own words."""
    return Index(name, *columns, sqlite_where=text(sqlite_where or where), postgresql_where=text(where))


# One tree, ordered by its key and without a second one: a batch sorted by the key touches every page once.
events = Table(
    "events",
    metadata,
    Column("user_id", _Key, primary_key=True),
    Column("product_id", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    # "" for ratings, so that there is one per user and product; tells repeat purchases, views … apart.
    Column("mark", _Key, primary_key=True, server_default=""),
    Column("value", Float, nullable=False),
    Column("at", BigInteger),
    # See EventBatch.number: a replaced rating keeps its place in the order of arrival.
    Column("number", BigInteger, nullable=False),
    # Of a purchase: how much of its value returns take back.
    Column("taken_back", Float, nullable=False, server_default="0"),
    # Almost every store has few returns or none, and every batch asks for them.
    _partial("events_returns", "user_id", "product_id", where="kind = 'return'"),
    sqlite_with_rowid=False,
)

event_ids = Table(
    "event_ids",
    metadata,
    # Kept apart from events: a rating that was replaced must still know its sender's id when it is sent again.
    Column("event_id", Text, primary_key=True),
    Column("product_id", Text, nullable=False),
)

# Without users: what was searched for is nobody's history, and needs no name to learn from.
searches = Table(
    "searches",
    metadata,
    Column("query", _Key, primary_key=True),
    Column("product_id", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    Column("mark", _Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("searches_at", "at"),
)

# One row a list, its products as JSON: a tenth of the rows, and of the writing. Without users, like searches.
served = Table(
    "served",
    metadata,
    Column("request_id", _Key, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("release", Text, nullable=False),
    Column("made_for", Text, nullable=False),
    Column("asked", Text),
    Column("products", Text, nullable=False),
    Index("served_at", "at"),
)

# How often each place of a list was shown, by days since 1970: nobody wants to read every list to know that.
shown = Table(
    "shown",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("release", _Key, primary_key=True),
    Column("made_for", _Key, primary_key=True),
    Column("source", _Key, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)

# What was done to products of lists. The columns from `day` on are of the list; empty until it is here.
followed = Table(
    "followed",
    metadata,
    Column("request_id", _Key, primary_key=True),
    Column("product_id", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("mark", Text, nullable=False),
    Column("day", BigInteger),
    Column("release", Text),
    Column("made_for", Text),
    Column("source", Text),
    Column("position", BigInteger),
    Index("followed_at", "at"),
    Index("followed_day", "day"),
)

# A row for every product that anything is known of, if only an event.
products = Table(
    "products",
    metadata,
    Column("product_id", Text, primary_key=True),
    Column("title", Text),
    Column("description", Text),
    Column("category", Text),
    Column("brand", Text),
    Column("price", Float),
    Column("image_url", Text),
    Column("stock", Integer),
    Column("withdrawn", Boolean),
    Column("made_up", Boolean, nullable=False, server_default="0"),
    _partial("products_withdrawn", "product_id", where="withdrawn", sqlite_where="withdrawn = 1"),
    _partial("products_made_up", "product_id", where="made_up", sqlite_where="made_up = 1"),
    _partial("products_category", "category", "withdrawn", where="category IS NOT NULL"),
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
    Column("host", Text, nullable=False, server_default=""),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("model_type", Text, nullable=False, server_default="all"),
    Column("progress", Text, nullable=False, server_default=""),
    Column("verdict", Text),  # JSON: nobody searches by it
    Index("runs_started", "started_at"),
)

scores = Table(
    "scores",
    metadata,
    Column("at", BigInteger, primary_key=True),
    Column("release", Text, primary_key=True),
    Column("details", Text, nullable=False),  # every other field of Score, as JSON
)

# One row: when an event was last stored, replaced or removed, in microseconds since 1970. To count them takes long.
changes = Table(
    "changes",
    metadata,
    Column("what", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
)

loads = Table(
    "loads",
    metadata,
    Column("load_id", Text, primary_key=True),
    Column("file", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("loaded_at", BigInteger, nullable=False),
    Column("details", Text, nullable=False),  # every other field of Load, as JSON: nobody searches by them
    Index("loads_loaded", "loaded_at"),
)

# One row; Alembic writes it when it upgrades a store.
schema_version = Table("schema_version", metadata, Column("version_num", String(32), primary_key=True))
