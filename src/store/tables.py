"""The tables, the same on SQLite and PostgreSQL. Times are UTC seconds.

Where `key` is given, code uses that name and the database another: columns keep the names that users query.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, text

metadata = MetaData()

ID_MARK, _ONCE_MARK = "id:", "once:"
SENT_MARKS = (ID_MARK, _ONCE_MARK)
"""Begins of the dedupe keys of events that were sent: with an id of their sender, and without."""

# Ordered by bytes on both databases: pages follow the key, and the collation of a language takes ten times as long.
_Key = Text().with_variant(Text(collation="C"), "postgresql")


def _partial(name: str, *columns: str, where: str, sqlite_where: str = "") -> Index:
    """Return an index of the rows that meet a condition; SQLite uses it only for queries with the same condition."""
    return Index(name, *columns, sqlite_where=text(sqlite_where or where), postgresql_where=text(where))


# Without row ids the table is one tree in the order of its key: a batch sorted by the key touches every page once.
events = Table(
    "events",
    metadata,
    Column("user_id", _Key, primary_key=True),
    Column("product_id", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    # "" for ratings, so that there is one per user and product; tells repeated purchases, views … apart.
    Column("mark", _Key, key="dedupe_key", primary_key=True, server_default=""),
    Column("value", Float, nullable=False),
    Column("at", BigInteger),
    # See EventBatch.arrival_seq: a replaced rating keeps its place in the order of arrival.
    Column("number", BigInteger, key="arrival_seq", nullable=False),
    # The part of a purchase's value that returns take back.
    Column("taken_back", Float, key="returned_quantity", nullable=False, server_default="0"),
    # Almost every store has few returns or none, and every batch looks for them.
    _partial("events_returns", "user_id", "product_id", where="kind = 'return'"),
    sqlite_with_rowid=False,
)

event_ids = Table(
    "event_ids",
    metadata,
    # Not a column of events: the id of a rating must be recognized after a later rating has replaced it.
    Column("event_id", Text, primary_key=True),
    Column("product_id", Text, nullable=False),
)

# Without users: the search ranker learns from products and queries alone.
searches = Table(
    "searches",
    metadata,
    Column("query", _Key, primary_key=True),
    Column("product_id", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    Column("mark", _Key, key="dedupe_key", primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("searches_at", "at"),
)

# One row per list, its products as JSON: a tenth of the rows and of the writes. Without users, like searches.
served = Table(
    "served",
    metadata,
    Column("request_id", _Key, primary_key=True),
    Column("number", BigInteger, key="seq", primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("release", Text, nullable=False),
    Column("made_for", Text, nullable=False),
    Column("asked", Text, key="subject"),
    Column("products", Text, nullable=False),
    Column("placement", _Key, nullable=False, server_default=""),
    Column("experiments", Text, nullable=False, server_default=""),
    Index("served_at", "at"),
)

# How often each position of a list was shown, by days since 1970: the figures are read without reading every list.
shown = Table(
    "shown",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("release", _Key, primary_key=True),
    Column("made_for", _Key, primary_key=True),
    Column("source", _Key, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("placement", _Key, primary_key=True, server_default=""),
    Column("count", BigInteger, nullable=False),
)

# What users did with listed products. The columns from `day` on are those of the list, NULL until it is stored.
followed = Table(
    "followed",
    metadata,
    Column("request_id", _Key, primary_key=True),
    Column("product_id", _Key, primary_key=True),
    Column("kind", _Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("mark", Text, key="dedupe_key", nullable=False),
    Column("day", BigInteger),
    Column("release", Text),
    Column("made_for", Text),
    Column("source", Text),
    Column("position", BigInteger),
    Column("placement", Text),
    Column("experiments", Text),
    Index("followed_at", "at"),
    Index("followed_day", "day"),
)

# One row per product of the catalogue or of an event.
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
    Column("group_id", Text),
    Column("guessed_group", Text),
    Column("unlisted", Boolean),
    Column("made_up", Boolean, nullable=False, server_default="0"),
    _partial("products_withdrawn", "product_id", where="withdrawn", sqlite_where="withdrawn = 1"),
    _partial("products_unlisted", "product_id", where="unlisted", sqlite_where="unlisted = 1"),
    _partial("products_made_up", "product_id", where="made_up", sqlite_where="made_up = 1"),
    _partial("products_group", "group_id", where="group_id IS NOT NULL"),
    _partial("products_guessed_group", "guessed_group", where="guessed_group IS NOT NULL"),
    _partial("products_category", "category", "withdrawn", "unlisted", where="category IS NOT NULL"),
)
runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("trigger", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    # Unique: of all workers and hosts, the first to insert a due time does that scheduled run.
    Column("due", BigInteger, unique=True),
    Column("finished_at", BigInteger),
    Column("release", Text),
    Column("message", Text, nullable=False, server_default=""),
    Column("host", Text, nullable=False, server_default=""),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("model_type", Text, nullable=False, server_default="all"),
    Column("progress", Text, nullable=False, server_default=""),
    Column("verdict", Text),  # JSON
    Column("phases", Text),  # JSON
    Index("runs_started", "started_at"),
)

scores = Table(
    "scores",
    metadata,
    Column("at", BigInteger, primary_key=True),
    Column("release", Text, primary_key=True),
    Column("details", Text, nullable=False),  # every other field of Score, as JSON
)

# When events, and products, last changed, in microseconds since 1970.
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
    Column("details", Text, nullable=False),  # every other field of Load, as JSON
    Index("loads_loaded", "loaded_at"),
)

# What was found not to be as it should be, open and past.
findings = Table(
    "findings",
    metadata,
    Column("finding_id", _Key, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("opened_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("acknowledged_at", BigInteger),
    Column("acknowledged_by", Text, nullable=False, server_default=""),
    Column("resolved_at", BigInteger),
    Column("resolved_by", Text, nullable=False, server_default=""),
    Index("findings_opened", "opened_at"),
)

# The shop's rules, every version of them.
rule_versions = Table(
    "rule_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("rules", Text, nullable=False),  # JSON
)

# What was done with a key.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("status", Integer, nullable=False),
)

# Releases measured on the same events, when somebody asked for it.
comparisons = Table(
    "comparisons",
    metadata,
    Column("one", _Key, primary_key=True),
    Column("other", _Key, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("result", Text),  # JSON
    Column("problem", Text, nullable=False, server_default=""),
)

# Experiments, running and past.
experiments = Table(
    "experiments",
    metadata,
    Column("name", _Key, primary_key=True),
    Column("body", Text, nullable=False),  # JSON
    Column("slot", Float, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("who", Text, nullable=False),
)

# The first list of each user in an experiment: what the user does from then on counts.
exposures = Table(
    "exposures",
    metadata,
    Column("experiment", _Key, primary_key=True),
    Column("user_id", _Key, primary_key=True),
    Column("arm", _Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What the lists of an arm cost, and how many were empty.
arm_lists = Table(
    "arm_lists",
    metadata,
    Column("experiment", _Key, primary_key=True),
    Column("arm", _Key, primary_key=True),
    Column("lists", BigInteger, nullable=False),
    Column("empty_lists", BigInteger, nullable=False),
    Column("slow_lists", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
)

# Lists that the two arms of an experiment made together.
interleaved = Table(
    "interleaved",
    metadata,
    Column("request_id", _Key, primary_key=True),
    Column("experiment", _Key, primary_key=True),
    Column("user_id", _Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("named", Text, nullable=False),  # JSON
    Index("interleaved_experiment", "experiment"),
    Index("interleaved_user", "user_id"),
)

# Lists as they were asked for, with AISLE_LOG_REQUESTS=on: with users, so that they can be erased, unlike `served`.
requests = Table(
    "requests",
    metadata,
    Column("request_id", _Key, primary_key=True),
    Column("number", BigInteger, key="seq", primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("user_id", _Key),
    Column("release", Text, nullable=False),
    Column("placement", Text, nullable=False),
    Column("experiments", Text, nullable=False),
    Column("n_stored", BigInteger, nullable=False),
    Column("history", Text, nullable=False),  # a digest
    Column("recipe", Text, nullable=False),  # JSON
    Column("places", Text, nullable=False),  # JSON
    Column("drawn", Text),  # JSON; null for lists without a place that was drawn
    Index("requests_at", "at"),
    Index("requests_user", "user_id"),
)

# Releases that answered unseen; one without ended_at runs.
shadows = Table(
    "shadows",
    metadata,
    Column("release", _Key, primary_key=True),
    Column("share", Float, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("who", Text, nullable=False),
)

# Sums over the lists of a shadow: ShadowTally.
shadow_lists = Table(
    "shadow_lists",
    metadata,
    Column("release", _Key, primary_key=True),
    Column("served_by", _Key, primary_key=True),
    Column("slice", _Key, primary_key=True),
    Column("lists", BigInteger, nullable=False),
    Column("overlap", Float, nullable=False),
    Column("agreement", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("served_seconds", Float, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
)

# Releases on their way to all users; one without ended_at runs or waits.
canaries = Table(
    "canaries",
    metadata,
    Column("release", _Key, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("against", Text, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("step_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("reason", Text, nullable=False),
)

# One row; Alembic writes it when it upgrades a store.
schema_version = Table("schema_version", metadata, Column("version_num", String(32), primary_key=True))
