import threading
from concurrent.futures import Future

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from src.core import all_cores
from src.core.all_cores import map_on_all_cores, on_a_core_beside, one_blas_thread
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


def test_the_error_of_the_first_task_that_failed_is_raised_and_no_further_one_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(all_cores, "n_cores", lambda: 2)
    both, begun = threading.Barrier(2), list[int]()

    def fail(task: int) -> None:
        begun.append(task)
        both.wait(PATIENCE_SECONDS)
        raise ValueError(task)

    with pytest.raises(ValueError, match=r"^0$"):
        map_on_all_cores(fail, range(9))
    assert sorted(begun) == [0, 1]


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_blas_has_one_thread_until_the_last_that_needs_it_has_ended() -> None:
    # The first to begin ends first, which leaves threadpool_limits alone with the limit of the second one.
    with threadpool_limits(2, "blas"):
        one_blas_thread.__enter__()
        one_blas_thread.__enter__()
        one_blas_thread.__exit__()
        assert blas_threads() == {1}
        one_blas_thread.__exit__()
        assert blas_threads() == {2}


def test_tasks_on_a_core_beside_begin_one_after_the_other_while_the_caller_goes_on() -> None:
    may_end, running = threading.Event(), []

    def work(task: int) -> int:
        assert may_end.wait(PATIENCE_SECONDS)
        running.append(threading.current_thread().name)
        return task * task

    with on_a_core_beside(work, range(3)) as results:
        assert not any(result.done() for result in results)
        may_end.set()
    assert [result.result() for result in results] == [0, 1, 4]
    assert len(set(running)) == 1


def test_after_an_error_of_the_caller_no_further_task_begins() -> None:
    begun, may_end, seen = threading.Event(), threading.Event(), []

    def work(task: int) -> None:
        seen.append(task)
        begun.set()
        assert may_end.wait(PATIENCE_SECONDS)

    def fail(last: Future[None]) -> None:
        assert begun.wait(PATIENCE_SECONDS)
        last.add_done_callback(lambda _: may_end.set())  # it is done as soon as it will not begin
        raise KeyError

    with pytest.raises(KeyError), on_a_core_beside(work, range(3)) as results:
        fail(results[-1])
    assert seen == [0]
