"""What requests for lists, and the lists, look like. The OpenAPI text is made from these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, WithJsonSchema, model_validator

from app.schemas import MAX_LIST, Id, Length, Request, Text
from src.core.domain import MAX_VALUE, Event, EventKind, ExclusionReason, Query
from src.core.list_rules import RuleFields, check_prices
from src.models import MODELS
from src.recommendation.ensemble import ENSEMBLE

MAX_EXCLUDED = 1_000
MAX_HISTORY = 1_000
_LISTING = [*(name for name, kind in MODELS.items() if kind.lists), ENSEMBLE]
_WHICH_MODEL = "Whose list is wanted: one model's own, or the blend of several; the best one by default."

ModelName = Annotated[str, Field(max_length=64), WithJsonSchema({"type": "string", "enum": _LISTING})]
"""What a release holds is known when it is asked: one trained without a library lacks a model."""


_SOMEBODY: list[dict[str, Any]] = [
    {"required": ["user_id"], "properties": {"user_id": {"not": {"type": "null"}}}},
    {"required": ["history"], "properties": {"history": {"minItems": 1}}},
]
_ONE_LENGTH = [{"properties": {name: {"type": "null"}}} for name in ("n", "top_k")]


def _list_schema(schema: dict[str, Any]) -> None:
    """What the validators of a body ask for: somebody, and one length."""
    schema["allOf"] = [{"anyOf": _SOMEBODY}, {"anyOf": _ONE_LENGTH}]


def _recommend_schema(schema: dict[str, Any]) -> None:
    """The same, or a text and a length and nothing else."""
    properties = schema["properties"]
    text = {
        "required": ["product_name"],
        "properties": {name: properties[name] for name in ("n", "top_k")} | {"product_name": {"type": "string"}},
        "additionalProperties": False,
    }
    listed = [{**one, "properties": {**one["properties"], "product_name": {"type": "null"}}} for one in _SOMEBODY]
    schema["allOf"] = [{"anyOf": [*listed, text]}, {"anyOf": _ONE_LENGTH}]
    schema["examples"] = [
        {"user_id": "U00001", "n": 5},
        {"user_id": "U00001", "category": "Kitchen", "max_price": 50, "in_stock": True, "explain": True},
        {"history": ["P00008"], "max_per_category": 2, "boosts": [{"category": "Toys", "factor": 1.5}]},
    ]


class ListBody(RuleFields):
    """Whom a list is for, and how it should be."""

    user_id: Id | None = Field(None, description="An unknown user without a history gets the popular products.")
    history: list[Id] = Field(
        [],
        max_length=MAX_HISTORY,
        description="Products that somebody bought, oldest first: instead of a user, or beside what the store knows.",
    )
    n: Length | None = Field(None, description="How many products; 10 by default.")
    top_k: Length | None = Field(None, description="Another name for n.")
    exclude: list[Id] = Field([], max_length=MAX_EXCLUDED, description="Products that must not appear.")
    model: ModelName | None = Field(None, description=_WHICH_MODEL)

    @model_validator(mode="after")
    def _one_length(self) -> ListBody:
        if self.n is not None and self.top_k is not None:
            raise ValueError("n and top_k mean the same; give one of them")
        return self

    def check_somebody(self) -> None:
        """Raises ValueError for nobody: neither a user nor a history."""
        if self.user_id is None and not self.history:
            raise ValueError("user_id is missing, and so is history; give one of them, or both")

    @property
    def length(self) -> int:
        return self.n or self.top_k or 10

    def query(self) -> Query:
        """What is asked for, but for the rules, which may be the shop's."""
        return Query(
            self.user_id,
            history=tuple(Event("", product_id, EventKind.PURCHASE) for product_id in self.history),
            n=self.length,
            exclude=frozenset(self.exclude),
            model=self.model,
        )


class RecommendBody(ListBody):
    """Whom a list is for, and how it should be."""

    model_config = ConfigDict(json_schema_extra=_recommend_schema)

    product_name: Text | None = Field(
        None, description="Instead of a user: products for this text, as POST /search finds them."
    )
    detail: StrictBool = Field(False, description="Scores, titles and sources instead of a bare list.")
    explain: StrictBool = Field(
        False,
        description="For each product the opinions and the products of the history behind it; brings the details.",
    )

    @model_validator(mode="after")
    def _somebody(self) -> RecommendBody:
        if self.product_name is None:
            self.check_somebody()
        else:
            others = sorted(self.model_fields_set - {"product_name", "n", "top_k"})
            if others:
                raise ValueError(f"product_name and {', '.join(others)} do not go together; POST /search has filters")
        return self


class WhyNotBody(ListBody):
    """A list as POST /recommend would be asked for it, and the product that is missing on it."""

    model_config = ConfigDict(json_schema_extra=_list_schema)

    product_id: Id = Field(description="The product that is asked about.")

    @model_validator(mode="after")
    def _somebody(self) -> WhyNotBody:
        self.check_somebody()
        return self


