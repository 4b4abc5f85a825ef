"""Limit the numerical libraries to one thread per worker."""

from __future__ import annotations

import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def limit_threads() -> None:
    """One thread per worker, as several workers with several threads each wait for each other.

    Counts only before numpy is imported. What the environment says already is left alone.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
