"""The call that records events."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from typing import Any

from flask import Response, g, jsonify, request
from pydantic import ValidationError

from app.context import current_aisle
from app.problem_json import field_errors, problem, problems_of
from app.routes.operations import operation
from app.schemas import BODY_PROBLEMS
from app.schemas.events import ABOUT_EVENTS, MAX_EVENTS, EventBody, EventError, EventsAnswer, EventsBody
from app.telemetry.metrics import EVENTS_TAKEN, EVENTS_TOLD
from app.views.event_fault_text import event_fault_sentence
from src.core.domain import Event, EventKind
from src.core.errors import InputError
from src.core.settings import Settings
from src.ingestion.event_rules import EventRules
from src.workflows.record_events import record_events


@operation(
    "events",
    "Tell what users did",
    description="Stored before the answer, and in the user's next list. Wrong events of a list are named in `errors`, "
    f"with their place; the others are stored. An event has these fields:\n\n{ABOUT_EVENTS}",
    responses={"201": EventsAnswer, **problems_of(*BODY_PROBLEMS, 401, 403, 503)},
)
def add_events(body: EventsBody) -> Response:
    """Store one event or a list of events."""
    items = body.root if isinstance(body.root, list) else [body.root]
    if not 1 <= len(items) <= MAX_EVENTS:
        raise InputError(
            f"{len(items)} events were found; expected 1 to {MAX_EVENTS:,}. Send them in several requests."
        )
    aisle = current_aisle()
    events, errors = _parse(items, aisle.settings)
    if not events:
        _count(events, 0, errors)
        first = "; ".join(f"event {error.index}: {error.detail}" for error in errors[:5])
        return problem(422, "Unprocessable Content", f"no event is usable. {first}. /docs shows what is expected.")
    stored = record_events(aisle.store, events)
    _count(events, stored, errors)
    answer = EventsAnswer(received=len(items), stored=stored, repeated=len(events) - stored, errors=errors)
    response = jsonify(answer.model_dump())
    response.status_code = 201
    return response


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


def _parse(items: list[Any], settings: Settings) -> tuple[list[Event], list[EventError]]:
    events, errors = [], []
    rules = EventRules(settings.rating_min, settings.rating_max, now=int(time.time()))
    for index, item in enumerate(items):
        try:
            event = _event(EventBody.model_validate(item), rules.now)
        except ValidationError as error:
            detail = "; ".join(f"{item.field}: {item.message}" for item in field_errors(error))
            errors.append(EventError(index=index, detail=detail))
        except InputError as error:
            errors.append(EventError(index=index, detail=str(error)))
        else:
            fault = rules.first_fault(event)
            if fault is None:
                events.append(event)
            else:
                errors.append(EventError(index=index, detail=event_fault_sentence(fault, event, rules)))
    return events, errors


def _event(body: EventBody, now: int) -> Event:
    if body.kind is EventKind.RATING and body.value is None:
        raise InputError("value: missing; expected the rating that was given")
    at = int(body.at.timestamp()) if isinstance(body.at, dt.datetime) else now if body.at is None else body.at
    value = 1.0 if body.value is None else body.value
    return Event(body.user_id, body.product_id, body.kind, value, at, body.event_id, body.query, body.request_id)
