"""Single events: what may be stored, and what a repetition is."""

from __future__ import annotations

import pytest

from src.core.domain import Event, EventKind
from src.core.errors import InputError
from src.core.settings import Settings
from src.store import Store
from src.workflows.record_events import check_event, record_events

NOW = 1_800_000_000
DAY = 86_400


def event(kind: EventKind = EventKind.RATING, value: float = 4.0, at: int | None = 5, id_: str | None = None) -> Event:
    return Event("u", "p", kind, value, at, id_)


def test_a_good_event_is_returned_as_it_is(settings: Settings) -> None:
    given = event(id_="mine")
    assert check_event(given, settings, NOW) == given


def test_an_event_without_a_time_happened_now(settings: Settings) -> None:
    assert check_event(event(at=None), settings, NOW).at == NOW


@pytest.mark.parametrize("value", [1.0, 3.5, 5.0])
def test_a_rating_on_the_scale_is_accepted_with_both_ends(settings: Settings, value: float) -> None:
    assert check_event(event(value=value), settings, NOW).value == value


@pytest.mark.parametrize("value", [0.99, 5.01, -1.0, 0.0, float("nan"), float("inf"), -float("inf")])
def test_a_rating_off_the_scale_is_refused(settings: Settings, value: float) -> None:
    with pytest.raises(InputError, match=r"value: a rating of .* was found; expected 1 to 5"):
        check_event(event(value=value), settings, NOW)


def test_the_scale_is_the_one_of_the_settings(settings: Settings) -> None:
    wide = settings.model_copy(update={"rating_min": -10.0, "rating_max": 10.0})
    assert check_event(event(value=-10.0), wide, NOW).value == -10.0
    with pytest.raises(InputError, match="expected -10 to 10"):
        check_event(event(value=10.5), wide, NOW)


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.RATING])
def test_other_kinds_take_any_number_above_zero(settings: Settings, kind: EventKind) -> None:
    assert check_event(event(kind, 250.0), settings, NOW).value == 250.0
    for value in (0.0, -1.0):
        with pytest.raises(InputError, match="expected a number above 0"):
            check_event(event(kind, value), settings, NOW)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_of_purchases_is_finite(settings: Settings, value: float) -> None:
    with pytest.raises(InputError):
        check_event(event(EventKind.PURCHASE, value), settings, NOW)


@pytest.mark.parametrize("at", [0, NOW, NOW + DAY])
def test_a_time_from_1970_until_tomorrow_is_accepted(settings: Settings, at: int) -> None:
    assert check_event(event(at=at), settings, NOW).at == at


@pytest.mark.parametrize("at", [-1, NOW + DAY + 1, 10**18])
def test_a_time_before_1970_or_in_the_future_is_refused(settings: Settings, at: int) -> None:
    with pytest.raises(InputError, match="at: "):
        check_event(event(at=at), settings, NOW)


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


def test_an_event_id_counts_once_whatever_else_it_comes_with(store: Store) -> None:
    assert record_events(store, [event(value=5.0, at=5, id_="r")]) == 1
    assert record_events(store, [event(value=1.0, at=50, id_="r")]) == 0
    assert store.events.history("u")[0].value == 5.0


def test_a_repetition_of_a_rating_that_was_replaced_since_does_not_bring_it_back(store: Store) -> None:
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
