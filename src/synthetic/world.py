"""What is behind a synthetic shop: how products are wanted week by week, and what its users like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray
from src.synthetic.products import BRANDS_PER_MAKER, TASTE_SIZE, THEMES, THEMES_PER_CATEGORY
from src.synthetic.vocabulary_words import CATEGORIES

DAY = 86_400
DAYS = 365
WEEKS = 53

MAX_FAVOURITES = 4
PRODUCTS_PER_CELL = 10
ZIPF_EXPONENT = 0.9
"""A higher value makes popularity harder to beat; with this one, models reach twice its NDCG@10."""

SEASON = np.array([category.season for category in CATEGORIES])
DEMAND = np.array([category.demand for category in CATEGORIES])


@dataclass(frozen=True)
class ShopCatalogue:
    """The properties by which users choose products; one row a product.

    A cell is a theme's products of some of its brands, the finest group that a user prefers. Products are sorted by
    cell, so that a cell, and a theme too, is a range of positions.
    shelf: the products in that order. cell_start: first position of each cell. partner: the product often bought with
    it, -1 for none. cum: (WEEKS * n + 1,) running total of the weight of each position, week after week.
    """

    theme: IntArray
    style: FloatArray
    quality: FloatArray
    launch_week: IntArray
    partner: IntArray
    cells_per_theme: int
    cell_start: IntArray
    shelf: IntArray
    cum: FloatArray

    def pick(self, rng: np.random.Generator, lo: IntArray, hi: IntArray, week: IntArray) -> IntArray:
        """Draw one product from each range of positions.

        Args:
            rng: Source of randomness.
            lo: int[m], first position of each range.
            hi: int[m], position behind each range.
            week: int[m], week whose weights are used.

        Returns:
            int[m], products. A range with nothing on sale in that week is replaced by the whole shelf.
        """
        base = week * len(self.shelf)
        is_empty = self.cum[base + hi] <= self.cum[base + lo]
        lo, hi = np.where(is_empty, 0, lo), np.where(is_empty, len(self.shelf), hi)
        low, high = self.cum[base + lo], self.cum[base + hi]
        position = np.searchsorted(self.cum, low + (high - low) * rng.random(len(lo)), side="right") - 1 - base
        picked: IntArray = self.shelf[np.clip(position, lo, hi - 1)]
        return picked

    def trade(self, week: int) -> FloatArray:
        """Return float[n_products]: how much each product is asked for in a week, by popularity, season and trend."""
        n = len(self.shelf)
        weight = np.zeros(n)
        weight[self.shelf] = np.diff(self.cum[week * n : (week + 1) * n + 1])
        return weight


@dataclass(frozen=True)
class ShopUsers:
    """One row a user; favourite, loyalty, fav_theme, fav_cell: (n_users, MAX_FAVOURITES), loyalty 0.0 where unused."""

    joined: IntArray
    activity: FloatArray
    favourite: IntArray
    loyalty: FloatArray
    fav_theme: IntArray
    fav_cell: IntArray
    taste: FloatArray
    generosity: FloatArray
    rates: FloatArray


def month_of(start: int, day: IntArray) -> IntArray:
    """Return the month of days.

    Args:
        start: UTC seconds of the first day.
        day: int[m], days after it.

    Returns:
        int[m], 0 for January.
    """
    months = (start + day * DAY).astype("datetime64[s]").astype("datetime64[M]")
    return months.astype(np.int64) % 12


def choose_columns(rng: np.random.Generator, weights: FloatArray) -> IntArray:
    """Draw a column for each row.

    Args:
        rng: Source of randomness.
        weights: float[m, n], to which the probabilities are proportional.

    Returns:
        int[m].
    """
    cum = np.cumsum(weights, axis=1)
    drawn = rng.random(len(weights)) * cum[:, -1]
    column: IntArray = (cum <= drawn[:, None]).sum(axis=1)
    return column


def make_catalogue(
    rng: np.random.Generator, theme: IntArray, brand: IntArray, style: FloatArray, start: int
) -> ShopCatalogue:
    """Draw how products are wanted.

    Args:
        rng: Source of randomness.
        theme: int[n], of each product.
        brand: int[n].
        style: float[n, TASTE_SIZE].
        start: UTC seconds of the begin of the year.

    Returns:
        The catalogue.
    """
    n = len(theme)
    cells_per_theme = int(np.clip(n // (len(THEMES) * PRODUCTS_PER_CELL), 1, BRANDS_PER_MAKER))
    cell = theme * cells_per_theme + brand % cells_per_theme
    shelf = np.argsort(cell, kind="stable")
    cell_start = np.searchsorted(cell[shelf], np.arange(len(THEMES) * cells_per_theme + 1))
    launch_week = np.where(rng.random(n) < 0.18, rng.integers(2, 46, n), 0)
    launch_week[0] = 0  # At least one product is on sale from the start.
    # Zipf's law by rank rather than a draw, so that the share of best sellers does not depend on the seed.
    popularity, slope = (rng.permutation(n) + 5.0) ** -ZIPF_EXPONENT, rng.normal(0.0, 1.0, n)
    week = np.arange(WEEKS)[:, None]
    age = week - launch_week
    novelty = np.where(launch_week > 0, 1.0 + np.exp(-np.maximum(age, 0) / 4.0), 1.0)
    season = SEASON[theme // THEMES_PER_CATEGORY, month_of(start, week * 7)]
    weight = popularity * season * np.exp(slope * (week / WEEKS - 0.5)) * novelty * (age >= 0)
    cum = np.concatenate([[0.0], np.cumsum(weight[:, shelf])])
    # The partner of a product is of its category's next theme: a rucksack for a tent, a stove for a rucksack.
    partner_theme = theme - theme % THEMES_PER_CATEGORY + (theme + 1) % THEMES_PER_CATEGORY
    lo, hi = cell_start[partner_theme * cells_per_theme], cell_start[(partner_theme + 1) * cells_per_theme]
    partner = np.where(hi > lo, shelf[np.minimum(lo + (rng.random(n) ** 2 * (hi - lo)).astype(np.int64), n - 1)], -1)
    quality = rng.normal(size=n)
    return ShopCatalogue(theme, style, quality, launch_week, partner, cells_per_theme, cell_start, shelf, cum)


def make_users(rng: np.random.Generator, n: int, cells_per_theme: int) -> ShopUsers:
    """Draw users.

    Args:
        rng: Source of randomness.
        n: Number of users.
        cells_per_theme: Of the catalogue.

    Returns:
        What they like.
    """
    shape = (n, MAX_FAVOURITES)
    # Gumbel top-k: the largest log-weights plus Gumbel noise are a weighted draw without replacement.
    favourite = np.argsort(-(np.log(DEMAND) + rng.gumbel(size=(n, len(CATEGORIES)))), axis=1)[:, :MAX_FAVOURITES]
    n_favourites = rng.choice(np.arange(1, MAX_FAVOURITES + 1), size=n, p=[0.25, 0.35, 0.25, 0.15])
    loyalty = np.array([1.0, 0.6, 0.4, 0.3]) * (np.arange(MAX_FAVOURITES) < n_favourites[:, None])
    fav_theme = favourite * THEMES_PER_CATEGORY + rng.integers(THEMES_PER_CATEGORY, size=shape)
    return ShopUsers(
        joined=np.where(rng.random(n) < 0.55, 0, rng.integers(DAYS, size=n)),
        activity=rng.lognormal(-0.32, 0.8, n),
        favourite=favourite,
        loyalty=loyalty,
        fav_theme=fav_theme,
        fav_cell=fav_theme * cells_per_theme + rng.integers(cells_per_theme, size=shape),
        taste=rng.normal(size=(n, TASTE_SIZE)),
        generosity=rng.normal(0.0, 0.5, n),
        rates=rng.beta(1.6, 2.4, n),
    )


def match_of(catalogue: ShopCatalogue, users: ShopUsers, user: IntArray, product: IntArray) -> FloatArray:
    """Return how well products suit users.

    Args:
        catalogue: The products.
        user: int[m], row numbers.
        product: int[m], row numbers.

    Returns:
        float[m], normally distributed with variance 1.
    """
    match: FloatArray = np.einsum("ij,ij->i", users.taste[user], catalogue.style[product])
    return match
