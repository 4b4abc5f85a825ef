"""Which purchases a return takes back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_NOTHING = 1e-9  # of a value: sums of fractions miss the whole by a hair


@dataclass(frozen=True, slots=True)
class Movement:
    """Goods that went out (a purchase) or came back (a return). at: UTC seconds, None if unknown. mark: its own name
    among the user's events on the product.
    """

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
    oldest_first = sorted(purchases, key=lambda purchase: (purchase.at is not None, purchase.at or 0, purchase.mark))
    waiting = deque(oldest_first)
    open_: list[Movement] = []  # those that a return may take from, the newest at the end
    for back in sorted(returns, key=lambda each: (each.at is None, each.at or 0, each.mark)):
        while waiting and (waiting[0].at is None or back.at is None or waiting[0].at <= back.at):
            open_.append(waiting.popleft())
        left = back.value
        while open_ and left > _NOTHING * back.value:
            purchase = open_[-1]
            remaining = purchase.value - taken[purchase.mark]
            if left < remaining - _NOTHING * purchase.value:
                taken[purchase.mark] += left
                break
            taken[purchase.mark], left = purchase.value, left - remaining
            open_.pop()
    return taken
