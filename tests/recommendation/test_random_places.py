"""Places that are exchanged at random: with the probabilities that are said, within the pool, as seldom as set."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from src.core.domain import ProductAttributes, Query, Recommendation
from src.core.settings import Settings
from src.recommendation.list_builder import RELAXED
from src.recommendation.random_places import chances, draw_places, pool_of
from src.releases.registry import Registry

POOL = [Recommendation(f"p{rank}", 1.0, "als") for rank in range(8)]


def test_products_stand_where_they_do_as_often_as_is_said() -> None:
    rng, seen, rounds = random.Random(1), np.zeros((8, 4)), 40_000
    for _ in range(rounds):
        listed, drawn = draw_places(POOL, 4, 0.3, rng)
        ranks = [int(each.product_id[1:]) for each in listed]
        assert len(set(ranks)) == 4
        seen[ranks, range(4)] += 1
        assert drawn.propensities == tuple(chances(0.3, 4, 8)[ranks, range(4)])
    assert drawn.pool == tuple(each.product_id for each in POOL)
    assert seen / rounds == pytest.approx(chances(0.3, 4, 8), abs=0.01)
    assert 0.15 < 1 - np.trace(seen[:4]) / rounds / 4 <= 0.3


@pytest.mark.parametrize(("share", "n", "m"), [(0.05, 10, 20), (0.5, 3, 3), (0.2, 1, 2), (0.1, 1, 1), (0.0, 5, 9)])
def test_the_share_of_changed_places_is_bounded_and_every_place_has_a_product(share: float, n: int, m: int) -> None:
    known = chances(share, n, m)
    assert known.sum(axis=0) == pytest.approx(np.ones(n))
    assert (known.sum(axis=1) <= 1 + 1e-9).all()
    assert 1 - np.trace(known[:n]) / n <= share + 1e-9
    if share and m > n:
        assert (known > 0).all(), "every product of the pool may stand at every place"


def test_what_is_sold_out_or_beyond_the_caps_does_not_come_by_chance(trained_settings: Settings) -> None:
    pipeline = Registry(trained_settings.releases_dir).active().pipeline
    listed = pipeline.recommend(Query("U00001", n=12))
    gone, over = listed[7].product_id, listed[8]._replace(filled_by=RELAXED)
    known = pipeline.with_attributes(
        [ProductAttributes(gone, stock=0), ProductAttributes(listed[2].product_id, stock=0)]
    )
    pool = pool_of([*listed[:8], over, *listed[9:]], 5, known)
    assert pool[:5] == listed[:5], "the list itself stays as it is"
    assert gone not in {each.product_id for each in pool}
    assert over not in pool
    assert len(pool) == len(listed) - 2
    assert pool_of(listed, 5, replace(pipeline, attributes=None)) == listed
