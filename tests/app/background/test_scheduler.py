"""The scheduler starts and ends trainings and drift checks at the right times of a fake clock."""

from __future__ import annotations

import datetime as dt
import random
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from app.background.background_job import BackgroundJob
from app.background.due_times import due_before
from app.background.scheduler import Scheduler
from app.background.training_process import training_job
from src.core.domain import EventBatch
from src.core.process_lock import LockOwner
from src.core.records import Run, RunStatus, Score
from src.core.settings import Settings
from src.models.settings import read_settings
from src.releases.registry import Registry
from src.store import Store, open_store
from src.workflows.locks import FileLock
from src.workflows.run_records import ATTEMPTS

MIDNIGHT = dt.time(0, 0)
HOUR = 3_600
DAY = 24 * HOUR


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class FakeTrainer:
    """A training that runs until it is told its exit code."""

    pid = 4_321

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        return self.code or 0


@dataclass(frozen=True)
class FakeTraining(BackgroundJob):
    """A training that records the signals it would send, and takes the age of its process from a fake clock."""

    signals: list[tuple[int, int]] = field(default_factory=list)
    fake_age: Callable[[], float | None] = lambda: None

    def age(self, pid: int) -> float | None:
        return self.fake_age()

    def end(self, pid: int, number: int = signal.SIGTERM) -> None:
        self.signals.append((pid, number))


class World:
    """A scheduler with its clock, the trainings it started, and the signals it sent."""

    def __init__(self, settings: Settings, store: Store, now: str) -> None:
        self.now = _utc(now).timestamp()
        self.clock_set_by = 0.0
        self.last_start: float | None = None
        self.store = store
        self.started: list[tuple[int, FakeTrainer]] = []
        self.watched: list[FakeTrainer] = []
        self.signals: list[tuple[int, int]] = []
        self.scheduler = self.another(settings)

    def another(self, settings: Settings) -> Scheduler:
        """Return the scheduler of another worker."""
        real = training_job(settings)
        training = FakeTraining(
            real.script, real.lock, real.log, launch=self.launch, signals=self.signals, fake_age=self.age
        )
        registry = Registry(settings.releases_dir)
        return Scheduler(settings, self.store, registry, training, now=lambda: self.now, elapsed=self.elapsed)

    def elapsed(self) -> float:
        return self.now - self.clock_set_by

    def age(self) -> float | None:
        return None if self.last_start is None else self.elapsed() - self.last_start

    def set_clock(self, by: float) -> None:
        self.now += by
        self.clock_set_by += by

    def launch(self, command: Sequence[str], *_: object) -> FakeTrainer:
        arguments = command[2:]
        trainer = FakeTrainer()
        self.last_start = self.elapsed()
        if "--watch" in arguments:
            trainer.code = 0
            self.watched.append(trainer)
        else:
            assert list(arguments[:3]) == ["--trigger", "night", "--due"]
            due = int(arguments[3])
            assert list(arguments[4:]) == ["--run-id", self.run_of(due).run_id]
            self.started.append((due, trainer))
        return trainer

    def finish(self, code: int = 0, *, recorded: bool = True) -> None:
        due, trainer = self.started[-1]
        trainer.code = code
        if recorded:
            self.store.runs.save(replace(self.run_of(due), status=RunStatus.SUCCEEDED, finished_at=int(self.now)))

    def run_of(self, due: int) -> Run:
        run = self.store.runs.get_due(due)
        assert run is not None
        return run

    def pass_(self, seconds: float, step: float = 300) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + step, end)
            if self.scheduler.check():
                self.finish()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(var=tmp_path / "var")


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.store_url)


def _events() -> EventBatch:
    import numpy as np

    return EventBatch(["u"], ["p"], ["rating"], np.array([5.0]), np.array([1_000]))


@pytest.fixture
def world(settings: Settings, store: Store) -> World:
    store.runs.save(Run("first", "command", int(_utc("2026-03-01T10:00").timestamp()), RunStatus.SUCCEEDED))
    return World(settings, store, "2026-03-01T10:00")


def test_nothing_is_due_before_the_next_midnight(world: World) -> None:
    world.pass_(13 * HOUR)
    assert world.started == []


