"""When a run is due, and who sees to it, by a clock that is handed in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.scheduler import Scheduler, due_after, due_before
from src.config import Settings, read_settings
from src.domain import EventBatch, Run, RunStatus
from src.store import Store, open_store
from src.workflows.locks import FileLock

MIDNIGHT = dt.time(0, 0)
HOUR = 3_600
DAY = 24 * HOUR


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class FakeTrainer:
    """A training that runs until it is told its exit code."""

    def __init__(self) -> None:
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code


class World:
    """A scheduler in a world of its own: the clock, and the trainings it started."""

    def __init__(self, settings: Settings, store: Store, now: str) -> None:
        self.now = _utc(now).timestamp()
        self.store = store
        self.started: list[tuple[int, FakeTrainer]] = []
        self.scheduler = Scheduler(settings, store, now=lambda: self.now, start=self._start)

    def _start(self, _settings: Settings, due: int) -> FakeTrainer:
        trainer = FakeTrainer()
        self.started.append((due, trainer))
        return trainer

    def finish(self, code: int = 0, *, recorded: bool = True) -> None:
        due, trainer = self.started[-1]
        trainer.code = code
        if recorded:
            self.store.journal.save_run(Run(f"run-{due}", "night", int(self.now), RunStatus.SUCCEEDED, due=due))

    def pass_(self, seconds: float, step: float = 60) -> None:
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
    store.journal.save_run(Run("first", "command", int(_utc("2026-03-01T10:00").timestamp()), RunStatus.SUCCEEDED))
    return World(settings, store, "2026-03-01T10:00")


def test_nothing_is_due_before_the_next_midnight(world: World) -> None:
    world.pass_(13 * HOUR)
    assert world.started == []


def test_one_run_a_night(world: World) -> None:
    world.pass_(5 * DAY)
    assert [due for due, _ in world.started] == [_utc(f"2026-03-0{day}T00:00").timestamp() for day in (2, 3, 4, 5, 6)]


def test_a_missed_midnight_is_made_up_for_once(world: World) -> None:
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


def test_while_somebody_trains_by_hand_the_night_waits(world: World, settings: Settings) -> None:
    world.now += DAY
    by_hand = FileLock(settings.var / "trainer.lock")
    assert by_hand.acquire("somebody")
    assert not world.scheduler.check()
    by_hand.release()
    assert world.scheduler.check()


def test_a_trainer_that_dies_before_it_records_its_run_had_its_turn(world: World) -> None:
    world.now += DAY
    assert world.scheduler.check()
    world.finish(code=1, recorded=False)
    world.pass_(HOUR)
    assert len(world.started) == 1
    newest = world.store.journal.runs(1)[0]
    assert newest.status is RunStatus.FAILED
    assert newest.due == world.started[0][0]
    assert "exit code 1" in newest.message


def test_a_shop_with_events_and_no_run_is_trained_without_waiting(settings: Settings, store: Store) -> None:
    store.add_events(_events())
    assert World(settings, store, "2026-03-01T10:00").scheduler.check()


def test_a_shop_without_events_is_not_trained(settings: Settings, store: Store) -> None:
    assert not World(settings, store, "2026-03-01T10:00").scheduler.check()


def test_a_store_that_does_not_answer_is_no_end_of_the_scheduler(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from src.errors import StoreError

    def refuse(_n: int) -> list[Run]:
        raise StoreError("locked")

    world.now += DAY
    with monkeypatch.context() as patch:
        patch.setattr(world.store.journal, "runs", refuse)
        assert not world.scheduler.check()
    assert "locked" in caplog.text
    assert world.scheduler.check()


def test_only_one_of_two_schedulers_leads_and_the_other_takes_over(settings: Settings) -> None:
    first, second = (FileLock(settings.var / "leader.lock") for _ in range(2))
    assert first.acquire("host:1")
    assert not second.acquire("host:2")
    assert second.owner() == "host:1"
    first.release()
    assert second.owner() is None
    assert second.acquire("host:2")
    assert first.owner() == "host:2"
    second.release()


def test_status_names_the_next_run_in_utc(settings: Settings, store: Store) -> None:
    berlin = settings.model_copy(update={"timezone": "Europe/Berlin", "retrain_at": "03:30"})
    world = World(berlin, store, "2026-07-01T10:00")
    assert world.scheduler.status() == {"leader": None, "next_run": "2026-07-02T01:30:00+00:00", "last_run": None}


@pytest.mark.parametrize(
    ("zone", "at", "now", "expected"),
    [
        ("UTC", "00:00", "2026-03-01T00:00", "2026-03-01T00:00"),
        ("UTC", "00:00", "2026-03-01T23:59", "2026-03-01T00:00"),
        ("Europe/Berlin", "00:00", "2026-03-28T23:30", "2026-03-28T23:00"),
        # 02:30 is skipped on 2026-03-29: due when the clock is put forward, and the next day as always.
        ("Europe/Berlin", "02:30", "2026-03-29T01:30", "2026-03-29T01:30"),
        ("Europe/Berlin", "02:30", "2026-03-30T00:30", "2026-03-30T00:30"),
        # 02:30 comes twice on 2026-10-25: the first one counts.
        ("Europe/Berlin", "02:30", "2026-10-25T01:45", "2026-10-25T00:30"),
        # Midnight itself is skipped in Cairo on 2026-04-24, and the next midnight must not be lost with it.
        ("Africa/Cairo", "00:00", "2026-04-23T22:00", "2026-04-23T22:00"),
        ("Africa/Cairo", "00:00", "2026-04-24T21:00", "2026-04-24T21:00"),
        # Apia had no 30 December 2011 at all.
        ("Pacific/Apia", "00:00", "2011-12-30T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "00:00", "2011-12-31T09:59", "2011-12-30T10:00"),
    ],
)
def test_the_last_due_moment_survives_clock_changes(zone: str, at: str, now: str, expected: str) -> None:
    moment = due_before(_utc(now), dt.time.fromisoformat(at), ZoneInfo(zone))
    assert moment == _utc(expected)


def test_every_day_of_a_year_has_exactly_one_due_moment() -> None:
    zone = ZoneInfo("Europe/Berlin")
    now, moments = _utc("2026-01-01T12:00"), set()
    while now < _utc("2027-01-01T12:00"):
        moments.add(due_before(now, MIDNIGHT, zone))
        assert due_before(now, MIDNIGHT, zone) <= now < due_after(now, MIDNIGHT, zone)
        now += dt.timedelta(minutes=30)
    assert len(moments) == 366  # 1 January 2026 to 1 January 2027, both ends


def test_a_trainer_that_was_killed_is_said_to_have_failed_at_the_next_look(world: World) -> None:
    world.now += DAY
    assert world.scheduler.check()
    due, trainer = world.started[-1]
    world.store.journal.save_run(Run("killed", "night", int(world.now), RunStatus.RUNNING, due=due))
    trainer.code = -9
    assert not world.scheduler.check()
    newest = world.store.journal.runs(1)[0]
    assert (newest.run_id, newest.status) == ("killed", RunStatus.FAILED)
