"""Time and memory of a piece of work."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from src.evaluation.benchmark_scope import Cost

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_Result = TypeVar("_Result")


def address_space_note() -> str:
    """Return a sentence on the limit of this process's address space; "" without one.

    Libraries report memory that they do not get as a file that cannot be loaded, or as whatever else they tried.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return ""
    return f" This process may take {limit / 2**20:,.0f} MiB of address space (ulimit -v), which may be why."


def with_resource_usage(work: Callable[[], _Result]) -> tuple[_Result, Cost]:
    """Do some work, and return its result with its time and memory.

    Linux counts the peak resident memory anew from the start of the work (proc(5): /proc/PID/clear_refs, 5). Elsewhere
    peak_mib is the peak of the whole process so far, and growth_mib is None.
    """
    with suppress(OSError):
        _CLEAR.write_text("5")
    before = _kib("VmRSS")
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    peak = _kib("VmHWM")
    if before is None or peak is None:
        return result, Cost(seconds, _highest_so_far() / 1024, None)
    return result, Cost(seconds, peak / 1024, (peak - before) / 1024)


def _kib(field: str) -> int | None:
    """Return a memory count of this process in KiB, as Linux keeps it; None elsewhere."""
    try:
        match = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) if match else None


def _highest_so_far() -> float:
    """Return the peak resident memory of this process in KiB."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 1024 if sys.platform == "darwin" else highest  # macOS counts bytes
