"""Locks in PostgreSQL: one holder among all hosts, gone with its connection."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from src.core.process_lock import LockOwner
from src.models.settings import read_settings
from src.store.database_lock import DatabaseLock
from src.workflows.locks import FileLock, leader_lock, trainer_lock
from tests.waiting import wait_until


@pytest.fixture
def url(postgresql: str) -> str:
    """The URL of a database of PostgreSQL."""
    return postgresql


def test_one_of_two_processes_holds_a_lock_and_names_its_owner(url: str) -> None:
    first, second = DatabaseLock(url, "trainer"), DatabaseLock(url, "trainer")
    assert first.owner() is None
    assert first.acquire(LockOwner("host-a", 1, "night"))
    assert first.acquire(LockOwner("host-a", 1, "night"))
    assert not second.acquire(LockOwner("host-b", 2, "night"))
    assert second.owner() == LockOwner("host-a", 1, "night")
    assert first.held
    assert not second.held
    first.release()
    assert second.owner() is None
    assert second.acquire(LockOwner("host-b", 2, "night"))
    second.release()
    second.release()


def test_the_leader_lock_and_the_trainer_lock_are_independent(url: str) -> None:
    leader, trainer = DatabaseLock(url, "leader"), DatabaseLock(url, "trainer")
    assert leader.acquire(LockOwner("host", 1))
    assert trainer.acquire(LockOwner("host", 2))
    assert (leader.owner(), trainer.owner()) == (LockOwner("host", 1), LockOwner("host", 2))
    leader.release()
    assert trainer.owner() == LockOwner("host", 2)
    trainer.release()


def test_a_lock_is_free_once_its_connection_ends_and_its_holder_notices(url: str) -> None:
    first, second = DatabaseLock(url, "leader"), DatabaseLock(url, "leader")
    assert first.acquire(LockOwner("host", 1))
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # as when the database is started anew
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'host:1'")
        )
    engine.dispose()
    wait_until(lambda: second.acquire(LockOwner("host", 2)), "the ended connection to release its lock")
    assert not first.held
    assert not first.acquire(LockOwner("host", 1))
    second.release()


def test_the_database_url_decides_the_kind_of_lock(url: str, tmp_path: object) -> None:
    there = read_settings(var=tmp_path, database_url=url)
    here = read_settings(var=tmp_path)
    for lock in (trainer_lock, leader_lock):
        assert isinstance(lock(there), DatabaseLock)
        assert isinstance(lock(here), FileLock)
