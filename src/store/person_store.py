"""All that the store knows of one person: shown, and erased."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, or_, select, update

from src.store.batches import PARAMETERS, batches
from src.store.change_marks import EVENTS, note_change
from src.store.database import Database
from src.store.reading import user_pages
from src.store.tables import (
    ID_MARK,
    SENT_MARKS,
    event_ids,
    events,
    exposures,
    followed,
    interleaved,
    requests,
    searches,
)


class Erased(NamedTuple):
    """Rows that were deleted: events, lists in experiments, and lists as they were asked for."""

    events: int
    exposures: int
    requests: int


class PersonStore:
    """The rows that name a person, and what the person searched for. Served lists name nobody."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, user_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows that name a person, by table, as plain JSON."""
        tables = {"events": events, "experiments": exposures, "interleaved": interleaved, "requests": requests}
        found = {}
        with self._database.read() as connection:
            for name, table in tables.items():
                rows = connection.execute(select(table).where(table.c.user_id == user_id)).all()
                found[name] = [dict(zip(table.c.keys(), row, strict=True)) for row in rows]
        for row in (row for rows in found.values() for row in rows):
            del row["user_id"]
        return found

    def erase(self, user_id: str, until: int) -> Erased:
        """Delete what a person did until a time, and the bytes of it in SQLite's file.

        Args:
            user_id: The person.
            until: UTC seconds; events without a time are deleted, too.

        Returns:
            What was deleted.
        """
        mine = (events.c.user_id == user_id) & or_(events.c.at.is_(None), events.c.at <= until)
        with self._database.write() as connection:
            told = or_(*(events.c.dedupe_key.like(f"{mark}%") for mark in SENT_MARKS))
            keys = connection.execute(select(events.c.dedupe_key).where(mine, told)).scalars().all()
            for part in batches(keys, PARAMETERS):
                received = [key.removeprefix(ID_MARK) for key in part if key.startswith(ID_MARK)]
                connection.execute(delete(event_ids).where(event_ids.c.event_id.in_(received)))
                connection.execute(delete(searches).where(searches.c.dedupe_key.in_(part)))
                # What followed a list stays, without the number of the order, which may name somebody.
                connection.execute(update(followed).where(followed.c.dedupe_key.in_(part)).values(dedupe_key=""))
            n_events = connection.execute(delete(events).where(mine)).rowcount
            shown = (exposures.c.user_id == user_id) & (exposures.c.at <= until)
            n_exposures = connection.execute(delete(exposures).where(shown)).rowcount
            drafted = (interleaved.c.user_id == user_id) & (interleaved.c.at <= until)
            n_exposures += connection.execute(delete(interleaved).where(drafted)).rowcount
            asked = (requests.c.user_id == user_id) & (requests.c.at <= until)
            n_requests = connection.execute(delete(requests).where(asked)).rowcount
            if n_events:
                note_change(self._database, connection, EVENTS)
        if self._database.is_sqlite:
            with self._database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # older versions of pages are in the log
        return Erased(n_events, n_exposures, n_requests)

    def erase_all(self, times: Mapping[str, int]) -> None:
        """Erase several people, see `erase`; id → until when."""
        for user_id, until in times.items():
            self.erase(user_id, until)

    def forget_before(self, before: int) -> int:
        """Delete old events, in short transactions.

        Args:
            before: UTC seconds; older events are deleted, those without a time stay.

        Returns:
            How many were deleted.
        """
        deleted = 0
        for page in user_pages(self._database):
            old = events.c.user_id.between(page[0], page[-1]) & (events.c.at < before)
            with self._database.write() as connection:
                found = connection.execute(delete(events).where(old)).rowcount
                if found:
                    note_change(self._database, connection, EVENTS)
            deleted += found
        return deleted

    def ids(self) -> Iterator[str]:
        """Yield the ids of all people with rows; some more than once."""
        for page in user_pages(self._database):
            yield from page
        asked = select(requests.c.user_id).where(requests.c.user_id.is_not(None))
        with self._database.read() as connection:
            shown = select(exposures.c.user_id).union(select(interleaved.c.user_id), asked)
            yield from connection.execute(shown).scalars().all()
