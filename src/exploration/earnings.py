"""What recommendations earn: purchases that followed them, by day, placement, model and place on the list. Pure.

The rule: a purchase counts if its event names the request that showed the product; or else if the same customer clicked
or viewed the product on a list at most so many days before (last click). What was found by a search followed no
recommendation. Revenue is quantity, net of returns, times price.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

import numpy as np

from src.core.domain import DAY, NO_TIME, EventKind, FloatArray, IntArray, JsonDict
from src.core.shop_days import shop_days
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import TrainingData


class ShownPlace(NamedTuple):
    """Where a product stood that an event followed: placement, model and place."""

    placement: str
    source: str
    position: int


class FollowedEvent(NamedTuple):
    """An event that named the request of the list its product stood on; at: UTC seconds; place: None for a search."""

    user_id: str
    product_id: str
    kind: str
    at: int
    place: ShownPlace | None


@dataclass(frozen=True)
class DayEarnings:
    """One day of the shop.

    Attributes:
        day: Days since 1970, in the shop's time zone.
        purchases: All purchases.
        revenue: All revenue.
        attributed: Purchases that followed recommendations.
        earned: Their revenue.
        clicks: Clicks and views of recommended products.
        by_place: "placement|source|position" → [purchases, revenue] that followed.
        unpriced: Purchases of products whose price is not known.
    """

    day: int
    purchases: int
    revenue: float
    attributed: int
    earned: float
    clicks: int
    by_place: dict[str, list[float]]
    unpriced: int


@dataclass(frozen=True)
class Earnings:
    """The days of a shop, oldest first.

    Attributes:
        days: Days with purchases or clicks on recommendations.
        attribution_days: How many days after a click a purchase counts.
        n_named: Clicks, views and purchases that came over HTTP and named their request.
        n_followable: All that could have: those since the first one that did.
        counted_at: UTC seconds.
    """

    days: list[DayEarnings]
    attribution_days: int
    n_named: int
    n_followable: int
    counted_at: int

    def to_json(self) -> JsonDict:
        """Return the earnings as dicts, lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Earnings:
        """Return what `to_json` wrote. Raises KeyError or TypeError for anything else."""
        fields = dict(document)
        days = fields.pop("days")
        assert isinstance(days, list)
        return cls(days=[DayEarnings(**day) for day in days], **fields)  # type: ignore[arg-type]


def earnings(
    data: TrainingData,
    price: FloatArray,
    followed: Sequence[FollowedEvent],
    *,
    attribution_days: int,
    zone: dt.tzinfo,
    now: int,
) -> Earnings:
    """Attribute purchases.

    Args:
        data: All events, net of returns.
        price: float[n_items], of each product; NaN where unknown, which earns nothing.
        followed: Events that named their request.
        attribution_days: How many days after a click a purchase counts.
        zone: The shop's time zone.
        now: UTC seconds.

    Returns:
        What was earned.
    """
    events = data.events
    recommended = [event for event in followed if event.place is not None]
    bought = np.flatnonzero((data.kind == KIND_ORDER.index(EventKind.PURCHASE)) & (events.at != NO_TIME))
    day = shop_days(events.at[bought], zone)
    each = price[events.item_idx[bought]]
    amount = np.nan_to_num(each) * events.value[bought]
    attributed = _attributed(data, bought, recommended, attribution_days * DAY)
    tally: dict[int, DayEarnings] = {}
    for one in np.unique(day).tolist():
        of_day = day == one
        unpriced = int(np.isnan(each[of_day]).sum())
        tally[one] = DayEarnings(one, int(of_day.sum()), float(amount[of_day].sum()), 0, 0.0, 0, {}, unpriced)
    clicks = _clicks_by_day(recommended, zone)
    earned: dict[int, list[tuple[ShownPlace, float]]] = defaultdict(list)
    for at, place in attributed.items():
        earned[int(day[at])].append((place, float(amount[at])))
    days = [
        _with_earned(
            tally.get(one, DayEarnings(one, 0, 0.0, 0, 0.0, 0, {}, 0)), clicks.get(one, 0), earned.get(one, ())
        )
        for one in sorted({*tally, *clicks})
    ]
    since = min((event.at for event in followed), default=None)
    looks = [KIND_ORDER.index(kind) for kind in (EventKind.CLICK, EventKind.VIEW, EventKind.PURCHASE)]
    n_all = 0 if since is None else int((np.isin(data.kind, looks) & (events.at >= since)).sum())
    return Earnings(days, attribution_days, len(followed), max(n_all, len(followed)), now)


def _with_earned(day: DayEarnings, clicks: int, earned: Iterable[tuple[ShownPlace, float]]) -> DayEarnings:
    by_place: dict[str, list[float]] = {}
    for place, amount in earned:
        entry = by_place.setdefault(f"{place.placement}|{place.source}|{place.position}", [0, 0.0])
        entry[0] += 1
        entry[1] += amount
    attributed = int(sum(entry[0] for entry in by_place.values()))
    revenue = sum((entry[1] for entry in by_place.values()), 0.0)
    return replace(day, attributed=attributed, earned=revenue, clicks=clicks, by_place=by_place)


def _clicks_by_day(followed: Iterable[FollowedEvent], zone: dt.tzinfo) -> dict[int, int]:
    at = np.array([event.at for event in followed if event.kind != EventKind.PURCHASE], np.int64)
    return Counter(shop_days(at, zone).tolist())


def _attributed(
    data: TrainingData, bought: IntArray, followed: Sequence[FollowedEvent], window: int
) -> dict[int, ShownPlace]:
    """Return position in `bought` → where the product stood whose purchase counts."""
    by_pair: dict[tuple[int, int], list[FollowedEvent]] = defaultdict(list)
    for event in followed:
        user, item = data.users.idx_of(event.user_id), data.events.items.idx_of(event.product_id)
        if user is not None and item is not None:
            by_pair[user, item].append(event)
    if not by_pair:
        return {}
    events = data.events
    n_items = len(events.items)
    wanted = np.array(sorted(user * n_items + item for user, item in by_pair), np.int64)
    keys = events.user_idx[bought].astype(np.int64) * n_items + events.item_idx[bought]
    found: dict[int, ShownPlace] = {}
    for at in np.flatnonzero(np.isin(keys, wanted)).tolist():
        row = int(bought[at])
        when = int(events.at[row])
        pair = by_pair[int(events.user_idx[row]), int(events.item_idx[row])]
        named = [event for event in pair if event.kind == EventKind.PURCHASE and event.at == when]
        clicks = [event for event in pair if event.kind != EventKind.PURCHASE and when - window <= event.at <= when]
        if named or clicks:
            place = max(named or clicks, key=lambda event: event.at).place
            assert place is not None
            found[at] = place
    return found
