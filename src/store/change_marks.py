"""When something of the store was last changed: what whoever keeps a copy asks before reading it all again."""

from __future__ import annotations

import time

from sqlalchemy import Connection, case, select

from src.store.database import Database
from src.store.tables import changes

EVENTS, PRODUCTS = "events", "products"


def note_change(database: Database, connection: Connection, what: str) -> None:
    """Must run inside the transaction that changes EVENTS or PRODUCTS, so that nobody sees one without the other."""
    now = time.time_ns() // 1_000
    incoming = database.insert(changes).values(what=what, at=now)
    later = case((changes.c.at >= now, changes.c.at + 1), else_=now)  # a clock may be put back
    connection.execute(incoming.on_conflict_do_update(index_elements=["what"], set_={"at": later}))


def changed_at(database: Database, what: str) -> int | None:
    """Microseconds since 1970, never the same twice; None where nothing was noted yet."""
    with database.read() as connection:
        found = connection.execute(select(changes.c.at).where(changes.c.what == what)).scalar()
    return None if found is None else int(found)
