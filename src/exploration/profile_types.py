"""Data types of the profile of a shop's data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from src.core.domain import BoolArray, IntArray, JsonDict
from src.core.records import Load


@dataclass(frozen=True)
class Conversion:
    """Pairs of a user and a product, whatever the order of their events.

    An unknown time counts as one that fits.

    Attributes:
        looked: Pairs with a view or click.
        carted: Those of `looked` that were also put into the cart.
        bought: Those of `looked` that were also bought.
        interested: Pairs with a view, click or cart.
        led_to_purchase: Those of `interested` whose last purchase is not before their first view, click or cart.
        all_carted: Pairs in the cart, with a view or without.
        all_bought: Pairs bought, with a view or without.
        bought_from_cart: Pairs both in the cart and bought.
    """

    looked: int
    carted: int
    bought: int
    interested: int
    led_to_purchase: int
    all_carted: int
    all_bought: int
    bought_from_cart: int


@dataclass(frozen=True)
class ProductFigures:
    """A product of a list of top products.

    Attributes:
        product_id: The product.
        n_events: Its events of the list's kinds.
        n_users: Users with such events.
        looked: As in Conversion, of this product.
        carted: As in Conversion, of this product.
        bought: As in Conversion, of this product.
        n_ratings: Its ratings.
        avg_rating: Their mean; None without ratings.
    """

    product_id: str
    n_events: int
    n_users: int
    looked: int
    carted: int
    bought: int
    n_ratings: int
    avg_rating: float | None


@dataclass(frozen=True)
class RatingStatistics:
    """The distribution of ratings.

    Attributes:
        n: Ratings.
        avg: Their mean.
        spread: Their standard deviation, which is the RMSE of always predicting `avg`.
        relevant_from: Lowest relevant rating.
        relevant_share: Share of relevant ratings.
        counts: Rating, or range of ratings → how many.
    """

    n: int
    avg: float
    spread: float
    relevant_from: float
    relevant_share: float
    counts: dict[str, int]


@dataclass(frozen=True)
class Activity:
    """Events over time, in UTC.

    Attributes:
        n_timed: Events with a time.
        oldest_at: UTC seconds.
        newest_at: UTC seconds.
        period: "day", "week" (from Monday), "month" or "year".
        counts: First day of each period → events, without gaps.
        by_kind: Kind → events in each of these periods.
    """

    n_timed: int
    oldest_at: int
    newest_at: int
    period: str
    counts: dict[str, int]
    by_kind: dict[str, list[int]]


@dataclass(frozen=True)
class Tail:
    """The distribution of events over n users, or products, with at least one event each.

    Attributes:
        n: Users, or products.
        most: Events of the one with the most.
        half_on: The smallest share of them that has half of the events.
        with_events: "1", "2–4" … → how many of them have so many events.
        on_top: Percentage of them, most events first → share of the events.
        curve: Share of the events on the first 0, 1, … 100 % of them.
    """

    n: int
    most: int
    half_on: float
    with_events: dict[str, int]
    on_top: dict[int, float]
    curve: list[float]


@dataclass(frozen=True)
class CatalogueCoverage:
    """Titles and categories of items.

    Attributes:
        titled: bool[n_items], whether the item has a title.
        item_idx: int32[n_pairs], the item of each pair of an item and a category's name.
        name_idx: int32[n_pairs], the name of each pair, as a position in `names`.
        names: Names of categories.
        made_up: Whether any product belongs to the synthetic shop.
    """

    titled: BoolArray
    item_idx: IntArray
    name_idx: IntArray
    names: list[str]
    made_up: bool


@dataclass(frozen=True)
class CategoryFigures:
    """Figures of the products that have a name among their categories; a product can have several.

    Attributes:
        name: The name.
        n_products: Products.
        n_events: Their events.
        share: Their share of all events.
        n_users: Users who bought or rated one of them.
        n_bought: Their purchases.
        share_bought: Their share of all purchases.
        n_ratings: Their ratings.
        avg_rating: Mean of these; None without ratings.
    """

    name: str
    n_products: int
    n_events: int
    share: float
    n_users: int
    n_bought: int
    share_bought: float
    n_ratings: int
    avg_rating: float | None


@dataclass(frozen=True)
class CatalogueFigures:
    """Figures of the products that have events.

    Attributes:
        titled: Products with a title.
        categorised: Products with a category.
        n_categories: Names of categories.
        categories: Those with the most events.
        made_up: Whether any product belongs to the synthetic shop.
        without_events: Known products without events; None if they were not counted.
    """

    titled: int
    categorised: int
    n_categories: int
    categories: list[CategoryFigures]
    made_up: bool
    without_events: int | None = None


@dataclass(frozen=True)
class LoadFigures:
    """Sums over the latest load of every file.

    Attributes:
        n_files: Files.
        n_read: Rows read.
        n_rejected: Rows rejected.
        rejected: Reason → rows.
        mended: What was repaired or left out of products → times.
    """

    n_files: int
    n_read: int
    n_rejected: int
    rejected: dict[str, int]
    mended: dict[str, int]

    @classmethod
    def of(cls, loads: Iterable[Load]) -> LoadFigures:
        """Sum up loads; loads: newest first."""
        latest: dict[str, Load] = {}
        for load in loads:
            latest.setdefault(load.file, load)
        rejected, mended = Counter[str](), Counter[str]()
        for load in latest.values():
            rejected.update(load.rejected)
            mended.update(load.mended)
        return cls(
            n_files=len(latest),
            n_read=sum(load.n_read for load in latest.values()),
            n_rejected=rejected.total(),
            rejected=dict(rejected.most_common()),
            mended=dict(mended.most_common()),
        )


@dataclass(frozen=True)
class DataProfile:
    """All figures of a shop's data.

    Attributes:
        explored_at: UTC seconds of counting.
        n_events: Events.
        n_users: Users with events.
        n_products: Products with events.
        n_pairs: Pairs of a user and a product with an event.
        filled: Their share of all possible pairs.
        by_kind: Kind → events.
        most_looked_at: Products with the most views and clicks, most first; empty without such events.
        most_bought: The same for purchases.
        most_rated: The same for ratings.
        conversion: From a view to a purchase.
        bought_again: Share of bought pairs that were bought on more than one day; None without dated purchases.
        ratings: None without ratings.
        activity: None without times.
        users: How events spread over users.
        products: How events spread over products.
        catalogue: Titles and categories.
        loads: Latest loads of files.
    """

    explored_at: int
    n_events: int
    n_users: int
    n_products: int
    n_pairs: int
    filled: float
    by_kind: dict[str, int]
    most_looked_at: list[ProductFigures]
    most_bought: list[ProductFigures]
    most_rated: list[ProductFigures]
    conversion: Conversion
    bought_again: float | None
    ratings: RatingStatistics | None
    activity: Activity | None
    users: Tail
    products: Tail
    catalogue: CatalogueFigures
    loads: LoadFigures

    def to_json(self) -> JsonDict:
        """Return the profile as dicts, lists and numbers."""
        return asdict(self)
