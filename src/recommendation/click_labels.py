"""Implicit relevance labels: what users did after a search, or after a look at a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from src.core.domain import NO_TIME, EventKind
from src.core.records import SearchFeedback
from src.interactions.event_weights import KIND_NUMBER
from src.interactions.interactions import TrainingData
from src.interactions.vocabulary import Vocabulary

GRADES = {EventKind.CLICK: 1, EventKind.VIEW: 1, EventKind.CART: 2, EventKind.PURCHASE: 3}
"""Grade of a product by what a user did to it; a product that was shown and ignored has 0."""
WITHIN = 1_800
"""Seconds: an event within this time after a look at a product counts as its consequence."""
_LOOKS = (EventKind.VIEW, EventKind.CLICK)


def after_searches(rows: Iterable[SearchFeedback], items: Vocabulary) -> dict[str, dict[int, float]]:
    """Grade the products that users acted on after a search.

    Args:
        rows: events that followed a search.
        items: ids of the items; other products are ignored.

    Returns:
        Search text → row number → the best grade.
    """
    grades_of: dict[str, dict[int, float]] = {}
    for row in rows:
        grade, item = GRADES.get(EventKind(row.kind), 0), items.idx_of(row.product_id)
        if grade and item is not None:
            _raise(grades_of.setdefault(row.query, {}), item, grade)
    return grades_of


def after_looks(data: TrainingData) -> dict[int, dict[int, float]]:
    """Return item → another item → best grade of what users did to it within WITHIN after a look at the first."""
    events = data.events
    grade_of = np.zeros(len(KIND_NUMBER), np.int64)
    for kind, kind_grade in GRADES.items():
        grade_of[KIND_NUMBER[kind]] = kind_grade
    timed = np.flatnonzero((events.at != NO_TIME) & (grade_of[data.kind] > 0))
    order = timed[np.lexsort((events.at[timed], events.user_idx[timed]))]
    user, item, at = events.user_idx[order], events.item_idx[order], events.at[order]
    grade, looked = grade_of[data.kind[order]], data.is_kind(*_LOOKS)[order]
    grades_of: dict[int, dict[int, float]] = {}
    for step in range(1, _STEPS + 1):
        first, then = np.arange(len(order) - step), np.arange(step, len(order))
        near = (user[first] == user[then]) & (at[then] - at[first] <= WITHIN) & looked[first]
        near &= item[first] != item[then]
        for one, other in zip(first[near].tolist(), then[near].tolist(), strict=True):
            _raise(grades_of.setdefault(int(item[one]), {}), int(item[other]), int(grade[other]))
    return grades_of


_STEPS = 10
"""Highest number of next events of a user to look at."""


def _raise(grades: dict[int, float], item: int, grade: float) -> None:
    """Keep the best grade of an item."""
    grades[item] = max(grades.get(item, 0), grade)


def sample_queries(
    grades_of: Mapping[int, Mapping[int, float]], most: int, seed: int
) -> dict[int, Mapping[int, float]]:
    """Draw queries at random.

    Args:
        grades_of: query → row number → grade.
        most: highest number of queries.
        seed: of the draw.

    Returns:
        All queries if there are no more than `most`, else `most` of them.
    """
    keys = sorted(grades_of)
    if len(keys) > most:
        keys = sorted(np.random.default_rng(seed).choice(keys, most, replace=False).tolist())
    return {key: grades_of[key] for key in keys}
