"""Canaries, running, waiting and past."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from src.core.canaries import Canary, CanaryState
from src.store.database import Database
from src.store.tables import canaries


class CanaryStore:
    """At most one canary runs, and at most one waits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def propose(self, canary: Canary) -> None:
        """Let a release wait; one that waits already is overtaken by it."""
        waiting = canaries.c.state == CanaryState.WAITING.value
        overtaken = {"state": CanaryState.OVERTAKEN.value, "ended_at": canary.proposed_at, "reason": canary.release}
        with self._database.write() as connection:
            connection.execute(update(canaries).where(waiting).values(overtaken))
            connection.execute(insert(canaries).values(_values(canary)))

    def replace(self, before: Canary, after: Canary) -> bool:
        """Change a canary, unless another process has changed it meanwhile.

        Args:
            before: What it was when it was read.
            after: What it is to be.

        Returns:
            Whether it was changed.
        """
        same = (canaries.c.release == before.release) & (canaries.c.state == before.state.value)
        same &= canaries.c.step == before.step
        with self._database.write() as connection:
            return connection.execute(update(canaries).where(same).values(_values(after))).rowcount == 1

    def open(self) -> Canary | None:
        """Return the canary that runs, else the one that waits, else None."""
        unended = canaries.c.ended_at.is_(None)
        query = select(canaries).where(unended).order_by(canaries.c.state != CanaryState.RUNNING.value).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _canary(row)

    def newest(self, n: int) -> list[Canary]:
        """Return at most n canaries, newest first."""
        query = select(canaries).order_by(canaries.c.proposed_at.desc(), canaries.c.release.desc()).limit(n)
        with self._database.read() as connection:
            return [_canary(row) for row in connection.execute(query)]

    def of_run(self, run_id: str) -> Canary | None:
        """Return the canary of the release that a run made; None without one."""
        with self._database.read() as connection:
            row = connection.execute(select(canaries).where(canaries.c.run_id == run_id)).first()
        return None if row is None else _canary(row)

    def of_release(self, release: str) -> Canary | None:
        """Return the canary of a release; None without one."""
        with self._database.read() as connection:
            row = connection.execute(select(canaries).where(canaries.c.release == release)).first()
        return None if row is None else _canary(row)

    def clear(self, connection: Connection) -> None:
        """Delete everything, within the transaction of `connection`."""
        connection.execute(delete(canaries))


def _values(canary: Canary) -> dict[str, Any]:
    return asdict(canary) | {"state": canary.state.value}


def _canary(row: Row[Any]) -> Canary:
    return Canary(**dict(row._mapping) | {"state": CanaryState(row.state)})
