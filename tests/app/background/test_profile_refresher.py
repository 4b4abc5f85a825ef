"""The data profile is made when it is due, by one process at a time; the old one is shown meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app.background.profile_refresher import ProfileRefresher, ProfileState, profile_job
from src.core.domain import Event, EventKind
from src.core.errors import StoreError
from src.core.process_lock import LockOwner
from src.core.progress import Silent
from src.core.settings import Settings
from src.exploration.saved_profile import SavedProfile
from src.store import Store
from src.workflows.explore import explore_store
from src.workflows.locks import FileLock
from src.workflows.record_events import record_events
from tests.aisle_context import exchange
from tests.waiting import PATIENCE_SECONDS, wait_until


class FakeProcess:
    """A profiling process that ends when a test says so."""

    pid = 4_321

    def __init__(self, code: int) -> None:
        self.go, self.code = threading.Event(), code

    def poll(self) -> int | None:
        return self.code if self.go.is_set() else None

    def wait(self) -> int:
        assert self.go.wait(PATIENCE_SECONDS)
        return self.code


class Shop:
    """A store and its refresher; `started` are the processes so far."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store, self.code, self.now = settings, store, 0, 2e9
        self.started: list[FakeProcess] = []
        self.explorer = self.another_worker()

    def another_worker(self) -> ProfileRefresher:
        job = replace(profile_job(self.settings), launch=self._launch)
        return ProfileRefresher(self.settings, self.store, job, lambda: self.now)

    def _launch(self, *_: object) -> FakeProcess:
        self.started.append(FakeProcess(self.code))
        return self.started[-1]

    def count(self) -> None:
        """Run the profiling as the process would."""
        explore_store(self.settings, self.store, self.settings.reports_dir / "exploration.html", Silent())

    def end(self) -> None:
        for process in self.started:
            process.go.set()
        for thread in threading.enumerate():
            if thread.name == "data_processing.py":
                thread.join(PATIENCE_SECONDS)

    def something_happens(self) -> None:
        record_events(self.store, [Event("new", "P00001", EventKind.CLICK, at=5)])

    def looks(self) -> ProfileState:
        return self.explorer.look().state


@pytest.fixture
def watched(trained_settings: Settings, trained_store: Store) -> Iterator[Shop]:
    its = Shop(trained_settings, trained_store)
    yield its
    its.end()


def test_the_first_request_to_any_worker_starts_one_process(watched: Shop) -> None:
    other = watched.another_worker()
    for explorer in (watched.explorer, other, watched.explorer):
        shown = explorer.look()
        assert (shown.profile, shown.state) == (None, ProfileState.UNDER_WAY)
    assert len(watched.started) == 1
    watched.count()
    watched.end()
    for explorer in (watched.explorer, other):
        shown = explorer.look()
        assert shown.state is ProfileState.CURRENT
        assert shown.profile is not None
        assert shown.profile.figures.n_events == watched.store.summary().n_events
    assert len(watched.started) == 1


def test_the_profile_of_an_unchanged_store_stays_current_at_any_age(watched: Shop) -> None:
    watched.count()
    watched.now += 1e8
    assert watched.looks() is ProfileState.CURRENT
    assert watched.started == []


def test_the_old_profile_is_shown_while_a_new_one_is_made(watched: Shop) -> None:
    watched.count()
    watched.something_happens()
    shown = watched.explorer.look()
    assert shown.state is ProfileState.UNDER_WAY
    assert shown.profile is not None
    assert shown.profile.figures.n_events == watched.store.summary().n_events - 1
    watched.count()
    watched.end()
    renewed = watched.explorer.look().profile
    assert renewed is not None
    assert renewed.figures.n_events == watched.store.summary().n_events


@pytest.mark.parametrize(
    ("seconds", "age", "due"), [(0.1, 59, False), (0.1, 61, True), (10, 499, False), (10, 501, True)]
)
def test_profiling_takes_a_fiftieth_of_the_time_at_most(watched: Shop, seconds: float, age: float, due: bool) -> None:
    watched.count()
    path = watched.settings.explored_path
    explored = SavedProfile.read(path)
    assert explored is not None
    replace(explored, seconds=seconds).write(path)
    watched.something_happens()
    watched.now = explored.figures.explored_at + age
    assert (watched.looks() is ProfileState.UNDER_WAY) == due


