"""A history is counted once, and counts say how often each thing was done."""

from __future__ import annotations

from src.core.domain import Event, EventKind
from src.interactions.counted_history import CountedHistory, counts_of


def test_a_history_of_purchases_has_one_event_for_each_id_in_their_order() -> None:
    history = CountedHistory.of_purchases(["b", "a", "b"])
    assert history == tuple(Event("", id_, EventKind.PURCHASE) for id_ in ("b", "a", "b"))
    assert history.counts == {("b", EventKind.PURCHASE): 2, ("a", EventKind.PURCHASE): 1}


def test_counts_do_not_depend_on_who_counted() -> None:
    events = [Event("u", "a", EventKind.VIEW), Event("u", "a", EventKind.PURCHASE), Event("u", "a", EventKind.VIEW)]
    counts = {("a", EventKind.VIEW): 2, ("a", EventKind.PURCHASE): 1}
    assert counts_of(events) == counts_of(CountedHistory(events)) == counts
    history = CountedHistory(events)
    assert history.counts is history.counts
