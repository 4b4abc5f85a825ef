"""Start the nightly training: the workers elect a leader, which starts one training per due moment."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from app.background.background_job import BackgroundJob, Process
from app.background.canary_guide import CanaryGuide, check_safely
from app.background.due_times import due_after, due_before
from app.background.training_process import BY_HAND
from src.core.domain import JsonDict
from src.core.errors import AisleError, StoreError
from src.core.messages import message
from src.core.process_lock import LockOwner
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.evaluation.drift import SCORES_READ
from src.releases.registry import Registry
from src.store import Store
from src.workflows.locks import FileLock, leader_lock
from src.workflows.run_records import CLOCKS_DIFFER_BY, close_abandoned, may_be_tried_again

_ELECTION_SECONDS, _DATABASE_ELECTION_SECONDS = 1.0, 5.0  # a lock in a database takes a connection
_STOP_SECONDS = 5.0
_END_SECONDS = 60.0
_RUNS_READ = 50
_BEGIN_SECONDS = 3_600
"""A process that neither trains nor has ended after this time hangs: a drift check takes minutes."""
_SHOWN_RUNS, _SHOWN_SCORES = 10, 30
_ALL = "all"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Started:
    """A process that this leader started.

    Attributes:
        process: the process.
        at: when it was started, in seconds of a clock that nobody sets.
        run: the run that it trains for, as it was queued; None if it checks for drift.
    """

    process: Process
    at: float
    run: Run | None = None


class Scheduler:
    """Starts trainings and drift checks, and leads canaries on, if this worker leads; there is one in each worker.

    The leader is elected by a lock that is free again when its holder dies.

    Attributes:
        canaries: Leads promoted releases from few users to all.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        registry: Registry,
        training: BackgroundJob,
        now: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a scheduler that does nothing until `run`.

        Args:
            settings: when trainings are due, and how long one may take.
            store: where runs and scores are recorded.
            registry: drift is checked only if it has a current release.
            training: the job that it starts.
            now: seconds since 1970; tests hand in a clock.
            elapsed: seconds of a clock that nobody sets, by which durations are measured.
        """
        self._settings, self._store, self._registry = settings, store, registry
        self._training, self._now, self._elapsed = training, now, elapsed
        self.canaries = CanaryGuide(settings, store, registry)
        self._lock = leader_lock(settings)
        self._timers: BackgroundScheduler | None = None
        self._started: _Started | None = None
        self._holder_without_run: tuple[LockOwner, float] | None = None
        self._first_seen: dict[tuple[str, int], float] = {}  # by run and attempt
        self._drift_checked_at = 0.0
        self._checking = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Start the thread that tries to become the leader until `stop`; with AISLE_SCHEDULER=off, do nothing."""
        if self._settings.scheduler == "off" or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._elect, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Give up the lead. A training that is under way goes on, as it is a process of its own."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        self._step_down()

    def _elect(self) -> None:
        """Try to become the leader, again and again, until `stop`."""
        while not self._stop.is_set():
            try:
                if not self._registry.is_in_touch:
                    self._step_down()  # another host can publish what the night makes
                elif self._timers is None and self._lock.acquire(LockOwner.this_process()):
                    _log.info("leading the nightly training")
                    self._timers = self._start_timers()
            except (OSError, StoreError) as error:
                _log.error("the lock of the leader cannot be taken: %s", error)
            except Exception:  # such as no free thread; a leader without timers would keep the other workers out
                _log.exception("this worker cannot lead")
                self._step_down()
            self._stop.wait(_ELECTION_SECONDS if isinstance(self._lock, FileLock) else _DATABASE_ELECTION_SECONDS)

    def _start_timers(self) -> BackgroundScheduler:
        """Start a timer for the due moment and one for regular checks.

        The due moment alone is not enough: CronTrigger skips a midnight after some clock changes, a leader can die a
        second before it, and a machine can sleep through it.
        """
        zone, at = self._settings.zone, self._settings.retrain_time
        timers = BackgroundScheduler(timezone=zone, job_defaults={"coalesce": True, "misfire_grace_time": None})
        timers.add_job(self._check_as_leader, CronTrigger(hour=at.hour, minute=at.minute, timezone=zone))
        first = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
        every = IntervalTrigger(seconds=self._settings.check_seconds)
        timers.add_job(self._check_as_leader, every, next_run_time=first)
        timers.start()
        return timers

    def _check_as_leader(self) -> None:
        """Check, if this worker still holds the leader's lock; PostgreSQL drops it when it is restarted."""
        if self._lock.held:
            self.check(lambda: self._lock.held and not self._stop.is_set())
        else:
            _log.warning("this worker lost the lock of the leader and tries to take it again")
            self._step_down()

    def _step_down(self) -> None:
        timers, self._timers = self._timers, None
        if timers is not None:
            timers.shutdown(wait=False)
        self._lock.release()

    @property
    def is_busy(self) -> bool:
        """Whether a process of this shop trains, or was started and has not ended. Raises StoreError."""
        started = self._started
        return (started is not None and started.process.poll() is None) or self._training.is_running()

    def check(self, leads: Callable[[], bool] = lambda: True, may_start: Callable[[], bool] = lambda: True) -> bool:
        """Start a training, or a drift check, if one is due and none runs; errors are logged, not raised.

        Args:
            leads: whether this worker leads, asked again before a start: it may have been stopped for minutes since.
            may_start: whether a process may be started if one is due; else it is at a later check.

        Returns:
            Whether a process was started.
        """
        with self._checking:
            if leads():
                check_safely(self.canaries, int(self._now()))
            try:
                return self._check(lambda: leads() and may_start())
            except AisleError as error:
                _log.error("the nightly check failed: %s", error)
            except OSError as error:
                _log.error("the nightly training could not be started: %s", error)
            return False

    def _check(self, leads: Callable[[], bool]) -> bool:
        self._end_overdue()
        if (started := self._started) is not None:
            if self._is_busy(started):
                return False
            self._started = None
            self._record_silent_death(started, started.process.poll() or 0)
        if self._training.is_running() or close_abandoned(self._store, self._training.lock):
            return False  # an interrupted run is started again by the next check
        if self._store.runs.unfinished():
            return False  # a queued run, whose process is about to take the lock
        due = self._due()
        if not leads():
            return False
        if due is not None:
            return self._start_training(due)
        if not self._is_drift_check_due():
            return False
        self._drift_checked_at = self._now()
        self._started = _Started(self._training.start(["--watch", "--trigger", "drift"]), self._elapsed())
        return True

    def _start_training(self, due: int) -> bool:
        """Queue the run of a due moment, so that it is shown before its process has begun, and start that process.

        Args:
            due: The moment, in UTC seconds.

        Returns:
            False if another run was queued meanwhile.

        Raises:
            OSError: The process cannot be started, which costs no attempt.
        """
        now, host = int(self._now()), socket.gethostname()
        first = Run(secrets.token_hex(6), "night", now, RunStatus.INTERRUPTED, due, now, host=host, attempt=0)
        earlier = self._store.runs.get_due(due) or first
        run = Run(earlier.run_id, "night", now, RunStatus.QUEUED, due, host=host, attempt=earlier.attempt + 1)
        run = replace(run, progress=message("step.starting"))
        if self._store.runs.queue(run) is not None:
            return False
        _log.info("starting the nightly training")
        try:
            process = self._training.start(["--trigger", "night", "--due", str(due), "--run-id", run.run_id])
        except OSError as error:
            self._store.runs.save(replace(earlier, message=message("run.not_started", reason=str(error.strerror))))
            raise
        self._started = _Started(process, self._elapsed(), run)
        return True

    def _due(self) -> int | None:
        """Return the moment that a training is due for, in UTC seconds; None if it had its run, or without events.

        Any whole training that ended well after the moment counts as its run. A run that started in the future was
        recorded while a clock was wrong, and is ignored.
        """
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        due = int(due_before(now, self._settings.retrain_time, self._settings.zone).timestamp())
        run = self._store.runs.get_due(due)
        if run is not None:
            return due if may_be_tried_again(run) else None
        runs = self._store.runs.newest(_RUNS_READ)
        latest = self._now() + CLOCKS_DIFFER_BY
        if any(_is_whole(run) and due <= run.started_at <= latest for run in runs):
            return None
        return due if runs or not self._store.events.is_empty() else None

    def _is_drift_check_due(self) -> bool:
        hours = self._settings.drift_hours
        if not hours or self._registry.current_version() is None:
            return False
        latest = self._now() + CLOCKS_DIFFER_BY  # later scores were recorded while a clock was wrong
        scored = [float(score.at) for score in self._store.runs.scores(SCORES_READ) if score.at <= latest]
        checked = self._drift_checked_at if self._drift_checked_at <= latest else 0.0
        return self._now() - max([checked, *scored]) >= hours * 3_600

    def _end_overdue(self) -> None:
        """End trainings that take longer than AISLE_TRAIN_HOURS, but for those that were started by hand."""
        limit = self._settings.train_hours
        unfinished, owner = self._store.runs.unfinished(), self._training.lock.owner()
        for run, seconds in self._with_durations(unfinished, owner):
            if run.trigger == BY_HAND or seconds < limit * 3_600:
                continue
            said = message("run.overdue", hours=limit, step=run.progress)
            ended = replace(run, status=RunStatus.FAILED, finished_at=int(self._now()), message=said)
            self._store.runs.save(ended)
            _log.error("run %s: %s", run.run_id, said)
            if owner is not None and owner.pid_here is not None:
                self._training.end(owner.pid_here)
        self._kill_holder_without_run()

    def _with_durations(self, unfinished: Sequence[Run], owner: LockOwner | None) -> Iterator[tuple[Run, float]]:
        """Yield runs with the seconds that they have taken; the clock may have been set since they started.

        That is the age of the trainer, or where that is not known, the time since this leader saw the run first.
        """
        now = self._elapsed()
        self._first_seen = {key: self._first_seen.get(key, now) for key in map(_attempt_of, unfinished)}
        age = None if owner is None or owner.pid_here is None else self._training.age(owner.pid_here)
        for run in unfinished:
            observed = now - self._first_seen[_attempt_of(run)]
            yield run, observed if age is None or run.status is not RunStatus.RUNNING else age

    def _kill_holder_without_run(self) -> None:
        """Kill a process that has held the trainer's lock for a minute without an unfinished run.

        It was told to end, by this leader or by an earlier one. Trainings that begin or end are in this state for a
        moment only.
        """
        owner = self._training.lock.owner()
        if owner is None or owner.pid_here is None or owner.trigger == BY_HAND or self._store.runs.unfinished():
            self._holder_without_run = None
        elif self._holder_without_run is None or self._holder_without_run[0] != owner:
            self._holder_without_run = (owner, self._elapsed())
        elif self._elapsed() - self._holder_without_run[1] >= _END_SECONDS:
            _log.error("process %d holds the trainer's lock and has no run; it is killed", owner.pid_here)
            self._training.end(owner.pid_here, signal.SIGKILL)

    def _is_busy(self, started: _Started) -> bool:
        """Return whether a process has not ended; kill one that does not hold the lock after an hour."""
        if started.process.poll() is not None:
            return False
        owner = self._training.lock.owner()
        trains = owner is not None and owner.pid_here == started.process.pid
        if self._elapsed() - started.at >= _BEGIN_SECONDS and not trains:
            _log.error("process %d neither trains nor ends; it is killed", started.process.pid)
            self._training.end(started.process.pid, signal.SIGKILL)
        return True

    def _record_silent_death(self, started: _Started, code: int) -> None:
        """Record an attempt of a training that failed before it recorded its run; attempts are limited."""
        run = started.run
        if run is None or self._store.runs.get(run.run_id) != run:
            return  # it recorded its run
        said = message("run.exit_code_early", exit=code, file=str(self._training.log))
        ended = replace(run, status=RunStatus.INTERRUPTED, finished_at=int(self._now()), message=said, progress="")
        self._store.runs.save(ended)

    def next_run(self) -> str | None:
        """Return when the next training is due, as ISO 8601; None if none is scheduled."""
        if self._settings.scheduler == "off":
            return None
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        return due_after(now, self._settings.retrain_time, self._settings.zone).isoformat()

    def status(self) -> JsonDict:
        """Return what GET /status shows of trainings.

        Returns:
            leader: host and process, None without one; next_run: ISO 8601; last_run, runs and under_way: as stored;
            scores: how the current release did on events it had not seen, newest first.
        """
        leader = self._lock.owner()
        runs = [asdict(run) for run in self._store.runs.newest(_SHOWN_RUNS)]
        under_way = [asdict(run) for run in self._store.runs.unfinished()]
        return {
            "leader": None if leader is None else str(leader),
            "next_run": self.next_run(),
            "last_run": runs[0] if runs else None,
            "under_way": under_way[0] if under_way else None,
            "runs": runs,
            "scores": [asdict(score) for score in self._store.runs.scores(_SHOWN_SCORES)],
        }


def _attempt_of(run: Run) -> tuple[str, int]:
    return run.run_id, run.attempt


def _is_whole(run: Run) -> bool:
    """Return whether a run trained all models and ended well."""
    return run.status in (RunStatus.SUCCEEDED, RunStatus.KEPT) and run.model_type == _ALL
