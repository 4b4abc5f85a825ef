import threading

import pytest

from src.core import all_cores
from src.core.all_cores import map_on_all_cores
from tests.waiting import PATIENCE_SECONDS


def test_tasks_run_at_once_and_results_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_cores, "n_cores", lambda: 2)
    together = threading.Barrier(2, timeout=PATIENCE_SECONDS)

    def work(task: int) -> int:
        together.wait()
        return task * task

    assert map_on_all_cores(work, range(4)) == [0, 1, 4, 9]


def test_tasks_within_tasks_take_no_threads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_cores, "n_cores", lambda: 2)

    def names_of_threads(task: int) -> set[str]:
        return set(map_on_all_cores(lambda _: threading.current_thread().name, range(3)))

    assert all(len(names) == 1 for names in map_on_all_cores(names_of_threads, range(2)))


def test_an_error_in_a_task_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_cores, "n_cores", lambda: 2)
    with pytest.raises(ZeroDivisionError):
        map_on_all_cores(lambda task: 1 // task, range(2))
