"""Work in threads on all cores, for numpy, SciPy and compiled code, which leave other threads running."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_here = threading.local()


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin_worker() -> None:
    _here.is_worker = True


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this thread's work on one core, as others are busy: BLAS has one thread, and so has `map_on_all_cores`."""
    from threadpoolctl import threadpool_limits  # not at the top: it looks for libraries

    before, _here.is_worker = getattr(_here, "is_worker", False), True
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        _here.is_worker = before


def map_on_all_cores(work: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
    """Apply a function to every task, one thread for each core.

    Within a task BLAS has one thread, and further calls of this function do their tasks one after the other: several
    threads for each of many small products are slower than one for each.

    Args:
        work: the function.
        tasks: its arguments; one task alone is left to the threads of BLAS.

    Returns:
        The results, in the order of the tasks.
    """
    tasks = list(tasks)
    if len(tasks) < 2 or n_cores() < 2 or getattr(_here, "is_worker", False):
        return [work(task) for task in tasks]
    from threadpoolctl import threadpool_limits  # not at the top: it looks for libraries

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_cores(), initializer=_begin_worker) as pool:
        return list(pool.map(work, tasks))
