"""Compute the next results in threads while the current one is used, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 2


def map_ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Apply a function to every item, in threads.

    Args:
        function: Called for several items at once. Threads share the interpreter's lock: it gains what it spends in
            numpy, pyarrow and the like.
        items: Read by the caller's thread, a few before their results are used.

    Yields:
        The results in the order of the items.

    Raises:
        Exception: What `function` raises, in place of the item's result; what `items` raises, after the results of all
            items before it.
    """
    pending: deque[Future[R]] = deque()
    source, failure = iter(items), None
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            try:
                pending.extend(pool.submit(function, item) for item in _up_to(_THREADS + 1 - len(pending), source))
            except Exception as error:  # raised below, when its turn comes
                failure, source = error, iter(())
            if not pending:
                break
            yield pending.popleft().result()
    if failure is not None:
        raise failure


def _up_to(n: int, source: Iterator[T]) -> Iterator[T]:
    for _ in range(n):
        try:
            yield next(source)
        except StopIteration:
            return


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield all items; the next one is read by a thread while the current one is used."""
    source = iter(items)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, source, None)
        while (item := following.result()) is not None:
            following = pool.submit(next, source, None)
            yield item
