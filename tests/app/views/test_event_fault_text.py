"""Single events are stored, or refused with a reason."""

from __future__ import annotations

import pytest

from app.views.event_fault_text import event_fault_sentence
from src.core.domain import Event, EventKind
from src.core.settings import Settings
from src.ingestion.event_rules import EventRules

NOW = 1_800_000_000
DAY = 86_400


def event(kind: EventKind = EventKind.RATING, value: float = 4.0, at: int | None = 5, id_: str | None = None) -> Event:
    return Event("u", "p", kind, value, at, id_)


def fault_of(given: Event, settings: Settings) -> str | None:
    """Return why an event is refused; None if it may be stored."""
    rules = EventRules(settings.rating_min, settings.rating_max, NOW)
    fault = rules.first_fault(given)
    return None if fault is None else event_fault_sentence(fault, given, rules)


def test_a_good_event_may_be_stored(settings: Settings) -> None:
    assert fault_of(event(id_="mine"), settings) is None


def test_an_event_without_a_time_may_be_stored(settings: Settings) -> None:
    assert fault_of(event(at=None), settings) is None


@pytest.mark.parametrize("value", [1.0, 3.5, 5.0])
def test_a_rating_on_the_scale_is_accepted_with_both_ends(settings: Settings, value: float) -> None:
    assert fault_of(event(value=value), settings) is None


@pytest.mark.parametrize("value", [0.99, 5.01, -1.0, 0.0, float("nan"), float("inf"), -float("inf")])
def test_a_rating_off_the_scale_is_refused(settings: Settings, value: float) -> None:
    assert fault_of(event(value=value), settings) == f"value: a rating of {value:g} was found; expected 1 to 5"


def test_the_scale_is_the_one_of_the_settings(settings: Settings) -> None:
    wide = settings.model_copy(update={"rating_min": -10.0, "rating_max": 10.0})
    assert fault_of(event(value=-10.0), wide) is None
    assert "expected -10 to 10" in (fault_of(event(value=10.5), wide) or "")


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.RATING])
def test_other_kinds_take_any_number_above_zero(settings: Settings, kind: EventKind) -> None:
    assert fault_of(event(kind, 250.0), settings) is None
    for value in (0.0, -1.0):
        assert "expected a number above 0" in (fault_of(event(kind, value), settings) or "")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_of_purchases_is_finite(settings: Settings, value: float) -> None:
    assert fault_of(event(EventKind.PURCHASE, value), settings) is not None


@pytest.mark.parametrize("at", [0, NOW, NOW + DAY])
def test_a_time_from_1970_until_tomorrow_is_accepted(settings: Settings, at: int) -> None:
    assert fault_of(event(at=at), settings) is None


@pytest.mark.parametrize("at", [-1, NOW + DAY + 1, 10**18])
def test_a_time_before_1970_or_in_the_future_is_refused(settings: Settings, at: int) -> None:
    assert (fault_of(event(at=at), settings) or "").startswith("at: ")