def test_one_training_a_day(world: World) -> None:
    world.pass_(5 * DAY, step=1_800)
    assert [due for due, _ in world.started] == [_utc(f"2026-03-0{day}T00:00").timestamp() for day in (2, 3, 4, 5, 6)]


def test_a_missed_training_is_made_up_for_once(world: World) -> None:
    world.now += 3 * DAY  # a machine that was switched off
    world.pass_(10 * HOUR)
    assert [due for due, _ in world.started] == [_utc("2026-03-04T00:00").timestamp()]


def test_a_run_that_goes_on_is_not_started_again(world: World) -> None:
    world.now += DAY
    assert world.scheduler.check()
    world.now += HOUR
    assert not world.scheduler.check()
    world.finish()
    assert not world.scheduler.check()
    assert len(world.started) == 1


def test_the_nightly_training_waits_for_one_that_was_started_by_hand(world: World, settings: Settings) -> None:
    world.now += DAY
    by_hand = FileLock(settings.var / "trainer.lock")
    assert by_hand.acquire(LockOwner("here", 77, "command"))
    assert not world.scheduler.check()
    by_hand.release()
    assert world.scheduler.check()


def test_a_training_is_shown_before_its_process_has_come_to_its_first_line(world: World, settings: Settings) -> None:
    world.now += DAY
    assert world.scheduler.check()
    shown = world.another(settings).status()["under_way"]  # of a worker that started nothing
    assert isinstance(shown, dict)
    assert (shown["due"], shown["status"], shown["attempt"]) == (world.started[0][0], RunStatus.QUEUED, 1)


def test_a_training_whose_process_cannot_be_started_costs_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> FakeTrainer:
        raise OSError(28, "No space left on device")

    world.now += DAY
    with monkeypatch.context() as patch:
        patch.setattr(world, "launch", refuse)
        scheduler = world.another(world.scheduler._settings)
        for _ in range(ATTEMPTS + 1):
            assert not scheduler.check()
    run = world.store.runs.newest(1)[0]
    assert (run.status, run.attempt) == (RunStatus.INTERRUPTED, 0)
    assert "No space left" in run.message
    assert world.scheduler.check()


@pytest.mark.parametrize("code", [1, -9])
def test_a_trainer_that_dies_before_it_records_its_run_is_started_again_up_to_a_limit(world: World, code: int) -> None:
    world.now += DAY
    assert world.scheduler.check()
    for attempt in range(1, ATTEMPTS + 1):
        world.finish(code=code, recorded=False)
        world.now += 60
        assert world.scheduler.check() == (attempt < ATTEMPTS)
        newest = world.run_of(world.started[0][0])
        again = attempt < ATTEMPTS
        assert newest.status is (RunStatus.QUEUED if again else RunStatus.INTERRUPTED)
        assert newest.attempt == (attempt + 1 if again else attempt)
    assert f"exit code {code}" in newest.message
    world.now += HOUR
    assert not world.scheduler.check()
    assert len(world.started) == ATTEMPTS
    world.now += DAY
    assert world.scheduler.check()


def test_a_shop_with_events_and_no_run_is_trained_without_waiting(settings: Settings, store: Store) -> None:
    store.events.add(_events())
    assert World(settings, store, "2026-03-01T10:00").scheduler.check()


def test_a_shop_without_events_is_not_trained(settings: Settings, store: Store) -> None:
    assert not World(settings, store, "2026-03-01T10:00").scheduler.check()


def test_the_scheduler_outlasts_a_store_that_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from src.core.errors import StoreError

    def refuse(_n: int) -> list[Run]:
        raise StoreError("locked")

    world.now += DAY
    with monkeypatch.context() as patch:
        patch.setattr(world.store.runs, "newest", refuse)
        assert not world.scheduler.check()
    assert "locked" in caplog.text
    assert world.scheduler.check()


def test_only_one_of_two_schedulers_leads_and_the_other_takes_over(settings: Settings) -> None:
    first, second = (FileLock(settings.var / "leader.lock") for _ in range(2))
    assert first.acquire(LockOwner("host", 1))
    assert not second.acquire(LockOwner("host", 2))
    assert second.owner() == LockOwner("host", 1)
    first.release()
    assert second.owner() is None
    assert second.acquire(LockOwner("host", 2))
    assert first.owner() == LockOwner("host", 2)
    second.release()


