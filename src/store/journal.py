"""What the program did: trainings, and files that were loaded."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from sqlalchemy import Connection, Executable, select, update

from src.domain import Load, Run, RunStatus
from src.store.database import Database
from src.store.tables import loads, runs

_LOAD_COLUMNS = ("load_id", "file", "layout", "loaded_at")


class SqlJournal:
    """See the Journal protocol for what every method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_run(self, run: Run) -> bool:
        row = asdict(replace(run, status=RunStatus(run.status)))
        with self._database.write() as connection:
            if connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(**row)).rowcount:
                return True
            # The only conflict left is another run with the same due moment.
            statement = self._database.insert(runs).values(**row).on_conflict_do_nothing()
            return _inserts(connection, statement)

    def runs(self, n: int) -> list[Run]:
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(n)
        with self._database.read() as connection:
            found = [Run(**row._mapping) for row in connection.execute(query)]
        return [replace(run, status=RunStatus(run.status)) for run in found]

    def save_load(self, load: Load) -> None:
        details = asdict(load)
        row = {name: details.pop(name) for name in _LOAD_COLUMNS} | {"details": json.dumps(details)}
        statement = self._database.insert(loads).values(**row)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["load_id"], set_=row))

    def loads(self, n: int) -> list[Load]:
        query = select(loads).order_by(loads.c.loaded_at.desc(), loads.c.load_id.desc()).limit(n)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Load(row.load_id, row.file, row.layout, row.loaded_at, **json.loads(row.details)) for row in rows]


def _inserts(connection: Connection, statement: Executable) -> bool:
    """Run INSERT … ON CONFLICT DO NOTHING of one row; whether the row was added."""
    # Only when asked does SQLAlchemy keep the count of an INSERT on PostgreSQL.
    done = connection.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1
