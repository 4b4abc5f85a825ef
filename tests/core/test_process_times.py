"""The times of a process, against what the process knows of itself."""

from __future__ import annotations

import subprocess
import sys

from src.core.process_times import cpu_seconds, seconds_since_start

REPORT = "import time; sum(range(10**7)); print(time.process_time(), flush=True); input()"


def test_a_process_has_an_age_and_used_processor_time_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", REPORT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        used = float(process.stdout.readline())
        age = seconds_since_start(process.pid)
        assert age is not None
        assert 0 < used <= cpu_seconds(process.pid) + 0.02 <= age + 0.1  # counted in hundredths of a second
        process.communicate(b"\n")
    assert seconds_since_start(process.pid) is None
    assert cpu_seconds(process.pid) == 0
