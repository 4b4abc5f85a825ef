"""Compute the profile of a shop's data: figures over all events, before any model is trained. Pure.

Nothing loops over events: eight million of them take about four seconds, and 35 bytes each beside the data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from src.core.domain import (
    NO_TIME,
    SEEN_KINDS,
    BoolArray,
    EventKind,
    FloatArray,
    IntArray,
    Product,
    category_names,
)
from src.core.records import Load
from src.core.shop_days import shop_days
from src.exploration.activity import activity
from src.exploration.profile_types import (
    CatalogueCoverage,
    CatalogueFigures,
    CategoryFigures,
    Conversion,
    DataProfile,
    LoadFigures,
    ProductFigures,
    RatingStatistics,
    Tail,
)
from src.interactions.event_weights import KIND_ORDER
from src.interactions.interactions import Interactions, TrainingData
from src.interactions.vocabulary import Vocabulary

TOP = 10
"""Products of each list: most clicked, most bought, most rated."""

MAX_CATEGORIES = 20
MAX_RATING_BARS = 20
_LOOK_KINDS = (EventKind.VIEW, EventKind.CLICK)
_MIN_EVENTS = {"1": 1, "2–4": 2, "5–19": 5, "20 and more": 20}
_TOP_PERCENT = (1, 10, 50)
_CATALOGUE_CHUNK = 10_000


def read_catalogue(items: Vocabulary, look_up: Callable[[list[str]], Mapping[str, Product]]) -> CatalogueCoverage:
    """Look up the product of every item, some thousands at a time.

    Args:
        items: The items.
        look_up: Returns id → product for the known ones of some ids.

    Returns:
        Titles and categories of the items.
    """
    titled = np.zeros(len(items), np.bool_)
    names: dict[str, int] = {}
    item_idx, name_idx = [], []
    made_up = False
    for start in range(0, len(items), _CATALOGUE_CHUNK):
        ids = items.ids_of(range(start, min(start + _CATALOGUE_CHUNK, len(items))))
        products = look_up(ids)
        for at, id_ in enumerate(ids, start):
            product = products.get(id_)
            if product is None:
                continue
            titled[at] = bool(product.title)
            made_up = made_up or product.made_up
            for name in category_names(product.category or ""):
                item_idx.append(at)
                name_idx.append(names.setdefault(name, len(names)))
    return CatalogueCoverage(titled, np.array(item_idx, np.int32), np.array(name_idx, np.int32), list(names), made_up)


def profile_data(
    data: TrainingData,
    catalogue: CatalogueCoverage,
    loads: Iterable[Load],
    *,
    relevant_rating: float,
    now: int,
    zone: dt.tzinfo = dt.UTC,
    n_known: int | None = None,
) -> DataProfile:
    """Compute all figures.

    Args:
        data: At least one event.
        catalogue: Titles and categories of the items.
        loads: Loads of files, newest first.
        relevant_rating: Lowest rating that counts as relevant.
        now: UTC seconds.
        zone: The shop's time zone.
        n_known: Products in the catalogue, with events or without; None if they were not counted.

    Returns:
        The profile.
    """
    events = data.events
    looked, carted, bought = (_pairs(data, *kinds) for kinds in (_LOOK_KINDS, (EventKind.CART,), (EventKind.PURCHASE,)))
    items = _ItemCounts.of(data, looked, carted, bought)
    n_pairs = len(_distinct(_keys(events, slice(None))))
    by_kind = np.bincount(data.kind, minlength=len(KIND_ORDER)).tolist()
    return DataProfile(
        explored_at=now,
        n_events=len(events),
        n_users=events.n_users,
        n_products=events.n_items,
        n_pairs=n_pairs,
        filled=n_pairs / (events.n_users * events.n_items),
        by_kind={kind.value: count for kind, count in zip(KIND_ORDER, by_kind, strict=True) if count},
        most_looked_at=_top_products(data, items, *_LOOK_KINDS),
        most_bought=_top_products(data, items, EventKind.PURCHASE),
        most_rated=_top_products(data, items, EventKind.RATING),
        conversion=_conversion(data, looked, carted, bought),
        bought_again=_bought_again(data, zone),
        ratings=_rating_figures(events.value[data.is_kind(EventKind.RATING)], relevant_rating),
        activity=activity(events.at, data.kind, zone),
        users=_tail(events.count_by_user()),
        products=_tail(items.n_events),
        catalogue=_catalogue_figures(catalogue, items, data, n_known),
        loads=LoadFigures.of(loads),
    )


def _conversion(data: TrainingData, looked: IntArray, carted: IntArray, bought: IntArray) -> Conversion:
    """Return the conversion; looked, carted, bought: the pairs of these kinds of events."""
    return Conversion(
        looked=len(looked),
        carted=len(_common(looked, carted)),
        bought=len(_common(looked, bought)),
        all_carted=len(carted),
        all_bought=len(bought),
        bought_from_cart=len(_common(carted, bought)),
        **_led_to_purchase(data),
    )


@dataclass(frozen=True)
class _ItemCounts:
    """Counts of every item, each an array of length n_items: events, pairs as in Conversion, ratings and their sum."""

    n_events: IntArray
    looked: IntArray
    carted: IntArray
    bought: IntArray
    n_ratings: IntArray
    rating_sum: FloatArray

    @classmethod
    def of(cls, data: TrainingData, looked: IntArray, carted: IntArray, bought: IntArray) -> _ItemCounts:
        n, rated = data.events.n_items, data.is_kind(EventKind.RATING)
        item_idx = data.events.item_idx[rated]
        return cls(
            n_events=data.events.count_by_item(),
            looked=np.bincount(looked % n, minlength=n),
            carted=np.bincount(_common(looked, carted) % n, minlength=n),
            bought=np.bincount(_common(looked, bought) % n, minlength=n),
            n_ratings=np.bincount(item_idx, minlength=n),
            rating_sum=np.bincount(item_idx, weights=data.events.value[rated], minlength=n).astype(np.float64),
        )


def _keys(events: Interactions, rows: BoolArray | slice) -> IntArray:
    """Return int64 for each event, equal for events of one user and item."""
    keys = events.user_idx[rows].astype(np.int64)
    keys *= events.n_items
    keys += events.item_idx[rows]
    return keys


def _pairs(data: TrainingData, *kinds: EventKind) -> IntArray:
    """Return the distinct keys of events of these kinds, ascending."""
    return _distinct(_keys(data.events, data.is_kind(*kinds)))


def _distinct(values: IntArray) -> IntArray:
    """Return the distinct values, ascending; sorts in place. np.unique hashes, which takes several times as long."""
    values.sort()
    is_first = np.ones(len(values), np.bool_)
    is_first[1:] = values[1:] != values[:-1]
    return values[is_first]


def _common(first: IntArray, second: IntArray) -> IntArray:
    return np.intersect1d(first, second, assume_unique=True)


def _top_products(data: TrainingData, items: _ItemCounts, *kinds: EventKind) -> list[ProductFigures]:
    """Return the TOP items with the most events of these kinds."""
    rows = data.is_kind(*kinds)
    item_idx, user_idx = data.events.item_idx[rows], data.events.user_idx[rows]
    count = np.bincount(item_idx, minlength=data.events.n_items)
    return [
        ProductFigures(
            product_id=data.items.id_of(item),
            n_events=int(count[item]),
            n_users=len(np.unique(user_idx[item_idx == item])),
            looked=int(items.looked[item]),
            carted=int(items.carted[item]),
            bought=int(items.bought[item]),
            n_ratings=int(items.n_ratings[item]),
            avg_rating=_avg(items.rating_sum[item], items.n_ratings[item]),
        )
        for item in np.argsort(-count, kind="stable")[:TOP].tolist()
        if count[item]
    ]


def _avg(total: float, n: int) -> float | None:
    return float(total / n) if n else None


def _led_to_purchase(data: TrainingData) -> dict[str, int]:
    """Return `interested` and `led_to_purchase` of Conversion."""
    looks, purchases = data.is_kind(*_LOOK_KINDS, EventKind.CART), data.is_kind(EventKind.PURCHASE)
    pairs, first = _extreme_times(data, looks, np.minimum, NO_TIME)
    bought, last = _extreme_times(data, purchases, np.maximum, np.iinfo(np.int64).max)
    _, pair_idx, bought_idx = np.intersect1d(pairs, bought, assume_unique=True, return_indices=True)
    return {"interested": len(pairs), "led_to_purchase": int((last[bought_idx] >= first[pair_idx]).sum())}


def _extreme_times(data: TrainingData, rows: BoolArray, extreme: np.ufunc, unknown: int) -> tuple[IntArray, IntArray]:
    """Return the distinct keys of events, ascending, and the earliest or latest time of each.

    Args:
        data: All events.
        rows: bool[n], the events.
        extreme: np.minimum or np.maximum.
        unknown: The time of events without one.

    Returns:
        int64 keys and times.
    """
    keys, at = _keys(data.events, rows), data.events.at[rows].astype(np.int64)
    at[at == NO_TIME] = unknown
    order = np.argsort(keys, kind="stable")
    keys, at = keys[order], at[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[starts], extreme.reduceat(at, starts) if len(starts) else at


def _bought_again(data: TrainingData, zone: dt.tzinfo) -> float | None:
    """Return the share of bought pairs that were bought on several days; None without dated purchases."""
    rows = data.is_kind(EventKind.PURCHASE) & (data.events.at != NO_TIME)
    if not rows.any():
        return None
    pair, day = _keys(data.events, rows), shop_days(data.events.at[rows], zone)
    order = np.lexsort((day, pair))
    pair, day = pair[order], day[order]
    same_pair = pair[1:] == pair[:-1]
    again = _distinct(pair[1:][same_pair & (day[1:] != day[:-1])])
    return len(again) / (len(pair) - int(same_pair.sum()))


def _rating_figures(value: FloatArray, relevant_from: float) -> RatingStatistics | None:
    if not len(value):
        return None
    distinct, count = np.unique(value, return_counts=True)
    if len(distinct) <= MAX_RATING_BARS:
        names = [f"{rating:g}" for rating in distinct]
    else:
        count, edges = np.histogram(value, bins=10)
        names = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    return RatingStatistics(
        n=len(value),
        avg=float(value.mean(dtype=np.float64)),
        spread=float(value.std(dtype=np.float64)),
        relevant_from=relevant_from,
        relevant_share=float((value >= relevant_from).mean()),
        counts=dict(zip(names, count.tolist(), strict=True)),
    )


def _tail(count: IntArray) -> Tail:
    """Return how events spread over users, or products; count: the events of each."""
    n = len(count)
    cumulative = np.cumsum(-np.sort(-count.astype(np.int64)))
    total = int(cumulative[-1])
    limits = [*_MIN_EVENTS.values(), np.inf]
    return Tail(
        n=n,
        most=int(cumulative[0]),
        half_on=float(np.searchsorted(cumulative, total / 2) + 1) / n,
        with_events={
            name: int(((count >= low) & (count < high)).sum())
            for name, (low, high) in zip(_MIN_EVENTS, pairwise(limits), strict=True)
        },
        on_top={percent: float(cumulative[-(-n * percent // 100) - 1] / total) for percent in _TOP_PERCENT},
        curve=[0.0, *(float(cumulative[-(-n * percent // 100) - 1] / total) for percent in range(1, 101))],
    )


def _catalogue_figures(
    catalogue: CatalogueCoverage, items: _ItemCounts, data: TrainingData, n_known: int | None
) -> CatalogueFigures:
    n_bought = np.bincount(data.events.item_idx[data.is_kind(EventKind.PURCHASE)], minlength=data.events.n_items)
    n_products, n_events, n_ratings, rating_sum, bought = (
        np.bincount(catalogue.name_idx, weights=of_item[catalogue.item_idx], minlength=len(catalogue.names))
        for of_item in (np.ones(len(catalogue.titled)), items.n_events, items.n_ratings, items.rating_sum, n_bought)
    )
    busiest = np.argsort(-n_events, kind="stable")[:MAX_CATEGORIES].tolist()
    n_users = _users_by_category(data, catalogue, busiest)
    return CatalogueFigures(
        titled=int(catalogue.titled.sum()),
        categorised=len(np.unique(catalogue.item_idx)),
        n_categories=len(catalogue.names),
        categories=[
            CategoryFigures(
                name=catalogue.names[at],
                n_products=int(n_products[at]),
                n_events=int(n_events[at]),
                share=float(n_events[at] / items.n_events.sum()),
                n_users=n_users[at],
                n_bought=int(bought[at]),
                share_bought=float(bought[at] / max(n_bought.sum(), 1)),
                n_ratings=int(n_ratings[at]),
                avg_rating=_avg(rating_sum[at], n_ratings[at]),
            )
            for at in busiest
        ],
        made_up=catalogue.made_up,
        without_events=None if n_known is None else max(n_known - data.events.n_items, 0),
    )


def _users_by_category(data: TrainingData, catalogue: CatalogueCoverage, names: list[int]) -> dict[int, int]:
    """Return position in `catalogue.names` → distinct users who bought or rated a product of that category."""
    rows = data.is_kind(*SEEN_KINDS)
    item_idx, user_idx = data.events.item_idx[rows], data.events.user_idx[rows]
    counts = {}
    for name in names:
        has_name = np.zeros(data.events.n_items, np.bool_)
        has_name[catalogue.item_idx[catalogue.name_idx == name]] = True
        is_buyer = np.zeros(data.events.n_users, np.bool_)
        is_buyer[user_idx[has_name[item_idx]]] = True
        counts[name] = int(is_buyer.sum())
    return counts