class WhyNotAnswer(BaseModel):
    """Whether a product is on a list, and why not.

    rank: its place on the list; where it is not listed, its place by score among the products that the filters leave,
    null where it has none. reason: null where it is listed. detail: the same for a person.
    """

    user_id: str | None
    product_id: str
    release: str
    listed: bool
    rank: int | None
    reason: ExclusionReason | None
    detail: str


class SimilarBody(Request):
    """Which product others should go with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item_id": "P00012", "n": 10}]})

    item_id: Id
    n: Length = Field(10, description="How many products.")


class UserBody(Request):
    """Whose list is wanted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "U00001", "n": 10}]})

    user_id: Id = Field(description="An unknown user gets the popular products.")
    n: Length = Field(10, description="How many products.")
    filter_already_liked: StrictBool = Field(True, description="Leave out what the user rated or bought.")


class ItemRecommendation(BaseModel):
    """A product of a list. score: the source's own number. source: behaviour (what the same people took) or text (what
    is described alike) for similar products; the model for a user's.
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
    """Product ids, best first: the answer for a product_name."""

    recommendations: list[str]


class RecommendQuery(Request):
    """The same as text in an address."""

    user_id: Id = Field(description="An unknown user gets the popular products.")
    n: int = Field(10, ge=1, le=MAX_LIST, description="How many products.")
    model: ModelName | None = Field(None, description=_WHICH_MODEL)
    exclude_seen: bool | None = Field(None, description="Leave out what the user rated or bought.")
    category: str | None = Field(None, min_length=1, max_length=500, description="Only products of this category.")
    exclude_category: str | None = Field(None, min_length=1, max_length=500, description="None of this category.")
    min_price: float | None = Field(None, ge=0, le=MAX_VALUE, allow_inf_nan=False, description="The lowest price.")
    max_price: float | None = Field(None, ge=0, le=MAX_VALUE, allow_inf_nan=False, description="The highest price.")
    in_stock: bool | None = Field(None, description="Leave out what is known to be sold out.")
    max_per_category: int | None = Field(None, ge=1, le=1_000, description="At most so many of one category.")
    max_per_brand: int | None = Field(None, ge=1, le=1_000, description="At most so many of one brand.")

    @model_validator(mode="after")
    def _some_price(self) -> RecommendQuery:
        check_prices(self.min_price, self.max_price)
        return self

    def rule_fields(self) -> RuleFields:
        """The rules among what the address says."""
        names = set(RuleFields.model_fields)
        return RuleFields.model_validate(self.model_dump(include=names, exclude_unset=True))


class PredictBody(Request):
    """Whose rating of what is to be predicted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "U00001", "product_id": "P00001"}]})

    user_id: Id
    product_id: Id


class PopularQuery(Request):
    """Which products are popular: over which time, by what."""

    n: int = Field(5, ge=1, le=MAX_LIST, description="How many products.")
    days: int | None = Field(None, ge=1, le=36_500, description="Only the last days before the newest event.")
    kind: EventKind | None = Field(None, description="Count these events; purchases and ratings by default.")


class OpinionAnswer(BaseModel):
    """What one model says of a product. contribution: weight · score, its part of the product's score. The models
    "trees" (a learnt order dealt the scores of the list's head out anew) and "boost" (a rule) are changes of the sum.
    """

    model: str
    score: float
    weight: float
    contribution: float


class ReasonAnswer(BaseModel):
    """A product of the history. contribution: by how much the opinions would add up to less without it."""

    product_id: str
    title: str | None
    contribution: float


class ExplanationAnswer(BaseModel):
    """Why a product stands where it does; the strongest first. The contributions of the opinions add up to the score.
    because: empty where no product of the history speaks for it, such as where popularity filled the place.
    """

    opinions: list[OpinionAnswer]
    because: list[ReasonAnswer]


class DetailedRecommendation(BaseModel):
    """One place of a list. score: the source model's own number, with boosts. filled_by: null where the wanted model
    named the product; else popularity, catalogue (nobody did anything with it yet) or relaxed (there are more of its
    category or brand than the rules say, as no other product was left). title …: null where the catalogue has none.
    explanation: only where it was asked for.
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
    explanation: ExplanationAnswer | None = None


class DetailedList(BaseModel):
    """A list with what is known of its products. user_id: null for somebody who only gave a history."""

    user_id: str | None
    release: str
    source: str
    recommendations: list[DetailedRecommendation]


class ProductList(RootModel[list[str] | IdList | DetailedList]):
    """Product ids, best first; for a product_name inside an object; with `detail` or `explain` all that is known."""


class PredictAnswer(BaseModel):
    """The predicted rating, and what it rests on: an unknown user or product counts as an average one. model: the one
    that predicts ratings best.
    """

    user_id: str
    product_id: str
    rating: float
    known_user: bool
    known_product: bool
    n_user_ratings: int
    n_product_ratings: int
    model: str
    release: str


class PopularProduct(BaseModel):
    """A product and how many events it had."""

    product_id: str
    title: str | None
    count: int


class PopularList(RootModel[list[PopularProduct]]):
    """Most first."""
