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


NAN, INF = float("nan"), float("inf")
OTHERS = [kind for kind in EventKind if kind is not EventKind.RATING]


@pytest.mark.parametrize(
    "given",
    [
        event(id_="mine"),
        event(at=None),
        *(event(value=value) for value in (1.0, 3.5, 5.0)),
        *(event(kind, 250.0) for kind in OTHERS),
        *(event(at=at) for at in (0, NOW, NOW + DAY)),
    ],
)
def test_a_good_event_may_be_stored(settings: Settings, given: Event) -> None:
    assert fault_of(given, settings) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *(
            (event(value=value), f"value: a rating of {value:g} was found; expected 1 to 5")
            for value in (0.99, 5.01, -1.0, 0.0, NAN, INF, -INF)
        ),
        *((event(kind, value), "value: ") for kind in OTHERS for value in (0.0, -1.0)),
        *((event(EventKind.PURCHASE, value), "expected a number above 0") for value in (NAN, INF)),
        *((event(at=at), "at: ") for at in (-1, NOW + DAY + 1, 10**18)),
    ],
)
def test_another_event_is_refused_with_its_field(settings: Settings, given: Event, said: str) -> None:
    assert said in (fault_of(given, settings) or "")


def test_the_scale_is_the_one_of_the_settings(settings: Settings) -> None:
    wide = settings.model_copy(update={"rating_min": -10.0, "rating_max": 10.0})
    assert fault_of(event(value=-10.0), wide) is None
    assert "expected -10 to 10" in (fault_of(event(value=10.5), wide) or "")
