"""The fingerprint of a user's history is that of the history in the store at this moment, whoever changed it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from flask import Flask

from app.context import context_of
from app.serving.history_fingerprints import HistoryFingerprints
from src.core.domain import SEEN_KINDS, Event, EventKind, Query, Rules
from src.core.list_rules import RuleFields
from src.core.progress import Silent
from src.core.shop_rules import ActiveRules
from src.interactions.event_weights import Weighting
from src.recommendation.prepared_lists import fingerprint_of, prepare_lists
from src.store import Store
from src.workflows.fit import stored_data
from tests.store.rows import Row, batch

BOUGHT, VIEWED = Event("ann", "tea pot", EventKind.PURCHASE, 2.0, 10), Event("ann", "cup, blue", EventKind.VIEW, at=20)
WEIGHTING = Weighting()


def row(event: Event) -> Row:
    return (event.user_id, event.product_id, event.kind, event.value, event.at, str(event.at))


@pytest.mark.parametrize(
    "new",
    [
        Event("ann", "saucer", EventKind.CART, at=30),
        Event("ann", "tea pot", EventKind.PURCHASE, 1.0, 30),
        Event("ann", "tea pot", EventKind.RETURN, 2.0, 30),
        Event("ann", "tea pot", EventKind.RATING, 4.0, 5),
    ],
)
def test_every_event_counts_at_once(store: Store, new: Event) -> None:
    store.events.add(batch(row(BOUGHT), row(VIEWED)))
    prints = HistoryFingerprints(store.events)
    first = prints.of("ann", WEIGHTING)
    assert first is not None
    store.events.add(batch(row(new), row(Event("bob", "tea pot", EventKind.VIEW))))
    second = prints.of("ann", WEIGHTING)
    assert second is not None
    assert first.fingerprint == fingerprint_of([BOUGHT, VIEWED], WEIGHTING)
    assert second.fingerprint == fingerprint_of(store.events.history("ann"), WEIGHTING) != first.fingerprint


def test_a_history_is_read_once(store: Store) -> None:
    store.events.add(batch(row(BOUGHT), row(VIEWED)))
    prints = HistoryFingerprints(store.events)
    first, again = prints.of("ann", WEIGHTING), prints.of("ann", WEIGHTING)
    assert first is not None
    assert again is not None
    assert first.history == store.events.history("ann")
    assert (again.fingerprint, again.history) == (first.fingerprint, None)
    other = prints.of("ann", Weighting(kinds={**WEIGHTING.kinds, "view": 1.0}))
    assert other is not None
    assert other.history is not None  # another weighting may tell other histories apart


def test_nothing_is_read_of_a_user_until_events_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.events.add(batch(row(BOUGHT)))
    prints, read = HistoryFingerprints(store.events), store.events.done
    asked: list[str] = []
    monkeypatch.setattr(store.events, "done", lambda user_id: asked.append(user_id) or read(user_id))
    found = [prints.of("ann", WEIGHTING) for _ in range(3)]
    changes = [
        lambda: store.events.add(batch(row(Event("bob", "tea pot", EventKind.VIEW, at=7)))),
        lambda: store.events.add(batch(row(VIEWED))),
        lambda: store.rename_products({"tea pot": "kettle"}),
        lambda: store.people.forget_before(15),
    ]
    for number, change in enumerate(changes, 2):
        change()
        found.append(prints.of("ann", WEIGHTING))
        assert asked == ["ann"] * number
        expected = fingerprint_of(store.events.history("ann"), WEIGHTING)
        assert found[-1] is not None
        assert found[-1].fingerprint == expected
    assert len({each.fingerprint for each in found if each}) == 4


def test_a_history_that_changes_between_the_readings_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.events.add(batch(row(BOUGHT)))
    prints, read = HistoryFingerprints(store.events), store.events.history
    monkeypatch.setattr(store.events, "history", lambda user_id: [*read(user_id), VIEWED])
    prints.of("ann", WEIGHTING)
    monkeypatch.undo()
    found = prints.of("ann", WEIGHTING)
    assert found is not None
    assert found.fingerprint == fingerprint_of([BOUGHT], WEIGHTING)


@pytest.mark.parametrize("weighting", [Weighting(lowest_rating=0.5), Weighting(half_life_days=30)])
def test_where_values_or_ages_count_there_is_none(store: Store, weighting: Weighting) -> None:
    store.events.add(batch(row(BOUGHT)))
    assert HistoryFingerprints(store.events).of("ann", weighting) is None
    assert HistoryFingerprints(store.events).of("nobody", WEIGHTING) is None


def test_a_user_gets_the_same_list_prepared_or_made(
    flask_app: Flask, trained_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = context_of(flask_app).recommender
    served = recommender._serving()
    lists = prepare_lists(served.pipeline, stored_data(trained_store, Silent()), 600, Silent())
    with_lists = replace(served, pipeline=replace(served.pipeline, prepared=lists))
    for user in [*trained_store.events.user_ids("", 10), "nobody"]:
        seen = [event.product_id for event in trained_store.events.history(user) if event.kind in SEEN_KINDS]
        pinned = ActiveRules(RuleFields(), Rules(), frozenset(), tuple(enumerate(["P00001", *seen][:3], 1)), math.inf)
        for rules in (None, pinned):
            made = recommender.answer(Query(user, n=5), shop=rules)
            with monkeypatch.context() as patched:
                patched.setattr(recommender, "_serving", lambda: with_lists)
                found = [recommender.answer(Query(user, n=5), shop=rules) for _ in range(2)]
            assert [each.recommendations for each in found] == [made.recommendations] * 2
            assert [each.cached for each in found] == [None, None]
