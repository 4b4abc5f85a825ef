"""Loops compiled to machine code, and threads to run them in. Imported while training only: Numba never serves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])
Task = TypeVar("Task")
Result = TypeVar("Result")

# Sums may be taken in any order and products fused, which is what makes vectors of a loop; NaN and infinity keep their
# meaning, so that a diverging fit is seen.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}


def compiled(function: Function) -> Function:
    """The function as machine code: it lets other threads run, and divides as numpy does.

    The code is kept in __pycache__ beside the source, or in the user's cache folder. Where neither can be written, it
    is compiled anew in every process. Numba compares the date of the source file only with that of its own file: a
    compiled function must not call one of another module.
    """
    try:
        return _compiled(function, cache=True)
    except RuntimeError:  # "cannot cache function: no locator available"
        return _compiled(function, cache=False)


def _compiled(function: Function, *, cache: bool) -> Function:
    made = numba.njit(nogil=True, error_model="numpy", fastmath=_FASTMATH, cache=cache)(function)
    return cast(Function, made)  # it is called like the function


def n_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(work: Callable[[Task], Result], tasks: Iterable[Task], pool: ThreadPoolExecutor | None) -> list[Result]:
    """What `work` returns for every task, in their order; one after the other without a pool.

    Python's threads and not Numba's: those abort a process that forks later, or that trains in two threads.
    """
    return list(pool.map(work, tasks) if pool else map(work, tasks))