def test_status_names_the_next_run_in_utc(settings: Settings, store: Store) -> None:
    berlin = settings.model_copy(update={"timezone": "Europe/Berlin", "retrain_at": "03:30"})
    world = World(berlin, store, "2026-07-01T10:00")
    status = world.scheduler.status()
    assert (status["leader"], status["next_run"]) == (None, "2026-07-02T01:30:00+00:00")
    assert (status["last_run"], status["under_way"], status["runs"], status["scores"]) == (None, None, [], [])


def _killed(world: World) -> None:
    """Record the run of the trainer started last, and kill the trainer."""
    due, trainer = world.started[-1]
    world.store.runs.save(replace(world.run_of(due), status=RunStatus.RUNNING, progress="training svd"))
    trainer.code = -9


def test_the_run_of_a_killed_trainer_is_recorded_as_interrupted_and_started_again(world: World) -> None:
    world.now += DAY
    assert world.scheduler.check()
    _killed(world)
    assert not world.scheduler.check()
    newest = world.store.runs.newest(1)[0]
    assert newest.status is RunStatus.INTERRUPTED
    assert "training svd" in newest.message
    assert world.scheduler.check()
    assert [due for due, _ in world.started] == [newest.due, newest.due]
    world.finish()
    world.pass_(13 * HOUR)
    assert len(world.started) == 2


def test_a_run_that_is_killed_each_time_is_given_up_until_the_next_day(world: World) -> None:
    world.now += DAY
    while world.scheduler.check() or world.store.runs.newest(1)[0].attempt < ATTEMPTS:
        _killed(world)
        world.scheduler.check()
    assert len(world.started) == ATTEMPTS
    assert world.store.runs.newest(1)[0].attempt == ATTEMPTS
    world.now += HOUR
    assert not world.scheduler.check()
    world.now += DAY
    assert world.scheduler.check()


def test_a_run_recorded_in_the_future_does_not_stop_the_nightly_trainings(world: World) -> None:
    world.store.runs.save(Run("future", "command", int(world.now) + 400 * DAY, RunStatus.SUCCEEDED))
    world.pass_(2 * DAY, step=1_800)
    assert len(world.started) == 2


@pytest.mark.parametrize(("model_type", "nights"), [("all", 0), ("svd", 1)])
def test_a_training_of_all_models_by_hand_after_midnight_replaces_the_nightly_one(
    world: World, model_type: str, nights: int
) -> None:
    world.now += 15 * HOUR
    run = Run("by hand", "api", int(world.now), RunStatus.KEPT, model_type=model_type)
    world.store.runs.save(run)
    world.pass_(HOUR)
    assert len(world.started) == nights


def test_a_failed_training_by_hand_does_not_replace_the_nightly_one(world: World) -> None:
    world.now += 15 * HOUR
    world.store.runs.save(Run("by hand", "command", int(world.now), RunStatus.FAILED))
    assert world.scheduler.check()


# many workers, many nights

NIGHTS = 6  # the change of the clock comes on the third or fourth


@pytest.mark.parametrize(
    ("zone", "at", "now"),
    [
        ("UTC", "00:00", "2026-03-01T10:00"),
        ("Europe/Berlin", "02:30", "2026-03-26T10:00"),  # spring forward: 02:30 is skipped on 29 March
        ("Europe/Berlin", "02:30", "2026-10-22T10:00"),  # fall back: 02:30 comes twice on 25 October
        ("Africa/Cairo", "00:00", "2026-04-21T10:00"),  # a day without midnight: 24 April
    ],
)
def test_four_workers_start_one_training_a_day_despite_deaths_restarts_and_clock_changes(
    settings: Settings, store: Store, zone: str, at: str, now: str
) -> None:
    settings = settings.model_copy(update={"timezone": zone, "retrain_at": at})
    drawn = random.Random(f"{zone} {now}")
    world = World(settings, store, now)
    store.runs.save(Run("first", "command", int(world.now), RunStatus.SUCCEEDED))
    workers = [world.another(settings) for _ in range(4)]
    end, nights = world.now + NIGHTS * DAY, 0
    while world.now < end:
        world.now += 2_900
        if drawn.random() < 0.05:  # a worker dies, and with it what it knew
            workers[drawn.randrange(4)] = world.another(settings)
        for worker in drawn.sample(workers, drawn.randrange(1, 5)):  # even if several believe that they lead
            if worker.check():
                nights += 1
                world.finish()
    dues = [run.due for run in store.runs.newest(100) if run.trigger == "night"]
    assert nights == len(dues) == len(set(dues)) == NIGHTS
    local = [dt.datetime.fromtimestamp(due or 0, ZoneInfo(zone)).date() for due in dues]
    assert len(set(local)) == NIGHTS


