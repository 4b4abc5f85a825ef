"""Match returns to the purchases that they take back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_TOLERANCE = 1e-9  # relative to a value: sums of fractions miss the whole by rounding


@dataclass(frozen=True, slots=True)
class Movement:
    """A purchase or a return.

    Attributes:
        dedupe_key: Its key among the user's events of this kind on the product.
        value: The quantity.
        at: UTC seconds; None if unknown.
    """

    dedupe_key: str
    value: float
    at: int | None


def returned_quantities(purchases: Sequence[Movement], returns: Sequence[Movement]) -> dict[str, float]:
    """Compute how much of each purchase was returned, for one user and product.

    The returns, oldest first, each reduce the purchases made at or before their time, newest first, until the return
    is used up. A return without a matching purchase has no effect. A movement without a time matches any other;
    returns without a time come last.

    Args:
        purchases: The purchases, in any order.
        returns: The returns, in any order.

    Returns:
        dedupe_key of every purchase → the returned part of its value, from 0 to the whole value.
    """
    returned = dict.fromkeys((purchase.dedupe_key for purchase in purchases), 0.0)
    oldest_first = deque(sorted(purchases, key=lambda each: (each.at is not None, each.at or 0, each.dedupe_key)))
    candidates: list[Movement] = []  # purchases that the current return may reduce, the newest last
    for current in sorted(returns, key=lambda each: (each.at is None, each.at or 0, each.dedupe_key)):
        while oldest_first and (oldest_first[0].at is None or current.at is None or oldest_first[0].at <= current.at):
            candidates.append(oldest_first.popleft())
        left = current.value
        while candidates and left > _TOLERANCE * current.value:
            purchase = candidates[-1]
            remaining = purchase.value - returned[purchase.dedupe_key]
            if left < remaining - _TOLERANCE * purchase.value:
                returned[purchase.dedupe_key] += left
                break
            returned[purchase.dedupe_key], left = purchase.value, left - remaining
            candidates.pop()
    return returned
