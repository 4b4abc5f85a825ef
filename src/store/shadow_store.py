"""Shadows, running and past, and how their lists differ from those that were served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from src.core.shadows import Shadow, ShadowTally
from src.store.change_marks import SHADOWS, changed_at, note_change
from src.store.database import Database
from src.store.tables import shadow_lists, shadows


class ShadowSlice(NamedTuple):
    """What is counted apart: the shadow, the release that served, and the slice of the lists."""

    release: str
    served_by: str
    slice: str


class ShadowStore:
    """At most one shadow runs at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, shadow: Shadow) -> None:
        """Begin a shadow, or change the share of one that runs; another one ends."""
        with self._database.write() as connection:
            connection.execute(update(shadows).where(shadows.c.ended_at.is_(None)).values(ended_at=shadow.started_at))
            connection.execute(delete(shadows).where(shadows.c.release == shadow.release))
            connection.execute(insert(shadows).values(asdict(shadow)))
            note_change(self._database, connection, SHADOWS)

    def end(self, now: int) -> None:
        """End the shadow that runs, if one does; now: UTC seconds."""
        with self._database.write() as connection:
            connection.execute(update(shadows).where(shadows.c.ended_at.is_(None)).values(ended_at=now))
            note_change(self._database, connection, SHADOWS)

    def newest(self) -> Shadow | None:
        """Return the shadow that began last, running or ended; None if there was none."""
        query = select(shadows).order_by(shadows.c.ended_at.is_not(None), shadows.c.started_at.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Shadow(*(getattr(row, name) for name in Shadow.__slots__))

    def changed_at(self) -> int | None:
        """Return when a shadow last changed, in microseconds since 1970; None for never. Quick."""
        return changed_at(self._database, SHADOWS)

    def add(self, tallies: Mapping[ShadowSlice, ShadowTally]) -> None:
        """Add to the sums."""
        rows = [dict(**key._asdict(), **tally._asdict()) for key, tally in sorted(tallies.items())]
        incoming = self._database.insert(shadow_lists)
        sums = {name: shadow_lists.c[name] + incoming.excluded[name] for name in ShadowTally._fields}
        with self._database.write() as connection:
            connection.execute(
                incoming.on_conflict_do_update(index_elements=list(ShadowSlice._fields), set_=sums), rows
            )

    def tallies(self, release: str) -> dict[ShadowSlice, ShadowTally]:
        """Return the sums of a release that was a shadow."""
        query = select(shadow_lists).where(shadow_lists.c.release == release)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {
            ShadowSlice(row.release, row.served_by, row.slice): ShadowTally(
                *(getattr(row, name) for name in ShadowTally._fields)
            )
            for row in rows
        }

    def clear(self, connection: Connection) -> None:
        """Delete everything, within the transaction of `connection`."""
        for table in (shadows, shadow_lists):
            connection.execute(delete(table))
