"""What the program did: trainings, files that were loaded, and how good a release proved to be."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Executable, Row, func, select, update

from src.core.records import Load, Run, RunCount, RunStatus, Score
from src.store.database import Database
from src.store.tables import loads, runs, scores

_LOAD_COLUMNS = ("load_id", "file", "layout", "loaded_at")


class SqlJournal:
    """See the Journal protocol for what every method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_run(self, run: Run) -> bool:
        row = _row(run)
        with self._database.write() as connection:
            if connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(**row)).rowcount:
                return True
            # The only conflict left is another run with the same due moment.
            statement = self._database.insert(runs).values(**row).on_conflict_do_nothing()
            return _inserts(connection, statement)

    def note_progress(self, run_id: str, progress: str) -> None:
        running = (runs.c.run_id == run_id) & (runs.c.status == RunStatus.RUNNING)
        with self._database.write() as connection:
            connection.execute(update(runs).where(running).values(progress=progress))

    def queue_run(self, run: Run) -> Run | None:
        under_way = select(runs).where(runs.c.status.in_((RunStatus.QUEUED, RunStatus.RUNNING))).limit(1)
        with self._database.write() as connection:  # those who write take turns
            if (other := connection.execute(under_way).first()) is not None:
                return _run(other)
            connection.execute(self._database.insert(runs).values(**_row(run)))
        return None

    def run(self, run_id: str) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id)).first()
        return None if row is None else _run(row)

    def runs(self, n: int) -> list[Run]:
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(n)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query)]

    def unfinished(self) -> list[Run]:
        query = select(runs).where(runs.c.status.in_((RunStatus.QUEUED, RunStatus.RUNNING)))
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query.order_by(runs.c.started_at))]

    def run_of(self, due: int) -> Run | None:
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.due == due)).first()
        return None if row is None else _run(row)

    def outcomes(self) -> list[RunCount]:
        counted = select(runs.c.status, func.count().label("n"), func.max(runs.c.finished_at).label("last"))
        with self._database.read() as connection:
            rows = connection.execute(counted.group_by(runs.c.status).order_by(runs.c.status)).all()
        return [RunCount(RunStatus(row.status), row.n, row.last) for row in rows]

    def save_score(self, score: Score) -> None:
        details = asdict(score)
        row = {name: details.pop(name) for name in ("at", "release")} | {"details": json.dumps(details)}
        statement = self._database.insert(scores).values(**row)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["at", "release"], set_=row))

    def scores(self, n: int) -> list[Score]:
        query = select(scores).order_by(scores.c.at.desc(), scores.c.release.desc()).limit(n)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [Score(row.at, row.release, **json.loads(row.details)) for row in rows]

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


def _row(run: Run) -> dict[str, Any]:
    verdict = None if run.verdict is None else json.dumps(run.verdict)
    return asdict(replace(run, status=RunStatus(run.status), verdict=None)) | {"verdict": verdict}


def _run(row: Row[Any]) -> Run:
    found = dict(row._mapping)
    verdict = found.pop("verdict")
    status = RunStatus(found.pop("status"))
    return Run(**found, status=status, verdict=None if verdict is None else json.loads(verdict))


def _inserts(connection: Connection, statement: Executable) -> bool:
    """Run INSERT … ON CONFLICT DO NOTHING of one row; whether the row was added."""
    # Only when asked does SQLAlchemy keep the count of an INSERT on PostgreSQL.
    done = connection.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1
