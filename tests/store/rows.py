"""Events as rows, the way tests write and read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.core.domain import NO_TIME, EventBatch
from src.store import Store

Row = tuple[str, str, str, float, int | None, str]
"""User, product, kind, value, time, mark."""


def batch(*rows: Row, number: Sequence[int] | None = None) -> EventBatch:
    users, products, kinds, values, times, marks = (list(c) for c in zip(*rows, strict=True)) if rows else [[]] * 6
    at = np.array([NO_TIME if time is None else time for time in times], dtype=np.int64)
    numbers = None if number is None else np.array(number, np.int64)
    return EventBatch(users, products, kinds, np.array(values, dtype=np.float64), at, marks, numbers)


def rating(user: str, product: str, value: float, at: int | None = None) -> Row:
    return (user, product, "rating", value, at, "")


def bought(mark: str, value: float, at: int | None = None, user: str = "a", product: str = "x") -> Row:
    return (user, product, "purchase", value, at, mark)


def returned(mark: str, value: float, at: int | None = None, user: str = "a", product: str = "x") -> Row:
    return (user, product, "return", value, at, mark)


def as_read(store: Store) -> list[Row]:
    """Everything `read_events` gives, as it comes."""
    return [row for _, row in _numbered(store)]


def stored(store: Store) -> list[Row]:
    """Everything `read_events` gives, in the order in which it was stored."""
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
