"""The data profile of stored events equals counts by hand, on every store."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from rows import Row, batch, stored

from src.core.domain import Product
from src.exploration.data_profile import profile_data, read_catalogue
from src.interactions.interactions import training_data
from src.store import Store
from src.store.returns import Movement, returned_quantities

LOOKS = ("view", "click", "cart")


def made_up(seed: int, n: int = 600) -> list[Row]:
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["view", "click", "cart", "purchase", "return", "rating"], n, p=[0.3, 0.1, 0.1, 0.25, 0.1, 0.15])
    rows = []
    for number, kind in enumerate(kinds.tolist()):
        user, product = f"u{rng.integers(12)}", f"p{rng.integers(9)}"
        at = None if rng.random() < 0.1 else int(rng.integers(1, 40)) * 40_000
        value = float(rng.integers(1, 4))
        rows.append((user, product, kind, value, at, "" if kind == "rating" else f"m{number}"))
    return rows


def net(rows: list[Row]) -> list[Row]:
    """Without returns, and without purchases that are taken back whole; of ratings the newest."""
    moved: dict[tuple[str, str], tuple[list[Movement], list[Movement]]] = defaultdict(lambda: ([], []))
    for user, product, kind, value, at, mark in rows:
        if kind in ("purchase", "return"):
            moved[user, product][kind == "return"].append(Movement(mark, value, at))
    taken = {
        mark: lost
        for purchases, returns in moved.values()
        for mark, lost in returned_quantities(purchases, returns).items()
    }
    return [row for row in rows if row[2] != "return" and not (row[2] == "purchase" and taken[row[5]] >= row[3])]


@pytest.mark.parametrize("seed", range(2))
def test_the_profile_of_a_shop_equals_counting_event_by_event(store: Store, seed: int) -> None:
    rows = made_up(seed)
    store.products.add([Product(f"p{n}", category="A > B" if n % 2 else "B") for n in range(12)])
    for part in (rows[::2], rows[1::2]):
        store.events.add(batch(*part))
    data = training_data(store.events.read())
    n_known = sum(map(len, store.products.read()))
    e = profile_data(
        data, read_catalogue(data.items, store.products.get), [], relevant_rating=4, now=1, n_known=n_known
    )

    ratings = [row for row in stored(store) if row[2] == "rating"]  # which of two counts is another test's business
    left = [row for row in net(rows) if row[2] != "rating"] + ratings
    assert e.by_kind == Counter(row[2] for row in left)
    assert (e.n_users, e.n_products) == (len({row[0] for row in left}), len({row[1] for row in left}))
    assert e.catalogue.without_events == 12 - e.n_products
    bought = Counter(row[1] for row in left if row[2] == "purchase")
    assert {top.product_id: top.n_events for top in e.most_bought} == bought
    looked = {row[:2] for row in left if row[2] in LOOKS}
    assert e.conversion.interested == len(looked)
    assert e.conversion.led_to_purchase == sum(
        any(
            look[4] is None or purchase[4] is None or purchase[4] >= look[4]
            for look in left
            for purchase in left
            if look[:2] == purchase[:2] == pair and look[2] in LOOKS and purchase[2] == "purchase"
        )
        for pair in looked
    )
    for category in e.catalogue.categories:
        its = [row for row in left if category.name == "B" or int(row[1][1:]) % 2]
        assert category.n_events == len(its)
        assert category.n_bought == sum(row[2] == "purchase" for row in its)
        assert category.n_users == len({row[0] for row in its if row[2] in ("purchase", "rating")})
        rated = [row[3] for row in its if row[2] == "rating"]
        assert category.avg_rating == pytest.approx(np.mean(rated))
    assert e.activity is not None
    assert {kind: sum(counts) for kind, counts in e.activity.by_kind.items()} == Counter(
        row[2] for row in left if row[4] is not None
    )
