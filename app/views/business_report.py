"""What recommendations earned in a period, as the page of business shows it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.texts.phrases import Phrases
from app.views.model_report import wilson
from app.views.overview_tiles import Tile
from app.views.svg_charts import Columns, columns
from src.exploration.earnings import DayEarnings, Earnings

_USUAL_DAYS, _MOST_DAYS = 30, 3_660
EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, since 1970 in the shop's time zone; days: their number, if that was asked."""

    first: int
    last: int
    days: int | None

    def __getitem__(self, name: str) -> str:
        """Return "from" or "until" as YYYY-MM-DD."""
        return str(EPOCH + dt.timedelta(days=self.first if name == "from" else self.last))

    def holds(self, day: int) -> bool:
        """Return whether a day is in the period."""
        return self.first <= day <= self.last


class Places(NamedTuple):
    """Places on the lists of a period, and how many of them were clicked or viewed."""

    shown: int
    clicked: int


@dataclass(frozen=True)
class Earned:
    """Purchases and revenue of one placement, model or place."""

    name: str
    purchases: int
    revenue: float


@dataclass(frozen=True)
class BusinessReport:
    """What was earned in a period.

    Attributes:
        tiles: Clicks, purchases, revenue.
        days: The days of the period.
        charts: (id, title, chart, unit).
        by_placement: Purchases and revenue that followed, most first.
        by_source: The same by model.
        by_position: The same by place, in their order.
        attribution_days: How many days after a click a purchase counts.
        unpriced: Purchases of products whose price is not known.
        n_named: Events that named their request.
        n_followable: Those that could have.
        counted_at: UTC seconds.
    """

    tiles: list[Tile]
    days: list[DayEarnings]
    charts: list[tuple[str, str, Columns, str]]
    by_placement: list[Earned]
    by_source: list[Earned]
    by_position: list[Earned]
    attribution_days: int
    unpriced: int
    n_named: int
    n_followable: int
    counted_at: int


def period_of(given: Mapping[str, str], newest_day: int) -> Period:
    """Read the range picker.

    Args:
        given: from and until as YYYY-MM-DD, or days.
        newest_day: the day that a number of days ends with.

    Returns:
        The period; the last 30 days for anything that cannot be read.
    """
    first, last = (_day(given.get(name, "")) for name in ("from", "until"))
    if first is not None and last is not None and first <= last < first + _MOST_DAYS:
        return Period(first, last, None)
    text = given.get("days", "")
    days = int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) <= _MOST_DAYS else _USUAL_DAYS
    return Period(newest_day - days + 1, newest_day, days)


def _day(text: str) -> int | None:
    try:
        return (dt.date.fromisoformat(text) - EPOCH).days
    except ValueError:
        return None


def business_report(earnings: Earnings, period: Period, places: Places, t: Phrases) -> BusinessReport:
    """Sum up what was earned by day, and the places that were shown, over a period."""
    days = [day for day in earnings.days if period.holds(day.day)]
    followed = [(key.split("|"), entry) for day in days for key, entry in day.by_place.items()]
    groups = [_summed([(parts[at], entry) for parts, entry in followed]) for at in range(3)]
    return BusinessReport(
        tiles=_tiles(days, places, t) if earnings.n_named else _unknown(days, places, t),
        days=days,
        charts=_charts(days, period, t, is_known=bool(earnings.n_named)),
        by_placement=groups[0],
        by_source=groups[1],
        by_position=sorted(groups[2], key=lambda row: int(row.name)),
        attribution_days=earnings.attribution_days,
        unpriced=sum(day.unpriced for day in days),
        n_named=earnings.n_named,
        n_followable=earnings.n_followable,
        counted_at=earnings.counted_at,
    )


def _summed(rows: Sequence[tuple[str, Sequence[float]]]) -> list[Earned]:
    sums: dict[str, list[float]] = {}
    for name, (purchases, revenue) in rows:
        entry = sums.setdefault(name, [0, 0.0])
        entry[0] += purchases
        entry[1] += revenue
    earned = [Earned(name, int(purchases), revenue) for name, (purchases, revenue) in sums.items()]
    return sorted(earned, key=lambda row: (-row.revenue, -row.purchases, row.name))


