"""Refuse work in words where a limit of the address space (RLIMIT_AS) leaves its libraries too little.

A library that gets no memory while it is loaded, or while it starts threads, does not raise: it ends the process by a
signal or an exit of its own, or tries again for ever. So the limit is looked at before. Nothing heavy is imported here.
"""

from __future__ import annotations

import errno
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from src.core.all_cores import n_cores
from src.core.errors import LimitReached

_MIB = 2**20
_LIBRARIES_MIB, _LIBRARIES_MIB_PER_CORE = 480, 80
"""Address space of a program that has imported its libraries: 560 MiB with one core, 640 with two."""
_TRAINING_MIB, _TRAINING_MIB_PER_CORE = 2_560, 256
"""Of a training of a small shop: 2,450 MiB with two cores, and a reserve; threads take stacks, buffers and arenas."""
_SQUARE = 512
"""Rows of a product that takes long enough for several threads to be at work at once."""
_REMEDY = "Raise the limit, or remove it (ulimit -v unlimited; systemd: LimitAS=infinity), and run again."


def address_space_note() -> str:
    """Return a sentence on the limit of this process's address space; "" without one.

    Libraries report memory that they do not get as a file that cannot be loaded, or as whatever else they tried.
    """
    limit = _limit_mib()
    if limit is None:
        return ""
    return f" This process may take {limit:,} MiB of address space (ulimit -v), which may be why."


def is_memory_shortage(error: BaseException) -> bool:
    """Return whether an error says that this process got no memory, which libraries say in several ways."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # A library that cannot be mapped, and a thread that gets no stack.
    return is_limited() and (isinstance(error, ImportError) or "can't start new thread" in str(error))


def is_limited() -> bool:
    """Return whether the address space of this process has a limit."""
    return _limit_mib() is not None


def require_address_space() -> None:
    """End the program with one line on stderr and exit code 1 if its libraries cannot be loaded."""
    if shortage := _shortage("its libraries need", _LIBRARIES_MIB + _LIBRARIES_MIB_PER_CORE * n_cores()):
        print(f"error: {shortage}", file=sys.stderr)
        sys.exit(1)


def check_training_space() -> None:
    """Check that the libraries of a training can work. Raises LimitReached."""
    if shortage := _shortage("a training needs", _TRAINING_MIB + _TRAINING_MIB_PER_CORE * n_cores()):
        raise LimitReached(shortage)


def reserve_blas_buffers(n_threads: int) -> None:
    """Let OpenBLAS take its buffers now; it keeps them. Without memory SciPy's tries for ever, and NumPy's exits.

    Args:
        n_threads: How many threads compute at once. SciPy's routines hold the interpreter's lock and share one buffer.
    """
    import numpy as np
    from scipy.linalg import lapack

    lapack.strtrs(np.eye(2, dtype=np.float32), np.ones((2, 1), np.float32))
    square, all_run = np.ones((_SQUARE, _SQUARE), np.float32), Barrier(n_threads)
    with ThreadPoolExecutor(n_threads) as threads:
        for done in [threads.submit(lambda: (all_run.wait(), square @ square)) for _ in range(n_threads)]:
            done.result()


def _shortage(what_needs: str, mib: int) -> str:
    limit = _limit_mib()
    if limit is None or limit >= mib:
        return ""
    found = f"this process may take {limit:,} MiB of address space (ulimit -v)"
    return f"{found}. Expected {mib:,} MiB at least: {what_needs} as much before any data. {_REMEDY}"


def _limit_mib() -> int | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit // _MIB
