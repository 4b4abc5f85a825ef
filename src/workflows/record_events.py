"""Events that come in one by one, while the shop is open."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np

from src.core.domain import Event, EventBatch, EventKind
from src.core.records import FollowUp, SearchFeedback
from src.store import Store
from src.store.search_store import normalize_query


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
