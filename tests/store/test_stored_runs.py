"""Records of runs, loads and scores, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace

from src.core.records import Load, Run, RunCount, RunStatus, Score
from src.store import Store
from tests.waiting import PATIENCE_SECONDS


def a_run(run_id: str, started_at: int = 1, **more: object) -> Run:
    return Run(run_id, "night", started_at, RunStatus.RUNNING, **more)  # type: ignore[arg-type]


def test_a_due_time_has_one_run(store: Store) -> None:
    assert store.runs.save(a_run("one", due=1_000))
    assert not store.runs.save(a_run("two", due=1_000))
    assert store.runs.save(a_run("three", due=2_000))
    assert store.runs.save(a_run("four"))
    assert store.runs.save(a_run("five"))
    assert {run.run_id for run in store.runs.newest(9)} == {"one", "three", "four", "five"}


def test_a_run_is_updated_by_its_id(store: Store) -> None:
    store.runs.save(a_run("one", due=1_000))
    done = Run("one", "night", 1, RunStatus.SUCCEEDED, 1_000, 5, "20260101T000000Z-one", "went 'well' – ✓")
    assert store.runs.save(done)
    assert store.runs.newest(9) == [done]
    assert isinstance(store.runs.newest(1)[0].status, RunStatus)


def test_the_newest_runs_come_first(store: Store) -> None:
    for run_id, started_at in (("b", 20), ("a", 30), ("c", 10)):
        store.runs.save(a_run(run_id, started_at))
    assert [run.run_id for run in store.runs.newest(9)] == ["a", "b", "c"]
    assert [run.run_id for run in store.runs.newest(2)] == ["a", "b"]


def a_load(load_id: str, loaded_at: int = 1, **more: object) -> Load:
    return Load(load_id, "ratings.csv", "user, product", loaded_at, 3, 2, 2, 1, 0, **more)  # type: ignore[arg-type]


def test_loads_are_read_newest_first_and_unchanged(store: Store) -> None:
    full = a_load(
        "b",
        20,
        newest_at=9,
        known_users=0.5,
        rejected={"no product – 'x'": 1},
        mended={"price": 2},
        nulls={"brand": 0.25},
    )
    for load in (a_load("c", 10), full, a_load("a", 30)):
        store.runs.save_load(load)
    assert store.runs.loads(9) == [a_load("a", 30), full, a_load("c", 10)]
    assert store.runs.loads(1) == [a_load("a", 30)]


def test_a_load_is_updated_by_its_id(store: Store) -> None:
    store.runs.save_load(a_load("a", 10))
    store.runs.save_load(a_load("a", 11, mended={"at": 1}))
    assert store.runs.loads(9) == [a_load("a", 11, mended={"at": 1})]


def test_concurrent_saves_of_one_due_time_store_one_run(store: Store) -> None:
    start = threading.Barrier(6)
    won: list[bool] = []

    def save(number: int) -> None:
        start.wait(PATIENCE_SECONDS)
        won.append(store.runs.save(a_run(f"run-{number}", due=77)))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert sorted(won) == [False] * 5 + [True]
    assert len(store.runs.newest(9)) == 1


def test_of_concurrent_calls_one_queues_its_run(store: Store) -> None:
    others: list[Run | None] = []

    def queue(number: int) -> None:
        others.append(store.runs.queue(replace(a_run(f"run-{number}"), status=RunStatus.QUEUED)))

    threads = [threading.Thread(target=queue, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (queued,) = store.runs.unfinished()
    assert others.count(None) == 1
    assert {other.run_id for other in others if other is not None} == {queued.run_id}


def test_a_run_keeps_all_its_fields(store: Store) -> None:
    run = a_run(
        "one", host="a", attempt=2, model_type="svd", progress="p", verdict={"promoted": True, "x": [1.5, None]}
    )
    store.runs.save(run)
    assert store.runs.get("one") == run == store.runs.unfinished()[0]
    assert store.runs.get("other") is None
    store.runs.save(a_run("night", due=7))
    found = store.runs.get_due(7)
    assert found is not None
    assert found.run_id == "night"
    assert store.runs.get_due(8) is None


def test_progress_is_stored_for_a_running_run_only(store: Store) -> None:
    store.runs.save(a_run("one"))
    store.runs.note_progress("one", "half way")
    run = store.runs.get("one")
    assert run is not None
    assert run.progress == "half way"
    store.runs.save(replace(run, status=RunStatus.FAILED))
    store.runs.note_progress("one", "too late")
    store.runs.note_progress("nobody", "nothing")
    assert store.runs.newest(5) == [replace(run, status=RunStatus.FAILED)]


def test_scores_are_read_newest_first_and_replaced_by_time_and_release(store: Store) -> None:
    scores = [Score(at, "R", n_events=at, n_users=3, ndcg_at_10=0.25, message="m") for at in (10, 30, 20)]
    for score in scores:
        store.runs.save_score(score)
    again = replace(scores[0], message="again")
    store.runs.save_score(again)
    assert store.runs.scores(9) == [scores[1], scores[2], again]
    assert store.runs.scores(1) == [scores[1]]


def test_runs_are_counted_by_status(store: Store) -> None:
    assert store.runs.count_by_status() == []
    for number, (status, ended) in enumerate([("failed", 170), ("failed", 160), ("succeeded", 260), ("running", None)]):
        store.runs.save(Run(f"r{number}", "night", 100, RunStatus(status), finished_at=ended))
    assert store.runs.count_by_status() == [
        RunCount(RunStatus.FAILED, 2, 170),
        RunCount(RunStatus.RUNNING, 1, None),
        RunCount(RunStatus.SUCCEEDED, 1, 260),
    ]
