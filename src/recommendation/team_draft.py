"""Two lists in one: both take turns to name products, so that the clicks tell which names the better ones.

Team draft: Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?" (2008). A product
that both would name next tells nothing and is credited to neither (Radlinski and Craswell, "Optimized interleaving for
online retrieval evaluation", 2013).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from src.core.domain import Recommendation, Rules
from src.interactions.item_attributes import ItemAttributes
from src.recommendation.diversity import DiversityCaps
from src.recommendation.pipeline import Pipeline


class DraftedPlace(NamedTuple):
    """A place of an interleaved list; team: 0 or 1 for the list that named the product, None where both did."""

    place: Recommendation
    team: int | None


def team_draft(
    lists: tuple[Sequence[Recommendation], Sequence[Recommendation]],
    n: int,
    fits: Callable[[str], bool],
    rng: random.Random,
) -> list[DraftedPlace]:
    """Interleave two lists.

    Args:
        lists: Best first; each obeys the rules of lists by itself.
        n: Highest number of places.
        fits: Takes a product id and tells whether the product may stand beside those for which it said so.
        rng: Tosses the coin that decides which list begins where both have named as many.

    Returns:
        At most n places; fewer if no product is left that fits.
    """
    at, named = [0, 0], [0, 0]
    taken: set[str] = set()
    drafted: list[DraftedPlace] = []
    while len(drafted) < n:
        following = [_next(lists[team], at, team, taken) for team in (0, 1)]
        if following[0] is None and following[1] is None:
            break
        if following[0] is not None and following[1] is not None:
            if following[0].product_id == following[1].product_id:
                team = None
            else:
                team = rng.getrandbits(1) if named[0] == named[1] else int(named[1] < named[0])
        else:
            team = int(following[0] is None)
        place = following[team or 0]
        assert place is not None
        taken.add(place.product_id)
        if fits(place.product_id):
            drafted.append(DraftedPlace(place, team))
            if team is not None:
                named[team] += 1
    return drafted


def _next(listed: Sequence[Recommendation], at: list[int], team: int, taken: set[str]) -> Recommendation | None:
    """Return the best place of a list that is not taken, and remember how far the list was read."""
    while at[team] < len(listed) and listed[at[team]].product_id in taken:
        at[team] += 1
    return listed[at[team]] if at[team] < len(listed) else None


def fitting(pipeline: Pipeline, rules: Rules) -> Callable[[str], bool]:
    """Return what tells whether a product may join those before it: within the caps, and no variant of one of them.

    Args:
        pipeline: Knows attributes and variants; products that it does not know always fit.
        rules: Of the list.

    Returns:
        For `team_draft`.
    """
    attributes = pipeline.attributes or ItemAttributes.empty(len(pipeline.items))
    caps, groups = DiversityCaps(attributes, rules), None if rules.variants else pipeline.groups
    leaders: set[int] = set()

    def fits(product_id: str) -> bool:
        row = pipeline.items.idx_of(product_id)
        if row is None:
            return True
        leader = None if groups is None else int(groups.leader[row])
        if leader in leaders or not len(caps.take(np.array([row]), 1)):
            return False
        if leader is not None:
            leaders.add(leader)
        return True

    return fits
