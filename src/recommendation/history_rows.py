"""A history in row numbers: what models see of it, and what its list leaves out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from math import expm1
from typing import NamedTuple

import numpy as np

from src.core.domain import SEEN_KINDS, Event, EventKind, FloatArray, IntArray
from src.interactions.counted_history import counts_of
from src.interactions.event_weights import Weighting, is_of, kinds_of
from src.interactions.vocabulary import Vocabulary

RECENT = 1_000
"""Highest number of events, the newest, that shape a list. Products of older events still count as seen."""
_UNKNOWN = -1
_SEEN_KINDS = frozenset(SEEN_KINDS)


class HistoryRows(NamedTuple):
    """The known items of a history.

    Attributes:
        item_idx: int64[m], those that weigh anything, ascending.
        weight: float32[m].
        n_seen: float32[m], how often the user rated or bought each; None for a list that holds no such item.
        seen: row numbers that the list leaves out.
    """

    item_idx: IntArray
    weight: FloatArray
    n_seen: FloatArray | None
    seen: frozenset[int]

    @classmethod
    def of(
        cls, history: Sequence[Event], items: Vocabulary, weighting: Weighting, left_out: frozenset[EventKind]
    ) -> HistoryRows:
        """Return the rows of a history.

        Args:
            history: oldest first.
            items: ids of the row numbers.
            weighting: of the events.
            left_out: kinds of events whose items the list leaves out.

        Returns:
            The rows.
        """
        if weighting.by_kind_alone and len(history) <= RECENT:
            return _by_counts(history, items, weighting, left_out)
        return _by_events(history, items, weighting, left_out)


def _by_counts(
    history: Sequence[Event], items: Vocabulary, weighting: Weighting, left_out: frozenset[EventKind]
) -> HistoryRows:
    """Do what `_by_events` does by the counts of events, which are too few for arrays to be worth their calls."""
    counts, log_rests = counts_of(history), weighting.log_rests
    may_be_seen = not left_out.issuperset(SEEN_KINDS)
    log_rest: defaultdict[int, float] = defaultdict(float)
    n_times: Counter[int] = Counter()
    seen = set()
    for (_, kind), n, row in zip(counts, counts.values(), items.row_numbers([id_ for id_, _ in counts]), strict=True):
        log_rest[row] += n * log_rests[kind]
        if kind in left_out:
            seen.add(row)
        if may_be_seen and kind in _SEEN_KINDS:
            n_times[row] += n
    seen.discard(_UNKNOWN)
    log_rest.pop(_UNKNOWN, None)
    known = sorted([row for row, rest in log_rest.items() if rest])
    weight = np.array([-expm1(log_rest[row]) for row in known], np.float32)
    return HistoryRows(np.array(known, np.int64), weight, _times(n_times, known, may_be_seen), frozenset(seen))


def _by_events(
    history: Sequence[Event], items: Vocabulary, weighting: Weighting, left_out: frozenset[EventKind]
) -> HistoryRows:
    kind, row = kinds_of(history), items.rows_of([event.product_id for event in history])
    item_idx, weight = weighting.of_history(history[-RECENT:], row[-RECENT:], kind[-RECENT:])
    may_be_seen = not left_out.issuperset(SEEN_KINDS)
    n_times = Counter(row[-RECENT:][is_of(kind[-RECENT:], _SEEN_KINDS)].tolist() if may_be_seen else ())
    seen = frozenset(row[is_of(kind, left_out)].tolist()) - {_UNKNOWN}
    return HistoryRows(item_idx, weight, _times(n_times, item_idx.tolist(), may_be_seen), seen)


def _times(n_times: Counter[int], known: Collection[int], may_be_seen: bool) -> FloatArray | None:
    return np.array([n_times[item] for item in known], np.float32) if may_be_seen else None
