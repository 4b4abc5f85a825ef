"""Limit the numerical libraries to one thread per worker."""

from __future__ import annotations

import os

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def limit_threads() -> None:
    """Limit the libraries to one thread, as the threads of several workers would wait for each other.

    Has an effect only before numpy is imported. A variable that is set already keeps its value.
    """
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