# what hangs


@pytest.fixture
def hanging(world: World, settings: Settings) -> Iterator[FileLock]:
    """Hold the lock of a nightly training that does not end."""
    world.now += DAY
    assert world.scheduler.check()
    due = world.started[-1][0]
    world.store.runs.save(replace(world.run_of(due), status=RunStatus.RUNNING, progress="training svd"))
    lock = FileLock(settings.var / "trainer.lock")
    assert lock.acquire(LockOwner(socket.gethostname(), 4_321, "night"))
    yield lock
    lock.release()


def test_a_training_that_hangs_gets_sigterm_then_sigkill_and_is_recorded(world: World, hanging: FileLock) -> None:
    world.now += 8 * HOUR - 60
    assert not world.scheduler.check()
    assert world.signals == []
    world.now += 120
    assert not world.scheduler.check()
    assert world.signals == [(4_321, signal.SIGTERM)]
    run = world.run_of(world.started[-1][0])
    assert run.status is RunStatus.FAILED
    assert "AISLE_TRAIN_HOURS" in run.message
    assert "training svd" in run.message
    assert not world.scheduler.check()
    assert len(world.signals) == 1
    world.now += 90
    assert not world.scheduler.check()
    assert world.signals[1:] == [(4_321, signal.SIGKILL)]
    hanging.release()
    world.started[-1][1].code = -9
    world.now += 60
    assert not world.scheduler.check()  # the night had its turn
    assert len(world.signals) == 2
    assert len(world.started) == 1


@pytest.mark.parametrize("by", [9 * HOUR, DAY, 365 * DAY, -9 * HOUR])
@pytest.mark.parametrize("is_age_known", [True, False])
def test_a_clock_that_is_set_during_a_training_does_not_end_it_and_hides_no_hang(
    world: World, hanging: FileLock, by: float, is_age_known: bool
) -> None:
    if not is_age_known:
        world.last_start = None  # a system without /proc, or a trainer on another host
        assert not world.scheduler.check()
    world.set_clock(by)
    assert not world.scheduler.check()
    world.now += 8 * HOUR - 60
    assert not world.scheduler.check()
    assert world.signals == []
    world.now += 60
    assert not world.scheduler.check()
    assert world.signals == [(4_321, signal.SIGTERM)]


def test_a_leader_ends_a_training_that_the_one_before_it_started(
    world: World, settings: Settings, hanging: FileLock
) -> None:
    world.now += 9 * HOUR
    assert not world.another(settings).check()
    assert world.signals == [(4_321, signal.SIGTERM)]


def test_a_leader_ends_a_stopped_training_that_the_one_before_it_told_to_end(
    world: World, settings: Settings, hanging: FileLock
) -> None:
    world.now += 9 * HOUR
    world.scheduler.check()
    new = world.another(settings)  # the leader dies; its trainer is stopped, and hears no SIGTERM
    world.now += 60
    new.check()
    assert world.signals == [(4_321, signal.SIGTERM)]
    world.now += 60
    new.check()
    assert world.signals[1:] == [(4_321, signal.SIGKILL)]


def test_a_drift_check_that_hangs_does_not_stop_the_nightly_trainings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "current_version", lambda self: "V")
    assert world.scheduler.check()
    world.watched[-1].code = None
    world.now += 50 * 60
    assert not world.scheduler.check()
    assert world.signals == []
    world.now += 15 * 60
    assert not world.scheduler.check()
    assert world.signals == [(4_321, signal.SIGKILL)]
    world.watched[-1].code = -9
    world.now += DAY
    assert world.scheduler.check()
    assert len(world.started) == 1


def test_a_training_by_hand_may_take_as_long_as_it_likes(world: World) -> None:
    world.store.runs.save(Run("by hand", "command", int(world.now), RunStatus.RUNNING))
    world.now += 12 * HOUR
    by_hand = FileLock(world.scheduler._settings.var / "trainer.lock")
    assert by_hand.acquire(LockOwner(socket.gethostname(), 99, "command"))
    assert not world.scheduler.check()
    by_hand.release()
    assert world.signals == []


