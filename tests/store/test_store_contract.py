"""What every store promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rows import Row, as_read, batch, rating, stored

import src.store.reading
from src.core.domain import Event, EventBatch, EventKind, Product, ProductCount
from src.core.errors import ConfigError, StoreError
from src.core.records import Load, Run, RunCount, RunStatus, Score, StoreSummary
from src.store import Store, open_store
from src.workflows.record_events import record_events

STRANGE = [
    "日本",
    "é",
    "😀",
    "a'b",
    'a"b',
    "'; DROP TABLE events; --",
    "%s",
    ":name",
    "?",
    "a\\b",
    "\\N",
    "a,b",
    " a",
    "A",
]


def test_an_empty_store_answers_everything_with_nothing(store: Store) -> None:
    assert store.events.add(batch()) == 0
    assert store.products.add([]) == 0
    assert list(store.events.read()) == []
    assert store.events.history("a") == []
    assert store.events.popular(list(EventKind), None, 5) == []
    assert store.products.get(["p"]) == {}
    assert store.products.get([]) == {}
    assert store.runs.newest(5) == []
    assert store.runs.loads(5) == []
    assert store.products.withdrawn() == frozenset()
    assert store.products.categories() == []
    assert store.delete_synthetic() == 0
    assert store.summary() == StoreSummary(0, 0, 0, 0, None, None)


def test_a_store_that_is_opened_again_holds_what_it_held(store: Store, url: str) -> None:
    store.events.add(batch(rating("a", "x", 4, 10)))
    again = open_store(url)
    assert stored(again) == [rating("a", "x", 4, 10)]
    again.close()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_of_several_ratings_of_a_pair_the_latest_stays_in_whatever_order_they_come(
    store: Store, order: tuple[int, ...], together: bool
) -> None:
    ratings = [rating("a", "x", 1, 100), rating("a", "x", 2, 200), rating("a", "x", 3, 300)]
    arriving = [ratings[at] for at in order]
    for part in [arriving] if together else [[row] for row in arriving]:
        store.events.add(batch(*part))
    assert stored(store) == [rating("a", "x", 3, 300)]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("at", [None, 0, 100])
def test_of_equally_late_ratings_the_last_to_come_stays(store: Store, together: bool, at: int | None) -> None:
    ratings = [rating("a", "x", value, at) for value in (5, 1, 3)]
    for part in [ratings] if together else [[row] for row in ratings]:
        store.events.add(batch(*part))
    assert stored(store) == [rating("a", "x", 3, at)]


def test_a_rating_without_time_is_older_than_any_other(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 4, 0)))
    store.events.add(batch(rating("a", "x", 2, None)))
    store.events.add(batch(rating("b", "x", 2, None)))
    store.events.add(batch(rating("b", "x", 4, 0)))
    assert stored(store) == [rating("a", "x", 4, 0), rating("b", "x", 4, 0)]


def test_the_number_returned_is_of_events_that_are_new_or_replace_an_older_one(store: Store) -> None:
    assert store.events.add(batch(rating("a", "x", 4, 10), rating("b", "x", 4, 10))) == 2
    assert store.events.add(batch(rating("a", "x", 4, 10), rating("b", "x", 4, 10))) == 0
    assert store.events.add(batch(rating("a", "x", 5, 9))) == 0
    assert store.events.add(batch(rating("a", "x", 5, 11), rating("c", "x", 5, 11))) == 2


def test_of_the_same_rating_twice_in_one_batch_one_counts(store: Store) -> None:
    assert store.events.add(batch(rating("a", "x", 4, 1), rating("a", "x", 5, 2), rating("b", "y", 1, 3))) == 2
    assert stored(store) == [rating("a", "x", 5, 2), rating("b", "y", 1, 3)]


def test_a_batch_without_marks_marks_nothing(store: Store) -> None:
    rows = batch(rating("a", "x", 4, 1), rating("b", "x", 4, 1))
    store.events.add(EventBatch(rows.user_id, rows.product_id, rows.kind, rows.value, rows.at))
    assert [row[5] for row in stored(store)] == ["", ""]


def test_other_events_are_kept_apart_by_their_mark(store: Store) -> None:
    rows: list[Row] = [
        ("a", "x", "purchase", 1, 10, "i1"),
        ("a", "x", "purchase", 1, 10, "i2"),
        ("a", "x", "view", 1, 10, "i1"),
        rating("a", "x", 4, 10),
    ]
    assert store.events.add(batch(*rows)) == 4
    assert store.events.add(batch(*rows)) == 0
    assert stored(store) == rows


def test_an_event_id_counts_once_whatever_comes_with_it_again(store: Store) -> None:
    assert store.events.add(batch(rating("a", "x", 4, 10)), ["e1"]) == 1
    assert store.events.add(batch(rating("a", "x", 4, 10)), ["e1"]) == 0
    assert store.events.add(batch(rating("a", "x", 5, 99)), ["e1"]) == 0
    assert store.events.add(batch(("b", "y", "view", 1, 99, "m")), ["e1"]) == 0
    assert stored(store) == [rating("a", "x", 4, 10)]


def test_an_event_id_is_remembered_after_its_rating_was_replaced(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 4, 10)), ["e1"])
    store.events.add(batch(rating("a", "x", 5, 20)), ["e2"])
    assert store.events.add(batch(rating("a", "x", 4, 30)), ["e1"]) == 0
    assert stored(store) == [rating("a", "x", 5, 20)]


def test_an_event_id_twice_in_one_batch_counts_once_and_events_without_one_always(store: Store) -> None:
    rows: list[Row] = [("a", "x", "view", 1, at, f"m{at}") for at in range(4)]
    assert store.events.add(batch(*rows), ["e1", None, "e1", None]) == 3
    assert stored(store) == [rows[0], rows[1], rows[3]]


def test_a_batch_is_stored_whole_or_not_at_all(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 1, 1)))
    broken = batch(rating("a", "x", 5, 9), rating("b", "y", 3, 9), ("c", "z", None, 1, 9, ""))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="refused"):
        store.events.add(broken, ["e1", "e2", "e3"])
    assert stored(store) == [rating("a", "x", 1, 1)]
    # The ids were not received either, so the mended batch is no repetition.
    assert store.events.add(broken.take([0, 1]), ["e1", "e2"]) == 2


def test_a_history_is_oldest_first_and_ties_stay_in_the_order_they_came(store: Store) -> None:
    rows: list[Row] = [
        ("a", "late", "view", 1, 300, "1"),
        ("a", "early", "purchase", 2, 100, "2"),
        ("b", "other", "view", 1, 50, "3"),
        ("a", "tie-1", "cart", 1, 200, "4"),
        ("a", "tie-0", "click", 1, 200, "5"),
        ("a", "unknown", "rating", 3.5, None, ""),
    ]
    store.events.add(batch(*rows))
    history = store.events.history("a")
    assert [event.product_id for event in history] == ["unknown", "early", "tie-1", "tie-0", "late"]
    assert (history[0].kind, history[0].value, history[0].at) == (EventKind.RATING, 3.5, None)
    assert (history[1].kind, history[1].value, history[1].at) == (EventKind.PURCHASE, 2.0, 100)
    assert {event.user_id for event in history} == {"a"}


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_events_are_read_page_by_page_in_the_order_of_their_key_with_the_order_they_came_in(
    store: Store, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(src.store.reading, "READ_ROWS", page)
    rows: list[Row] = [
        ("z", "x", "view", 1, 9, "n"),
        ("z", "x", "view", 1, 9, "m"),
        rating("é", "x", 4, 10),
        rating("b", "x", 3, None),
        rating("B", "x", 3, 5),
    ]
    more: list[Row] = [rating("b", "w", 1, 1), rating("0", "0", 2, 2), ("b", "x", "click", 1, 2, "")]
    store.events.add(batch(*rows))
    store.events.add(batch(*more))
    parts = list(store.events.read())
    assert [len(part) for part in parts] == [min(page, 8 - start) for start in range(0, 8, page)]
    assert as_read(store) == sorted(rows + more, key=lambda row: (*row[:3], row[5]))
    assert stored(store) == rows + more
    assert parts[0].at.dtype == parts[0].arrival_seq.dtype == np.int64  # type: ignore[union-attr]
    assert parts[0].value.dtype == np.float64


def test_events_keep_the_numbers_that_they_are_given(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 1), rating("b", "x", 1), rating("c", "x", 1), number=[30, 10, 20]))
    assert [row[0] for row in stored(store)] == ["b", "c", "a"]
    store.events.add(batch(rating("a", "x", 2), rating("0", "x", 1)))
    assert [row[0] for row in stored(store)] == ["b", "c", "a", "0"]


def test_of_the_same_rating_twice_in_one_batch_the_first_number_stays(store: Store) -> None:
    twice = batch(rating("a", "x", 1, 5), rating("a", "x", 2, 5), rating("b", "x", 1), number=[30, 10, 20])
    store.events.add(twice)
    assert stored(store) == [rating("a", "x", 1, 5), rating("b", "x", 1)]


def test_what_comes_after_a_file_that_is_still_read_is_numbered_behind_it(store: Store) -> None:
    future = 2**60
    store.events.add(batch(rating("z", "x", 1), number=[future]))
    store.events.add(batch(rating("a", "x", 1)))
    assert [row[0] for row in stored(store)] == ["z", "a"]


def test_a_replaced_rating_keeps_its_place_also_within_one_batch(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 1, 1), rating("b", "x", 1, 1), rating("a", "x", 2, 2)))
    store.events.add(batch(rating("c", "x", 1, 1), rating("a", "x", 3, 3)))
    assert [row[0] for row in stored(store)] == ["a", "b", "c"]


def test_who_reads_gets_all_that_was_there_before_whatever_is_stored_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(src.store.reading, "READ_ROWS", 2)
    store.events.add(batch(rating("b", "x", 1), rating("c", "x", 1), rating("e", "x", 1)))
    reading = store.events.read()
    first = next(reading)
    store.events.add(batch(rating("a", "x", 1), rating("d", "x", 1)))
    read = [*first.user_id, *(user for part in reading for user in part.user_id)]
    assert [user for user in read if user in "bce"] == ["b", "c", "e"]
    assert len(set(read)) == len(read)


def test_between_two_pages_a_writer_gets_its_turn(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(src.store.reading, "READ_ROWS", 1)
    store.events.add(batch(rating("a", "x", 1), rating("b", "x", 1)))
    reading = store.events.read()
    next(reading)
    assert store.events.add(batch(rating("c", "x", 1))) == 1  # refused where the reader holds a lock


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
def test_counting_page_by_page_counts_everything_once(store: Store, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(src.store.reading, "COUNT_ROWS", page)
    rows = [rating(user, product, 2 + (user == "a"), 7) for user in "abcde" for product in "xyz"[: "cabed".index(user)]]
    rows += [("b", "z", "click", 1, at, f"{at}") for at in (3, 9, 4)]
    store.events.add(batch(*rows))
    users = {row[0] for row in rows}
    ratings = [row[3] for row in rows if row[2] == "rating"]
    found = store.summary()
    assert (found.n_events, found.n_ratings, found.n_users, found.n_products) == (
        len(rows),
        len(ratings),
        len(users),
        3,
    )
    assert found.by_kind == {"click": 3, "rating": len(ratings)}
    assert found.avg_rating == pytest.approx(sum(ratings) / len(ratings))
    assert found.newest_at == 9
    counts = Counter(row[1] for row in rows)
    expected = sorted((ProductCount(*entry) for entry in counts.items()), key=lambda row: (-row.count, row.product_id))
    assert store.events.popular(list(EventKind), None, 9) == expected


def test_popular_counts_events_of_the_kinds_since_a_time(store: Store) -> None:
    store.events.add(
        batch(
            *(("a", "x", "click", 1, at, f"{at}") for at in range(10, 13)),
            *(("a", "y", "click", 1, at, f"{at}") for at in range(20, 22)),
            ("a", "z", "purchase", 9, 30, "i"),
            ("a", "w", "click", 1, None, "n"),
        )
    )
    clicks = [EventKind.CLICK]
    assert store.events.popular(clicks, None, 9) == [ProductCount("x", 3), ProductCount("y", 2), ProductCount("w", 1)]
    assert store.events.popular(clicks, None, 1) == [ProductCount("x", 3)]
    assert store.events.popular(clicks, 12, 9) == [ProductCount("y", 2), ProductCount("x", 1)]
    assert store.events.popular([EventKind.PURCHASE, EventKind.CLICK], 20, 9) == [
        ProductCount("y", 2),
        ProductCount("z", 1),
    ]
    assert store.events.popular([], None, 9) == []
    assert store.events.popular(clicks, 10**12, 9) == []


def test_the_summary_counts_everything(store: Store) -> None:
    store.products.add([Product("x"), Product("never sold")])
    store.events.add(
        batch(
            rating("a", "x", 4, 10), rating("a", "y", 1, None), rating("b", "x", 4, 5), ("c", "z", "click", 7, 99, "m")
        )
    )
    assert store.summary() == StoreSummary(
        n_events=4,
        n_ratings=3,
        n_users=3,
        n_products=4,
        avg_rating=3.0,
        newest_at=99,
        made_up=False,
        by_kind={"click": 1, "rating": 3},
    )


def a_run(run_id: str, started_at: int = 1, **more: object) -> Run:
    return Run(run_id, "night", started_at, RunStatus.RUNNING, **more)  # type: ignore[arg-type]


def test_one_due_moment_has_one_run(store: Store) -> None:
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


def test_a_load_comes_back_as_it_was_saved_the_newest_first(store: Store) -> None:
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


@pytest.mark.parametrize("id_", STRANGE)
def test_any_text_can_be_an_id(store: Store, id_: str) -> None:
    row: Row = (id_, id_, "view", 1, 1, id_)
    assert store.events.add(batch(row, rating("a", "x", 3, 1)), [id_, None]) == 2
    store.products.add([Product(id_, title=id_)])
    assert stored(store) == [row, rating("a", "x", 3, 1)]
    assert [event.product_id for event in store.events.history(id_)] == [id_]
    assert store.products.get([id_])[id_].title == id_
    assert store.events.popular([EventKind.VIEW], None, 5) == [ProductCount(id_, 1)]
    assert store.events.add(batch(row), [id_]) == 0


def rows_of_writer(writer: int, part: int) -> list[Row]:
    """Own events, and ratings that all writers give: in another order each, as people do."""
    own: list[Row] = [(f"w{writer}", f"p{part}", "view", 1, i, f"{i}") for i in range(20)]
    shared = [rating(f"s{i}", "p", writer + 1, part) for i in range(20)]
    return own + (shared if writer % 2 else shared[::-1])


PARTS = 15


def write_all(url: str, writer: int) -> None:
    store = open_store(url)
    for part in range(PARTS):
        store.events.add(
            batch(*rows_of_writer(writer, part)), [*[None] * 20, *(f"{writer}-{part}-{i}" for i in range(20))]
        )
        assert store.events.history(f"w{writer}")


def assert_nothing_is_lost(store: Store, writers: int) -> None:
    kept = stored(store)
    assert len(kept) == writers * PARTS * 20 + 20
    assert {row[:2] for row in kept if row[2] == "view"} == {
        (f"w{writer}", f"p{part}") for writer in range(writers) for part in range(PARTS)
    }
    assert {row[4] for row in kept if row[2] == "rating"} == {PARTS - 1}


def test_two_processes_writing_at_once_lose_nothing(store: Store, url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_all, args=(url, writer)) for writer in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert_nothing_is_lost(store, 2)


def test_four_threads_writing_through_one_store_lose_nothing(store: Store) -> None:
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def write(writer: int) -> None:
        try:
            start.wait(10)
            for part in range(PARTS):
                store.events.add(batch(*rows_of_writer(writer, part)))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert_nothing_is_lost(store, 4)


def test_two_batches_that_meet_in_another_order_do_not_block_each_other(store: Store) -> None:
    rows = [rating(f"u{i}", "p", 3, 1) for i in range(400)]
    problems: list[BaseException] = []
    start = threading.Barrier(2)

    def write(backwards: bool) -> None:
        try:
            for at in range(12):
                again = [(user, product, kind, value, at, mark) for user, product, kind, value, _, mark in rows]
                start.wait(10)
                store.events.add(batch(*(again[::-1] if backwards else again)))
        except BaseException as error:
            problems.append(error)
            start.abort()

    threads = [threading.Thread(target=write, args=(backwards,)) for backwards in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []


def test_one_due_moment_has_one_run_however_many_ask_at_once(store: Store) -> None:
    start = threading.Barrier(6)
    won: list[bool] = []

    def save(number: int) -> None:
        start.wait(10)
        won.append(store.runs.save(a_run(f"run-{number}", due=77)))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(won) == [False] * 5 + [True]
    assert len(store.runs.newest(9)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        "mysql://user:secret@host/name",
        "postgres://user:secret@host/name",
        "sqlite+nosuch:///file.db",
        "postgresql://user:secret@host:port/name",
        "postgresql://user:@x:secret@host/name",
        "postgresql://user:p@host:secret/name",
    ],
)
def test_a_wrong_url_is_a_configuration_error_that_shows_no_password(wrong: str) -> None:
    with pytest.raises(ConfigError, match="AISLE_DATABASE_URL") as caught:
        open_store(wrong)
    assert "secret" not in str(caught.value)
    assert "postgresql+psycopg://" in str(caught.value)


def test_a_database_that_does_not_answer_is_a_store_error_that_shows_no_password() -> None:
    with pytest.raises(StoreError, match="refused") as caught:
        open_store("postgresql://user:secret@127.0.0.1:1/name?connect_timeout=2")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1/name" in str(caught.value)


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a/b c/store.sqlite3")
    assert store.events.add(batch(rating("a", "x", 1))) == 1
    assert (tmp_path / "a/b c/store.sqlite3").is_file()
    store.close()


def test_a_path_that_cannot_be_a_database_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database at all, but long enough to have a header" * 20)
    for url in (f"sqlite:///{tmp_path}", f"sqlite:///{tmp_path}/file", f"sqlite:///{tmp_path}/file/store.sqlite3"):
        with pytest.raises(StoreError, match="Expected"):
            open_store(url)


# runs under way, scores, changes


def test_of_many_who_queue_a_run_at_once_one_does(store: Store) -> None:
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


def test_a_run_keeps_all_that_is_said_of_it(store: Store) -> None:
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


def test_progress_is_noted_of_a_run_that_runs_and_of_no_other(store: Store) -> None:
    store.runs.save(a_run("one"))
    store.runs.note_progress("one", "half way")
    run = store.runs.get("one")
    assert run is not None
    assert run.progress == "half way"
    store.runs.save(replace(run, status=RunStatus.FAILED))
    store.runs.note_progress("one", "too late")
    store.runs.note_progress("nobody", "nothing")
    assert store.runs.newest(5) == [replace(run, status=RunStatus.FAILED)]


def test_scores_are_kept_newest_first(store: Store) -> None:
    scores = [Score(at, "R", n_events=at, n_users=3, ndcg_at_10=0.25, message="m") for at in (10, 30, 20)]
    for score in scores:
        store.runs.save_score(score)
    again = replace(scores[0], message="again")
    store.runs.save_score(again)
    assert store.runs.scores(9) == [scores[1], scores[2], again]
    assert store.runs.scores(1) == [scores[1]]


def test_a_store_says_when_its_events_changed(store: Store) -> None:
    assert store.events.changed_at() is None
    seen = []
    for rows in ([rating("u", "p", 3, 5)], [rating("u", "p", 4, 6)], [rating("v", "p", 4, 6)]):
        store.events.add(batch(*rows))
        seen.append(store.events.changed_at())
    assert None not in seen
    assert seen == sorted(set(seen))  # type: ignore[type-var]
    store.events.add(batch(rating("u", "p", 4, 6)))  # known already
    assert store.events.changed_at() == seen[-1]
    store.products.add([Product("p", title="P")])
    store.runs.save(a_run("one"))
    assert store.events.changed_at() == seen[-1]


def test_a_clock_that_was_put_back_does_not_hide_a_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.events.add(batch(rating("u", "p", 3, 5)))
    before = store.events.changed_at()
    assert before is not None
    monkeypatch.setattr("src.store.change_marks.time.time_ns", lambda: 1_000_000_000)
    store.events.add(batch(rating("v", "p", 3, 5)))
    assert store.events.changed_at() == before + 1


def test_how_runs_ended_is_counted(store: Store) -> None:
    assert store.runs.count_by_status() == []
    for number, (status, ended) in enumerate([("failed", 170), ("failed", 160), ("succeeded", 260), ("running", None)]):
        store.runs.save(Run(f"r{number}", "night", 100, RunStatus(status), finished_at=ended))
    assert store.runs.count_by_status() == [
        RunCount(RunStatus.FAILED, 2, 170),
        RunCount(RunStatus.RUNNING, 1, None),
        RunCount(RunStatus.SUCCEEDED, 1, 260),
    ]


def test_of_events_that_many_threads_send_at_once_each_id_is_stored_once(store: Store) -> None:
    stored: list[int] = []
    together = threading.Barrier(6)

    def send(turn: int) -> None:
        events = [Event(f"u{number % 5}", f"p{number}", EventKind.VIEW, 1.0, 5, f"e{number}") for number in range(200)]
        together.wait()
        stored.append(record_events(store, events[turn * 30 :] + events[: turn * 30]))

    threads = [threading.Thread(target=send, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == 200
    assert sum(len(store.events.history(f"u{number}")) for number in range(5)) == 200


def test_what_is_stored_is_on_the_disk_before_it_is_said(store: Store, url: str) -> None:
    """A commit waits for the disk: neither database may put that off."""
    with store.database.write() as connection:
        if url.startswith("sqlite"):
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
