"""The night: one leader among all workers sees to it that a training runs once per due moment."""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from app.trainer import BY_HAND, Trainer, end_process, process_of, start_trainer
from src.config import Settings
from src.domain import JsonDict, Run, RunStatus
from src.errors import AisleError, StoreError
from src.registry import Registry
from src.store import Store, has_events
from src.workflows.locks import FileLock, leader_lock, trainer_lock
from src.workflows.runs import close_abandoned, may_be_tried_again

_ELECTION_SECONDS, _ELECTION_SECONDS_APART = 1.0, 5.0  # the latter where asking takes a connection
_STOP_SECONDS = 5.0
_END_SECONDS = 60.0
_LOOKED_THROUGH = 50
_CLOCKS_DIFFER_BY = 3_600
_SHOWN_RUNS, _SHOWN_SCORES = 10, 30
_ALL = "all"

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


class Scheduler:
    """One per worker; they elect a leader by a lock that is free again when its holder dies.

    now: seconds since 1970, handed in by tests. start: starts a training. end: sends a signal to a process.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        now: Callable[[], float] = time.time,
        start: Callable[[Settings, Sequence[str]], Trainer] = start_trainer,
        end: Callable[[int, int], None] = end_process,
    ) -> None:
        self._settings, self._store, self._now, self._start, self._end = settings, store, now, start, end
        self._lock, self._trainer_lock = leader_lock(settings), trainer_lock(settings)
        self._registry = Registry(settings.releases_dir)
        self._jobs: BackgroundScheduler | None = None
        self._trainer: tuple[int | None, Trainer] | None = None
        self._told_to_end: tuple[str, float] | None = None
        self._watched_at = 0.0
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
        self._step_down()

    def _stand(self) -> None:
        while not self._stop.is_set():
            try:
                if self._jobs is None and self._lock.acquire(f"{socket.gethostname()}:{os.getpid()}"):
                    _log.info("leading the nightly training")
                    self._jobs = self._lead()
            except (OSError, StoreError) as error:
                _log.error("cannot stand for election: %s", error)
            self._stop.wait(_ELECTION_SECONDS if isinstance(self._lock, FileLock) else _ELECTION_SECONDS_APART)

    def _lead(self) -> BackgroundScheduler:
        """Midnight by cron, and a regular look: CronTrigger skips a midnight after some clock changes, a leader can
        die a second before it, and a machine can sleep through it."""
        zone, at = self._settings.zone, self._settings.retrain_time
        jobs = BackgroundScheduler(timezone=zone, job_defaults={"coalesce": True, "misfire_grace_time": None})
        jobs.add_job(self._look, CronTrigger(hour=at.hour, minute=at.minute, timezone=zone))
        first = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
        jobs.add_job(self._look, IntervalTrigger(seconds=self._settings.check_seconds), next_run_time=first)
        jobs.start()
        return jobs

    def _look(self) -> None:
        """As the leader, if it is that still: a database that was started anew has forgotten who led."""
        if self._lock.held:
            self.check()
        else:
            _log.warning("the lead was lost; standing for election again")
            self._step_down()

    def _step_down(self) -> None:
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.shutdown(wait=False)
        self._lock.release()

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
        self._end_what_hangs()
        if self._trainer is not None:
            due, trainer = self._trainer
            code = trainer.poll()
            if code is None:
                return False
            self._trainer = None
            self._record_silent_death(due, code)
        if self._trainer_lock.owner() is not None or close_abandoned(self._store, self._trainer_lock):
            return False  # an interrupted run is taken up again at the next look
        if self._store.journal.unfinished():
            return False  # queued: its trainer is on its way
        if (moment := self._due()) is not None:
            _log.info("starting the nightly training")
            self._trainer = (moment, self._start(self._settings, ["--trigger", "night", "--due", str(moment)]))
        elif self._should_watch():
            self._watched_at = self._now()
            self._trainer = (None, self._start(self._settings, ["--watch", "--trigger", "drift"]))
        else:
            return False
        return True

    def _due(self) -> int | None:
        """The moment a training is due for, in UTC seconds; None if it has had its run, or there is nothing to learn.

        A run of everything that went well since the moment will do, whoever started it. One of the future is of a clock
        that was wrong and says nothing.
        """
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        moment = int(due_before(now, self._settings.retrain_time, self._settings.zone).timestamp())
        mine = self._store.journal.run_of(moment)
        if mine is not None:
            return moment if may_be_tried_again(mine) else None
        runs = self._store.journal.runs(_LOOKED_THROUGH)
        latest = self._now() + _CLOCKS_DIFFER_BY
        if any(_is_whole(run) and moment <= run.started_at <= latest for run in runs):
            return None
        return moment if runs or has_events(self._store) else None

    def _should_watch(self) -> bool:
        hours = self._settings.drift_hours
        if not hours or self._registry.current_version() is None:
            return False
        scores = self._store.journal.scores(1)
        last = max(self._watched_at, float(scores[0].at) if scores else 0.0)
        return self._now() - last >= hours * 3_600

    def _end_what_hangs(self) -> None:
        """A training that takes longer than AISLE_TRAIN_HOURS is told to end, and ended a minute later. Those that
        people start by hand may take as long as they like."""
        limit = self._settings.train_hours
        for run in self._store.journal.unfinished():
            if run.trigger == BY_HAND or self._now() - run.started_at < limit * 3_600:
                continue
            found = process_of(self._trainer_lock.owner())
            message = (
                f"it took longer than {limit:g} hours (AISLE_TRAIN_HOURS) and was ended; it was at: {run.progress}"
            )
            ended = replace(run, status=RunStatus.FAILED, finished_at=int(self._now()), message=message)
            self._store.journal.save_run(ended)
            _log.error("run %s: %s", run.run_id, message)
            if found is not None:
                self._end(found[0], signal.SIGTERM)
                self._told_to_end = (str(self._trainer_lock.owner()), self._now() + _END_SECONDS)
        if self._told_to_end is None:
            return
        owner, at = self._told_to_end
        found = process_of(owner)
        if self._trainer_lock.owner() != owner:
            self._told_to_end = None
        elif self._now() >= at and found is not None:
            self._end(found[0], signal.SIGKILL)

    def _record_silent_death(self, due: int | None, code: int) -> None:
        """A trainer that ended before it could record its run had its turn all the same: once per due moment."""
        if code == 0 or due is None or self._trainer_lock.owner() is not None:
            return
        if self._store.journal.run_of(due) is not None:
            return
        now = int(self._now())
        message = f"the trainer ended with exit code {code} before it began; see {self._settings.var / 'training.log'}"
        run = Run(secrets.token_hex(6), "night", now, RunStatus.FAILED, due, finished_at=now, message=message)
        self._store.journal.save_run(replace(run, host=socket.gethostname()))

    def status(self) -> JsonDict:
        """leader: host and process, None without one; next_run: ISO 8601; last_run, runs and under_way: as stored;
        scores: how the current release did on events it had not seen, newest first."""
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        runs = [asdict(run) for run in self._store.journal.runs(_SHOWN_RUNS)]
        under_way = [asdict(run) for run in self._store.journal.unfinished()]
        next_run = None
        if self._settings.scheduler != "off":
            next_run = due_after(now, self._settings.retrain_time, self._settings.zone).isoformat()
        return {
            "leader": self._lock.owner(),
            "next_run": next_run,
            "last_run": runs[0] if runs else None,
            "under_way": under_way[0] if under_way else None,
            "runs": runs,
            "scores": [asdict(score) for score in self._store.journal.scores(_SHOWN_SCORES)],
        }


def _is_whole(run: Run) -> bool:
    return run.status in (RunStatus.SUCCEEDED, RunStatus.KEPT) and run.model_type == _ALL
