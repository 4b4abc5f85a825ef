"""Served lists and their follow-ups, on every store."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from src.core.domain import DAY, Event, EventKind, Product
from src.core.records import FollowUp, SearchFeedback, ServedFigures, ServedList
from src.store import Store
from src.workflows.record_events import record_events

NOON = 20_000 * DAY + 43_200
A_LIST = ServedList("r1", 1, NOON, "v1", "user", None, (("a", "als"), ("b", "als"), ("c", "text")))
A_SEARCH = ServedList("s1", 2, NOON + 1, "v1", "text", " Red  LAMP ", (("b", ""), ("a", "")))


def clicked(product: str, request_id: str | None, kind: EventKind = EventKind.CLICK, at: int = NOON + 5) -> Event:
    return Event("u", product, kind, 1.0, at, None, None, request_id)


def figures(store: Store, since: int = 0) -> list[tuple[str, str, int, int, int, int]]:
    return [(f.made_for, f.source, f.position, f.shown, f.clicked, f.bought) for f in store.served_lists.figures(since)]


def test_lists_are_read_newest_first_and_unchanged(store: Store) -> None:
    store.served_lists.add([A_LIST, A_SEARCH])
    assert store.served_lists.newest(5) == [A_SEARCH, A_LIST]
    assert store.served_lists.newest(1) == [A_SEARCH]


def test_positions_are_counted_by_release_list_source_and_position(store: Store) -> None:
    store.served_lists.add([A_LIST, replace(A_LIST, request_id="r2"), replace(A_LIST, request_id="r3", release="v0")])
    store.served_lists.add([replace(A_LIST, request_id="r4"), A_SEARCH])
    assert store.served_lists.figures(NOON // DAY)[:2] == [
        ServedFigures("v0", "user", "als", 1, 1, 0, 0),
        ServedFigures("v0", "user", "als", 2, 1, 0, 0),
    ]
    assert figures(store)[3:] == [
        ("text", "", 1, 1, 0, 0),
        ("text", "", 2, 1, 0, 0),
        ("user", "als", 1, 3, 0, 0),
        ("user", "als", 2, 3, 0, 0),
        ("user", "text", 3, 3, 0, 0),
    ]


def test_follow_ups_of_a_listed_product_count_once(store: Store) -> None:
    store.served_lists.add([A_LIST])
    events = [clicked("b", "r1"), clicked("b", "r1"), clicked("b", "r1", EventKind.VIEW), clicked("c", "r1")]
    record_events(store, [*events, clicked("c", "r1", EventKind.PURCHASE), clicked("a", None)])
    expected = [("user", "als", 1, 1, 0, 0), ("user", "als", 2, 1, 1, 0), ("user", "text", 3, 1, 1, 1)]
    assert figures(store) == expected


def test_a_follow_up_stored_before_its_list_is_joined_later(store: Store) -> None:
    record_events(store, [clicked("b", "r1"), clicked("a", "s1", at=7)])
    assert figures(store) == []
    store.served_lists.add([A_LIST, A_SEARCH])
    assert ("user", "als", 2, 1, 1, 0) in figures(store)
    assert ("text", "", 2, 1, 1, 0) in figures(store)
    (learnt,) = store.searches.newest(5)
    assert (learnt.query, learnt.product_id, learnt.at) == ("red lamp", "a", 7)


def test_the_arms_of_a_list_stand_in_what_follows_it_in_either_order(store: Store) -> None:
    arms = "home=new,prices=now"
    store.served_lists.add([replace(A_LIST, experiments=arms)])
    assert store.served_lists.newest(1)[0].experiments == arms
    record_events(store, [clicked("b", "r1"), clicked("a", "r2")])
    store.served_lists.add([replace(A_LIST, request_id="r2", experiments="home=now"), replace(A_LIST, request_id="r3")])
    record_events(store, [clicked("c", "r3")])
    found = {(each.product_id, each.experiments) for each in store.served_lists.followed()}
    assert found == {("b", arms), ("a", "home=now"), ("c", "")}


def test_a_follow_up_of_a_search_becomes_search_feedback_once(store: Store) -> None:
    store.served_lists.add([A_SEARCH])
    told = replace(clicked("a", "s1", EventKind.PURCHASE), event_id="e1", query="red lamp")
    for event in (told, replace(told, query=None), told):
        record_events(store, [event])
    assert store.searches.newest(5) == [SearchFeedback("red lamp", "a", "purchase", NOON + 5, "id:e1")]


def test_a_follow_up_of_a_users_list_is_no_search_feedback(store: Store) -> None:
    store.served_lists.add([A_LIST])
    record_events(store, [clicked("a", "r1")])
    assert store.searches.newest(5) == []


def test_an_event_with_an_unknown_request_id_is_stored(store: Store) -> None:
    assert record_events(store, [clicked("a", "nobody-knows")]) == 1
    assert len(store.events.history("u")) == 1
    assert figures(store) == []


def test_a_follow_up_of_a_product_that_was_not_listed_has_no_position(store: Store) -> None:
    store.served_lists.add([A_LIST])
    assert store.served_lists.add_follow_ups([FollowUp("r1", "z", "click", NOON, "m")]) == 0
    assert sum(clicks for *_, clicks, _ in figures(store)) == 0


def test_a_follow_up_is_joined_with_the_newest_list_of_the_request_that_has_the_product(store: Store) -> None:
    store.served_lists.add(
        [A_LIST, replace(A_SEARCH, request_id="r1"), replace(A_LIST, seq=3, products=(("z", "als"),))]
    )
    assert (
        store.served_lists.add_follow_ups(
            [FollowUp("r1", "a", "click", NOON, "m"), FollowUp("r1", "c", "click", NOON, "m")]
        )
        == 2
    )
    assert [row[:3] for row in figures(store) if row[4]] == [("text", "", 2), ("user", "text", 3)]


def test_follow_ups_are_joined_with_the_twenty_newest_lists_of_a_request_id(store: Store) -> None:
    store.served_lists.add([replace(A_LIST, seq=n, products=((f"p{n}", "als"),)) for n in range(300)])
    assert store.served_lists.add_follow_ups([FollowUp("r1", f"p{n}", "click", NOON, "m") for n in range(300)]) == 20


def test_figures_cover_lists_of_the_day_and_later(store: Store) -> None:
    store.served_lists.add([A_LIST, replace(A_LIST, request_id="r2", at=NOON + DAY)])
    record_events(store, [clicked("a", "r1", at=NOON + 3 * DAY)])  # later, but of the first day's list
    assert next(row[3:5] for row in figures(store, NOON // DAY)) == (2, 1)
    assert next(row[3:5] for row in figures(store, NOON // DAY + 1)) == (1, 0)
    assert figures(store, NOON // DAY + 2) == []


def test_lists_and_what_followed_are_counted_on_the_shops_day(store: Store) -> None:
    late = 20_000 * DAY + 82_800  # one in the morning of the next day in Berlin
    store.served_lists.add([replace(A_LIST, at=late)], ZoneInfo("Europe/Berlin"))
    record_events(store, [clicked("b", "r1", at=late)], ZoneInfo("Europe/Berlin"))
    assert store.served_lists.figures(before=20_001) == []
    assert [row[3:] for row in figures(store, 20_001)] == [(1, 0, 0), (1, 1, 0), (1, 0, 0)]


def test_days_that_were_counted_stay_when_the_shops_zone_changes(store: Store) -> None:
    store.served_lists.add([A_LIST], ZoneInfo("Pacific/Kiritimati"))
    store.served_lists.add([replace(A_LIST, request_id="r2")])
    assert [row[3] for row in figures(store)] == [2, 2, 2]
    assert [row[3] for row in figures(store, 20_001)] == [1, 1, 1]  # counted when 22:00 was noon tomorrow


def test_the_counts_of_old_days_go_by_the_shops_days(store: Store) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    store.served_lists.add([replace(A_LIST, request_id=f"r{n}", at=NOON + n * DAY) for n in range(2)], berlin)
    store.served_lists.delete_before(20_000 * DAY + 82_800, 9, berlin)
    assert [row[3] for row in figures(store)] == [1, 1, 1]


def test_old_lists_are_deleted_in_limited_steps(store: Store) -> None:
    lists = [replace(A_LIST, request_id=f"r{n}", at=NOON + n * DAY) for n in range(6)]
    store.served_lists.add(lists)
    record_events(store, [clicked("a", f"r{n}", at=NOON + n * DAY) for n in range(6)])
    assert store.served_lists.delete_before(NOON + 4 * DAY, 3) == 6
    assert store.served_lists.delete_before(NOON + 4 * DAY, 3) == 2
    assert store.served_lists.delete_before(NOON + 4 * DAY, 3) == 0
    assert [each.request_id for each in store.served_lists.newest(9)] == ["r5", "r4"]
    assert figures(store)[0][3:] == (2, 2, 0)


def test_deleting_the_synthetic_shop_deletes_its_lists(store: Store) -> None:
    store.products.add([Product("a", made_up=True)])
    store.served_lists.add([A_LIST])
    record_events(store, [clicked("b", "r1")])
    store.delete_synthetic()
    assert store.served_lists.newest(5) == []
    assert figures(store) == []


def test_a_thousand_follow_ups_of_a_thousand_lists_are_joined(store: Store) -> None:
    store.served_lists.add(replace(A_LIST, request_id=f"r{n}", seq=n) for n in range(1_000))
    assert store.served_lists.add_follow_ups(FollowUp(f"r{n}", "b", "click", NOON, "m") for n in range(1_000)) == 1_000
