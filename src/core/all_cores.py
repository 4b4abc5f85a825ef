"""Work in threads on all cores, for numpy, SciPy and compiled code, which leave other threads running."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_here = threading.local()


class _BlasLimit:
    """Keeps BLAS to one thread, in the whole process, while any thread needs it.

    `threadpool_limits` alone restores at the end of its `with` block what it found, which may be another block's limit.
    """

    def __init__(self) -> None:
        self._lock, self._n_holders, self._limits = threading.Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits  # not at the top: it looks for libraries

        with self._lock:
            if not self._n_holders:
                self._limits.enter_context(threadpool_limits(1, "blas"))
            self._n_holders += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_holders -= 1
            if not self._n_holders:
                self._limits.close()


one_blas_thread = _BlasLimit()


def n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin_worker() -> None:
    _here.is_worker = True


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this thread's work on one core, as others are busy: BLAS has one thread, and so has `map_on_all_cores`."""
    before, _here.is_worker = getattr(_here, "is_worker", False), True
    try:
        with one_blas_thread:
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

    Raises:
        BaseException: what the first of the tasks that failed raised; after a failure no further task begins.
    """
    tasks = list(tasks)
    if len(tasks) < 2 or n_cores() < 2 or getattr(_here, "is_worker", False):
        return [work(task) for task in tasks]
    waiting, done, errors = iter(enumerate(tasks)), dict[int, Result](), dict[int, BaseException]()

    def work_off() -> None:
        # Each thread takes the next task itself: to hand over one by one takes longer than a small task.
        for at, task in waiting:
            try:
                done[at] = work(task)
            except BaseException as error:
                errors[at] = error
            if errors:
                return

    with one_blas_thread, ThreadPoolExecutor(n_cores(), initializer=_begin_worker) as pool:
        for _ in range(min(n_cores(), len(tasks))):
            pool.submit(work_off)
    if errors:
        raise errors[min(errors)]  # no task before it failed: tasks begin in their order, and all that began have ended
    return [done[at] for at in range(len(tasks))]


@contextmanager
def on_a_core_beside(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[list[Future[Result]]]:
    """Apply a function to tasks, one after the other on one core, while the caller goes on inside a `with` block.

    BLAS has one thread meanwhile, so that no result depends on what runs beside what. The block ends when the tasks
    have ended; where it ends by an error no further task begins.

    Args:
        work: the function.
        tasks: its arguments.

    Yields:
        What will be the results, in the order of the tasks.
    """
    with one_blas_thread, ThreadPoolExecutor(1, initializer=_begin_worker) as pool:
        results = [pool.submit(work, task) for task in tasks]
        try:
            yield results
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
