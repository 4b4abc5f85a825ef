"""What requests and answers look like. The OpenAPI text is made from these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StrictBool,
    WithJsonSchema,
    model_validator,
)

from src.domain import MAX_VALUE, EventKind
from src.ids import MAX_ID_BYTES, MAX_ID_LENGTH, clean_id, has_bad_characters, is_too_long

MAX_LIST = 100
MAX_EXCLUDED = 1_000
MAX_HISTORY = 1_000
BODY_PROBLEMS = (400, 411, 413, 415, 422)
"""Statuses that any call with a body may answer."""
MAX_TEXT = 500
_WHICH_MODEL = (
    "popularity, trending, category_popularity, item_graph, spectral, als, text, svd or blend; the best one by default."
)


def _id_from_json(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checked_id(value: str) -> str:
    text = clean_id(value)
    if not text:
        raise ValueError("an id must not be empty")
    if is_too_long(text):
        raise ValueError(f"an id must not be longer than {MAX_ID_BYTES} bytes in UTF-8")
    if has_bad_characters(text):
        raise ValueError("an id must not contain control characters or broken unicode")
    return text


def _checked_text(value: str) -> str:
    text = " ".join(value.split())
    if not text:
        raise ValueError("a text to search for must not be empty")
    if has_bad_characters(text):
        raise ValueError("a text must not contain control characters or broken unicode")
    return text


SANE_REQUEST_ID = r"^[A-Za-z0-9._-]{1,64}$"

Id = Annotated[
    str,
    BeforeValidator(_id_from_json),
    Field(max_length=MAX_ID_LENGTH),
    AfterValidator(_checked_id),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH}, {"type": "integer"}]}),
]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_checked_text)]
Price = Annotated[float, Field(ge=0, le=MAX_VALUE, allow_inf_nan=False, strict=True)]
Length = Annotated[int, Field(ge=1, le=MAX_LIST, strict=True)]


class Request(BaseModel):
    """A body or query: a field that nobody knows is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class RecommendBody(Request):
    """Whom a list is for, and how it should be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "U00001", "n": 5}]})

    user_id: Id | None = Field(None, description="An unknown user without a history gets the popular products.")
    product_name: Text | None = Field(
        None, description="Instead of a user: products for this text, as POST /search finds them."
    )
    history: list[Id] = Field(
        [],
        max_length=MAX_HISTORY,
        description="Products that somebody bought, oldest first: instead of a user, or beside what the store knows.",
    )
    n: Length | None = Field(None, description="How many products; 10 by default.")
    top_k: Length | None = Field(None, description="Another name for n.")
    exclude: list[Id] = Field([], max_length=MAX_EXCLUDED, description="Products that must not appear.")
    exclude_seen: StrictBool = Field(True, description="Leave out what the user rated or bought.")
    model: str | None = Field(None, max_length=64, description=_WHICH_MODEL)
    detail: StrictBool = Field(False, description="Scores, titles and sources instead of a bare list.")

    @model_validator(mode="after")
    def _somebody(self) -> RecommendBody:
        if self.product_name is not None:
            others = sorted(self.model_fields_set - {"product_name", "n", "top_k"})
            if others:
                raise ValueError(f"product_name and {', '.join(others)} do not go together; POST /search has filters")
        elif self.user_id is None and not self.history:
            raise ValueError("user_id is missing, and so is history; give one of them, or both")
        return self

    @model_validator(mode="after")
    def _one_length(self) -> RecommendBody:
        if self.n is not None and self.top_k is not None:
            raise ValueError("n and top_k mean the same; give one of them")
        return self

    @property
    def length(self) -> int:
        return self.n or self.top_k or 10


class SearchBody(Request):
    """What is searched for, and what it must be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "washing machine", "top_k": 10}]})

    query: Text = Field(description="Words, a part number, a brand, or what the product is for.")
    top_k: Length = Field(10, description="How many products.")
    category: str | None = Field(None, min_length=1, max_length=500, description="Only products of this category.")
    min_price: Price | None = Field(None, description="Only products that cost at least so much.")
    max_price: Price | None = Field(None, description="Only products that cost no more.")
    in_stock: StrictBool = Field(False, description="Leave out what is known to be sold out.")

    @model_validator(mode="after")
    def _some_price(self) -> SearchBody:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError(f"min_price {self.min_price:g} is above max_price {self.max_price:g}; no price is both")
        return self


class SearchHit(BaseModel):
    """A product that was found. score: comparable within one answer only."""

    product_id: str
    title: str | None
    score: float
    image_url: str | None


class SearchAnswer(BaseModel):
    """Best first."""

    results: list[SearchHit]


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
    is described alike) for similar products; the model for a user's."""

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
    model: str | None = Field(None, max_length=64, description=_WHICH_MODEL)


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


class ProductList(RootModel[list[str] | IdList]):
    """Product ids, best first; for a product_name inside an object."""


class DetailedRecommendation(BaseModel):
    """One place of a list. score: the source model's own number; title …: null where the catalogue has none."""

    product_id: str
    score: float
    source: str
    title: str | None
    image_url: str | None
    category: str | None
    price: float | None


class DetailedList(BaseModel):
    """A list with what is known of its products. user_id: null for somebody who only gave a history."""

    user_id: str | None
    release: str
    source: str
    recommendations: list[DetailedRecommendation]


class PredictAnswer(BaseModel):
    """The predicted rating, and what it rests on: an unknown user or product counts as an average one. model: the one
    that predicts ratings best."""

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


class ProductPath(BaseModel):
    """Which product; the rest of the address, slashes included."""

    product_id: Id


class ProductAnswer(BaseModel):
    """All that is known of a product; null: not known. categories: the names in category. price: in the
    shop's currency.
    """

    product_id: str
    title: str | None
    description: str | None
    category: str | None
    categories: list[str] | None
    brand: str | None
    price: float | None
    image_url: str | None
    stock: int | None
    withdrawn: bool | None


class Category(BaseModel):
    """A category and how many products it has, without the withdrawn ones."""

    category: str
    count: int


class CategoryList(RootModel[list[Category]]):
    """Most products first, then by name."""


class StatusAnswer(BaseModel):
    """What the store holds, what is served, by which workers, and what the night does."""

    database: dict[str, Any]
    matrix_factorization: dict[str, Any]
    similarity_search: dict[str, Any]
    release: dict[str, Any]
    workers: list[dict[str, Any]]
    scheduler: dict[str, Any]


class Health(BaseModel):
    """status: ok."""

    status: str
