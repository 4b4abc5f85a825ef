"""Time and memory of a piece of work, and of the phases of a longer one."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from typing_extensions import override

from src.core.mapped_arrays import leave_pages
from src.core.progress import Reporter
from src.core.records import Cost, RunPhase

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_Result = TypeVar("_Result")


def with_resource_usage(work: Callable[[], _Result]) -> tuple[_Result, Cost]:
    """Do some work, and return its result with its time and memory.

    Linux counts the peak resident memory anew from the start of the work (proc(5): /proc/PID/clear_refs, 5). Elsewhere
    peak_mib is the peak of the whole process so far, and growth_mib is None.
    """
    count_peak_anew()
    before = _kib("VmRSS")
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    peak = _kib("VmHWM")
    return result, Cost(seconds, peak_mib(), None if before is None or peak is None else (peak - before) / 1024)


class PhaseMeter(Reporter):
    """A reporter that measures every step as a phase, and frees what mapped models took in the one before."""

    def __init__(self, reporter: Reporter) -> None:
        """Begin without a phase. reporter: is told of the steps, too."""
        self._reporter = reporter
        self._phases: list[RunPhase] = []
        self._current: _Begun | None = None
        self._lock = threading.Lock()
        self._beside: dict[str, bool] = {}
        """Work beside the current phase, and whether it goes on."""

    @override
    def step(self, line: str) -> None:
        if not line.startswith("WARNING"):  # a remark, and no step
            self._end_phase()
            leave_pages()  # of models that the phase before has used
            give_back_freed()
            count_peak_anew()
            self._current = _Begun(line, time.perf_counter(), _processor_seconds())
        self._reporter.step(line)

    @override
    def advance(self, done: int, total: int | None = None) -> None:
        self._reporter.advance(done, total)

    @contextmanager
    @override
    def beside(self, line: str) -> Iterator[None]:
        with self._lock:
            self._beside[line] = True
        try:
            with self._reporter.beside(line):
                yield
        finally:
            with self._lock:
                self._beside[line] = False

    def end(self) -> tuple[RunPhase, ...]:
        """End the last phase, and return all of them, in their order."""
        self._end_phase()
        return tuple(self._phases)

    def _end_phase(self) -> None:
        if self._current is None:
            return
        seconds = time.perf_counter() - self._current.at
        processor = _processor_seconds() - self._current.processor
        busy = processor / max(seconds, 1e-9) / (os.cpu_count() or 1)
        with self._lock:
            name = "; beside it ".join([self._current.name, *self._beside])
            self._beside = {line: True for line, goes_on in self._beside.items() if goes_on}
        self._phases.append(RunPhase(name, round(seconds, 2), round(min(busy, 1), 3), round(peak_mib(), 1)))
        self._current = None


class _Begun(NamedTuple):
    """The current phase: its name, when it began, and the processor seconds until then."""

    name: str
    at: float
    processor: float


def _processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def give_back_freed() -> None:
    """Give freed memory back to the system, where the C library can (malloc_trim(3)).

    It keeps up to 32 MiB of each array that was freed, in a heap for each thread there has been.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def count_peak_anew() -> None:
    """Count the peak resident memory of this process from now on, where the system can."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak_mib() -> float:
    """Return the peak resident memory since `count_peak_anew`; that of the whole process where it is not counted."""
    peak = _kib("VmHWM")
    return (_highest_so_far() if peak is None else peak) / 1024


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
