"""Split long lists, as a statement takes a limited number of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

PARAMETERS = 500  # per statement; old builds of SQLite allow 999

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Split items into lists.

    Args:
        items: The items, read one list at a time.
        size: The length of a list.

    Yields:
        Lists of `size` items; the last one may be shorter, none is empty.
    """
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
