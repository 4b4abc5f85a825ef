"""Define the nouns of Aisle as plain data; each has the same name in every layer.

An `_id` is the shop's name of a thing, an `_idx` its row number in arrays; `_idx` never leaves `src`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.integer]
FloatArray: TypeAlias = npt.NDArray[np.floating]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
JsonDict: TypeAlias = dict[str, object]

NO_TIME = -1
"""Placeholder in integer arrays of times: the event has no time."""

DAY = 86_400
"""Seconds."""

MAX_VALUE = 1e9
"""Upper limit of ratings and of quantities."""

CLOCK_TOLERANCE = DAY
"""Seconds by which an event may lie in the future: clocks go wrong, and some systems write local time."""


class EventKind(StrEnum):
    """A user's action on a product."""

    RATING = "rating"
    PURCHASE = "purchase"
    CART = "cart"
    VIEW = "view"
    CLICK = "click"
    RETURN = "return"


EVENT_WEIGHTS = {"rating": 1.0, "purchase": 1.0, "cart": 0.3, "view": 0.05, "click": 0.05, "return": 0.0}
"""Default weight of an event by its kind: a purchase or a rating is stronger evidence than a view."""

SEEN_KINDS = (EventKind.RATING, EventKind.PURCHASE)
"""Kinds of events that make a product seen. Viewed, clicked and carted products stay eligible."""

CATEGORY_PATH, CATEGORY_LIST = " > ", " | "
"""Separators of the names in a category: of a path from wide to narrow, and of alternatives."""


def category_names(category: str) -> list[str]:
    """Return the names in a Product.category, each once, in order, without surrounding blanks."""
    parts = (part for path in category.split(CATEGORY_LIST) for part in path.split(CATEGORY_PATH))
    return list(dict.fromkeys(name for part in parts if (name := part.strip())))


