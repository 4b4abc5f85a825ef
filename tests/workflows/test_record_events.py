"""Events of HTTP requests are stored; repetitions count once."""

from __future__ import annotations

from src.core.domain import Event, EventKind
from src.store import Store
from src.workflows.record_events import record_events

NOW = 1_800_000_000
DAY = 86_400


def event(kind: EventKind = EventKind.RATING, value: float = 4.0, at: int | None = 5, id_: str | None = None) -> Event:
    return Event("u", "p", kind, value, at, id_)


def test_recorded_events_are_the_history_oldest_first(store: Store) -> None:
    events = [event(EventKind.PURCHASE, 2.0, 30), event(EventKind.CLICK, 1.0, 10), event(at=20)]
    assert record_events(store, events) == 3
    assert [(e.kind, e.value, e.at) for e in store.events.history("u")] == [
        (EventKind.CLICK, 1.0, 10),
        (EventKind.RATING, 4.0, 20),
        (EventKind.PURCHASE, 2.0, 30),
    ]


def test_the_same_event_id_counts_once_in_one_call_and_over_calls(store: Store) -> None:
    one = event(EventKind.PURCHASE, id_="order-1")
    assert record_events(store, [one, one]) == 1
    assert record_events(store, [one]) == 0
    assert record_events(store, [event(EventKind.PURCHASE, id_="order-2")]) == 1
    assert len(store.events.history("u")) == 2


def test_an_event_id_counts_once_even_with_other_values(store: Store) -> None:
    assert record_events(store, [event(value=5.0, at=5, id_="r")]) == 1
    assert record_events(store, [event(value=1.0, at=50, id_="r")]) == 0
    assert store.events.history("u")[0].value == 5.0


def test_a_repeated_rating_that_was_replaced_does_not_come_back(store: Store) -> None:
    record_events(store, [event(value=5.0, at=5, id_="first")])
    record_events(store, [event(value=1.0, at=5, id_="second")])
    assert record_events(store, [event(value=5.0, at=5, id_="first")]) == 0
    assert [e.value for e in store.events.history("u")] == [1.0]


def test_purchases_without_an_id_count_each_time_and_ratings_replace(store: Store) -> None:
    assert record_events(store, [event(EventKind.PURCHASE), event(EventKind.PURCHASE)]) == 2
    record_events(store, [event(value=2.0, at=5), event(value=3.0, at=9), event(value=4.0, at=7)])
    kinds = [(e.kind, e.value) for e in store.events.history("u")]
    assert kinds == [(EventKind.PURCHASE, 4.0), (EventKind.PURCHASE, 4.0), (EventKind.RATING, 3.0)]


def test_an_older_rating_changes_nothing(store: Store) -> None:
    record_events(store, [event(value=5.0, at=50)])
    assert record_events(store, [event(value=1.0, at=40)]) == 0
    assert store.events.history("u")[0].value == 5.0
