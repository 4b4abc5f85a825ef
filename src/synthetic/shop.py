"""Generate a synthetic shop, so that Aisle can be tried without data.

Every user has favourite themes and a taste within them, from which clicks, carts, purchases and ratings are drawn. A
model of choices can therefore beat popularity, and a model of ratings can beat the mean rating.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from src.core.domain import EventBatch, EventKind, IntArray, Product
from src.core.errors import InputError
from src.synthetic.products import THEMES_PER_CATEGORY, count_earlier, make_products, numbered_ids
from src.synthetic.vocabulary_words import CATEGORIES
from src.synthetic.world import (
    DAY,
    DAYS,
    DEMAND,
    SEASON,
    WEEKS,
    ShopCatalogue,
    ShopUsers,
    choose_columns,
    make_catalogue,
    make_users,
    match_of,
    month_of,
)

DEFAULT_UNTIL = 1_767_225_600
"""2026-01-01T00:00:00Z. Fixed, so that two machines generate the same shop."""

SESSIONS_PER_USER = 7.2
FRONT_PAGE_SHARE = 0.17
"""A higher value makes popularity harder to beat; with this one, models reach twice its NDCG@10."""

FUNNEL = (EventKind.CLICK, EventKind.CART, EventKind.PURCHASE, EventKind.RATING)
REPEAT = np.array([category.repeat for category in CATEGORIES])
WEEKDAY = np.array([1.0, 0.95, 0.95, 1.0, 1.1, 1.35, 1.4])


@dataclass(frozen=True)
class SyntheticShop:
    """The generated data.

    Attributes:
        products: The catalogue, each with made_up=True.
        events: A year of events, oldest first.
    """

    products: list[Product]
    events: EventBatch


@dataclass(frozen=True)
class ShopWorld:
    """What decides about the events of a shop.

    Attributes:
        products: The catalogue.
        catalogue: How they are wanted.
        users: What users like.
        start: UTC seconds of the begin of the year.
    """

    products: list[Product]
    catalogue: ShopCatalogue
    users: ShopUsers
    start: int


def make_world(n_users: int, n_products: int, seed: int, until: int) -> ShopWorld:
    """Draw what decides about the events of a shop, for the arguments of `make_shop`.

    Args:
        n_users: As `make_shop` takes it.
        n_products: As `make_shop` takes it.
        seed: As `make_shop` takes it.
        until: As `make_shop` takes it, not None.

    Returns:
        The world of the shop that `make_shop` makes.
    """
    # Separate streams, so that the catalogue does not depend on the number of users or the time.
    product_rng, user_rng = (np.random.default_rng([seed, part]) for part in range(2))
    start = until - DAYS * DAY + 1
    products, theme, brand, style = make_products(product_rng, n_products, seed)
    catalogue = make_catalogue(product_rng, theme, brand, style, start)
    return ShopWorld(products, catalogue, make_users(user_rng, n_users, catalogue.cells_per_theme), start)


def make_shop(*, n_users: int = 2_000, n_products: int = 400, seed: int = 7, until: int | None = None) -> SyntheticShop:
    """Generate a shop; equal arguments give equal shops.

    Products are P00001 …, users U00001 …; some products have no event, every user has at least one click. A click comes
    before its cart, a cart before its purchase, a purchase before its rating. A user gives a product at most one
    rating, a whole number from 1 to 5. A purchase's value is how many were bought. Prices carry no currency. No two
    events share user, product, kind and time; an event's mark is its time as text, or "" for a rating.

    Args:
        n_users: Users, at least 1.
        n_products: Products, at least 1.
        seed: Seed of randomness, not negative. The products depend on it and on n_products only.
        until: UTC seconds of the newest possible event, None for DEFAULT_UNTIL. The events cover the 365 days before
            it, with the seasons of the calendar.

    Returns:
        The catalogue and the events.

    Raises:
        InputError: A size is below 1, the seed is negative, or the year before `until` begins before 1970.
    """
    until = DEFAULT_UNTIL if until is None else until
    limits = (("n_users", n_users, 1), ("n_products", n_products, 1), ("seed", seed, 0), ("until", until, DAYS * DAY))
    for name, value, minimum in limits:
        if value < minimum:
            raise InputError(f"{name} is {value}; a made-up shop needs at least {minimum}: pass a larger {name}")
    world, event_rng = make_world(n_users, n_products, seed, until), np.random.default_rng([seed, 2])
    clicks = _browse(event_rng, world.catalogue, world.users, world.start)
    frame = _funnel(event_rng, world.catalogue, world.users, clicks, world.start)
    frame = frame[frame["at"] <= until].drop_duplicates(["user", "product", "kind", "at"])
    return SyntheticShop(world.products, _as_batch(frame.sort_values("at", kind="stable"), n_users, n_products))


class _Sessions(NamedTuple):
    """The user, the UTC seconds and the month (from 0) of each session."""

    user: IntArray
    at: IntArray
    month: IntArray


def _session_times(rng: np.random.Generator, users: ShopUsers, start: int) -> _Sessions:
    year = np.arange(DAYS)
    weekday = (start // DAY + year + 3) % 7  # 1970 began on a Thursday.
    trade = (DEMAND @ SEASON)[month_of(start, year)] ** 0.5 * WEEKDAY[weekday]
    cum = np.concatenate([[0.0], np.cumsum(trade)])
    present = 1.0 - users.joined / DAYS
    user = np.repeat(np.arange(len(present)), 1 + rng.poisson(SESSIONS_PER_USER * users.activity * present))
    low = cum[users.joined[user]]
    day = np.searchsorted(cum, low + (cum[-1] - low) * rng.random(len(user)), side="right") - 1
    day = np.clip(day, 0, DAYS - 1)
    evening = rng.random(len(user)) < 0.6
    clock = (np.where(evening, rng.normal(20.0, 2.0, len(user)), rng.normal(13.0, 3.0, len(user))) * 3600).astype(int)
    # Days end at `until`, at any hour; the remainder moves the time of day into each of them.
    at = start + day * DAY + (clock - start) % DAY
    return _Sessions(user, at, month_of(start, day))


def _browse(rng: np.random.Generator, catalogue: ShopCatalogue, users: ShopUsers, start: int) -> pd.DataFrame:
    """Return the clicks: user, product, and at in UTC seconds. A session has one theme or shows the front page."""
    user, at, month = _session_times(rng, users, start)
    slot = choose_columns(rng, users.loyalty[user] * SEASON[users.favourite[user], month[:, None]])
    category, theme, cell = (table[user, slot] for table in (users.favourite, users.fav_theme, users.fav_cell))
    is_stray = rng.random(len(user)) < 0.10
    category[is_stray] = choose_columns(rng, (DEMAND[:, None] * SEASON).T[month[is_stray]])
    elsewhere = is_stray | (rng.random(len(user)) < 0.20)
    any_theme = category * THEMES_PER_CATEGORY + rng.integers(THEMES_PER_CATEGORY, size=len(user))
    theme = np.where(elsewhere, any_theme, theme)
    in_cell = ~elsewhere & (rng.random(len(user)) < 0.75)
    wide = catalogue.cells_per_theme
    lo = catalogue.cell_start[np.where(in_cell, cell, theme * wide)]
    hi = catalogue.cell_start[np.where(in_cell, cell + 1, (theme + 1) * wide)]
    # The front page shows the whole shop, by popularity.
    front_page = rng.random(len(user)) < FRONT_PAGE_SHARE
    lo, hi = np.where(front_page, 0, lo), np.where(front_page, len(catalogue.shelf), hi)
    n_clicks = 1 + rng.poisson(1.6, len(user))
    nth = np.arange(n_clicks.sum()) - np.repeat(np.cumsum(n_clicks) - n_clicks, n_clicks)
    user, at, lo, hi = (np.repeat(column, n_clicks) for column in (user, at, lo, hi))
    at = at + np.where(nth > 0, nth * 100 + rng.integers(90, size=len(at)), 0)
    week = np.minimum((at - start) // (7 * DAY), WEEKS - 1)
    first, second = catalogue.pick(rng, lo, hi, week), catalogue.pick(rng, lo, hi, week)
    # Of two products shown the one closer to the user's taste is clicked, so that clicks reveal tastes.
    gain = match_of(catalogue, users, user, second) - match_of(catalogue, users, user, first)
    product = np.where(gain + rng.normal(0.0, 0.5, len(gain)) > 0.0, second, first)
    return pd.DataFrame({"user": user, "product": product, "at": at})


def _funnel(
    rng: np.random.Generator, catalogue: ShopCatalogue, users: ShopUsers, clicks: pd.DataFrame, start: int
) -> pd.DataFrame:
    """Return clicks, carts, purchases and ratings: user, product, kind (position in FUNNEL), value, at.

    Some times are past the end of the year.
    """
    user, product = clicks["user"].to_numpy(), clicks["product"].to_numpy()
    liking = 0.2 + 0.8 * match_of(catalogue, users, user, product) + 0.4 * catalogue.quality[product]
    carts = clicks[rng.random(len(user)) < 1.0 / (1.0 + np.exp(-liking))]
    n = len(carts)
    delay = np.where(rng.random(n) < 0.12, rng.integers(DAY, 3 * DAY, n), rng.integers(600, size=n))
    carts = carts.assign(at=carts["at"] + rng.integers(20, 90, n))
    carts = carts.assign(bought=rng.random(n) < 0.72, paid=carts["at"] + 180 + delay)
    # One cart in five gets the partner product too; both are bought together or not at all.
    extras = carts[rng.random(n) < 0.2]
    partner = catalogue.partner[extras["product"].to_numpy()]
    extras = extras.assign(product=partner, at=extras["at"] + rng.integers(5, 60, len(partner)))
    on_sale = (extras["at"].to_numpy() - start) // (7 * DAY) >= catalogue.launch_week[partner]
    extras = extras[(partner >= 0) & on_sale]
    clicks = pd.concat([clicks, extras[["user", "product", "at"]]])
    carts = pd.concat([carts, extras.assign(at=extras["at"] + rng.integers(5, 60, len(extras)))])

    purchases = carts[carts["bought"]].drop(columns="at").rename(columns={"paid": "at"})
    purchases = purchases.sort_values("at", kind="stable")
    user, product = purchases["user"].to_numpy(), purchases["product"].to_numpy()
    is_repeat = count_earlier(user, product) > 0
    repeat = REPEAT[catalogue.theme[product] // THEMES_PER_CATEGORY]
    is_kept = ~is_repeat | (rng.random(len(user)) < repeat)
    purchases = purchases.assign(value=1.0 + rng.poisson(0.05 + 0.8 * repeat))

    # Only a first purchase is rated, hence at most one rating for a user and product.
    ratings = purchases[~is_repeat & (rng.random(len(user)) < users.rates[user])]
    user, product, n = ratings["user"].to_numpy(), ratings["product"].to_numpy(), len(ratings)
    expected = 3.6 + users.generosity[user] + 0.5 * catalogue.quality[product]
    stars = expected + 0.4 * match_of(catalogue, users, user, product) + rng.normal(0.0, 0.5, n)
    ratings = ratings.assign(
        value=np.clip(np.rint(stars), 1.0, 5.0), at=ratings["at"] + rng.integers(2 * DAY, 15 * DAY, n)
    )
    stages = (clicks.assign(value=1.0), carts.assign(value=1.0), purchases[is_kept], ratings)
    columns = ["user", "product", "value", "at"]
    frame: pd.DataFrame = pd.concat([stage[columns].assign(kind=position) for position, stage in enumerate(stages)])
    return frame


def _as_batch(frame: pd.DataFrame, n_users: int, n_products: int) -> EventBatch:
    # Indexing arrays of objects shares one string of each id among its events.
    user_ids, product_ids = (
        np.array(numbered_ids("U", n_users), object),
        np.array(numbered_ids("P", n_products), object),
    )
    kind: list[str] = np.array([kind.value for kind in FUNNEL], object)[frame["kind"].to_numpy()].tolist()
    at = frame["at"].to_numpy(np.int64)
    return EventBatch(
        user_id=user_ids[frame["user"].to_numpy()].tolist(),
        product_id=product_ids[frame["product"].to_numpy()].tolist(),
        kind=kind,
        value=frame["value"].to_numpy(np.float64),
        at=at,
        dedupe_key=["" if k == EventKind.RATING else str(t) for k, t in zip(kind, at.tolist(), strict=True)],
    )
