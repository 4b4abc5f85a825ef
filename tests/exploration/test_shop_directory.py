"""Customers are found by any part of their ids; purchases are attributed by the rule that the page states."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from src.core.domain import DAY, EventBatch, EventKind
from src.exploration.earnings import Earnings, FollowedEvent, ShownPlace, earnings
from src.exploration.shop_directory import SORTS, ShopDirectory
from src.interactions.interactions import TrainingData, training_data

NOW = 20_000 * DAY


def data_of(*rows: tuple[str, str, str, float, int]) -> TrainingData:
    users, items, kinds, values, times = (list(column) for column in zip(*rows, strict=True))
    batch = EventBatch(users, items, kinds, np.array(values, np.float64), np.array(times, np.int64))
    return training_data(iter([batch]))


@pytest.fixture
def directory() -> ShopDirectory:
    ids = ["AnnSmith", "bob-0042", "CARL", "ann", "zoë"]
    rows = [(id_, f"p{n}", EventKind.PURCHASE, 2.0, NOW + n) for n, id_ in enumerate(ids)]
    rows += [(id_, "pair", EventKind.PURCHASE, 1.0, NOW) for id_ in ids[:3]]
    data = data_of(*rows, ("CARL", "p9", EventKind.VIEW, 1.0, NOW + 90))
    return ShopDirectory.of(data, 7, lambda since: {"p2": 3.0, "gone": 1.0})


def found(directory: ShopDirectory, text: str) -> list[str]:
    return directory.users.ids_of(directory.search(text).rows.tolist())


def test_customers_are_found_by_any_part_in_any_case_and_with_typing_errors(directory: ShopDirectory) -> None:
    assert found(directory, "smith") == ["AnnSmith"]
    assert found(directory, "B-004") == ["bob-0042"]
    assert sorted(found(directory, "ann")) == ["AnnSmith", "ann"]
    assert directory.search("bob-0024").forgiven
    assert found(directory, "bob-0024") == ["bob-0042"]
    assert found(directory, "nobody at all") == []
    assert found(directory, "zo") == ["zoë"]
    assert found(directory, "")[0] == "CARL"  # the one with the most actions


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("text", ["a", "ab", "aba"])
def test_a_page_of_customers_is_the_beginning_of_the_whole_order(sort: str, text: str) -> None:
    rng = np.random.default_rng(0)
    ids = ["".join(rng.choice(list("aAbB"), 5)) + str(n) for n in range(300)]
    rows = [(id_, "p", EventKind.VIEW, 1.0, int(at)) for id_, at in zip(ids, rng.integers(1, 99, 300), strict=True)]
    many = ShopDirectory.of(data_of(*rows, *rows[::3]), 1, lambda since: {})
    whole = many.search(text, sort).rows.tolist()
    assert len(whole) == len(set(whole)) > 5
    keys = {"events": -many.n_events, "seen": -many.last_at}
    if sort in keys:
        assert [int(keys[sort][row]) for row in whole] == sorted(int(keys[sort][row]) for row in whole)
    else:
        assert many.users.ids_of(whole) == sorted(many.users.ids_of(whole))
    for n in (1, 5, len(whole) - 1, len(whole), 10_000):
        found = many.search(text, sort, n).rows.tolist()
        assert found[:n] == whole[:n]
        assert sorted(found) == sorted(whole)


def test_a_directory_is_saved_and_mapped(directory: ShopDirectory, tmp_path: Path) -> None:
    directory.save(tmp_path / "shop")
    directory.save(tmp_path / "shop")
    again = ShopDirectory.load(tmp_path / "shop")
    assert again is not None
    assert (again.newest_day, again.changed_at) == (20_000, 7)
    row = again.rows(again.search("carl").rows.tolist())[0]
    assert (row.user_id, row.n_events, row.last_at, row.last_product) == ("CARL", 3, NOW + 90, "p9")
    assert again.sales_of("p2") == {20_000: 2.0}
    assert ShopDirectory.load(tmp_path / "none") is None
    assert (again.returned_of("p2"), again.returned_of("p1"), again.returned_of("new")) == (3.0, 0.0, 0.0)
    assert again.sold_and_returned == (16.0, 3.0)
    assert again.owners_of_both("pair", ["p0", "p2", "p4", "new"]) == [1, 1, 0, 0]


def test_a_purchase_counts_if_it_names_its_request_or_follows_a_click_in_time() -> None:
    bought = EventKind.PURCHASE
    data = data_of(
        ("a", "x", bought, 2.0, NOW),  # clicked two days before
        ("b", "x", bought, 1.0, NOW),  # clicked ten days before: too long ago
        ("c", "y", bought, 1.0, NOW),  # names its request
        ("d", "y", bought, 1.0, NOW),  # clicked afterwards
    )
    place = ShownPlace("basket", "blend", 3)
    followed = [
        FollowedEvent("a", "x", "click", NOW - 2 * DAY, place),
        FollowedEvent("b", "x", "click", NOW - 10 * DAY, place),
        FollowedEvent("c", "y", "purchase", NOW, place),
        FollowedEvent("d", "y", "click", NOW + 5, place),
    ]
    price = np.array([10.0 if id_ == "x" else np.nan for id_ in data.events.items.ids_of(range(2))])
    got = earnings(data, price, followed, attribution_days=7, zone=dt.UTC, now=NOW)
    day = next(each for each in got.days if each.day == 20_000)
    assert (day.purchases, day.revenue, day.attributed, day.earned) == (4, 30.0, 2, 20.0)
    assert day.by_place == {"basket|blend|3": [2, 20.0]}
    assert Earnings.from_json(got.to_json()) == got
