"""The figures of an exploration, as plain data: what `explore` counts, `remarks` reads, and the page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from src.core.domain import BoolArray, IntArray, JsonDict
from src.core.records import Load


@dataclass(frozen=True)
class Conversion:
    """Pairs of a user and a product, in whatever order things happened.

    looked: pairs with a view or click; carted, bought: how many of those were also put into the cart, bought.
    all_carted, all_bought: pairs in the cart, and bought, looked at or not. bought_from_cart: those that were both.
    interested: pairs with a view, click or cart; led_to_purchase: how many of those were bought, and not for the last
    time before the first of them. A time that is not known is taken for one that fits.
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
    """A product of a top list: n_events and n_users of that list's kinds, and what is known of it besides.

    looked, carted, bought: see Conversion, of this product alone. avg_rating: None without ratings.
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
    """counts: rating, or range of ratings → how many. spread: their standard deviation, which is the RMSE of always
    guessing avg. relevant_share: of those not below relevant_from.
    """

    n: int
    avg: float
    spread: float
    relevant_from: float
    relevant_share: float
    counts: dict[str, int]


@dataclass(frozen=True)
class Activity:
    """Events over time. period: "day", "week" (from Monday), "month" or "year", in UTC. counts: its first day → events,
    without gaps. by_kind: kind → events in each of these periods. oldest_at, newest_at: UTC seconds.
    """

    n_timed: int
    oldest_at: int
    newest_at: int
    period: str
    counts: dict[str, int]
    by_kind: dict[str, list[int]]


@dataclass(frozen=True)
class Tail:
    """How the events spread over n users, or products, of which each has one at least.

    with_events: "1", "2–4" … → how many have so many. on_top: percent of them, most events first → share of the events.
    half_on: the smallest share of them that has half of the events. most: events of the one with the most.
    curve: the share of the events on the first 0, 1, … 100 % of them.
    """

    n: int
    most: int
    half_on: float
    with_events: dict[str, int]
    on_top: dict[int, float]
    curve: list[float]


@dataclass(frozen=True)
class CatalogueCoverage:
    """What the catalogue says of items. titled: bool[n_items]. item_idx, name_idx: int32, a pair for every name of a
    category that an item has; name_idx points into names.
    """

    titled: BoolArray
    item_idx: IntArray
    name_idx: IntArray
    names: list[str]
    made_up: bool


@dataclass(frozen=True)
class CategoryFigures:
    """Of the products with this name among their categories; a product can have several.

    n_users: of those who bought or rated one of them. share: of all events; n_bought, share_bought: purchases.
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
    """Of the products that have events. titled, categorised: how many have a title, a category. without_events: of all
    others that are known; None if they were not counted.

    categories: those with the most events, of n_categories. made_up: whether any product is.
    """

    titled: int
    categorised: int
    n_categories: int
    categories: list[CategoryFigures]
    made_up: bool
    without_events: int | None = None


@dataclass(frozen=True)
class LoadFigures:
    """Of the latest load of every file; in rows, but for mended, which counts what was mended."""

    n_files: int
    n_read: int
    n_rejected: int
    rejected: dict[str, int]
    mended: dict[str, int]

    @classmethod
    def of(cls, loads: Iterable[Load]) -> LoadFigures:
        """loads: newest first."""
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
    """All figures. explored_at: UTC seconds. n_pairs: pairs of a user and a product with an event; filled: their share
    of all possible ones. most_looked_at, most_bought, most_rated: most first, empty where there is no such event.
    bought_again: the share of bought pairs that were bought on more than one day; None without dated purchases.
    by_kind: kind → events. ratings, activity: None without ratings, times.
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
        """The same as plain dicts, lists and numbers."""
        return asdict(self)
