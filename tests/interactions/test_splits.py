"""Training and test parts never mix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from surprise import Dataset, Reader
from surprise.model_selection import train_test_split

from src.core.domain import NO_TIME, EventBatch
from src.core.errors import NoData
from src.interactions.interactions import TrainingData, training_data
from src.interactions.splits import Split, split, split_at_random, split_by_time, users_drawn


def data_at(times: list[int], n_users: int = 7) -> TrainingData:
    """Ratings at these times; the value tells the row."""
    n = len(times)
    return training_data(
        [
            EventBatch(
                [f"u{i % n_users}" for i in range(n)],
                [f"p{i}" for i in range(n)],
                ["rating"] * n,
                np.arange(n, dtype=np.float64),
                np.array(times, np.int64),
            )
        ]
    )


def assert_divided(data: TrainingData, parts: Split) -> None:
    """Every event is on exactly one side, neither side is empty, and both know all users and products."""
    rows = parts.train.events.value.tolist() + parts.test.events.value.tolist()
    assert sorted(rows) == data.events.value.tolist()
    assert len(parts.train) > 0
    assert len(parts.test) > 0
    assert parts.train.users is parts.test.users is data.users
    assert parts.train.items is parts.test.items is data.items


@given(st.lists(st.integers(0, 12), min_size=2, max_size=60), st.sampled_from([0.01, 0.2, 0.5, 0.9, 0.99]))
def test_nothing_later_than_a_test_event_is_learnt_from(times: list[int], share: float) -> None:
    data = data_at(times)
    parts = split(data, share)
    assert_divided(data, parts)
    if len(set(times)) == 1:
        assert (parts.how, parts.cut) == ("random", None)
        return
    if parts.how == "random":  # where the time nearest to the share leaves more to measure than to learn from
        assert 2 * len(split_by_time(data, share).train) < len(times)
        return
    assert parts.cut is not None
    assert len(parts.train) >= len(parts.test)
    # One second is on one side: the newest of train is older than the oldest of test.
    assert parts.train.events.at.max() < parts.cut <= parts.test.events.at.min()


def test_the_newest_fifth_is_the_test() -> None:
    times = np.random.default_rng(1).permutation(1_000).tolist()
    parts = split(data_at(times), 0.2)
    assert parts.how == "time"
    assert len(parts.test) == pytest.approx(200, abs=1)
    assert sorted(parts.test.events.at.tolist()) == list(range(1_000 - len(parts.test), 1_000))


def test_each_side_keeps_the_order_of_the_events() -> None:
    parts = split(data_at([5, 1, 9, 3, 7, 2, 8]), 0.4)
    for side in (parts.train, parts.test):
        assert np.all(np.diff(side.events.value) > 0)


def test_an_event_without_time_is_taken_for_an_old_one() -> None:
    parts = split(data_at([NO_TIME, *range(10, 20)]), 0.2)
    assert parts.how == "time"
    assert NO_TIME in parts.train.events.at
    assert NO_TIME not in parts.test.events.at


@pytest.mark.parametrize("times", [[NO_TIME] * 10, [NO_TIME] * 5 + [1, 2, 3, 4, 5], [77] * 10])
def test_without_times_to_tell_by_the_split_is_random(times: list[int]) -> None:
    data = data_at(times)
    parts = split(data, 0.2)
    assert (parts.how, parts.cut) == ("random", None)
    assert len(parts.test) == 2
    assert_divided(data, parts)


@pytest.mark.parametrize("n", [2, 3, 10, 123, 1_001])
def test_the_random_split_is_the_very_one_of_surprise(n: int) -> None:
    rng = np.random.default_rng(n)
    users, items = rng.integers(0, 40, n), np.arange(n)
    ratings = rng.integers(1, 6, n).astype(float)
    frame = pd.DataFrame({"user": users.astype(str), "item": items.astype(str), "rating": ratings})
    trainset, testset = train_test_split(
        Dataset.load_from_df(frame, Reader(rating_scale=(1, 5))), test_size=0.2, random_state=42
    )
    data = training_data(
        [
            EventBatch(
                frame["user"].tolist(), frame["item"].tolist(), ["rating"] * n, ratings, np.full(n, NO_TIME, np.int64)
            )
        ]
    )
    parts = split(data, 0.2)

    def triples(part: TrainingData) -> list[tuple[str, str, float]]:
        events = part.events
        return list(
            zip(
                events.users.ids_of(events.user_idx),
                events.items.ids_of(events.item_idx),
                events.value.tolist(),
                strict=True,
            )
        )

    assert triples(parts.test) == testset
    learnt = {(trainset.to_raw_uid(u), trainset.to_raw_iid(i), r) for u, i, r in trainset.all_ratings()}
    assert set(triples(parts.train)) == learnt
    # Users and items are numbered in the order of the rows, so equal numbering means equal order.
    firsts = list(dict.fromkeys(user for user, _, _ in triples(parts.train)))
    assert firsts == [trainset.to_raw_uid(inner) for inner in range(trainset.n_users)]
    assert [item for _, item, _ in triples(parts.train)] == [trainset.to_raw_iid(i) for i in range(trainset.n_items)]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40),
    st.sampled_from([0.01, 0.2, 0.5, 0.99]),
)
def test_without_times_all_events_of_a_user_and_product_are_on_one_side(
    pairs: list[tuple[int, int]], share: float
) -> None:
    users, items = [[f"{letter}{row[at]}" for row in pairs] for at, letter in enumerate("up")]
    n = len(pairs)
    kinds = [("click", "purchase")[row % 2] for row in range(n)]
    data = training_data([EventBatch(users, items, kinds, np.arange(n, dtype=float), np.full(n, NO_TIME, np.int64))])
    parts = split(data, share)
    assert_divided(data, parts)
    if len(set(pairs)) > 1:
        assert not set(parts.train.events.pairs.tolist()) & set(parts.test.events.pairs.tolist())


def test_another_seed_makes_another_random_split() -> None:
    data = data_at([NO_TIME] * 50)
    assert split_at_random(data, 0.2, seed=1).test.events.value.tolist() != split(data, 0.2).test.events.value.tolist()


@pytest.mark.parametrize("times", [[1, 2], [5, 5], [NO_TIME, NO_TIME], [NO_TIME, 3]])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_two_events_are_one_to_learn_from_and_one_to_measure_on(times: list[int], share: float) -> None:
    data = data_at(times)
    assert_divided(data, split(data, share))


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_events_cannot_be_divided(n: int) -> None:
    with pytest.raises(NoData, match=f"there are {n} events"):
        split(data_at([5] * n), 0.2)


@given(st.integers(0, 30), st.floats(0.01, 1), st.integers(0, 5))
def test_drawn_users_keep_all_of_their_events(n_events: int, share: float, seed: int) -> None:
    data = data_at([*range(n_events)])
    some = users_drawn(data, share, seed)
    users, n_users = set(some.events.user_idx.tolist()), len(set(data.events.user_idx.tolist()))
    assert len(users) == int(np.ceil(share * n_users))
    of_them = np.isin(data.events.user_idx, list(users))
    assert some.events.value.tolist() == data.events.value[of_them].tolist()
    assert len(some.users) == len(data.users)
    assert users == set(users_drawn(data, share, seed).events.user_idx.tolist())
