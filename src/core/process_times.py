"""What Linux tells of another process: proc_pid_stat(5) and proc_pid_cmdline(5)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_USER, _SYSTEM, _STARTED = 11, 12, 19
"""Places among the fields after the name: utime, stime, starttime."""


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used; 0 where the system has no /proc, or when it has ended."""
    fields = _fields(pid)
    return 0.0 if fields is None else (int(fields[_USER]) + int(fields[_SYSTEM])) / _ticks()


def seconds_since_start(pid: int) -> float | None:
    """Return the age of a process by the time since the system's start, which nobody sets.

    Args:
        pid: its number.

    Returns:
        Seconds; None where the system has no /proc, or when the process has ended.
    """
    fields = _fields(pid)
    with suppress(OSError):
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return None if fields is None else uptime - int(fields[_STARTED]) / _ticks()
    return None


def has_process_with(argument: str) -> bool:
    """Return whether a process of this host has an argument on its command line; False where there is no /proc."""
    wanted = argument.encode()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if wanted in file.read_bytes().split(b"\0"):
                return True
    return False


def _fields(pid: int) -> list[str] | None:
    """Return the fields after the name, which may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")
