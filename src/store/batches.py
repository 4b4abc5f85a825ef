"""Long lists in parts, as a statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

PARAMETERS = 500  # of one statement; SQLite allows 999 in old builds

T = TypeVar("T")


def batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` things; the last one is shorter."""
    source = iter(things)
    while batch := list(islice(source, size)):
        yield batch
