"""The synthetic shop: readable, consistent in time, and with patterns that a model can learn."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from src.core.domain import EventBatch
from src.core.errors import InputError
from src.synthetic.shop import DAY, DAYS, DEFAULT_UNTIL, SyntheticShop, make_shop

STAGES = ["click", "cart", "purchase", "rating"]


def as_frame(events: EventBatch) -> pd.DataFrame:
    assert events.dedupe_key is not None
    return pd.DataFrame(
        {
            "user": events.user_id,
            "product": events.product_id,
            "kind": events.kind,
            "value": events.value,
            "at": events.at,
            "mark": events.dedupe_key,
        }
    )


@pytest.fixture(scope="module")
def shop() -> SyntheticShop:
    return make_shop()


@pytest.fixture(scope="module")
def frame(shop: SyntheticShop) -> pd.DataFrame:
    return as_frame(shop.events)


def test_the_same_seed_makes_the_same_shop() -> None:
    one, two = make_shop(n_users=60, n_products=50, seed=3), make_shop(n_users=60, n_products=50, seed=3)
    assert one.products == two.products
    pd.testing.assert_frame_equal(as_frame(one.events), as_frame(two.events))


def test_another_seed_makes_another_shop() -> None:
    one, two = make_shop(n_users=60, n_products=50, seed=3), make_shop(n_users=60, n_products=50, seed=4)
    assert one.products != two.products
    assert one.events.at.tolist() != two.events.at.tolist()


def test_the_products_depend_neither_on_the_users_nor_on_the_time() -> None:
    later = make_shop(n_users=5, n_products=50, until=DEFAULT_UNTIL + 40 * DAY)
    assert later.products == make_shop(n_users=9, n_products=50).products


@pytest.mark.parametrize(("n_users", "n_products"), [(1, 1), (1, 30), (30, 1), (7, 5), (300, 1_000)])
def test_a_shop_has_the_size_asked_for_and_every_user_does_something(n_users: int, n_products: int) -> None:
    shop = make_shop(n_users=n_users, n_products=n_products)
    assert [p.product_id for p in shop.products] == [f"P{i:05d}" for i in range(1, n_products + 1)]
    assert set(shop.events.user_id) == {f"U{i:05d}" for i in range(1, n_users + 1)}
    assert set(shop.events.product_id) <= {p.product_id for p in shop.products}


@pytest.mark.parametrize("wrong", [{"n_users": 0}, {"n_products": 0}, {"seed": -1}, {"until": 5}])
def test_a_shop_that_cannot_be_made_says_which_argument_is_wrong(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        make_shop(**wrong)


def test_products_read_like_products(shop: SyntheticShop) -> None:
    assert len({p.category for p in shop.products}) in range(12, 17)
    for product in shop.products:
        assert product.made_up
        assert product.image_url is None
        assert product.title
        assert product.description
        assert product.category
        assert len(product.title.split()) >= 4
        assert product.description.endswith(".")
        assert product.description.count(". ") >= 2
        assert product.price is not None
        assert product.price > 0
        assert f"{product.price:.2f}"[-2:] in {"99", "95", "49"}
        assert product.stock is not None
        assert product.stock >= 0


@pytest.mark.parametrize("n_products", [400, 60_000])
def test_titles_are_unique_however_large_the_shop(n_products: int) -> None:
    titles = {p.title for p in make_shop(n_users=1, n_products=n_products).products}
    assert len(titles) == n_products


def test_the_default_shop_has_a_believable_number_of_events_per_user(frame: pd.DataFrame) -> None:
    per_user = frame["kind"].value_counts() / 2_000
    assert 30 <= per_user.sum() <= 45
    assert 6 <= per_user["purchase"] <= 10
    assert per_user["click"] > per_user["cart"] > per_user["purchase"] > per_user["rating"] > 1
    purchases = frame[frame["kind"] == "purchase"]
    assert purchases.duplicated(["user", "product"]).mean() < 0.2


def test_activity_has_a_long_tail(frame: pd.DataFrame) -> None:
    counts = frame["user"].value_counts()
    assert counts.head(200).sum() > 0.25 * len(frame)


def test_events_are_ordered_and_within_the_year_before_until() -> None:
    until = int(datetime(2024, 6, 15, 9, 30, tzinfo=UTC).timestamp())
    at = make_shop(n_users=200, n_products=50, until=until).events.at
    assert np.all(np.diff(at) >= 0)
    assert until - DAYS * DAY < at[0] < until - (DAYS - 5) * DAY
    assert until - 5 * DAY < at[-1] <= until


def test_events_are_unique_by_their_mark(frame: pd.DataFrame) -> None:
    assert not frame.duplicated(["user", "product", "kind", "at"]).any()
    assert not frame.duplicated(["user", "product", "kind", "mark"]).any()
    assert ((frame["mark"] == "") == (frame["kind"] == "rating")).all()


def test_every_stage_of_the_funnel_comes_after_the_stage_before(frame: pd.DataFrame) -> None:
    first = frame.groupby(["user", "product", "kind"])["at"].min().unstack()
    for earlier, later in itertools.pairwise(STAGES):
        reached = first[first[later].notna()]
        assert (reached[earlier] < reached[later]).all()


def test_ratings_are_whole_from_one_to_five_and_one_for_a_user_and_product(frame: pd.DataFrame) -> None:
    ratings = frame[frame["kind"] == "rating"]
    assert set(ratings["value"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert not ratings.duplicated(["user", "product"]).any()


def test_seasons_are_visible_in_a_categorys_share_of_the_month(shop: SyntheticShop, frame: pd.DataFrame) -> None:
    category = frame["product"].map({p.product_id: p.category for p in shop.products})
    share = pd.crosstab(pd.to_datetime(frame["at"], unit="s").dt.month, category, normalize="index")
    garden, toys = share["Garden"].to_numpy(), share["Toys"].to_numpy()
    assert garden[3] > 1.5 * garden[10]
    assert toys[11] > 1.5 * toys[5]


def test_some_products_come_during_the_year_and_trade_shifts_between_them(frame: pd.DataFrame) -> None:
    clicks = frame[frame["kind"] == "click"]
    middle = DEFAULT_UNTIL - DAYS * DAY // 2
    halves = pd.crosstab(clicks["product"], clicks["at"] > middle)
    assert (halves[False] == 0).any()
    busy = halves[(halves.sum(axis=1) > 80) & (halves[False] > 20)]
    ratio = busy[True] / busy[False]
    assert ratio.quantile(0.9) > 1.5 * ratio.quantile(0.1)


def test_some_products_are_bought_together(frame: pd.DataFrame) -> None:
    """The commonest companion of a product in baskets is far more frequent there than the best seller overall."""
    purchases = frame[frame["kind"] == "purchase"]
    pairs = purchases.merge(purchases, on=["user", "at"], suffixes=("", "_with"))
    pairs = pairs[pairs["product"] != pairs["product_with"]]
    commonest = pairs.groupby("product")["product_with"].agg(lambda with_: with_.value_counts(normalize=True).iloc[0])
    often = pairs["product"].value_counts() >= 20
    assert often.sum() >= 20
    assert commonest[often].median() > 5 * purchases["product"].value_counts(normalize=True).iloc[0]


def ndcg_and_recall(scores: np.ndarray, relevant: np.ndarray, k: int = 10) -> tuple[float, float]:
    """Means over the rows; scores is -inf where a product may not be shown, relevant is boolean."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(relevant, top, axis=1)
    discount = 1.0 / np.log2(np.arange(k) + 2)
    n_relevant = relevant.sum(axis=1)
    ideal = np.cumsum(discount)[np.minimum(n_relevant, k) - 1]
    return float(np.mean(hits @ discount / ideal)), float(np.mean(hits.sum(axis=1) / n_relevant))


