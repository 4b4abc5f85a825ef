"""The data profile equals counts by hand and by a slow method; its findings follow thresholds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.domain import NO_TIME, EventBatch, Product
from src.core.records import Load
from src.exploration.activity import MAX_PERIODS
from src.exploration.data_profile import MAX_CATEGORIES, TOP, profile_data, read_catalogue
from src.exploration.findings import describe_findings
from src.exploration.profile_types import DataProfile
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import split
from src.interactions.vocabulary import Vocabulary

Row = tuple[str, str, str, float, int]
DAY = 86_400
NOW = 1_700_000_000 // DAY * DAY  # 2023-11-14, a Tuesday
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.sampled_from("pqrst"),
        st.sampled_from(["rating", "purchase", "cart", "view", "click"]),
        st.sampled_from([1.0, 3.0, 4.5]),
        st.sampled_from([NO_TIME, 0, 5, DAY, 400 * DAY]),
    ),
    min_size=1,
    max_size=40,
)


def data_of(rows: list[Row]) -> TrainingData:
    users, products, kinds, values, times = (list(column) for column in zip(*rows, strict=True))
    batch = EventBatch(users, products, kinds, np.array(values, np.float64), np.array(times, np.int64))
    return training_data([batch])


def explored(
    rows: list[Row], catalogue: Mapping[str, Product] | None = None, loads: list[Load] | None = None
) -> DataProfile:
    data = data_of(rows)

    def look_up(ids: list[str]) -> dict[str, Product]:
        return {id_: product for id_, product in (catalogue or {}).items() if id_ in ids}

    return profile_data(data, read_catalogue(data.items, look_up), loads or [], relevant_rating=4.0, now=NOW)


def rating(user: str, product: str, value: float, at: int = NOW) -> Row:
    return (user, product, "rating", value, at)


def did(kind: str, user: str, product: str, at: int = NOW) -> Row:
    return (user, product, kind, 1.0, at)


def a_load(load_id: str, file: str, **fields: Any) -> Load:
    counts = {"n_read": 100, "n_kept": 100, "n_events": 100, "n_stored": 100, "n_products": 0}
    return Load(load_id, file, "ratings", NOW, **{**counts, **fields})


def ordinary(**changes: Any) -> DataProfile:
    """Return a data profile without findings, with the given changes."""
    rows = [rating(f"u{n}", f"p{(n + m) % 50}", 1 + (n + m) % 5, NOW - n) for n in range(200) for m in range(12)]
    titled = {f"p{n}": Product(f"p{n}", title=f"Product {n}") for n in range(50)}
    return replace(explored(rows, titled), **changes)


def led_to_purchase(rows: list[Row], pair: tuple[str, str]) -> bool:
    its = [(kind, at) for user, product, kind, _, at in rows if (user, product) == pair]
    looks = [at for kind, at in its if kind in ("view", "click", "cart")]
    purchases = [at for kind, at in its if kind == "purchase"]
    return any(NO_TIME in (look, purchase) or purchase >= look for look in looks for purchase in purchases)


@given(ROWS)
def test_the_figures_are_those_of_counting_one_by_one(rows: list[Row]) -> None:
    e = explored(rows)
    looked, carted, bought = (
        {(user, product) for user, product, kind, _, _ in rows if kind in kinds}
        for kinds in (("view", "click"), ("cart",), ("purchase",))
    )
    assert (e.n_events, e.n_users, e.n_products) == (len(rows), *(len({row[at] for row in rows}) for at in (0, 1)))
    assert e.n_pairs == len({row[:2] for row in rows})
    assert e.filled == e.n_pairs / (e.n_users * e.n_products)
    assert e.by_kind == Counter(row[2] for row in rows)
    c = e.conversion
    assert (c.looked, c.carted, c.bought) == (len(looked), len(looked & carted), len(looked & bought))
    assert (c.all_carted, c.all_bought, c.bought_from_cart) == (len(carted), len(bought), len(carted & bought))
    keen = {row[:2] for row in rows if row[2] in ("view", "click", "cart")}
    assert (c.interested, c.led_to_purchase) == (len(keen), sum(led_to_purchase(rows, pair) for pair in keen))

    assert [top.n_events for top in e.most_bought] == sorted(
        Counter(row[1] for row in rows if row[2] == "purchase").values(), reverse=True
    )
    for top in [*e.most_looked_at, *e.most_bought, *e.most_rated]:
        its = [value for _, product, kind, value, _ in rows if kind == "rating" and product == top.product_id]
        assert top.looked == len({pair for pair in looked if pair[1] == top.product_id})
        assert top.carted == len({pair for pair in looked & carted if pair[1] == top.product_id})
        assert top.bought == len({pair for pair in looked & bought if pair[1] == top.product_id})
        assert top.n_ratings == len(its)
        assert top.avg_rating == (pytest.approx(np.mean(its)) if its else None)
    for top in e.most_bought:
        assert top.n_users == len({pair for pair in bought if pair[1] == top.product_id})

    days = [(row[:2], row[4] // DAY) for row in rows if row[2] == "purchase" and row[4] != NO_TIME]
    dated = Counter(pair for pair, _ in set(days))
    assert e.bought_again == (pytest.approx(np.mean([n > 1 for n in dated.values()])) if days else None)

    timed = [row[4] for row in rows if row[4] != NO_TIME]
    if timed:
        assert e.activity is not None
        assert (e.activity.oldest_at, e.activity.newest_at) == (min(timed), max(timed))
        assert sum(e.activity.counts.values()) == e.activity.n_timed == len(timed)
        dated_kinds = Counter(row[2] for row in rows if row[4] != NO_TIME)
        assert {kind: sum(counts) for kind, counts in e.activity.by_kind.items()} == dated_kinds
        columns = [sum(column) for column in zip(*e.activity.by_kind.values(), strict=True)]
        assert columns == list(e.activity.counts.values())
    else:
        assert e.activity is None
    for tail, at in ((e.users, 0), (e.products, 1)):
        counts = sorted(Counter(row[at] for row in rows).values(), reverse=True)
        assert sum(tail.with_events.values()) == tail.n == len(counts)
        assert (tail.with_events["1"], tail.most) == (counts.count(1), counts[0])
        half = next(n for n in range(1, len(counts) + 1) if 2 * sum(counts[:n]) >= len(rows))
        assert tail.half_on == half / len(counts)


def test_exploring_does_not_change_the_data() -> None:
    data = data_of([did("click", "b", "q"), did("purchase", "a", "p"), did("click", "a", "p"), rating("a", "p", 4)])
    columns = (data.events.user_idx, data.events.item_idx, data.events.value, data.events.at, data.kind)
    before = [column.copy() for column in columns]
    profile_data(data, read_catalogue(data.items, lambda ids: {}), [], relevant_rating=4.0, now=NOW)
    for column, was in zip(columns, before, strict=True):
        np.testing.assert_array_equal(column, was)


def test_only_the_top_is_listed_and_the_most_come_first() -> None:
    e = explored([did("click", f"u{n}", f"p{product:02}") for product in range(TOP + 5) for n in range(product + 1)])
    assert [top.product_id for top in e.most_looked_at] == [f"p{product:02}" for product in range(TOP + 4, 4, -1)]
    assert e.most_bought == e.most_rated == []


def test_views_and_clicks_are_both_looking() -> None:
    e = explored([did("view", "a", "p"), did("click", "a", "p"), did("click", "b", "p"), did("purchase", "b", "p")])
    assert (e.most_looked_at[0].n_events, e.most_looked_at[0].n_users) == (3, 2)
    assert (e.conversion.looked, e.conversion.bought) == (2, 1)


def test_ratings_are_counted_by_value_with_their_mean_and_spread() -> None:
    e = explored([rating(f"u{n}", "p", value) for n, value in enumerate([1, 4, 4, 4.5])])
    assert e.ratings is not None
    assert e.ratings.counts == {"1": 1, "4": 2, "4.5": 1}
    assert e.ratings.avg == pytest.approx(3.375)
    assert e.ratings.spread == pytest.approx(np.std([1, 4, 4, 4.5]))
    assert e.ratings.relevant_share == 0.75


def test_ratings_with_many_values_are_counted_by_range() -> None:
    e = explored([rating(f"u{n}", "p", 1 + n / 25) for n in range(101)])
    assert e.ratings is not None
    assert len(e.ratings.counts) == 10
    assert sum(e.ratings.counts.values()) == 101


@pytest.mark.parametrize(
    ("first", "last", "period", "starts", "n"),
    [
        ("2023-11-13", "2023-11-14", "day", ["2023-11-13", "2023-11-14"], 2),
        ("2023-01-01", "2023-11-14", "week", ["2022-12-26", "2023-11-13"], 47),
        ("2010-01-31", "2023-11-14", "month", ["2010-01-01", "2023-11-01"], 167),
        ("1970-01-01", "2023-11-14", "year", ["1970-01-01", "2023-01-01"], 54),
    ],
)
def test_activity_is_shown_by_the_period_that_fits_without_gaps(
    first: str, last: str, period: str, starts: list[str], n: int
) -> None:
    times = [int(np.datetime64(day, "s").astype(int)) for day in (first, last, last)]
    e = explored([did("click", "a", "p", at) for at in times])
    assert e.activity is not None
    assert e.activity.period == period
    assert list(e.activity.counts)[:: n - 1] == starts
    assert list(e.activity.counts.values()) == [1, *[0] * (n - 2), 2]
    assert n <= MAX_PERIODS


def test_the_tail_tells_how_much_lies_on_the_busiest() -> None:
    e = explored([did("click", "a", "p")] * 51 + [did("click", f"u{n}", "q") for n in range(49)])
    assert e.users.n == 50
    assert e.users.with_events == {"1": 49, "2–4": 0, "5–19": 0, "20 and more": 1}
    assert e.users.on_top == {1: 0.51, 10: 0.55, 50: 0.75}
    assert e.users.half_on == 1 / 50
    assert len(e.users.curve) == 101
    assert (e.users.curve[0], e.users.curve[2], e.users.curve[100]) == (0, 0.51, 1)
    assert e.users.curve == sorted(e.users.curve)


def test_a_product_counts_in_each_of_its_categories() -> None:
    catalogue = {
        "p": Product("p", title="P", category="Home > Kitchen"),
        "q": Product("q", category="Home | Garden"),
        "r": Product("r", title=""),
        "never clicked": Product("never clicked", title="N", category="Home"),
    }
    rows = [
        rating("a", "p", 5),
        rating("b", "p", 4),
        did("click", "a", "q"),
        did("click", "a", "r"),
        did("cart", "a", "s"),
    ]
    e = explored(rows, catalogue)
    assert (e.catalogue.titled, e.catalogue.categorised, e.catalogue.n_categories) == (1, 2, 3)
    found = {category.name: category for category in e.catalogue.categories}
    assert list(found) == ["Home", "Kitchen", "Garden"]
    assert (found["Home"].n_products, found["Home"].n_events, found["Home"].share) == (2, 3, 0.6)
    assert (found["Kitchen"].avg_rating, found["Garden"].avg_rating) == (4.5, None)


@given(ROWS)
def test_categories_know_who_bought_or_rated_in_them_and_their_share_of_the_purchases(rows: list[Row]) -> None:
    names = {"p": "Home > Kitchen", "q": "Home", "r": "Garden | Home", "s": ""}
    e = explored(rows, {id_: Product(id_, category=name or None) for id_, name in names.items()})
    purchases = [row for row in rows if row[2] == "purchase"]
    for category in e.catalogue.categories:
        its = [row for row in rows if category.name in names.get(row[1], "")]
        assert category.n_users == len({row[0] for row in its if row[2] in ("purchase", "rating")})
        assert category.n_bought == sum(row[2] == "purchase" for row in its)
        assert category.share_bought == pytest.approx(category.n_bought / max(len(purchases), 1))


def test_a_purchase_before_the_view_is_no_conversion() -> None:
    e = explored(
        [
            did("purchase", "a", "p", NOW), did("view", "a", "p", NOW + 1),
            did("cart", "b", "p", NOW), did("purchase", "b", "p", NOW),
            did("click", "c", "p", NO_TIME), did("purchase", "c", "p", NOW),
            did("click", "d", "p", NOW),
        ]
    )  # fmt: skip
    assert (e.conversion.interested, e.conversion.led_to_purchase) == (4, 2)


def test_products_that_are_known_and_have_no_event_are_counted() -> None:
    data = data_of([did("click", "a", "p"), did("click", "a", "q")])
    catalogue = read_catalogue(data.items, lambda ids: {})
    options = {"relevant_rating": 4.0, "now": NOW}
    assert profile_data(data, catalogue, [], n_known=5, **options).catalogue.without_events == 3
    assert profile_data(data, catalogue, [], **options).catalogue.without_events is None


def test_of_very_many_categories_the_busiest_are_listed() -> None:
    ids = [f"p{n}" for n in range(MAX_CATEGORIES + 3)]
    e = explored([did("click", "a", id_) for id_ in ids], {id_: Product(id_, category=id_) for id_ in ids})
    assert len(e.catalogue.categories) == MAX_CATEGORIES
    assert e.catalogue.n_categories == MAX_CATEGORIES + 3


def test_the_catalogue_is_looked_up_in_parts_that_stay_small() -> None:
    asked: list[int] = []

    def look_up(ids: list[str]) -> dict[str, Product]:
        asked.append(len(ids))
        return {id_: Product(id_, title=id_) for id_ in ids if id_.endswith("7")}

    catalogue = read_catalogue(Vocabulary.of([f"{n}" for n in range(25_000)]), look_up)
    assert max(asked) < 25_000
    assert sum(asked) == 25_000
    assert np.flatnonzero(catalogue.titled).tolist() == list(range(7, 25_000, 10))


def test_of_every_file_the_latest_load_counts() -> None:
    loads = [
        a_load("3", "a.csv", n_read=50, rejected={"missing field": 5}, mended={"price": 2}),
        a_load("2", "b.csv", n_read=100, rejected={"missing field": 1, "empty user id": 7}),
        a_load("1", "a.csv", n_read=900, rejected={"missing field": 900}),
    ]
    e = explored([did("click", "a", "p")], loads=loads)
    assert (e.loads.n_files, e.loads.n_read, e.loads.n_rejected) == (2, 150, 13)
    assert list(e.loads.rejected.items()) == [("empty user id", 7), ("missing field", 6)]
    assert e.loads.mended == {"price": 2}


def test_an_exploration_can_be_written_as_json() -> None:
    e = explored(
        [rating("a", "p", 5), did("purchase", "b", "p"), did("view", "b", "p")], {"p": Product("p", category="C")}
    )
    again = json.loads(json.dumps(e.to_json(), allow_nan=False))
    assert again["n_events"] == 3
    assert again["most_bought"][0]["product_id"] == "p"
    assert again["products"]["on_top"]["1"] == 1.0


def test_ordinary_data_gets_no_remark() -> None:
    assert describe_findings(ordinary()) == []


def test_remarks_name_the_figure_they_come_from() -> None:
    """A figure just beyond its threshold gives its remark, and just within it gives none."""
    plain = ordinary()
    assert plain.ratings is not None
    assert plain.activity is not None
    users, products, catalogue = plain.users, plain.products, plain.catalogue

    def singles(share: float) -> dict[str, int]:
        return {"1": round(users.n * share), "2–4": 0, "5–19": 0, "20 and more": 0}

    def thin(share: float) -> dict[str, int]:
        return {"1": 0, "2–4": round(products.n * share), "5–19": 0, "20 and more": 0}

    rejected = {"missing field": 6}
    beyond: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("Few events, 999 in all", {"n_events": 999}, {"n_events": 1_000}),
        ("No ratings: SVD and /predict", {"ratings": None}, {}),
        (
            "Few ratings, 999 in all",
            {"ratings": replace(plain.ratings, n=999)},
            {"ratings": replace(plain.ratings, n=1_000)},
        ),
        (
            "93 % of the ratings are 4 or more: the RMSE will look good",
            {"ratings": replace(plain.ratings, relevant_share=0.93)},
            {"ratings": replace(plain.ratings, relevant_share=0.79)},
        ),
        ("No event has a time: the test set is drawn at random", {"activity": None}, {}),
        (
            "Only 50 % of the events have a time",
            {"activity": replace(plain.activity, n_timed=plain.n_events // 2)},
            {"activity": replace(plain.activity, n_timed=plain.n_events // 2 + 1)},
        ),
        (
            "All events have the same time: the test set is drawn at random",
            {"activity": replace(plain.activity, oldest_at=NOW)},
            {"activity": replace(plain.activity, oldest_at=NOW - 1)},
        ),
        (
            "The newest event is 400 days old",
            {"activity": replace(plain.activity, newest_at=NOW - 400 * DAY)},
            {"activity": replace(plain.activity, newest_at=NOW - 29 * DAY)},
        ),
        (
            "62 % of the users have one event: expect popularity for them.",
            {"users": replace(users, with_events=singles(0.62))},
            {"users": replace(users, with_events=singles(0.29))},
        ),
        (
            "60 % of the products have fewer than five events",
            {"products": replace(products, with_events=thin(0.6))},
            {"products": replace(products, with_events=thin(0.48))},
        ),
        (
            "Half of all events belong to 1 % of the products",
            {"products": replace(products, half_on=0.01)},
            {"products": replace(products, half_on=0.03)},
        ),
        ("One user has 25 % of the events", {"users": replace(users, most=600)}, {"users": replace(users, most=110)}),
        ("23 % of what a user bought was bought again", {"bought_again": 0.23}, {"bought_again": 0.14}),
        ("No product has a title", {"catalogue": replace(catalogue, titled=0)}, {}),
        (
            "Only 4 % of the products have a title: search by meaning will not find the others.",
            {"catalogue": replace(catalogue, titled=2)},
            {"catalogue": replace(catalogue, titled=45)},
        ),
        ("The shop is made up", {"catalogue": replace(catalogue, made_up=True)}, {}),
        (
            "6 % of the rows read were rejected, 6 of them because “missing field”",
            {"loads": replace(plain.loads, n_read=100, n_rejected=6, rejected=rejected)},
            {"loads": replace(plain.loads, n_read=120, n_rejected=6, rejected=rejected)},
        ),
    ]
    for remark, wrong, right in beyond:
        found = describe_findings(replace(plain, **wrong))
        assert len(found) == 1, found
        assert remark in found[0]
        assert describe_findings(replace(plain, **right)) == []


def test_a_few_users_may_each_have_much_of_the_events() -> None:
    plain = ordinary()
    assert describe_findings(replace(plain, users=replace(plain.users, n=99, most=600))) == []


@pytest.mark.parametrize(
    "times", [[NO_TIME] * 4, [NOW] * 4, [NO_TIME, NO_TIME, 1, 2], [NO_TIME, 1, 2, 3], [1, 2, 3, 4]]
)
def test_the_description_says_whether_the_test_set_is_random(times: list[int]) -> None:
    rows = [did("click", f"u{n}", "p", at) for n, at in enumerate(times)]
    is_remarked = any("the test set is drawn at random" in remark for remark in describe_findings(explored(rows)))
    assert is_remarked == (split(data_of(rows), 0.25).how == "random")


def test_one_made_up_product_makes_the_shop_made_up() -> None:
    rows = [did("click", "a", "p"), did("click", "a", "q")]
    assert explored(rows, {"p": Product("p", made_up=True), "q": Product("q")}).catalogue.made_up
    assert not explored(rows, {"p": Product("p"), "q": Product("q")}).catalogue.made_up
