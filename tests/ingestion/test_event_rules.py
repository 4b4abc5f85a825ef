"""The rules of events are the same for a file and for HTTP."""

from __future__ import annotations

import pytest
from reading import NOW, RULES

from src.core.domain import Event, EventKind
from src.ingestion.column_names import KIND, PRODUCT, TIME, USER, VALUE
from src.ingestion.event_rules import EventFault
from src.ingestion.layout import EVENTS, Layout
from src.ingestion.raw_rows import RawBlock
from src.ingestion.row_validation import validate_rows

LAYOUT = Layout(EVENTS, {role: at for at, role in enumerate((USER, PRODUCT, KIND, VALUE, TIME))})


@pytest.mark.parametrize(
    ("kind", "value", "at", "fault"),
    [
        (EventKind.RATING, 1.0, 0, None),
        (EventKind.RATING, 5.0, NOW + 86_400, None),
        (EventKind.RATING, 0.99, NOW, EventFault.RATING_OUT_OF_RANGE),
        (EventKind.RATING, 5.01, NOW, EventFault.RATING_OUT_OF_RANGE),
        (EventKind.PURCHASE, 5.01, NOW, None),
        (EventKind.PURCHASE, 1e9, NOW, None),
        (EventKind.PURCHASE, 0.0, NOW, EventFault.VALUE_NOT_POSITIVE),
        (EventKind.PURCHASE, -1.0, NOW, EventFault.VALUE_NOT_POSITIVE),
        (EventKind.PURCHASE, 1.1e9, NOW, EventFault.VALUE_TOO_LARGE),
        (EventKind.VIEW, 1.0, -1, EventFault.TIME_BEFORE_1970),
        (EventKind.VIEW, 1.0, NOW + 86_401, EventFault.TIME_IN_FUTURE),
    ],
)
def test_an_event_keeps_the_same_rules_in_a_file_and_alone(
    kind: EventKind, value: float, at: int, fault: EventFault | None
) -> None:
    assert RULES.first_fault(Event("u", "p", kind, value, at)) is fault
    row = ["u", "p", kind.value, f"{value}", f"{at}"]
    assert len(validate_rows(RawBlock([1], [row]), LAYOUT, RULES).rejected) == (fault is not None)


def test_an_event_without_a_time_breaks_no_rule_of_times() -> None:
    assert RULES.first_fault(Event("u", "p", EventKind.VIEW)) is None
