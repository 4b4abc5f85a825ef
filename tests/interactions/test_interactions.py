"""Ids to row numbers and back, and events as arrays."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.domain import EVENT_WEIGHTS, NO_TIME, EventBatch, EventKind
from src.interactions import vocabulary
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import TrainingData, _order, training_data
from src.interactions.vocabulary import Vocabulary

Row = tuple[str, str, str, float, int]
IDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), unique=True, max_size=30)


def batch(rows: list[Row], number: Sequence[int] | None = None) -> EventBatch:
    users, products, kinds, values, times = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 5
    numbers = None if number is None else np.array(number, np.int64)
    value, at = np.array(values, np.float64), np.array(times, np.int64)
    return EventBatch(users, products, kinds, value, at, arrival_seq=numbers)


def as_rows(data: TrainingData) -> list[Row]:
    events = data.events
    return [
        (events.users.id_of(user), events.items.id_of(item), KIND_ORDER[kind].value, value, at)
        for user, item, kind, value, at in zip(
            events.user_idx.tolist(),
            events.item_idx.tolist(),
            data.kind.tolist(),
            events.value.tolist(),
            events.at.tolist(),
            strict=True,
        )
    ]


def assert_vocabulary_holds(vocabulary: Vocabulary, ids: list[str]) -> None:
    assert len(vocabulary) == len(ids)
    assert vocabulary.ids_of(range(len(ids))) == ids
    assert [vocabulary.idx_of(id_) for id_ in ids] == list(range(len(ids)))


@given(IDS, IDS)
def test_ids_and_row_numbers_lead_to_each_other(ids: list[str], others: list[str]) -> None:
    vocabulary = Vocabulary.of(ids)
    assert_vocabulary_holds(vocabulary, ids)
    for other in set(others) - set(ids):
        assert vocabulary.idx_of(other) is None


@pytest.mark.parametrize(
    "ids", [[], [""], ["a"], ["é", "e\u0301", "日本", "😀", "\U0010ffff"], ["a\x00", "a", "a\x00b", ""]]
)
def test_a_saved_vocabulary_comes_back_mapped(tmp_path: Path, ids: list[str]) -> None:
    Vocabulary.of(ids).save(tmp_path / "ids")
    loaded = Vocabulary.load(tmp_path / "ids")
    assert_vocabulary_holds(loaded, ids)
    assert loaded.idx_of("not there") is None
    arrays = [array for array in vars(loaded).values() if isinstance(array, np.ndarray)]
    assert len(arrays) == 3
    assert all(isinstance(array.base, np.memmap) for array in arrays)
    assert {path.suffix for path in (tmp_path / "ids").iterdir()} == {".npy"}


def test_five_thousand_random_ids_are_found_both_ways_before_and_after_saving(tmp_path: Path) -> None:
    rng = random.Random(5)
    alphabet = "ABCxyz0189-_ éß日😀"
    ids = list(dict.fromkeys("".join(rng.choices(alphabet, k=rng.randint(1, 20))) for _ in range(6_000)))[:5_000]
    assert len(ids) == 5_000
    vocabulary = Vocabulary.of(ids)
    assert_vocabulary_holds(vocabulary, ids)
    vocabulary.save(tmp_path)
    assert_vocabulary_holds(Vocabulary.load(tmp_path), ids)


@pytest.mark.parametrize("id_", ["\ud800", "", "zzz", "\x00"])
def test_an_id_that_is_not_here_has_no_row_number(id_: str) -> None:
    assert Vocabulary.of(["a", "b"]).idx_of(id_) is None
    assert Vocabulary.of([]).idx_of(id_) is None


def test_users_and_products_are_numbered_as_they_first_appear() -> None:
    first: list[Row] = [("b", "y", "rating", 3, 7), ("a", "x", "click", 1, NO_TIME)]
    second: list[Row] = [("b", "x", "purchase", 2, 9), ("c", "y", "view", 1, 8)]
    data = training_data([batch(first), batch([]), batch(second)])
    assert data.users.ids_of(range(3)) == ["b", "a", "c"]
    assert data.items.ids_of(range(2)) == ["y", "x"]
    assert data.events.user_idx.tolist() == [0, 1, 0, 2]
    assert data.events.item_idx.tolist() == [0, 1, 1, 0]
    assert as_rows(data) == first + second
    dtypes = [a.dtype.name for a in (data.events.user_idx, data.events.item_idx, data.events.value, data.events.at)]
    assert dtypes == ["int32", "int32", "float32", "int64"]
    assert data.kind.dtype == np.int8


@pytest.mark.parametrize("batches", [[], [batch([])]])
def test_no_events_are_training_data_too(batches: list[EventBatch]) -> None:
    data = training_data(batches)
    assert (len(data), len(data.users), len(data.items), len(data.ratings)) == (0, 0, 0, 0)
    assert data.events.count_by_user().tolist() == []


def test_ids_that_look_like_missing_values_or_numbers_stay_what_they_are() -> None:
    rows: list[Row] = [(id_, id_, "view", 1, 1) for id_ in ("nan", "None", "NA", "1", "1.0", "01", "True")]
    assert as_rows(training_data([batch(rows)])) == rows


def test_ratings_are_the_ratings_alone_in_the_same_order() -> None:
    rows: list[Row] = [("a", "x", "rating", 3, 7), ("a", "x", "purchase", 2, 7), ("b", "x", "rating", 5, 1)]
    ratings = training_data([batch(rows)]).ratings
    assert ratings.value.tolist() == [3.0, 5.0]
    assert ratings.count_by_user().tolist() == [1, 1]
    assert ratings.count_by_item().tolist() == [2]


def test_feedback_weighs_every_event_by_its_kind_and_changes_no_event() -> None:
    data = training_data([batch([("a", "x", kind.value, 4, 7) for kind in EventKind])])
    assert data.feedback.value.tolist() == pytest.approx([EVENT_WEIGHTS[kind] for kind in EventKind])
    assert data.events.value.tolist() == [4] * len(EventKind)


def test_counts_have_a_place_for_everybody_even_without_events() -> None:
    data = training_data([batch([("a", "x", "view", 1, 7), ("b", "y", "view", 1, 7), ("a", "y", "view", 1, 7)])])
    only = data.take(np.array([1]))
    assert only.events.count_by_user().tolist() == [0, 1]
    assert only.events.count_by_item().tolist() == [0, 1]


ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from("xyz"),
        st.sampled_from(["rating", "rating", "purchase", "view"]),
        st.integers(1, 5).map(float),
        st.integers(NO_TIME, 3),
    ),
    max_size=25,
)


@given(ROWS)
def test_every_event_is_there_as_it_came(rows: list[Row]) -> None:
    assert as_rows(training_data([batch(rows)])) == rows


ORDERED: list[Row] = [
    ("z", "y", "rating", 1.0, 9),
    ("a", "y", "view", 2.0, NO_TIME),
    ("z", "b", "cart", 3.0, 8),
    ("m", "b", "rating", 4.0, 7),
    ("a", "c", "rating", 5.0, 6),
]


@given(st.permutations(range(5)), st.integers(1, 5))
def test_rows_and_row_numbers_follow_the_order_of_arrival_however_they_are_read(order: list[int], size: int) -> None:
    parts = [order[start : start + size] for start in range(0, 5, size)]
    read = training_data(batch([ORDERED[at] for at in part], [at * 1_000 for at in part]) for part in parts)
    assert as_rows(read) == ORDERED
    expected = training_data([batch(ORDERED)])
    assert read.users.ids_of(range(3)) == expected.users.ids_of(range(3)) == ["z", "a", "m"]
    assert read.items.ids_of(range(3)) == expected.items.ids_of(range(3)) == ["y", "b", "c"]
    for mine, its in zip(vars(read.events).values(), vars(expected.events).values(), strict=True):
        if isinstance(mine, np.ndarray):
            assert mine.dtype == its.dtype


def test_equal_numbers_and_none_keep_the_order_of_reading() -> None:
    assert as_rows(training_data([batch(ORDERED, [7] * 5)])) == ORDERED
    assert as_rows(training_data([batch(ORDERED[:2]), batch(ORDERED[2:])])) == ORDERED
    assert as_rows(training_data([batch(ORDERED[1:3], [5, 6]), batch(ORDERED[3:]), batch(ORDERED[:1], [4])])) == ORDERED


def test_users_that_come_sorted_are_not_sorted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    in_order = sorted(ORDERED)
    numbers = [ORDERED.index(row) for row in in_order]
    sorted_ids: list[list[bytes]] = []
    sort = pc.sort_indices
    monkeypatch.setattr(pc, "sort_indices", lambda ids: sorted_ids.append(ids.to_pylist()) or sort(ids))
    data = training_data([batch(in_order[:2], numbers[:2]), batch(in_order[2:], numbers[2:])])
    assert as_rows(data) == ORDERED
    assert sorted_ids == [[b"y", b"b", b"c"]]  # the products alone
    assert_vocabulary_holds(data.users, ["z", "a", "m"])


@pytest.mark.parametrize("numbers", [[7, 3, 5, 4], [7, 3, 5, 3], [7, 3, 5, -9_000], [2**62, -(2**62), 0, 1], [4, 4, 2]])
def test_numbers_are_sorted_whether_there_are_gaps_or_equal_ones(numbers: list[int]) -> None:
    order = _order(np.array(numbers, np.int64))
    assert order is not None
    assert order.tolist() == np.argsort(numbers, kind="stable").tolist()
    assert _order(np.arange(3)) is None


def test_neighbours_of_an_id_are_adjacent_when_sorted() -> None:
    vocabulary = Vocabulary.of(["d", "a", "e", "c", "b"])
    assert vocabulary.neighbours("c", 1) == ["b", "c"]
    assert vocabulary.neighbours("bb", 2) == ["a", "b", "c", "d"]
    assert vocabulary.neighbours("", 2) == ["a", "b"]
    assert vocabulary.neighbours("z", 2) == ["d", "e"]
    assert Vocabulary.of([]).neighbours("a", 2) == []


def test_ids_of_few_rows_are_remembered_and_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_MOST_MET", 4)
    known = Vocabulary.of(["é", "a", "b", "c", "d", "e"])
    for rows in ([0, 1], [1, 0], [2, 3, 4], [5], [0, 5, 1], []):
        assert known.names_of(rows) == known.ids_of(rows)
        assert len(known._named) <= 4 + len(rows)


def test_compact_events_are_the_same_over_the_users_and_products_that_have_any() -> None:
    rows: list[Row] = [("c", "x", "view", 1.0, 3), ("a", "z", "rating", 4.0, 2), ("b", "y", "purchase", 1.0, 1)]
    whole = training_data([batch(rows)])
    some = whole.take(np.array([2, 0]))
    found = some.compact()
    assert as_rows(found) == as_rows(some)
    assert (len(found.users), len(found.items)) == (2, 2)
    assert found.users.ids_of(range(2)) == ["c", "b"]  # row numbers keep their order
    assert (found.weighting, found.sampled_from) == (some.weighting, None)
