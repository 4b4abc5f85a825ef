"""Adding and reading events, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from rows import Row, as_read, batch, rating, stored

import src.store.reading
from src.core.domain import EventBatch, EventKind, Product, ProductCount
from src.core.errors import StoreError
from src.core.records import Run, RunStatus
from src.store import Store


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_the_latest_rating_of_a_pair_stays_in_any_order_of_arrival(
    store: Store, order: tuple[int, ...], together: bool
) -> None:
    ratings = [rating("a", "x", 1, 100), rating("a", "x", 2, 200), rating("a", "x", 3, 300)]
    arriving = [ratings[at] for at in order]
    for part in [arriving] if together else [[row] for row in arriving]:
        store.events.add(batch(*part))
    assert stored(store) == [rating("a", "x", 3, 300)]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("at", [None, 0, 100])
def test_of_equally_late_ratings_the_last_to_arrive_stays(store: Store, together: bool, at: int | None) -> None:
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


def test_add_returns_the_number_of_new_and_replacing_events(store: Store) -> None:
    assert store.events.add(batch(rating("a", "x", 4, 10), rating("b", "x", 4, 10))) == 2
    assert store.events.add(batch(rating("a", "x", 4, 10), rating("b", "x", 4, 10))) == 0
    assert store.events.add(batch(rating("a", "x", 5, 9))) == 0
    assert store.events.add(batch(rating("a", "x", 5, 11), rating("c", "x", 5, 11))) == 2


def test_a_rating_twice_in_one_batch_counts_once(store: Store) -> None:
    assert store.events.add(batch(rating("a", "x", 4, 1), rating("a", "x", 5, 2), rating("b", "y", 1, 3))) == 2
    assert stored(store) == [rating("a", "x", 5, 2), rating("b", "y", 1, 3)]


def test_a_batch_without_dedupe_keys_has_empty_ones(store: Store) -> None:
    rows = batch(rating("a", "x", 4, 1), rating("b", "x", 4, 1))
    store.events.add(EventBatch(rows.user_id, rows.product_id, rows.kind, rows.value, rows.at))
    assert [row[5] for row in stored(store)] == ["", ""]


def test_other_events_are_distinguished_by_their_dedupe_key(store: Store) -> None:
    rows: list[Row] = [
        ("a", "x", "purchase", 1, 10, "i1"),
        ("a", "x", "purchase", 1, 10, "i2"),
        ("a", "x", "view", 1, 10, "i1"),
        rating("a", "x", 4, 10),
    ]
    assert store.events.add(batch(*rows)) == 4
    assert store.events.add(batch(*rows)) == 0
    assert stored(store) == rows


def test_an_event_id_counts_once_for_any_event(store: Store) -> None:
    assert store.events.add(batch(rating("a", "x", 4, 10)), ["e1"]) == 1
    assert store.events.add(batch(rating("a", "x", 4, 10)), ["e1"]) == 0
    assert store.events.add(batch(rating("a", "x", 5, 99)), ["e1"]) == 0
    assert store.events.add(batch(("b", "y", "view", 1, 99, "m")), ["e1"]) == 0
    assert stored(store) == [rating("a", "x", 4, 10)]


def test_the_event_id_of_a_replaced_rating_is_still_recognized(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 4, 10)), ["e1"])
    store.events.add(batch(rating("a", "x", 5, 20)), ["e2"])
    assert store.events.add(batch(rating("a", "x", 4, 30)), ["e1"]) == 0
    assert stored(store) == [rating("a", "x", 5, 20)]


def test_an_event_id_twice_in_one_batch_counts_once_and_events_without_an_id_always(store: Store) -> None:
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


def test_a_history_is_oldest_first_and_ties_keep_the_order_of_arrival(store: Store) -> None:
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
def test_events_are_read_in_pages_by_key_with_their_order_of_arrival(
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


def test_events_keep_a_given_arrival_seq(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 1), rating("b", "x", 1), rating("c", "x", 1), arrival_seq=[30, 10, 20]))
    assert [row[0] for row in stored(store)] == ["b", "c", "a"]
    store.events.add(batch(rating("a", "x", 2), rating("0", "x", 1)))
    assert [row[0] for row in stored(store)] == ["b", "c", "a", "0"]


def test_a_rating_twice_in_one_batch_keeps_the_first_arrival_seq(store: Store) -> None:
    twice = batch(rating("a", "x", 1, 5), rating("a", "x", 2, 5), rating("b", "x", 1), arrival_seq=[30, 10, 20])
    store.events.add(twice)
    assert stored(store) == [rating("a", "x", 1, 5), rating("b", "x", 1)]


def test_a_replaced_rating_keeps_its_order_of_arrival_also_within_one_batch(store: Store) -> None:
    store.events.add(batch(rating("a", "x", 1, 1), rating("b", "x", 1, 1), rating("a", "x", 2, 2)))
    store.events.add(batch(rating("c", "x", 1, 1), rating("a", "x", 3, 3)))
    assert [row[0] for row in stored(store)] == ["a", "b", "c"]


def test_a_read_gives_all_earlier_events_during_concurrent_writes(
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


def test_a_writer_can_write_between_two_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_changed_at_grows_with_every_change_of_events(store: Store) -> None:
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
    store.runs.save(Run("one", "night", 1, RunStatus.RUNNING))
    assert store.events.changed_at() == seen[-1]


def test_a_clock_that_is_set_back_does_not_hide_a_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.events.add(batch(rating("u", "p", 3, 5)))
    before = store.events.changed_at()
    assert before is not None
    monkeypatch.setattr("src.store.change_marks.time.time_ns", lambda: 1_000_000_000)
    store.events.add(batch(rating("v", "p", 3, 5)))
    assert store.events.changed_at() == before + 1


def test_events_that_arrive_during_a_load_are_numbered_after_it(store: Store) -> None:
    future = 2**60
    store.events.add(batch(rating("z", "x", 1), arrival_seq=[future]))
    store.events.add(batch(rating("a", "x", 1)))
    assert [row[0] for row in stored(store)] == ["z", "a"]
