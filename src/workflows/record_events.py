"""Store the events that the shop sends over HTTP."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence

import numpy as np

from src.core.domain import Event, EventBatch, EventKind
from src.core.records import FollowUp, SearchFeedback
from src.store import Store
from src.store.search_store import normalize_query


def record_events(store: Store, events: Sequence[Event], zone: dt.tzinfo = dt.UTC) -> int:
    """Store events durably, then what they tell of searches and of served lists.

    A client that is interrupted in between has no answer and sends the events again; all parts may be stored twice
    without counting twice.

    Args:
        store: where they are stored.
        events: events that passed the checks, with their times.
        zone: the shop's time zone.

    Returns:
        How many events were new. The others repeat an event_id, or are older ratings than the stored ones.
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
    feedback = [
        SearchFeedback(normalize_query(event.query), event.product_id, event.kind.value, event.at or 0, dedupe_key)
        for event, dedupe_key in zip(events, batch.dedupe_key or [], strict=True)
        if event.query
    ]
    if feedback:
        store.searches.add(feedback)
    follow_ups = [
        FollowUp(event.request_id, event.product_id, event.kind.value, event.at or 0, dedupe_key)
        for event, dedupe_key in zip(events, batch.dedupe_key or [], strict=True)
        if event.request_id
    ]
    if follow_ups:
        store.served_lists.add_follow_ups(follow_ups, zone)
    return stored


def _dedupe_key(event: Event) -> str:
    """Return the key by which a repeated event is recognized; without an event_id, each event counts as a new one."""
    if event.kind is EventKind.RATING:
        return ""
    # It must differ from the keys of events that come from files, which are times.
    return f"id:{event.event_id}" if event.event_id else f"once:{secrets.token_hex(8)}"
