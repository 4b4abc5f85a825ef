"""The night: one leader among all workers sees to it that a training runs once per due moment."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from app.background.training_process import BY_HAND, Trainer, end_process, start_trainer
from src.core.domain import JsonDict
from src.core.errors import AisleError, StoreError
from src.core.process_lock import LockOwner
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store
from src.workflows.locks import FileLock, leader_lock, trainer_lock
from src.workflows.run_records import CLOCKS_DIFFER_BY, close_abandoned, may_be_tried_again

_ELECTION_SECONDS, _ELECTION_SECONDS_APART = 1.0, 5.0  # the latter where asking takes a connection
_STOP_SECONDS = 5.0
_END_SECONDS = 60.0
_LOOKED_THROUGH, _SCORES_LOOKED_THROUGH = 50, 200
_BEGIN_SECONDS = 3_600
"""A process that by then neither trains nor has ended hangs: scoring takes minutes."""
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


@dataclass(frozen=True)
class _Started:
    """A process that this leader started. at: when. due, before: the night it is for, and its run as it was then."""

    trainer: Trainer
    at: float
    due: int | None = None
    before: Run | None = None


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
        self._started: _Started | None = None
        self._without_run: tuple[LockOwner, float] | None = None
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
                if self._jobs is None and self._lock.acquire(LockOwner.this_process()):
                    _log.info("leading the nightly training")
                    self._jobs = self._lead()
            except (OSError, StoreError) as error:
                _log.error("cannot stand for election: %s", error)
            except Exception:  # such as no thread to be had: who leads in name only would keep all others from it
                _log.exception("cannot lead")
                self._step_down()
            self._stop.wait(_ELECTION_SECONDS if isinstance(self._lock, FileLock) else _ELECTION_SECONDS_APART)

    def _lead(self) -> BackgroundScheduler:
        """Midnight by cron, and a regular look: CronTrigger skips a midnight after some clock changes, a leader can
        die a second before it, and a machine can sleep through it.
        """
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
        if (started := self._started) is not None:
            if self._is_busy(started):
                return False
            self._started = None
            self._record_silent_death(started, started.trainer.poll() or 0)
        if self._trainer_lock.owner() is not None or close_abandoned(self._store, self._trainer_lock):
            return False  # an interrupted run is taken up again at the next look
        if self._store.runs.unfinished():
            return False  # queued: its trainer is on its way
        if (moment := self._due()) is not None:
            _log.info("starting the nightly training")
            before = self._store.runs.get_due(moment)
            trainer = self._start(self._settings, ["--trigger", "night", "--due", str(moment)])
            self._started = _Started(trainer, self._now(), moment, before)
        elif self._should_watch():
            self._watched_at = self._now()
            self._started = _Started(self._start(self._settings, ["--watch", "--trigger", "drift"]), self._now())
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
        mine = self._store.runs.get_due(moment)
        if mine is not None:
            return moment if may_be_tried_again(mine) else None
        runs = self._store.runs.newest(_LOOKED_THROUGH)
        latest = self._now() + CLOCKS_DIFFER_BY
        if any(_is_whole(run) and moment <= run.started_at <= latest for run in runs):
            return None
        return moment if runs or not self._store.events.is_empty() else None

    def _should_watch(self) -> bool:
        hours = self._settings.drift_hours
        if not hours or self._registry.current_version() is None:
            return False
        latest = self._now() + CLOCKS_DIFFER_BY  # later ones are of a clock that was wrong
        scored = [float(score.at) for score in self._store.runs.scores(_SCORES_LOOKED_THROUGH) if score.at <= latest]
        watched = self._watched_at if self._watched_at <= latest else 0.0
        return self._now() - max([watched, *scored]) >= hours * 3_600

    def _end_what_hangs(self) -> None:
        """A training that takes longer than AISLE_TRAIN_HOURS is told to end, and ended a minute later. Those that
        people start by hand may take as long as they like.
        """
        limit = self._settings.train_hours
        for run in self._store.runs.unfinished():
            if run.trigger == BY_HAND or self._now() - run.started_at < limit * 3_600:
                continue
            message = (
                f"it took longer than {limit:g} hours (AISLE_TRAIN_HOURS) and was ended; it was at: {run.progress}"
            )
            ended = replace(run, status=RunStatus.FAILED, finished_at=int(self._now()), message=message)
            self._store.runs.save(ended)
            _log.error("run %s: %s", run.run_id, message)
            owner = self._trainer_lock.owner()
            if owner is not None and owner.pid_here is not None:
                self._end(owner.pid_here, signal.SIGTERM)
        self._end_who_has_no_run()

    def _end_who_has_no_run(self) -> None:
        """Who holds the trainer's lock and has no run under way was told to end, by this leader or by one that died
        since, or is about to begin or to go; that takes a moment only.
        """
        owner = self._trainer_lock.owner()
        if owner is None or owner.pid_here is None or owner.trigger == BY_HAND or self._store.runs.unfinished():
            self._without_run = None
        elif self._without_run is None or self._without_run[0] != owner:
            self._without_run = (owner, self._now())
        elif self._now() - self._without_run[1] >= _END_SECONDS:
            _log.error("process %d holds the trainer's lock and has no run; it is ended", owner.pid_here)
            self._end(owner.pid_here, signal.SIGKILL)

    def _is_busy(self, started: _Started) -> bool:
        """Whether the process is to be waited for: not if, after an hour, it neither trains nor has ended."""
        if started.trainer.poll() is not None:
            return False
        owner = self._trainer_lock.owner()
        trains = owner is not None and owner.pid_here == started.trainer.pid
        hangs = self._now() - started.at >= _BEGIN_SECONDS and not trains
        if hangs:
            _log.error("process %d neither trains nor ends; it is ended", started.trainer.pid)
            self._end(started.trainer.pid, signal.SIGKILL)
        return True

    def _record_silent_death(self, started: _Started, code: int) -> None:
        """A trainer that ended before it could record its run: its night is tried again, but not for ever."""
        if code == 0 or started.due is None or self._trainer_lock.owner() is not None:
            return
        if self._store.runs.get_due(started.due) != started.before:
            return  # it has begun
        now = int(self._now())
        log = self._settings.var / "training.log"
        first = Run(secrets.token_hex(6), "night", now, RunStatus.INTERRUPTED, started.due, attempt=0)
        run = started.before or first
        message = f"the trainer ended with exit code {code} before it began; see {log}"
        run = replace(run, attempt=run.attempt + 1, finished_at=now, message=message, host=socket.gethostname())
        self._store.runs.save(run)

    def status(self) -> JsonDict:
        """leader: host and process, None without one; next_run: ISO 8601; last_run, runs and under_way: as stored;
        scores: how the current release did on events it had not seen, newest first.
        """
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        leader = self._lock.owner()
        runs = [asdict(run) for run in self._store.runs.newest(_SHOWN_RUNS)]
        under_way = [asdict(run) for run in self._store.runs.unfinished()]
        next_run = None
        if self._settings.scheduler != "off":
            next_run = due_after(now, self._settings.retrain_time, self._settings.zone).isoformat()
        return {
            "leader": None if leader is None else str(leader),
            "next_run": next_run,
            "last_run": runs[0] if runs else None,
            "under_way": under_way[0] if under_way else None,
            "runs": runs,
            "scores": [asdict(score) for score in self._store.runs.scores(_SHOWN_SCORES)],
        }


def _is_whole(run: Run) -> bool:
    return run.status in (RunStatus.SUCCEEDED, RunStatus.KEPT) and run.model_type == _ALL