# drift


def test_drift_is_checked_every_few_hours_between_trainings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "current_version", lambda self: "V")
    world.now = _utc("2026-03-02T00:10").timestamp()
    assert world.scheduler.check()
    world.finish()
    world.store.runs.save_score(Score(int(world.now), "V"))
    for _ in range(23 * 6):
        world.now += 600
        world.scheduler.check()
    assert len(world.started) == 1
    assert len(world.watched) == 3


def test_drift_is_not_checked_without_a_release_or_when_it_is_turned_off(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.runs.save(Run("first", "command", int(_utc("2026-03-01T10:00").timestamp()), RunStatus.SUCCEEDED))
    assert not World(settings, store, "2026-03-01T10:00").scheduler.check()
    monkeypatch.setattr(Registry, "current_version", lambda self: "V")
    assert not World(settings.model_copy(update={"drift_hours": 0}), store, "2026-03-01T10:00").scheduler.check()
    assert World(settings, store, "2026-03-01T10:00").scheduler.check()


def test_scores_recorded_in_the_future_do_not_stop_the_drift_checks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "current_version", lambda self: "V")
    world.store.runs.save_score(Score(int(world.now) + 400 * DAY, "V"))
    assert world.scheduler.check()
    assert len(world.watched) == 1
    world.store.runs.save_score(Score(int(world.now), "V"))
    world.now += 3_600
    assert not world.scheduler.check()


def test_status_shows_how_far_the_run_under_way_is(world: World) -> None:
    world.store.runs.save(Run("now", "night", int(world.now), RunStatus.RUNNING, progress="measuring"))
    under_way = world.scheduler.status()["under_way"]
    assert isinstance(under_way, dict)
    assert (under_way["run_id"], under_way["progress"]) == ("now", "measuring")


def test_a_leader_that_lost_its_lock_steps_down(world: World) -> None:
    world.scheduler._timers = BackgroundScheduler()
    world.scheduler._timers.start()
    world.now += DAY
    world.scheduler._check_as_leader()  # the lock is not ours
    assert world.scheduler._timers is None
    assert world.started == []


def test_a_leader_that_cannot_start_its_timers_steps_down(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = World(settings, store, "2026-03-01T10:00").scheduler

    def no_thread() -> BackgroundScheduler:
        scheduler._stop.set()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(scheduler, "_start_timers", no_thread)
    scheduler._elect()
    assert "can't start new thread" in caplog.text
    assert FileLock(settings.var / "leader.lock").owner() is None


def test_a_leader_that_was_stopped_while_it_looked_starts_nothing_once_another_one_leads(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = world.scheduler, world.another(settings)
    assert old._lock.acquire(LockOwner.this_process())
    world.now += DAY
    look = old._due

    def stopped_meanwhile() -> int | None:
        due = look()
        (settings.var / "leader.lock").unlink()  # as when the folder is restored; a lock in a database can be lost, too
        assert new._lock.acquire(LockOwner.this_process())
        return due

    monkeypatch.setattr(old, "_due", stopped_meanwhile)
    old._check_as_leader()
    assert world.started == []
    new._check_as_leader()
    assert len(world.started) == 1
    new._lock.release()


@pytest.mark.parametrize("jump", [HOUR, DAY, 365 * DAY])
@pytest.mark.parametrize("way", [1, -1])
def test_a_clock_that_jumps_and_is_set_right_again_neither_loses_nor_repeats_a_run(
    world: World, settings: Settings, jump: int, way: int
) -> None:
    expected = set()
    for leap in (0, way * jump, -way * jump):
        world.now += leap
        end = world.now + 2 * DAY
        while world.now < end:
            now = dt.datetime.fromtimestamp(world.now, dt.UTC)
            expected.add(int(due_before(now, settings.retrain_time, settings.zone).timestamp()))
            if world.scheduler.check():
                world.finish()
            world.now += HOUR
    dues = [due for due, _ in world.started]
    assert len(dues) == len(set(dues))
    assert set(dues) == expected - {int(_utc("2026-03-01T00:00").timestamp())}  # which a training by hand answered
