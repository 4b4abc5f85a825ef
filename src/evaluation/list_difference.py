"""How two lists differ: as figures between 0 and 1, and product by product."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

PERSISTENCE = 0.9
"""Probability that a reader who has seen a place looks at the next one: the first ten places weigh 86 %."""


class Change(StrEnum):
    """What became of a product."""

    STAYED = "stayed"
    MOVED = "moved"
    CAME = "came"
    WENT = "went"


class ProductChange(NamedTuple):
    """A product of two lists; ranks count from 1, None where it is not listed."""

    product_id: str
    change: Change
    before: int | None
    after: int | None


def changes(before: Sequence[str], after: Sequence[str]) -> list[ProductChange]:
    """Compare two lists.

    Args:
        before: Product ids, best first.
        after: The same of the other list.

    Returns:
        The products of `after` in their order, then those that went.
    """
    old, new = ({id_: rank for rank, id_ in enumerate(ids, 1)} for ids in (before, after))
    found = []
    for id_, rank in new.items():
        was = old.get(id_)
        change = Change.CAME if was is None else Change.STAYED if was == rank else Change.MOVED
        found.append(ProductChange(id_, change, was, rank))
    return found + [ProductChange(id_, Change.WENT, rank, None) for id_, rank in old.items() if id_ not in new]


def overlap(one: Sequence[str], other: Sequence[str], k: int) -> float:
    """Return the share of the first k places that two lists have in common, in any order.

    Args:
        one: Product ids, best first.
        other: The same of the other list.
        k: Number of places, at least 1.

    Returns:
        From 0 to 1, as a share of the shorter list's places where it has fewer than k; 1 for two empty lists.
    """
    a, b = set(one[:k]), set(other[:k])
    return len(a & b) / min(len(a), len(b)) if a and b else float(not a and not b)


def rank_biased_overlap(one: Sequence[str], other: Sequence[str], persistence: float = PERSISTENCE) -> float:
    """Return how alike the orders of two lists are, where the first places count most.

    The mean of the shares in common at every depth d, weighted by p^(d-1), extrapolated beyond the lists: RBO_EXT of
    Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", ACM TOIS 28(4), 2010, equation 32.

    Args:
        one: Product ids, best first, none twice.
        other: The same of the other list; it may have another length.
        persistence: p, above 0 and below 1.

    Returns:
        From 0 for lists without a common product to 1 for equal ones; 1 for two empty lists, 0 if one is empty.
    """
    short, long = sorted((one, other), key=len)
    n_short, n_long, p = len(short), len(long), persistence
    if not n_short:
        return float(not n_long)
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    common, common_at_short, weighted = 0, 0, 0.0
    for depth in range(1, n_long + 1):
        item = long[depth - 1]
        seen_long.add(item)
        common += item in seen_short
        if depth <= n_short:
            seen_short.add(short[depth - 1])
            common += short[depth - 1] in seen_long
            common_at_short = common
        else:  # the shorter list is taken to go on as it was
            weighted += common_at_short * (depth - n_short) / (n_short * depth) * p**depth
        weighted += common / depth * p**depth
    rest = (common - common_at_short) / n_long + common_at_short / n_short
    return (1 - p) / p * weighted + rest * p**n_long
