"""Experiments in the store: kept, ended, and joined with what their users did."""

from __future__ import annotations

import dataclasses

from src.core.domain import Event, EventKind, Product
from src.core.experiments import ArmLists, ExperimentBody
from src.store import Store
from src.store.experiment_store import Exposure
from src.workflows.record_events import record_events

BODY = ExperimentBody.model_validate({"arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]})


def test_what_happened_after_the_first_list_counts_until_the_end(store: Store) -> None:
    begun = store.experiments.begin("one", BODY, "anna", 100)
    store.products.add([Product("p", price=2.5)])
    shown = [Exposure("one", "u1", "a", 150), Exposure("one", "u2", "b", 150), Exposure("one", "u3", "b", 150)]
    store.experiments.add(shown, {("one", "a"): ArmLists(1, 0, 0, 0.25), ("one", "b"): ArmLists(2, 1, 1, 0.5)})
    store.experiments.add([Exposure("one", "u1", "a", 900)], {("one", "a"): ArmLists(1, 0, 0, 0.25)})
    times = {"u1": (120, 160, 170), "u2": (400,), "u4": (200,)}
    bought = [Event(user, "p", EventKind.PURCHASE, 2.0, at) for user, each in times.items() for at in each]
    record_events(store, [*bought, Event("u2", "p", EventKind.VIEW, 1.0, 300)])
    a, b = store.experiments.figures(begun)
    assert (a.users, b.users) == (1, 2)
    assert a.outcomes["purchases"] == (2.0, 4.0, 2)
    assert a.outcomes["revenue"] == (10.0, 100.0, 2)
    assert b.outcomes["clicks"] == (1.0, 1.0, 1)
    assert a.cost == ArmLists(2, 0, 0, 0.5)
    assert b.cost == ArmLists(2, 1, 1, 0.5)
    ended = store.experiments.end("one", 350)
    assert ended is not None
    assert store.experiments.figures(ended)[1].outcomes["purchases"] == (0.0, 0.0, 0)
    assert store.experiments.end("one", 500) == ended
    assert store.experiments.get("one") == dataclasses.replace(begun, ended_at=350)


def test_a_change_is_noticed(store: Store) -> None:
    before = store.experiments.changed_at()
    store.experiments.begin("one", BODY, "anna", 100)
    begun = store.experiments.changed_at()
    store.experiments.end("one", 200)
    assert len({before, begun, store.experiments.changed_at()}) == 3
    assert store.experiments.end("two", 200) is None
    assert [each.name for each in store.experiments.all()] == ["one"]
