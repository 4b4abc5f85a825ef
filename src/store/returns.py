"""Which purchases a return takes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Movement:
    """Goods that went out (a purchase) or came back (a return). at: UTC seconds, None if unknown. mark: its own name
    among the user's events on the product."""

    mark: str
    value: float
    at: int | None


def taken_back(purchases: Sequence[Movement], returns: Sequence[Movement]) -> dict[str, float]:
    """Mark of every purchase → how much of its value the returns take back; all of one user and product.

    The returns in the order of their time each lower the purchases at or before it, the newest first, until they are
    used up; what finds no purchase has no effect. One without a time matches anything and comes last. Nothing depends
    on the order in which either are given.
    """
    taken = dict.fromkeys((purchase.mark for purchase in purchases), 0.0)
    newest_first = sorted(purchases, key=lambda purchase: (purchase.at is not None, purchase.at or 0, purchase.mark))
    newest_first.reverse()
    for back in sorted(returns, key=lambda each: (each.at is None, each.at or 0, each.mark)):
        left = back.value
        for purchase in newest_first:
            if left <= 0:
                break
            if purchase.at is not None and back.at is not None and purchase.at > back.at:
                continue
            remaining = purchase.value - taken[purchase.mark]
            if left >= remaining:  # the value itself: a sum of fractions could miss it by a hair
                taken[purchase.mark], left = purchase.value, left - remaining
            else:
                taken[purchase.mark], left = taken[purchase.mark] + left, 0.0
    return taken
