"""Say why an event that came over HTTP is refused."""

from __future__ import annotations

from src.core.domain import MAX_VALUE, Event
from src.ingestion.event_rules import EventFault, EventRules


def event_fault_sentence(fault: EventFault, event: Event, rules: EventRules) -> str:
    """Return in one line the field at fault, what was found in it, and what was expected; the event has its time."""
    if fault is EventFault.RATING_OUT_OF_RANGE:
        expected = f"{rules.rating_min:g} to {rules.rating_max:g}"
        return f"value: a rating of {event.value:g} was found; expected {expected}"
    if fault in (EventFault.VALUE_NOT_POSITIVE, EventFault.VALUE_TOO_LARGE):
        return f"value: {event.value:g} was found; expected a number above 0, and {MAX_VALUE:g} at the most"
    return f"at: {event.at} was found; expected UTC seconds from 0, which is 1970, to now, which is {rules.now}"