def _tiles(days: Sequence[DayEarnings], places: Places, t: Phrases) -> list[Tile]:
    clicks, bought, attributed = (
        sum(getattr(day, name) for day in days) for name in ("clicks", "purchases", "attributed")
    )
    earned, revenue = sum(day.earned for day in days), sum(day.revenue for day in days)
    click_low, click_high = wilson(places.clicked, places.shown)
    low, high = wilson(attributed, bought)
    of_shown = t(
        "business.clicks_about",
        n=places.shown,
        share=t.share(places.clicked, places.shown),
        low=t.percent(click_low),
        high=t.percent(click_high),
    )
    of_bought = t(
        "business.of_all_interval",
        share=t.share(attributed, bought),
        all=bought,
        low=t.percent(low),
        high=t.percent(high),
    )
    return [
        Tile(t("business.clicks"), t.number(clicks), of_shown if places.shown else ""),
        Tile(t("business.purchases"), t.number(attributed), of_bought),
        _no_price(t)
        if _without_prices(days)
        else Tile(
            t("business.attributed"),
            t.money(earned),
            t("business.of_all", share=t.share(earned, revenue), all=t.money(revenue)),
        ),
    ]


def _without_prices(days: Sequence[DayEarnings]) -> bool:
    """Return whether no purchase has a price: then revenue is not known, which is not 0."""
    bought = sum(day.purchases for day in days)
    return bought > 0 and bought == sum(day.unpriced for day in days)


def _no_price(t: Phrases) -> Tile:
    return Tile(t("business.attributed"), "–", t("business.no_prices"))


def _unknown(days: Sequence[DayEarnings], places: Places, t: Phrases) -> list[Tile]:
    """Return the tiles of a shop in which no counted event has named its request: nothing is known, which is not 0."""
    bought, revenue = sum(day.purchases for day in days), sum(day.revenue for day in days)
    return [
        Tile(t("business.clicks"), "–", t("business.uncounted" if places.clicked else "business.unknown")),
        Tile(t("business.purchases"), "–", t("business.unknown_of" if bought else "business.none_bought", all=bought)),
        _no_price(t)
        if _without_prices(days)
        else Tile(t("business.attributed"), "–", t("business.unknown_revenue", all=t.money(revenue)) if bought else ""),
    ]


def _charts(
    days: Sequence[DayEarnings], period: Period, t: Phrases, *, is_known: bool
) -> list[tuple[str, str, Columns, str]]:
    by_day = {day.day: day for day in days}
    empty = DayEarnings(0, 0, 0.0, 0, 0.0, 0, {}, 0)
    each = [(t.day_of(day), by_day.get(day, empty)) for day in range(period.first, period.last + 1)]
    revenue = [] if _without_prices(days) else _revenue_charts(each, t, is_known=is_known)
    if not is_known:
        bought = columns({name: day.purchases for name, day in each})
        return [*revenue, ("bought", t("business.daily_all_purchases"), bought, t("unit.purchases"))]
    return [
        *revenue,
        ("clicks", t("business.daily_clicks"), columns({name: day.clicks for name, day in each}), t("unit.clicks")),
        (
            "bought",
            t("business.daily_purchases"),
            columns({name: day.attributed for name, day in each}),
            t("unit.purchases"),
        ),
    ]


def _revenue_charts(
    each: Sequence[tuple[str, DayEarnings]], t: Phrases, *, is_known: bool
) -> list[tuple[str, str, Columns, str]]:
    unit = t.currency or ""
    if not is_known:
        return [
            ("revenue", t("business.daily_revenue"), columns({name: round(day.revenue) for name, day in each}), unit)
        ]
    other = columns({name: round(day.revenue - day.earned) for name, day in each})
    return [
        ("earned", t("business.daily_attributed"), columns({name: round(day.earned) for name, day in each}), unit),
        ("other", t("business.daily_other"), other, unit),
    ]
