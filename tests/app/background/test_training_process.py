"""The training as a process of its own: who it is, and how it is ended."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.background.training_process import end_process, end_training, process_of
from src.core.settings import Settings
from src.workflows.locks import trainer_lock

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys, os, socket, time
from pathlib import Path
from src.workflows.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
assert lock.acquire(f"{socket.gethostname()}:{os.getpid()} {sys.argv[2]}")
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("owner", "found"),
    [
        (f"{socket.gethostname()}:77 night", (77, "night")),
        (f"{socket.gethostname()}:77", (77, "")),
        ("another-host:77 night", None),
        ("unknown", None),
        ("", None),
        (None, None),
        ("closing abandoned runs", None),
    ],
)
def test_the_owner_of_the_lock_names_a_process_of_this_host(owner: str | None, found: tuple[int, str] | None) -> None:
    assert process_of(owner) == found


@pytest.fixture
def holders() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def hold(settings: Settings, trigger: str, holders: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """A process like a trainer's, that holds the trainer's lock."""
    command = [sys.executable, "-c", HOLD, str(settings.var / "trainer.lock"), trigger, "train_model.py"]
    holders.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    assert holders[-1].stdout is not None
    assert holders[-1].stdout.readline() == "held\n"
    return holders[-1]


def test_the_end_of_the_service_ends_the_training_that_it_started(
    settings: Settings, holders: list[subprocess.Popen[str]]
) -> None:
    trainer = hold(settings, "night", holders)
    end_training(settings)
    assert trainer.wait(10) == -signal.SIGTERM
    assert trainer_lock(settings).owner() is None


def test_a_training_that_somebody_started_by_hand_outlives_the_service(
    settings: Settings, holders: list[subprocess.Popen[str]]
) -> None:
    trainer = hold(settings, "command", holders)
    end_training(settings)
    assert trainer.poll() is None


def test_without_a_training_there_is_nothing_to_end(settings: Settings) -> None:
    end_training(settings)


def test_a_process_that_got_a_trainers_number_later_is_left_alone() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        end_process(other.pid, signal.SIGKILL)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    end_process(other.pid, signal.SIGTERM)  # and one that is gone
