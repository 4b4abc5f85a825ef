"""Last-modified times of events, products, rules, experiments and shadows, for caches."""

from __future__ import annotations

import time

from sqlalchemy import Connection, case, select

from src.store.database import Database
from src.store.tables import changes

EVENTS, PRODUCTS, RULES, EXPERIMENTS, SHADOWS = "events", "products", "rules", "experiments", "shadows"
_ERASURES = "erasures"
UNDONE = -1
"""The number of erasures that a store has gone through, while that is not known."""


def note_change(database: Database, connection: Connection, subject: str) -> None:
    """Set the last-modified time to now.

    Args:
        connection: A connection inside the transaction that makes the change: readers see both or neither.
        subject: EVENTS, PRODUCTS, RULES, EXPERIMENTS or SHADOWS.
    """
    now = time.time_ns() // 1_000
    incoming = database.insert(changes).values(what=subject, at=now)
    later = case((changes.c.at >= now, changes.c.at + 1), else_=now)  # the clock may be set back
    connection.execute(incoming.on_conflict_do_update(index_elements=["what"], set_={"at": later}))


def changed_at(database: Database, subject: str) -> int | None:
    """Return the last-modified time of EVENTS, PRODUCTS, RULES, EXPERIMENTS or SHADOWS.

    Returns:
        Microseconds since 1970, never the same for two changes; None before the first one.
    """
    with database.read() as connection:
        found = connection.execute(select(changes.c.at).where(changes.c.what == subject)).scalar()
    return None if found is None else int(found)


def erasures_done(database: Database) -> int:
    """Return how many of the listed erasures the store has gone through; a restored backup has its own number.

    Returns:
        The number; UNDONE where somebody has to go through them, or does.
    """
    return changed_at(database, _ERASURES) or 0


def note_erasures(database: Database, count: int) -> None:
    """Set how many of the listed erasures the store has gone through; UNDONE if somebody has to go through all."""
    with database.write() as connection:
        incoming = database.insert(changes).values(what=_ERASURES, at=count)
        connection.execute(incoming.on_conflict_do_update(index_elements=["what"], set_={"at": count}))
