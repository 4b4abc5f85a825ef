"""Compiled loops are cached if possible, and compiled anyway if not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import pytest

from src.core.all_cores import n_cores
from src.models.kernels.compile import compiled, map_in_threads


def add(a: int, b: int) -> int:
    return a + b


def test_where_nothing_can_be_written_a_function_is_compiled_without_being_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []
    njit = numba.njit

    def read_only(*functions: Any, cache: bool = False, **options: Any) -> Any:
        if functions:  # Numba compiles some of its own when it is first used
            return njit(*functions, cache=cache, **options)
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function 'add': no locator available")
        return njit(cache=False, **options)

    monkeypatch.setattr(numba, "njit", read_only)
    assert compiled(add)(1, 2) == 3
    assert asked == [True, False]


def test_results_are_in_the_order_of_the_tasks_with_and_without_a_pool() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert (
            map_in_threads(str, range(20), pool) == map_in_threads(str, range(20), None) == [str(n) for n in range(20)]
        )
    assert n_cores() >= 1


def test_an_error_in_a_thread_is_raised() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ZeroDivisionError):
        map_in_threads(lambda n: 1 // n, [1, 0], pool)