@dataclass(frozen=True, slots=True)
class Event:
    """One action of a user on a product.

    Attributes:
        user_id: Who acted.
        product_id: The product.
        kind: What was done.
        value: The rating, or the quantity bought or (for RETURN) brought back; 1.0 for other kinds.
        at: UTC seconds; None when the source gave no time.
        event_id: The sender's name of this event; a repeated one is ignored. None without one.
        query: The search text whose results showed the product; None when it was not found by a search.
        request_id: Id of the answer that showed the product; None when unknown.
    """

    user_id: str
    product_id: str
    kind: EventKind
    value: float = 1.0
    at: int | None = None
    event_id: str | None = None
    query: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A row of the catalogue. None means "unknown", never "empty".

    Attributes:
        product_id: The shop's id.
        title: Its name.
        description: Text without markup.
        category: One name, or several, separated by CATEGORY_PATH or CATEGORY_LIST.
        brand: Its maker.
        price: In the shop's currency.
        image_url: http(s) address, or a path on the shop's site.
        stock: Units in stock.
        withdrawn: Whether it must not be listed any more.
        group_id: Equal for the variants of one thing, such as its colours and sizes.
        guessed_group: The same by the titles, which differ by colour and size only; counts where group_id is unknown.
        unlisted: Whether the catalogue keeps it back: a draft, disabled, not visible.
        made_up: Whether it belongs to the synthetic shop.
    """

    product_id: str
    title: str | None = None
    description: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    image_url: str | None = None
    stock: int | None = None
    withdrawn: bool | None = None
    group_id: str | None = None
    guessed_group: str | None = None
    unlisted: bool | None = None
    made_up: bool = False

    @property
    def attributes(self) -> ProductAttributes:
        """The fields that filters, boosts and caps use."""
        return ProductAttributes(self.product_id, self.category, self.brand, self.price, self.stock, self.group)

    @property
    def group(self) -> str | None:
        """The group that it counts to, given or guessed."""
        return self.group_id or self.guessed_group


class ProductAttributes(NamedTuple):
    """The attributes of a Product that filters, boosts and caps use; None where unknown."""

    product_id: str
    category: str | None = None
    brand: str | None = None
    price: float | None = None
    stock: int | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Boost:
    """Raises or lowers the scores of products.

    A score of 0 or more is multiplied by the factor and one below 0 divided, so that a factor above 1 raises every
    score but 0. The factors of several boosts of one product are multiplied.

    Attributes:
        kind: "category", "brand" or "product_id".
        name: of the category or brand, or the id.
        factor: above 0; below 1 it lowers scores.
    """

    kind: str
    name: str
    factor: float


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Conditions on the products of a list or search. The default lets every product pass.

    Names are compared without case, and with single blanks.

    Attributes:
        categories: only products with one of these names in their category; empty for all.
        not_categories: no products with one of these names.
        min_price: no products of unknown or lower price.
        max_price: no products of unknown or higher price.
        in_stock: no products whose stock is known to be 0.
        not_brands: no products of these brands.
        brands: only products of one of these brands; empty for all.
    """

    categories: frozenset[str] = frozenset()
    not_categories: frozenset[str] = frozenset()
    min_price: float | None = None
    max_price: float | None = None
    in_stock: bool = False
    not_brands: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules(ProductFilter):
    """Conditions on a list: a filter, caps and boosts. The default only leaves out seen products.

    Attributes:
        seen: products of the history's events of these kinds are left out.
        max_per_category: highest number of products with the same narrowest category, while other products are left.
        max_per_brand: the same for brands.
        boosts: change the order.
        variants: whether a list may hold several variants of one thing; else it holds one of each group.
        seen_group: whether a seen product takes the other variants of its group out, too.
    """

    seen: frozenset[EventKind] = frozenset(SEEN_KINDS)
    max_per_category: int | None = None
    max_per_brand: int | None = None
    boosts: tuple[Boost, ...] = ()
    variants: bool = False
    seen_group: bool = False

    @property
    def has_caps(self) -> bool:
        """Whether they limit the number of products of one category or brand."""
        return self.max_per_category is not None or self.max_per_brand is not None

    @property
    def asks_facts(self) -> bool:
        """Whether they depend on attributes of products."""
        return bool(_FACTS(self) != _NO_FACTS)


_FACTS = attrgetter(*(each.name for each in fields(Rules) if each.name not in ("seen", "variants", "seen_group")))
_NO_FACTS = _FACTS(Rules())


@dataclass(frozen=True, slots=True)
class Query:
    """A request for a list.

    Attributes:
        user_id: of the user whom the list is for; None without one.
        history: the user's events, oldest first; a list is a function of it.
        n: length of the list.
        exclude: product ids that must not appear.
        model: name of the model that makes the list; None for the release's default.
        explain: whether every place gets an Explanation.
        rules: of the list.
    """

    user_id: str | None
    history: tuple[Event, ...] = ()
    n: int = 10
    exclude: frozenset[str] = frozenset()
    model: str | None = None
    explain: bool = False
    rules: Rules = Rules()

    @property
    def seen(self) -> frozenset[str]:
        """Ids of the products that are left out because of the history."""
        return frozenset(event.product_id for event in self.history if event.kind in self.rules.seen)


