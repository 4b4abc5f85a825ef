"""Exploration: some places of a list are exchanged at random, with known probabilities and bounded harm.

A list of n is the head of a pool of m products that the rules, caps and variants allow beside each other. Place after
place is drawn with a probability q and exchanged with a place of the pool that is chosen evenly. The way of one product
is a Markov chain, so that the probability of each product at each place is known exactly.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from src.core.domain import FloatArray, Recommendation
from src.core.list_recipes import DrawnPlaces
from src.recommendation.list_builder import RELAXED
from src.recommendation.pipeline import Pipeline


def draw_probability(share: float, n: int, m: int) -> float:
    """Return q, with which at most a share of the places shows another product than the list without chance.

    Args:
        share: AISLE_EXPLORE.
        n: Length of the list.
        m: Length of the pool, n at least.

    Returns:
        q: an exchange with a place behind the list changes one place, one within it two.
    """
    return min(1.0, share * m / max(1, m + n - 2))


@lru_cache(maxsize=256)
def chances(share: float, n: int, m: int) -> FloatArray:
    """Return the probability of each product of the pool at each place.

    Args:
        share: AISLE_EXPLORE.
        n: Length of the list.
        m: Length of the pool, n at least.

    Returns:
        float64[m, n], read only: the product of rank r at place p; every column sums to 1.
    """
    q = draw_probability(share, n, m)
    at = np.eye(m)
    for place in range(n):
        here = at[:, [place]]
        at = at * (1 - q / m) + here * (q / m)
        at[:, [place]] = here * (1 - q) + q / m
    at = at[:, :n]
    at.flags.writeable = False
    return at


def pool_of(listed: Sequence[Recommendation], n: int, pipeline: Pipeline) -> list[Recommendation]:
    """Return what may stand on a list of n: its products, and those behind it that keep the caps and are not sold out.

    Args:
        listed: A longer list for the same query.
        n: Length of the list.
        pipeline: Knows the stock.

    Returns:
        At least the first n of `listed`.
    """
    behind = [place for place in listed[n:] if place.filled_by != RELAXED]
    attributes = pipeline.attributes
    if attributes is not None and behind:
        rows = pipeline.items.rows_of([place.product_id for place in behind])
        sold_out = (rows >= 0) & (attributes.stock[rows] == 0)
        behind = [place for place, gone in zip(behind, sold_out.tolist(), strict=True) if not gone]
    return [*listed[:n], *behind]


def draw_places(
    pool: Sequence[Recommendation], n: int, share: float, rng: random.Random
) -> tuple[list[Recommendation], DrawnPlaces]:
    """Exchange places at random.

    Args:
        pool: Without chance its first n would be the list.
        n: Length of the list.
        share: AISLE_EXPLORE.
        rng: Source of randomness.

    Returns:
        The list, and what it was drawn from.
    """
    m, n = len(pool), min(n, len(pool))
    q, order = draw_probability(share, n, m), list(range(m))
    for place in range(n):
        if rng.random() < q:
            other = rng.randrange(m)
            order[place], order[other] = order[other], order[place]
    known = chances(share, n, m)
    ids = tuple(place.product_id for place in pool)
    propensities = tuple(float(known[rank, place]) for place, rank in enumerate(order[:n]))
    return [pool[rank] for rank in order[:n]], DrawnPlaces(ids, share, propensities)