@pytest.mark.parametrize("seed", [7, 8])
def test_a_model_of_co_purchases_clearly_beats_popularity(seed: int) -> None:
    frame = as_frame(make_shop(seed=seed).events)
    split = frame["at"].quantile(0.8)
    chosen = frame[frame["kind"].isin(["purchase", "rating"])]
    user, product = chosen["user"].str[1:].astype(int) - 1, chosen["product"].str[1:].astype(int) - 1
    train = (chosen["at"] <= split).to_numpy()
    good = ~train & ((chosen["kind"] == "purchase") | (chosen["value"] >= 4)).to_numpy()
    seen = np.zeros((2_000, 400), dtype=bool)
    seen[user[train], product[train]] = True
    relevant = np.zeros_like(seen)
    relevant[user[good], product[good]] = True
    relevant &= ~seen
    tested = relevant.any(axis=1) & seen.any(axis=1)

    matrix = seen.astype(float)
    together = matrix.T @ matrix
    norm = np.sqrt(np.maximum(np.diag(together), 1.0))
    cosine = together / (norm[:, None] * norm)
    np.fill_diagonal(cosine, 0.0)
    hidden = np.where(seen[tested], -np.inf, 0.0)
    popularity = np.tile(seen.sum(axis=0).astype(float), (int(tested.sum()), 1))
    item_item_ndcg, item_item_recall = ndcg_and_recall(seen[tested] @ cosine + hidden, relevant[tested])
    popular_ndcg, popular_recall = ndcg_and_recall(popularity + hidden, relevant[tested])

    found = f"ndcg {item_item_ndcg:.3f} / {popular_ndcg:.3f}, recall {item_item_recall:.3f} / {popular_recall:.3f}"
    print(found)
    assert item_item_ndcg >= 1.5 * popular_ndcg, found
    assert item_item_recall >= 1.5 * popular_recall, found
    assert item_item_ndcg <= 0.35, found


def test_biases_of_users_and_products_predict_ratings_better_than_the_mean(frame: pd.DataFrame) -> None:
    ratings = frame[frame["kind"] == "rating"]
    train, test = ratings.iloc[: len(ratings) * 4 // 5], ratings.iloc[len(ratings) * 4 // 5 :]
    mean = train["value"].mean()

    def damped(residual: pd.Series, by: str) -> pd.Series:
        groups = residual.groupby(train[by])
        return groups.sum() / (groups.count() + 3.0)

    of_product = damped(train["value"] - mean, "product")
    of_user = damped(train["value"] - mean - train["product"].map(of_product), "user")
    predicted = mean + test["product"].map(of_product).fillna(0.0) + test["user"].map(of_user).fillna(0.0)

    def rmse(guess: pd.Series | float) -> float:
        return float(np.sqrt(np.mean((test["value"] - guess) ** 2)))

    print(f"rmse {rmse(predicted):.3f} against {rmse(mean):.3f}")
    assert rmse(predicted) < 0.95 * rmse(mean)
