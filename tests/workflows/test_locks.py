"""File locks between processes: released by any end of the holder, and lost with their file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from src.core.process_lock import LockOwner
from src.workflows.locks import FileLock

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import subprocess, sys, time
from pathlib import Path
from src.workflows.locks import FileLock, LockOwner
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire(LockOwner.this_process("night"))
subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=sys.stdin)
print("held", flush=True)
time.sleep(600)
"""


def test_a_killed_process_releases_its_lock_although_its_child_runs_on(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    command = [sys.executable, "-c", HOLD, str(lock.path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:  # leaving the block closes the child's standard input, which ends it
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        owner = lock.owner()
        assert owner is not None
        assert (owner.pid_here, owner.trigger) == (holder.pid, "night")
        assert not lock.acquire(LockOwner("me"))
        holder.kill()
        holder.wait()
        assert lock.owner() is None
        assert lock.acquire(LockOwner("me"))
    assert lock.owner() == LockOwner("me")
    lock.release()
    assert lock.path.read_bytes() == b""


def test_the_lock_file_holds_its_owner_as_json(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire(LockOwner("host", 7, "night"))
    assert json.loads(lock.path.read_text(encoding="utf-8")) == {"host": "host", "pid": 7, "trigger": "night"}
    lock.release()


def test_a_lock_whose_file_was_replaced_is_lost(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire(LockOwner("me"))
    (tmp_path / "other").touch()
    os.replace(tmp_path / "other", first.path)
    assert not first.held
    assert second.acquire(LockOwner("you"))
    first.release()
    assert second.held
    assert second.owner() == LockOwner("you")
    second.release()


def test_a_worker_can_take_a_lock_that_was_created_before_it_was_forked(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from src.workflows.locks import FileLock, LockOwner
lock = FileLock(Path(sys.argv[1]))
if (pid := os.fork()) == 0:
    os._exit(0 if lock.acquire(LockOwner.this_process()) and lock.held else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")], cwd=ROOT, check=False).returncode == 0


def test_a_full_disk_costs_the_owners_name_but_not_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object) -> int:
        raise OSError(28, "No space left on device")

    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", no_space)
        assert first.acquire(LockOwner("me"))
    assert not second.acquire(LockOwner("you"))
    assert second.owner() == LockOwner("unknown")
    first.release()
    assert second.acquire(LockOwner("you"))
    second.release()


def test_a_lock_whose_file_was_removed_is_lost_and_another_process_can_take_it(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire(LockOwner("me"))
    first.path.unlink()
    assert not first.held
    assert second.acquire(LockOwner("you"))
    assert second.held
    assert not first.acquire(LockOwner("me"))
    assert second.owner() == LockOwner("you")
    second.release()
    assert first.acquire(LockOwner("me", 2))
    first.release()


def test_reading_the_owner_does_not_keep_the_trainer_out_and_finds_a_name(tmp_path: Path) -> None:
    stop, owners = threading.Event(), set[LockOwner | None]()
    lock, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")

    def ask() -> None:
        while not stop.is_set():
            owners.add(other.owner())

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(200):
            assert lock.acquire(LockOwner("me"))
            lock.release()
    finally:
        stop.set()
        asker.join()
    assert owners <= {None, LockOwner("me")}
