"""The click model of the synthetic shop: repeatable, biased by position, and led by tastes and trends."""

from __future__ import annotations

import numpy as np
import pytest

from src.synthetic.shop import DEFAULT_UNTIL, make_shop, make_world
from src.synthetic.visits import Visitors

AT = DEFAULT_UNTIL - 86_400
EVERYTHING = np.arange(80)


@pytest.fixture(scope="module")
def visitors() -> Visitors:
    return Visitors(make_world(200, 80, 3, DEFAULT_UNTIL))


def test_what_is_drawn_is_what_was_to_be_expected(visitors: Visitors) -> None:
    rng, listed = np.random.default_rng(0), EVERYTHING[:10]
    rounds = [visitors.respond(rng, 5, listed, AT) for _ in range(20_000)]
    clicks, purchases = visitors.expected(5, listed, AT)
    assert np.mean([len(each.clicked) for each in rounds]) == pytest.approx(clicks, rel=0.1)
    assert np.mean([len(each.bought) for each in rounds]) == pytest.approx(purchases, rel=0.2)
    assert all(set(each.bought) <= set(each.clicked) for each in rounds)
    assert visitors.respond(np.random.default_rng(1), 5, listed, AT) == visitors.respond(
        np.random.default_rng(1), 5, listed, AT
    )


def test_a_higher_place_and_a_product_of_ones_taste_get_more_clicks(visitors: Visitors) -> None:
    examined = visitors.examined(10)
    assert examined[0] == 1
    assert (np.diff(examined) < 0).all()
    attraction = np.stack([visitors.attraction(user, EVERYTHING, AT) for user in range(200)])
    best, worst = np.argsort(-attraction[7])[:10], np.argsort(attraction[7])[:10]
    assert visitors.expected(7, best, AT)[0] > 5 * visitors.expected(7, worst, AT)[0]
    assert np.corrcoef(attraction)[np.triu_indices(200, 1)].mean() < 0.5, "tastes differ"
    autumn = visitors.attraction(7, EVERYTHING, AT - 90 * 86_400)
    assert not np.allclose(autumn, attraction[7]), "trends move"


def test_users_like_what_they_clicked_in_the_year_before(visitors: Visitors) -> None:
    events = make_shop(n_users=200, n_products=80, seed=3).events
    user = np.array([visitors.user_ids.index(id_) for id_ in events.user_id])
    product = visitors.rows_of(events.product_id)
    attraction = np.stack([visitors.attraction(row, EVERYTHING, AT) for row in range(200)])
    clicked = attraction[user, product].mean()
    assert clicked > 3 * attraction.mean()