def test_a_failure_is_shown_and_not_retried_at_once(watched: Shop) -> None:
    watched.code = 1
    assert watched.looks() is ProfileState.UNDER_WAY
    watched.end()
    shown = watched.explorer.look()
    assert shown.state is ProfileState.FAILED
    assert "exit code 1" in shown.problem
    assert "exploration.log" in shown.problem
    assert len(watched.started) == 1
    watched.now += 3_600
    assert watched.looks() is ProfileState.UNDER_WAY
    assert len(watched.started) == 2
    watched.end()


def test_a_process_that_cannot_be_started_leaves_the_lock_free(
    trained_settings: Settings, trained_store: Store
) -> None:
    def refuse(*_: object) -> FakeProcess:
        raise OSError(28, "No space left on device")

    explorer = ProfileRefresher(trained_settings, trained_store, replace(profile_job(trained_settings), launch=refuse))
    shown = explorer.look()
    assert shown.state is ProfileState.FAILED
    assert "No space left on device" in shown.problem
    assert FileLock(trained_settings.var / "explorer.lock").acquire(LockOwner("another worker"))


def test_an_empty_store_is_not_profiled(settings: Settings, store: Store) -> None:
    watched = Shop(settings, store)
    assert watched.looks() is ProfileState.EMPTY
    assert watched.started == []


def test_the_last_profile_is_shown_if_the_store_does_not_answer(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.count()

    def refuse(*_: object) -> None:
        raise StoreError("the store sqlite:///secret refused")

    monkeypatch.setattr(type(watched.store.events), "changed_at", refuse)
    shown = watched.explorer.look()
    assert shown.state is ProfileState.UNKNOWN
    assert shown.profile is not None
    assert "secret" not in shown.problem


def test_a_profile_of_another_version_is_made_again(watched: Shop) -> None:
    path = watched.settings.explored_path
    path.parent.mkdir(parents=True, exist_ok=True)
    for content in ("{}", "no JSON", '{"figures": {"n_events": "many"}}'):
        path.write_text(content)
        assert SavedProfile.read(path) is None
    assert watched.looks() is ProfileState.UNDER_WAY
    watched.end()


def test_a_profile_is_read_as_it_was_written(watched: Shop) -> None:
    watched.count()
    path = watched.settings.explored_path
    explored = SavedProfile.read(path)
    assert explored is not None
    assert explored.figures.most_bought[0].product_id in explored.titles
    assert explored.changed_at == watched.store.events.changed_at()
    assert explored.figures.catalogue.without_events is not None
    explored.write(path)
    assert SavedProfile.read(path) == explored


def test_the_process_writes_the_profile_that_is_read(
    trained_settings: Settings,
    trained_store: Store,
    as_environment: Callable[[Settings], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in as_environment(trained_settings).items():
        monkeypatch.setenv(name, value)
    explorer = ProfileRefresher(trained_settings, trained_store, profile_job(trained_settings))
    assert explorer.look().state is ProfileState.UNDER_WAY
    for thread in threading.enumerate():
        if thread.name == "data_processing.py":
            thread.join(PATIENCE_SECONDS)
    shown = explorer.look()
    assert shown.state is ProfileState.CURRENT, shown.problem
    assert shown.profile is not None
    assert shown.profile.figures.n_events == trained_store.summary().n_events


def test_a_worker_that_ends_ends_the_process_that_it_started(
    settings: Settings,
    store: Store,
    flask_app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    record_events(store, [Event("u", "p", EventKind.CLICK, at=1)])
    command = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)", "data_processing.py"]
    started: list[subprocess.Popen[str]] = []

    def start(*_: object) -> subprocess.Popen[str]:
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    explorer = ProfileRefresher(settings, store, replace(profile_job(settings), launch=start))
    aisle = exchange(flask_app, profile_refresher=explorer)
    try:
        assert explorer.look().state is ProfileState.UNDER_WAY
        assert started[0].stdout is not None
        assert started[0].stdout.readline() == "ready\n"
        aisle.leave()
        assert started[0].wait(PATIENCE_SECONDS) == -signal.SIGTERM
        explorer.stop()  # of what has ended already: nothing
        wait_until(lambda: FileLock(settings.var / "explorer.lock").owner() is None, "the lock to be free")
        assert "the shop's figures" not in caplog.text
    finally:
        started[0].kill()
        started[0].communicate()
