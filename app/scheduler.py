"""The night: one leader among all workers sees to it that a training runs once per due moment."""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from app.optimize import THREAD_VARIABLES
from src.config import Settings
from src.domain import JsonDict, Run, RunStatus
from src.errors import AisleError
from src.store import Store, has_events
from src.workflows.locks import FileLock, trainer_lock
from src.workflows.runs import close_abandoned

ROOT = Path(__file__).resolve().parent.parent
_ELECTION_SECONDS = 1.0
_STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


def due_before(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """The last moment, not after `now`, at which clocks in the zone showed `at`; in UTC.

    A time of day that a clock change skips is due when the clock is put forward; one that comes twice, the first time.
    """
    return max(moment for moment in _around(now, at, zone) if moment <= now)


def due_after(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """The first such moment after `now`."""
    return min(moment for moment in _around(now, at, zone) if moment > now)


def _around(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> list[dt.datetime]:
    today = now.astimezone(zone).date()
    days = (today + dt.timedelta(days=offset) for offset in range(-3, 4))
    return [dt.datetime.combine(day, at, zone).astimezone(dt.UTC) for day in days]


class Trainer(Protocol):
    """A training in a process of its own."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        ...


def start_trainer(settings: Settings, due: int) -> Trainer:
    """Train outside of the web workers: Surprise holds the GIL for the whole fit, and workers have a timeout."""
    log = settings.var / "training.log"
    environment = dict(os.environ)
    for variable in THREAD_VARIABLES:  # set to 1 here for serving; a training alone may use the machine
        environment[variable] = str(os.cpu_count() or 1)
    command = [sys.executable, str(ROOT / "train_model.py"), "--trigger", "night", "--due", str(due)]
    with open(log, "wb") as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


class Scheduler:
    """One per worker; they elect a leader by a lock that the kernel frees when its holder dies.

    now: seconds since 1970, handed in by tests. start: starts the training of a due moment.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        now: Callable[[], float] = time.time,
        start: Callable[[Settings, int], Trainer] = start_trainer,
    ) -> None:
        self._settings, self._store, self._now, self._start = settings, store, now, start
        self._lock = FileLock(settings.var / "leader.lock")
        self._trainer_lock = trainer_lock(settings)
        self._jobs: BackgroundScheduler | None = None
        self._trainer: tuple[int, Trainer] | None = None
        self._checking = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Stand for election in a thread of this process, until `stop`. Does nothing with AISLE_SCHEDULER=off."""
        if self._settings.scheduler == "off" or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._stand, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up the lead. A training that runs goes on; it is a process of its own."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        if self._jobs is not None:
            self._jobs.shutdown(wait=False)
        self._lock.release()

    def _stand(self) -> None:
        while not self._stop.is_set():
            try:
                if self._jobs is None and self._lock.acquire(f"{socket.gethostname()}:{os.getpid()}"):
                    _log.info("leading the nightly training")
                    self._jobs = self._lead()
            except OSError as error:
                _log.error("cannot stand for election: %s", error)
            self._stop.wait(_ELECTION_SECONDS)

    def _lead(self) -> BackgroundScheduler:
        """Midnight by cron, and a regular look: CronTrigger skips a midnight after some clock changes, a leader can
        die a second before it, and a machine can sleep through it."""
        zone, at = self._settings.zone, self._settings.retrain_time
        jobs = BackgroundScheduler(timezone=zone, job_defaults={"coalesce": True, "misfire_grace_time": None})
        jobs.add_job(self.check, CronTrigger(hour=at.hour, minute=at.minute, timezone=zone))
        first = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
        jobs.add_job(self.check, IntervalTrigger(seconds=self._settings.check_seconds), next_run_time=first)
        jobs.start()
        return jobs

    def check(self) -> bool:
        """Start the training if one is due and none runs; whether one was started. Errors are logged, not raised."""
        with self._checking:
            try:
                return self._check()
            except AisleError as error:
                _log.error("the nightly check failed: %s", error)
            except OSError as error:
                _log.error("the nightly training could not be started: %s", error)
            return False

    def _check(self) -> bool:
        if self._trainer is not None:
            due, trainer = self._trainer
            code = trainer.poll()
            if code is None:
                return False
            self._trainer = None
            self._record_silent_death(due, code)
        if self._trainer_lock.owner() is not None:
            return False
        close_abandoned(self._store, self._trainer_lock)
        moment = self._due()
        if moment is None:
            return False
        _log.info("starting the nightly training")
        self._trainer = (moment, self._start(self._settings, moment))
        return True

    def _due(self) -> int | None:
        """The moment a training is due for, in UTC seconds; None if the last run came after it, or nothing is there."""
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        moment = int(due_before(now, self._settings.retrain_time, self._settings.zone).timestamp())
        runs = self._store.journal.runs(1)
        if runs:
            return moment if runs[0].started_at < moment else None
        return moment if has_events(self._store) else None

    def _record_silent_death(self, due: int, code: int) -> None:
        """A trainer that ended before it could record its run had its turn all the same: once per due moment."""
        if (
            code == 0
            or self._trainer_lock.owner() is not None
            or any(run.due == due for run in self._store.journal.runs(20))
        ):
            return
        now = int(self._now())
        message = f"the trainer ended with exit code {code} before it began; see {self._settings.var / 'training.log'}"
        run = Run(secrets.token_hex(6), "night", now, RunStatus.FAILED, due, finished_at=now, message=message)
        self._store.journal.save_run(run)

    def status(self) -> JsonDict:
        """leader: host and process, None without one; next_run: ISO 8601; last_run: as stored."""
        if self._settings.scheduler == "off":
            next_run = None
        else:
            now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
            next_run = due_after(now, self._settings.retrain_time, self._settings.zone).isoformat()
        runs = self._store.journal.runs(1)
        return {"leader": self._lock.owner(), "next_run": next_run, "last_run": asdict(runs[0]) if runs else None}
