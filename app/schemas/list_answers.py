"""Schemas of lists and other answers about products. The OpenAPI document is made from these."""

from __future__ import annotations

from pydantic import BaseModel, RootModel

from src.core.domain import ExclusionReason


class WhyNotAnswer(BaseModel):
    """Whether a product is on a list, and if not, why.

    rank: its place on the list; if it is not listed, its place by score among the products that the filters leave, or
    null. reason: null if it is listed. detail: the reason as a sentence.
    """

    user_id: str | None
    product_id: str
    release: str
    listed: bool
    rank: int | None
    reason: ExclusionReason | None
    detail: str


class ItemRecommendation(BaseModel):
    """A product of a list.

    score: never rises along a list; comparable within a list only. source: behaviour (same users) or text (similar
    description) for similar products; the model for a user's list.
    """

    item_id: str
    score: float
    title: str | None
    image_url: str | None
    source: str


class ItemList(BaseModel):
    """Best first."""

    recommendations: list[ItemRecommendation]


class IdList(BaseModel):
    """Product ids, best first; the answer for a product_name."""

    recommendations: list[str]


class OpinionAnswer(BaseModel):
    """One addend of a product's score.

    contribution: weight · score. The models "trees" (re-ranking) and "boost" (a rule) are changes of the sum;
    "bought_before" is an addend where the list may hold what the user rated or bought.
    """

    model: str
    score: float
    weight: float
    contribution: float


class ReasonAnswer(BaseModel):
    """A product of the history. contribution: by how much the sum would be lower without it."""

    product_id: str
    title: str | None
    contribution: float


class ExplanationAnswer(BaseModel):
    """Why a product has its place, the strongest first.

    The contributions of the opinions add up to the score. because: empty if no product of the history raises the score,
    such as where popularity filled the place.
    """

    opinions: list[OpinionAnswer]
    because: list[ReasonAnswer]


class DetailedRecommendation(BaseModel):
    """One place of a list.

    score: the source model's own score, with boosts. filled_by: null if the wanted model named the product; else
    popularity, catalogue (a product without events) or relaxed (more of its category or brand than the rules allow,
    because no other product was left). variants: how many variants of the thing the shop lists, this one included;
    null where it has no others. title …: null if the catalogue has none. explanation: only on request.
    """

    product_id: str
    score: float
    source: str
    filled_by: str | None
    title: str | None
    image_url: str | None
    category: str | None
    brand: str | None
    price: float | None
    stock: int | None
    variants: int | None = None
    explanation: ExplanationAnswer | None = None


class DetailedList(BaseModel):
    """A list with the catalogue data of its products. user_id: null for a history without a user.

    experiments: name → arm, of the experiments that the list was made for; missing without any.
    """

    user_id: str | None
    release: str
    source: str
    experiments: dict[str, str] = {}
    recommendations: list[DetailedRecommendation]


class ProductList(RootModel[list[str] | IdList | DetailedList]):
    """Product ids, best first; inside an object for a product_name; with `detail` or `explain` catalogue data."""


class PredictAnswer(BaseModel):
    """A predicted rating, and what it rests on.

    An unknown user or product counts as an average one. model: the one that predicts ratings best; "none" where the
    release has learned from no rating: then rating is the middle of the scale, and known_user and known_product say
    whether the release knows them from other events. low, high: nine of ten held-out ratings that rest on about as many
    ratings as this one were inside; null where too few were held out.
    """

    user_id: str
    product_id: str
    rating: float
    known_user: bool
    known_product: bool
    n_user_ratings: int
    n_product_ratings: int
    model: str
    low: float | None = None
    high: float | None = None
    release: str


class PopularProduct(BaseModel):
    """A product and its number of events."""

    product_id: str
    title: str | None
    count: int


class PopularList(RootModel[list[PopularProduct]]):
    """Most first."""
