"""No row of any table names a person who was erased, on both databases."""

from __future__ import annotations

from sqlalchemy import select

from src.core.domain import Event, EventKind, Query
from src.core.experiments import ArmLists, InterleavedList
from src.core.list_recipes import AskedList, ListRecipe
from src.store import Store
from src.store.experiment_store import Exposure
from src.store.tables import metadata
from src.workflows.record_events import record_events

PERSON, OTHER = "zoe.the.newcomer", "tom"
TABLES = {"events", "event_ids", "exposures", "requests", "followed", "searches"}
"""The number of an order, which may name who ordered, stands with what followed a list or a search."""


def tables_that_name(store: Store, user_id: str) -> set[str]:
    """Return the tables with a cell that has an id in it."""
    with store.database.read() as connection:
        return {
            table.name
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
            if any(user_id in str(cell) for cell in row)
        }


def test_a_person_stands_in_some_tables_and_after_the_erasure_in_none(store: Store) -> None:
    for number, user in enumerate((PERSON, OTHER)):
        event = Event(user, "p", EventKind.PURCHASE, 1.0, 100, event_id=f"order-of-{user}", request_id=f"r{number}")
        record_events(store, [event])
        record_events(store, [Event(user, "p", EventKind.CLICK, 1.0, 100, query=f"gift for {user}")])
        store.experiments.add([Exposure("one", user, "a", 90)], {("one", "a"): ArmLists(1, 0, 0, 0.1)})
        recipe = ListRecipe(Query(user), (), "", None, "")
        asked = AskedList(f"r{number}", number, 90, user, "release", "", "", 0, "", recipe, ())
        store.requests.add([asked])
    store.experiments.add_interleaved([InterleavedList("two", "r2", PERSON, 95, (("p",), ()))])
    assert tables_that_name(store, PERSON) == {*TABLES, "interleaved"}
    assert PERSON in set(store.people.ids())
    known = store.people.known(PERSON)
    assert all(known.values())
    store.people.erase(PERSON, 1_000)
    assert tables_that_name(store, PERSON) == set()
    assert tables_that_name(store, OTHER) == TABLES


def test_somebody_who_only_saw_lists_of_two_arms_is_found_for_another_erasure(store: Store) -> None:
    store.experiments.add_interleaved([InterleavedList("two", "r2", PERSON, 95, (("p",), ()))])
    assert set(store.people.ids()) == {PERSON}
