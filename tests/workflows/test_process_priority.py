"""Background processes run at the lowest priority."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.workflows.process_priority import lower_priority
from tests.waiting import PATIENCE_SECONDS


@pytest.fixture(params=[True, False], ids=["a session of its own", "somebody's session"])
def waiting(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    """(a process that waits, whether it leads its session)."""
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=request.param
    )
    yield process.pid, request.param
    process.communicate(b"\n", timeout=PATIENCE_SECONDS)


def test_a_process_and_the_session_that_it_leads_get_the_lowest_priority(waiting: tuple[int, bool]) -> None:
    pid, leads = waiting
    group = Path(f"/proc/{pid}/autogroup")
    before = group.read_text() if group.exists() else ""
    lower_priority(pid)
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    if hasattr(os, "SCHED_IDLE"):
        assert os.sched_getscheduler(pid) == os.SCHED_IDLE
    if before:
        assert group.read_text() == (before.replace("nice 0", "nice 19") if leads else before)


def test_a_process_that_has_ended_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    lower_priority(process.pid)
