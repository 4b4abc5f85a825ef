"""Events that come in one by one, while the shop is open."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from src.core.domain import CLOCK_TOLERANCE, MAX_VALUE, Event, EventBatch, EventKind
from src.core.errors import InputError
from src.core.records import FollowUp, SearchFeedback
from src.core.settings import Settings
from src.store import Store
from src.store.search_store import normalize_query


def check_event(event: Event, settings: Settings, now: int) -> Event:
    """The event, if it may be stored; one without a time happened now. Raises InputError that says what is wrong."""
    if event.kind is EventKind.RATING and not settings.rating_min <= event.value <= settings.rating_max:
        raise InputError(
            f"value: a rating of {event.value:g} was found; expected {settings.rating_min:g} to {settings.rating_max:g}"
        )
    if event.kind is not EventKind.RATING and not 0 < event.value <= MAX_VALUE:
        raise InputError(f"value: {event.value:g} was found; expected a number above 0, and {MAX_VALUE:g} at the most")
    at = now if event.at is None else event.at
    if not 0 <= at <= now + CLOCK_TOLERANCE:
        raise InputError(f"at: {at} was found; expected UTC seconds from 0, which is 1970, to now, which is {now}")
    return replace(event, at=at)


def record_events(store: Store, events: Sequence[Event]) -> int:
    """Store checked events durably; how many were new. The rest repeats an event_id, or is older than what is known.

    What they tell of searches and of lists that were served comes after them: who is interrupted in between has got no
    answer, sends the events again, and that is made up for.
    """
    batch = EventBatch(
        user_id=[event.user_id for event in events],
        product_id=[event.product_id for event in events],
        kind=[event.kind.value for event in events],
        value=np.array([event.value for event in events], dtype=np.float64),
        at=np.array([event.at for event in events], dtype=np.int64),
        dedupe_key=[_dedupe_key(event) for event in events],
    )
    stored = store.events.add(batch, [event.event_id for event in events])
    searched = [
        SearchFeedback(normalize_query(event.query), event.product_id, event.kind.value, event.at or 0, dedupe_key)
        for event, dedupe_key in zip(events, batch.dedupe_key or [], strict=True)
        if event.query
    ]
    if searched:
        store.searches.add(searched)
    followed = [
        FollowUp(event.request_id, event.product_id, event.kind.value, event.at or 0, dedupe_key)
        for event, dedupe_key in zip(events, batch.dedupe_key or [], strict=True)
        if event.request_id
    ]
    if followed:
        store.served_lists.add_follow_ups(followed)
    return stored


def _dedupe_key(event: Event) -> str:
    """Without an event_id nobody can tell a repetition from a second purchase, so it counts as one."""
    if event.kind is EventKind.RATING:
        return ""
    # Never what a file's events are marked with, which is their time.
    return f"id:{event.event_id}" if event.event_id else f"once:{secrets.token_hex(8)}"
