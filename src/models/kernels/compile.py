"""Compilation of training loops with Numba, and threads to run them. Serving never imports this module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])
Task = TypeVar("Task")
Result = TypeVar("Result")

# Sums may be reordered and products fused, which allows vector instructions. NaN and infinity keep their meaning, so
# that a diverging fit is noticed.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}


def compiled(function: Function) -> Function:
    """Compile a function to machine code that releases the GIL and divides as numpy does.

    The code is cached in __pycache__ beside the source, or in the user's cache folder. Where neither can be written, it
    is compiled anew in every process. Numba compares the date of the cached file only with that of the function's own
    source file: a compiled function must not call one of another module.
    """
    try:
        return _compiled(function, cache=True)
    except RuntimeError:  # "cannot cache function: no locator available"
        return _compiled(function, cache=False)


def _compiled(function: Function, *, cache: bool) -> Function:
    dispatcher = numba.njit(nogil=True, error_model="numpy", fastmath=_FASTMATH, cache=cache)(function)
    return cast(Function, dispatcher)


def map_in_threads(
    work: Callable[[Task], Result], tasks: Iterable[Task], pool: ThreadPoolExecutor | None
) -> list[Result]:
    """Apply a function to every task.

    Python's threads are used, as those of Numba abort a process that forks later or that trains in two threads.

    Args:
        work: the function.
        tasks: its arguments.
        pool: threads to run in; None for one task after the other.

    Returns:
        The results, in the order of the tasks.
    """
    return list(pool.map(work, tasks) if pool else map(work, tasks))
