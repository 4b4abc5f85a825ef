"""Counting a history and reading it event by event lead to the same rows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from src.core.domain import Event, EventKind
from src.interactions.event_weights import Weighting
from src.interactions.vocabulary import Vocabulary
from src.recommendation import history_rows
from src.recommendation.history_rows import RECENT, HistoryRows

KINDS = list(EventKind)
ITEMS = Vocabulary.of([f"P{number:02d}" for number in range(40)])
WEIGHTINGS = [
    Weighting(),
    Weighting(kinds={"rating": 0.9, "purchase": 0.6, "view": 1e-6}),
    Weighting(kinds={"rating": 1.0, "purchase": 1.0, "cart": 0.3, "view": 0.0, "click": 0.013, "return": 0.2}),
]
LEFT_OUT = [frozenset(), frozenset({EventKind.RATING, EventKind.PURCHASE}), frozenset({EventKind.VIEW})]


def histories(n: int) -> list[tuple[Event, ...]]:
    """Return random histories, some with products that nobody knows."""
    draw = random.Random(4)
    ids = [*(ITEMS.id_of(idx) for idx in range(len(ITEMS))), "unknown"]
    made = [()]
    while len(made) < n:
        among = draw.sample(ids, draw.choice([1, 3, 12, 41]))
        kinds = draw.choice([KINDS, [EventKind.PURCHASE]])
        length = draw.choice([1, 4, 30, 200])
        made.append(tuple(Event("", draw.choice(among), draw.choice(kinds)) for _ in range(length)))
    return made


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_counts_lead_to_the_rows_of_the_events(weighting: Weighting, left_out: frozenset[EventKind]) -> None:
    for history in histories(150):
        counted = history_rows._by_counts(history, ITEMS, weighting, left_out)
        read = history_rows._by_events(history, ITEMS, weighting, left_out)
        assert counted.seen == read.seen
        assert (counted.item_idx.dtype, counted.weight.dtype) == (np.int64, np.float32)
        np.testing.assert_array_equal(counted.item_idx, read.item_idx)
        np.testing.assert_allclose(counted.weight, read.weight, rtol=2e-7)
        assert (counted.n_seen is None) == (read.n_seen is None)
        if counted.n_seen is not None and read.n_seen is not None:
            np.testing.assert_array_equal(counted.n_seen, read.n_seen)


@pytest.mark.parametrize(
    ("weighting", "length", "is_counted"),
    [
        (Weighting(), RECENT, True),
        (Weighting(), RECENT + 1, False),
        (Weighting(half_life_days=30.0), 5, False),
        (Weighting(lowest_rating=0.5), 5, False),
    ],
)
def test_a_history_is_counted_where_counts_say_everything(
    weighting: Weighting, length: int, is_counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = tuple(Event("", "P01", EventKind.PURCHASE) for _ in range(length))
    expected = HistoryRows.of(history, ITEMS, weighting, frozenset())
    monkeypatch.setattr(history_rows, "_by_events", lambda *_: None)
    found = HistoryRows.of(history, ITEMS, weighting, frozenset())
    assert (found is not None) == is_counted
    assert expected.item_idx.tolist() == [1]
