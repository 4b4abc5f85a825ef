"""Users of a synthetic shop who are shown lists: what they click and buy, by chance, and what is to be expected.

A position-based model of clicks (Craswell and others, "An experimental comparison of click position-bias models",
2008): a place is looked at with a probability of its rank, and a product that is looked at is clicked with a
probability of the user, the product and the week. Purchases follow clicks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray
from src.synthetic.products import numbered_ids
from src.synthetic.shop import ShopWorld
from src.synthetic.world import DAY, WEEKS, match_of

EXAMINED = 0.7
"""Exponent of the position bias: the place of rank k is looked at with a probability of 1 / k ** EXAMINED."""
_CLICK, _THEME, _CELL, _TREND = -4.0, 2.0, 2.0, 0.3
_BUY, _BOUGHT = -0.5, 0.72


class Response(NamedTuple):
    """What a user did with a list: positions from 0 that were clicked, and those of them that were bought."""

    clicked: list[int]
    bought: list[int]


class Visitors:
    """The users of a shop, as those who look at lists.

    Attributes:
        user_ids: Their ids.
        product_ids: Ids of the products.
        activity: float[n_users], the share of the visits that are of each user.
    """

    def __init__(self, world: ShopWorld) -> None:
        self._world = world
        self.activity: FloatArray = world.users.activity / world.users.activity.sum()
        self.user_ids = numbered_ids("U", len(world.users.activity))
        self.product_ids = numbered_ids("P", len(world.products))
        self._row_of = {id_: row for row, id_ in enumerate(self.product_ids)}
        catalogue, users = world.catalogue, world.users
        n_cells = len(catalogue.cell_start) - 1
        self._cell = np.empty(len(world.products), np.int64)
        self._cell[catalogue.shelf] = np.repeat(np.arange(n_cells), np.diff(catalogue.cell_start))
        self._wish = np.zeros((len(self.user_ids), n_cells))
        """Of each user for the products of each cell, by favourite themes and cells."""
        np.put_along_axis(self._wish, users.fav_theme * catalogue.cells_per_theme, _THEME * users.loyalty, axis=1)
        by_theme = self._wish.reshape(len(self.user_ids), -1, catalogue.cells_per_theme)
        by_theme[:] = by_theme[:, :, :1]
        of_cell = np.take_along_axis(self._wish, users.fav_cell, axis=1) + _CELL * users.loyalty
        np.put_along_axis(self._wish, users.fav_cell, of_cell, axis=1)
        trade = np.stack([world.catalogue.trade(week) for week in range(WEEKS)])
        with np.errstate(divide="ignore"):
            self._trend = np.log(trade / trade.mean(axis=1, keepdims=True))

    def rows_of(self, product_ids: list[str]) -> IntArray:
        """Return the row numbers of products."""
        return np.array([self._row_of[id_] for id_ in product_ids], np.int64)

    def draw(self, rng: np.random.Generator, n: int) -> IntArray:
        """Draw visits.

        Args:
            rng: Source of randomness.
            n: Number of visits.

        Returns:
            int[n], row numbers of users, the active ones more often.
        """
        return rng.choice(len(self.activity), size=n, p=self.activity)

    def examined(self, n: int) -> FloatArray:
        """Return float[n]: the probability that each place is looked at."""
        seen: FloatArray = np.arange(1.0, n + 1) ** -EXAMINED
        return seen

    def attraction(self, user: int, products: IntArray, at: int) -> FloatArray:
        """Return the probability that a product is clicked when it is looked at.

        Args:
            user: Row number.
            products: int[m], row numbers.
            at: UTC seconds.

        Returns:
            float[m]; 0 for a product that is not on sale yet.
        """
        week = min((at - self._world.start) // (7 * DAY), WEEKS - 1)
        wish = _CLICK + self._wish[user, self._cell[products]] + self._liking(user, products)
        return _sigmoid(wish + _TREND * self._trend[week, products])

    def purchase(self, user: int, products: IntArray) -> FloatArray:
        """Return the probability that a clicked product is bought.

        Args:
            user: Row number.
            products: int[m], row numbers.

        Returns:
            float[m].
        """
        return _BOUGHT * _sigmoid(_BUY + self._liking(user, products))

    def _liking(self, user: int, products: IntArray) -> FloatArray:
        catalogue = self._world.catalogue
        match = match_of(catalogue, self._world.users, np.full(len(products), user), products)
        liking: FloatArray = 0.8 * match + 0.4 * catalogue.quality[products]
        return liking

    def expected(self, user: int, products: IntArray, at: int) -> tuple[float, float]:
        """Return the expected clicks and purchases of a list.

        Args:
            user: Row number.
            products: int[m], row numbers, best first.
            at: UTC seconds.

        Returns:
            The clicks, and the purchases.
        """
        clicks = self.examined(len(products)) * self.attraction(user, products, at)
        return float(clicks.sum()), float(clicks @ self.purchase(user, products))

    def respond(self, rng: np.random.Generator, user: int, products: IntArray, at: int) -> Response:
        """Draw what a user does with a list.

        Args:
            rng: Source of randomness.
            user: Row number.
            products: int[m], row numbers, best first.
            at: UTC seconds.

        Returns:
            What was clicked and bought.
        """
        draws = rng.random((2, len(products)))
        clicked: BoolArray = draws[0] < self.examined(len(products)) * self.attraction(user, products, at)
        bought = clicked & (draws[1] < self.purchase(user, products))
        return Response(np.flatnonzero(clicked).tolist(), np.flatnonzero(bought).tolist())


def _sigmoid(x: FloatArray) -> FloatArray:
    bounded: FloatArray = 1.0 / (1.0 + np.exp(-x))
    return bounded
