"""The end of the service ends the training process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.background.training_process import end_training
from src.core.process_lock import LockOwner
from src.core.settings import Settings
from src.workflows.locks import trainer_lock
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys, time
from pathlib import Path
from src.workflows.locks import FileLock, LockOwner
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire(LockOwner.this_process(sys.argv[2]))
print("held", flush=True)
time.sleep(600)
"""
HOLD_AS_EARLIER_VERSIONS = """
import fcntl, os, socket, sys, time
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.pwrite(descriptor, f"{socket.gethostname()}:{os.getpid()} {sys.argv[2]}".encode(), 0)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holders() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def hold(
    settings: Settings, trigger: str, holders: list[subprocess.Popen[str]], code: str = HOLD
) -> subprocess.Popen[str]:
    """Start a process that holds the trainer's lock as a trainer does."""
    settings.var.mkdir(exist_ok=True)
    command = [sys.executable, "-c", code, str(settings.var / "trainer.lock"), trigger, "train_model.py"]
    holders.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    assert holders[-1].stdout is not None
    assert holders[-1].stdout.readline() == "held\n"
    return holders[-1]


@pytest.mark.parametrize("code", [HOLD, HOLD_AS_EARLIER_VERSIONS])
def test_the_end_of_the_service_ends_the_training_that_it_started(
    settings: Settings, holders: list[subprocess.Popen[str]], code: str
) -> None:
    trainer = hold(settings, "night", holders, code)
    assert trainer_lock(settings).owner() == LockOwner(socket.gethostname(), trainer.pid, "night")
    end_training(settings)
    assert trainer.wait(PATIENCE_SECONDS) == -signal.SIGTERM
    assert trainer_lock(settings).owner() is None


@pytest.mark.parametrize("code", [HOLD, HOLD_AS_EARLIER_VERSIONS])
def test_a_training_that_was_started_by_hand_outlives_the_service(
    settings: Settings, holders: list[subprocess.Popen[str]], code: str
) -> None:
    trainer = hold(settings, "command", holders, code)
    end_training(settings)
    assert trainer.poll() is None


def test_without_a_training_no_process_is_ended(settings: Settings) -> None:
    end_training(settings)