@dataclass(frozen=True, slots=True)
class ComponentScore:
    """One addend of a score.

    Attributes:
        model: name of the component.
        score: its own score, in units that are comparable between users.
        weight: its weight in the sum.
        contribution: weight · score.
    """

    model: str
    score: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Reason:
    """A product of the history that raises the score of a listed one.

    Attributes:
        product_id: of the history.
        contribution: by how much the score would be lower without it.
    """

    product_id: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reasons for a product's place on a list.

    Attributes:
        opinions: the addends of its score, largest first.
        because: the products of the history behind it, strongest first; empty if none raises the score.
    """

    opinions: tuple[ComponentScore, ...] = ()
    because: tuple[Reason, ...] = ()


class Recommendation(NamedTuple):
    """One place of a list; a tuple, as ten of them are made for every request.

    Attributes:
        product_id: the product.
        score: the source's own score with boosts, comparable within one source only.
        source: name of the model.
        filled_by: what filled the place because the wanted model named nothing for it; None where it did.
        explanation: None unless the query asked for it.
        base_score: the score without boosts.
    """

    product_id: str
    score: float
    source: str
    filled_by: str | None = None
    explanation: Explanation | None = None
    base_score: float = 0.0


class ExclusionReason(StrEnum):
    """The reason why a product is not on a list. NOT_RETRIEVED: it was not among the candidates of any model."""

    UNKNOWN_PRODUCT = "unknown_product"
    WITHDRAWN = "withdrawn"
    EXCLUDED = "excluded"
    SEEN = "seen"
    SEEN_GROUP = "seen_group"
    VARIANT = "variant"
    CATEGORY = "category"
    BRAND = "brand"
    PRICE = "price"
    STOCK = "stock"
    MAX_PER_CATEGORY = "max_per_category"
    MAX_PER_BRAND = "max_per_brand"
    RANK = "rank"
    NOT_RETRIEVED = "not_retrieved"


@dataclass(frozen=True, slots=True)
class ListPosition:
    """The position of a product on a list, or the reason for its absence.

    Attributes:
        rank: 1-based place on the list; with the reason RANK or a MAX_PER_…, the place by score among the products that
            the other rules leave; None without one.
        reason: why it is not listed; None if it is.
    """

    rank: int | None
    reason: ExclusionReason | None


NO_RATINGS = "none"
"""`PredictedRating.model` where the release has learned from no rating: the rating is the middle of the scale."""


@dataclass(frozen=True, slots=True)
class PredictedRating:
    """A predicted rating, and what it rests on.

    Attributes:
        rating: on the shop's scale.
        known_user: whether the model learnt from any rating of the user; where `model` is NO_RATINGS, whether the
            release knows the user from other events.
        known_product: the same of the product.
        n_user_ratings: number of ratings of the user.
        n_product_ratings: number of ratings of the product.
        model: name of the model; NO_RATINGS where there was no rating to learn from.
        low: nine of ten such ratings are between `low` and `high`; None where that was not measured.
        high: see low.
    """

    rating: float
    known_user: bool
    known_product: bool
    n_user_ratings: int
    n_product_ratings: int
    model: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ProductCount:
    """Number of events of a product."""

    product_id: str
    count: int


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """Number of products of a category, without withdrawn ones."""

    category: str
    count: int


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Columns of n events, in the order they were read.

    Attributes:
        user_id: n ids.
        product_id: n ids.
        kind: n values of EventKind.
        value: float64[n].
        at: int64[n], UTC seconds, NO_TIME where unknown.
        dedupe_key: n texts that tell apart events that are otherwise equal (invoice, event_id, count), and are equal
            for repeated deliveries of one event; "" for ratings. None for "" everywhere.
        arrival_seq: int64[n], arrival order: microseconds since 1970 at the start of the load, plus the position in it.
            None for events that arrive now, in this order.
    """

    user_id: list[str]
    product_id: list[str]
    kind: list[str]
    value: FloatArray
    at: IntArray
    dedupe_key: list[str] | None = None
    arrival_seq: IntArray | None = None

    def __len__(self) -> int:
        return len(self.user_id)

    def take(self, positions: Sequence[int]) -> EventBatch:
        """Return the events at these positions, in this order."""
        at = list(positions)
        return EventBatch(
            [self.user_id[i] for i in at],
            [self.product_id[i] for i in at],
            [self.kind[i] for i in at],
            self.value[at],
            self.at[at],
            None if self.dedupe_key is None else [self.dedupe_key[i] for i in at],
            None if self.arrival_seq is None else self.arrival_seq[at],
        )


def no_events() -> EventBatch:
    """Return an empty batch."""
    return EventBatch([], [], [], np.zeros(0), np.zeros(0, np.int64), [])
