"""Processes and threads that write at once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading

from rows import Row, batch, rating, stored

from src.core.domain import Event, EventKind
from src.store import Store, open_store
from src.workflows.record_events import record_events
from tests.forked import fork
from tests.waiting import PATIENCE_SECONDS


def rows_of_writer(writer: int, part: int) -> list[Row]:
    """Return events of one writer, and ratings that all writers share, each in another order."""
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
    processes = [fork(write_all, url, writer) for writer in range(2)]
    for process in processes:
        process.join(PATIENCE_SECONDS)
    assert [process.exitcode for process in processes] == [0, 0]
    assert_nothing_is_lost(store, 2)


def test_four_threads_writing_through_one_store_lose_nothing(store: Store) -> None:
    problems: list[BaseException] = []
    start = threading.Barrier(4)

    def write(writer: int) -> None:
        try:
            start.wait(PATIENCE_SECONDS)
            for part in range(PARTS):
                store.events.add(batch(*rows_of_writer(writer, part)))
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert problems == []
    assert_nothing_is_lost(store, 4)


def test_two_batches_with_the_same_rows_in_another_order_do_not_deadlock(store: Store) -> None:
    rows = [rating(f"u{i}", "p", 3, 1) for i in range(400)]
    problems: list[BaseException] = []
    start = threading.Barrier(2)

    def write(backwards: bool) -> None:
        try:
            for at in range(12):
                again = [(user, product, kind, value, at, mark) for user, product, kind, value, _, mark in rows]
                start.wait(PATIENCE_SECONDS)
                store.events.add(batch(*(again[::-1] if backwards else again)))
        except BaseException as error:
            problems.append(error)
            start.abort()

    threads = [threading.Thread(target=write, args=(backwards,)) for backwards in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert problems == []


def test_an_event_id_that_many_threads_send_at_once_is_stored_once(store: Store) -> None:
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
