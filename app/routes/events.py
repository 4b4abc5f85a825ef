"""The call that records events."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple

from flask import Response, g, jsonify, request
from pydantic import ValidationError

from app.context import current_aisle
from app.problem_json import field_errors, problem, problems_of
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.events import (
    ABOUT_EVENTS,
    MOST_WORDS,
    EventBody,
    EventError,
    EventsAnswer,
    EventsBody,
    EventsQuery,
    EventsRead,
)
from app.telemetry.metrics import EVENTS_TAKEN, EVENTS_TOLD
from app.views.event_fault_text import event_fault_sentence
from src.core.domain import Event, EventKind
from src.core.errors import InputError
from src.core.settings import Settings
from src.ingestion.event_formats import MAX_EVENTS, SentEvent, SentEvents, read_format
from src.ingestion.event_rules import EventRules
from src.ingestion.moments import read_moments
from src.workflows.record_events import record_events


@operation(
    "events",
    "Tell what users did",
    description="Stored before the answer, and in the user's next list. Wrong events of a list are named in `errors`, "
    "with their place; the others are stored. `format` takes what shops send to others: ga4 (a body of the GA4 "
    "Measurement Protocol), ubi (OpenSearch UBI 1.x, one event or a list), segment (track: a call, a list or a batch). "
    "`read` says how words and times were read, and which names of events are no act on a product or are not known. "
    f"An event without a format has these fields:\n\n{ABOUT_EVENTS}",
    responses={"201": EventsAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 503)},
)
def add_events(query: EventsQuery, body: EventsBody) -> Response:
    """Store one event or a list of events."""
    sent = _native(body.root) if query.format is None else read_format(query.format, body.root)
    aisle = current_aisle()
    parsed = _parse(sent, aisle.settings)
    events, errors = parsed.events, parsed.errors
    if not events and (errors or query.format is None):
        _count(events, 0, errors)
        first = "; ".join(f"event {error.index}: {error.detail}" for error in errors[:5])
        return problem(422, "Unprocessable Content", f"no event is usable. {first}. /docs shows what is expected.")
    stored = record_events(aisle.store, events, aisle.settings.zone) if events else 0
    _count(events, stored, errors)
    answer = EventsAnswer(
        received=len(events) + len(errors),
        stored=stored,
        repeated=len(events) - stored,
        errors=errors,
        read=parsed.read,
    )
    response = jsonify(answer.model_dump(exclude_none=True))
    response.status_code = 201
    return response


def _native(root: dict[str, Any] | list[Any]) -> SentEvents:
    """Return the events of a body without a format. Raises InputError if they are none or too many."""
    items = root if isinstance(root, list) else [root]
    if not 1 <= len(items) <= MAX_EVENTS:
        raise InputError(
            f"{len(items)} events were found; expected 1 to {MAX_EVENTS:,}. Send them in several requests."
        )
    return SentEvents([SentEvent(index, None, item) for index, item in enumerate(items)])


def allow_length() -> None:
    """Allow a longer body for events. Call it before the length of a body is checked."""
    if request.endpoint == "events.add_events":
        request.max_content_length = current_aisle().settings.max_events_bytes


def _count(events: list[Event], stored: int, errors: list[EventError]) -> None:
    """Count what was told in the metrics, and for the audit log if it came with a key that has a name."""
    metrics = current_aisle().metrics
    if who := g.get("key_name"):
        current_aisle().event_audit.add(who, (stored, len(events) - stored, len(errors)))
    for result, amount in (("stored", stored), ("repeated", len(events) - stored), ("refused", len(errors))):
        if amount:
            metrics.add(EVENTS_TOLD, result, amount=amount)
    for kind, amount in Counter(event.kind.value for event in events).items():
        metrics.add(EVENTS_TAKEN, kind, amount=amount)


class _Parsed(NamedTuple):
    """The usable events of a request, why others are not, and how they were read."""

    events: list[Event]
    errors: list[EventError]
    read: EventsRead | None


def _parse(sent: SentEvents, settings: Settings) -> _Parsed:
    events: list[Event] = []
    errors = [EventError(index=each.index, detail=each.detail) for each in sent.problems]
    rules = EventRules(settings.rating_min, settings.rating_max, now=int(time.time()))
    checked: list[tuple[SentEvent, EventBody]] = []
    for each in sent.events:
        try:
            body = EventBody.model_validate(each.fields)
        except ValidationError as error:
            detail = "; ".join(f"{item.field}: {item.message}" for item in field_errors(error))
            errors.append(_error(each, detail))
        else:
            checked.append((each, body))
            word = each.fields["kind"]
            if word != body.kind and len(sent.kinds) < MOST_WORDS:
                sent.kinds[str(word)] = body.kind.value
    times: Counter[str] = Counter()
    for (each, body), moment in zip(checked, read_moments([body.at for _, body in checked]), strict=True):
        event = _event(body, rules.now if moment.at is None else moment.at)
        fault = rules.first_fault(event)
        if moment.problem:
            errors.append(_error(each, f"at: {moment.problem}"))
        elif body.kind is EventKind.RATING and body.value is None:
            errors.append(_error(each, "value: missing; expected the rating that was given"))
        elif fault is not None:
            errors.append(_error(each, event_fault_sentence(fault, event, rules)))
        else:
            events.append(event)
            if moment.notation:
                times[moment.notation] += 1
    errors.sort(key=lambda error: (error.index, error.item or 0))
    read = EventsRead(kinds=sent.kinds, times=times, ignored=sent.ignored, unknown=sent.unknown)
    return _Parsed(events, errors, read if any(read.model_dump().values()) else None)


def _error(event: SentEvent, detail: str) -> EventError:
    return EventError(index=event.index, item=event.item, detail=detail)


def _event(body: EventBody, at: int) -> Event:
    value = 1.0 if body.value is None else body.value
    return Event(body.user_id, body.product_id, body.kind, value, at, body.event_id, body.query, body.request_id)
