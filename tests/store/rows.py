"""Events as rows, for tests to write and compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.core.domain import NO_TIME, EventBatch
from src.store import Store

Row = tuple[str, str, str, float, int | None, str]
"""User, product, kind, value, time, dedupe_key."""


def batch(*rows: Row, arrival_seq: Sequence[int] | None = None) -> EventBatch:
    users, products, kinds, values, times, keys = (list(c) for c in zip(*rows, strict=True)) if rows else [[]] * 6
    at = np.array([NO_TIME if time is None else time for time in times], dtype=np.int64)
    arrival = None if arrival_seq is None else np.array(arrival_seq, np.int64)
    return EventBatch(users, products, kinds, np.array(values, dtype=np.float64), at, keys, arrival)


def rating(user: str, product: str, value: float, at: int | None = None) -> Row:
    return (user, product, "rating", value, at, "")


def bought(dedupe_key: str, value: float, at: int | None = None, user: str = "a", product: str = "x") -> Row:
    return (user, product, "purchase", value, at, dedupe_key)


def returned(dedupe_key: str, value: float, at: int | None = None, user: str = "a", product: str = "x") -> Row:
    return (user, product, "return", value, at, dedupe_key)


def as_read(store: Store) -> list[Row]:
    """Return all events in the order of `store.events.read`."""
    return [row for _, row in _numbered(store)]


def stored(store: Store) -> list[Row]:
    """Return all events in order of arrival."""
    return [row for _, row in sorted(_numbered(store), key=lambda entry: entry[0])]


def _numbered(store: Store) -> list[tuple[int, Row]]:
    found: list[tuple[int, Row]] = []
    for part in store.events.read():
        assert part.arrival_seq is not None
        times = [None if at == NO_TIME else at for at in part.at.tolist()]
        keys = part.dedupe_key or []
        rows = zip(part.user_id, part.product_id, part.kind, part.value.tolist(), times, keys, strict=True)
        found += zip(part.arrival_seq.tolist(), rows, strict=True)
    return found
