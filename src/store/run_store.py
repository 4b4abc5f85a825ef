"""Records of trainings, loads of files, and scores of releases."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

from sqlalchemy import Connection, Executable, Row, Select, func, select, update

from src.core.messages import from_record, to_record
from src.core.records import Load, Run, RunCount, RunPhase, RunStatus, Score
from src.store.database import Database
from src.store.tables import loads, runs, scores

_LOAD_COLUMNS = ("load_id", "file", "layout", "loaded_at")
_SAID = ("message", "progress")
"""Columns of a run that hold sentences."""


class RunStore:
    """Records of trainings (runs), loads of files, and scores of releases on events they had not seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, run: Run) -> bool:
        """Add a run, or update the one with its run_id.

        Returns:
            False, with nothing saved, if another run has its due time.
        """
        with self._database.write() as connection:
            return self._save(connection, run)

    def _save(self, connection: Connection, run: Run) -> bool:
        row = _row(run)
        if connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(**row)).rowcount:
            return True
        # The only conflict left is another run with the same due time.
        statement = self._database.insert(runs).values(**row).on_conflict_do_nothing()
        return _inserts(connection, statement)

    def note_progress(self, run_id: str, progress: str) -> None:
        """Update the progress of a run, if it is still running.

        Args:
            run_id: The run; an unknown one is ignored.
            progress: Its current step, as text.
        """
        running = (runs.c.run_id == run_id) & (runs.c.status == RunStatus.RUNNING)
        with self._database.write() as connection:
            connection.execute(update(runs).where(running).values(progress=to_record(progress)))

    def queue(self, run: Run) -> Run | None:
        """Add or update a run unless one is queued or running; of concurrent calls one adds its run.

        Returns:
            None if the run was saved, else the one that is queued or running.
        """
        under_way = select(runs).where(runs.c.status.in_((RunStatus.QUEUED, RunStatus.RUNNING))).limit(1)
        with self._database.write() as connection:  # there is one writer at a time
            if (other := connection.execute(under_way).first()) is not None:
                return _run(other)
            self._save(connection, run)
        return None

    def get(self, run_id: str) -> Run | None:
        """Return the run with this id; None if there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.run_id == run_id)).first()
        return None if row is None else _run(row)

    def of_release(self, release: str) -> Run | None:
        """Return the run that published a release; None if none is known."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.release == release)).first()
        return None if row is None else _run(row)

    def newest(self, n: int) -> list[Run]:
        """Return at most n runs, newest first."""
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(n)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query)]

    def unfinished(self) -> list[Run]:
        """Return the runs that are queued or running, oldest first."""
        query = select(runs).where(runs.c.status.in_((RunStatus.QUEUED, RunStatus.RUNNING)))
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query.order_by(runs.c.started_at))]

    def get_due(self, due: int) -> Run | None:
        """Return the run with this due time (UTC seconds); None if there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.due == due)).first()
        return None if row is None else _run(row)

    def count_by_status(self) -> list[RunCount]:
        """Count the runs of each status, by its name; statuses without a run are left out."""
        counted = select(runs.c.status, func.count().label("n"), func.max(runs.c.finished_at).label("last"))
        with self._database.read() as connection:
            rows = connection.execute(counted.group_by(runs.c.status).order_by(runs.c.status)).all()
        return [RunCount(RunStatus(row.status), row.n, row.last) for row in rows]

    def save_score(self, score: Score) -> None:
        """Add a score, or replace the one of the same time and release."""
        details = asdict(replace(score, message=to_record(score.message)))
        row = {name: details.pop(name) for name in ("at", "release")} | {"details": json.dumps(details)}
        statement = self._database.insert(scores).values(**row)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["at", "release"], set_=row))

    def scores(self, n: int) -> list[Score]:
        """Return at most n scores, newest first."""
        query = select(scores).order_by(scores.c.at.desc(), scores.c.release.desc()).limit(n)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_score(row) for row in rows]

    def save_load(self, load: Load) -> None:
        """Add a load, or update the one with its load_id."""
        details = asdict(load)
        if not load.since:  # earlier versions of Aisle read records of the fields that they know
            del details["since"]
        row = {name: details.pop(name) for name in _LOAD_COLUMNS} | {"details": json.dumps(details)}
        statement = self._database.insert(loads).values(**row)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["load_id"], set_=row))

    def loads(self, n: int) -> list[Load]:
        """Return at most n loads, newest first."""
        return self._loads(select(loads).limit(n))

    def loads_of(self, file: str, n: int) -> list[Load]:
        """Return loads of one file or source, newest first.

        Args:
            file: Its name in records.
            n: The most loads.
        """
        return self._loads(select(loads).where(loads.c.file == file).limit(n))

    def loads_of_content(self, content: str) -> list[Load]:
        """Return the loads that read a file of this hash, newest first."""
        return self._loads(select(loads).where(loads.c.details.contains(f'"{content}"')))

    def has_catalogue(self) -> bool:
        """Return whether a load of products without events is recorded."""
        return any(load.n_products and not load.n_events for load in self._loads(select(loads)))

    def _loads(self, query: Select[Any]) -> list[Load]:
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(loads.c.loaded_at.desc(), loads.c.load_id.desc())).all()
        return [Load(row.load_id, row.file, row.layout, row.loaded_at, **_known_fields(row.details)) for row in rows]


def _known_fields(details: str) -> dict[str, Any]:
    """Return what the JSON of a load says, without fields of later versions of Aisle."""
    known = {field.name for field in fields(Load)}
    return {name: value for name, value in json.loads(details).items() if name in known}


def _row(run: Run) -> dict[str, Any]:
    verdict = None if run.verdict is None else json.dumps(run.verdict)
    phases = json.dumps([asdict(phase) for phase in run.phases]) if run.phases else None
    row = asdict(replace(run, status=RunStatus(run.status), verdict=None, phases=()))
    said = {name: to_record(getattr(run, name)) for name in _SAID}
    return row | said | {"verdict": verdict, "phases": phases}


def _run(row: Row[Any]) -> Run:
    found = dict(row._mapping)
    verdict, phases = found.pop("verdict"), found.pop("phases")
    said = {name: from_record(found[name]) for name in _SAID}
    return Run(
        **found | said | {"status": RunStatus(found["status"])},
        verdict=None if verdict is None else json.loads(verdict),
        phases=tuple(RunPhase(**phase) for phase in json.loads(phases or "[]")),
    )


def _score(row: Row[Any]) -> Score:
    details = json.loads(row.details)
    said = from_record(details.pop("message", ""))
    return Score(row.at, row.release, **details, message=said)


def _inserts(connection: Connection, statement: Executable) -> bool:
    """Execute an INSERT … ON CONFLICT DO NOTHING of one row; return whether the row was added."""
    # Without the option SQLAlchemy discards the row count of an INSERT on PostgreSQL.
    done = connection.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1
