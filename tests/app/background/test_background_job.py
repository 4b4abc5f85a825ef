"""Scripts in processes of their own are started, awaited and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.background.background_job import ROOT, BackgroundJob, launcher_of
from app.thread_limits import THREAD_VARIABLES
from src.core.process_lock import LockOwner
from src.models.settings import read_settings
from src.workflows.locks import FileLock
from tests.waiting import PATIENCE_SECONDS, wait_until


@pytest.fixture
def job(tmp_path: Path) -> BackgroundJob:
    return BackgroundJob("train_model.py", FileLock(tmp_path / "lock"), tmp_path / "log")


def test_a_script_is_started_with_its_arguments_and_its_exit_code_is_reported(job: BackgroundJob) -> None:
    commands: list[list[str]] = []
    codes: list[int] = []
    reported = threading.Event()

    def launch_another(command: Sequence[str], *_: object) -> subprocess.Popen[bytes]:
        commands.append(list(command))
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    def note(code: int) -> None:
        codes.append(code)
        reported.set()

    process = replace(job, launch=launch_another).start(["--watch"], note)
    assert reported.wait(PATIENCE_SECONDS)
    assert codes == [process.wait()] == [3]
    assert commands == [[sys.executable, str(ROOT / "train_model.py"), "--watch"]]


@pytest.mark.parametrize(("priority", "niceness"), [("lowest", 19), ("normal", os.getpriority(os.PRIO_PROCESS, 0))])
def test_a_process_has_its_own_session_its_threads_and_the_priority_of_the_settings(
    tmp_path: Path, priority: str, niceness: int
) -> None:
    code = "import os; print(os.getsid(0) == os.getpid(), os.getpriority(0, 0), os.environ['OMP_NUM_THREADS'])"
    assert "OMP_NUM_THREADS" in THREAD_VARIABLES
    wait = "import sys; sys.stdin.read(); import time; time.sleep(1);"  # the priority is lowered after the start
    start = launcher_of(read_settings(background_priority=priority))
    assert start([sys.executable, "-c", wait + code], tmp_path / "log", 7).wait() == 0
    assert (tmp_path / "log").read_text(encoding="utf-8") == f"True {niceness} 7\n"


def test_a_job_runs_while_its_lock_is_held(job: BackgroundJob) -> None:
    assert not job.is_running()
    assert job.lock.acquire(LockOwner.this_process())
    assert job.is_running()
    job.lock.release()
    assert not job.is_running()


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True


def test_a_killed_process_takes_those_that_it_started_along(job: BackgroundJob, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "print(child.pid, flush=True); child.wait()"
    )
    command = [sys.executable, "-c", code, "train_model.py"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        job.end(process.pid, signal.SIGKILL)
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        assert process.stdout.read() == ""  # closed by the end of both
    wait_until(lambda: has_ended(child), "the end of the child")


def test_a_process_that_reuses_the_id_is_not_ended(job: BackgroundJob) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        job.end(other.pid, signal.SIGKILL)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    job.end(other.pid)  # and one that is gone
