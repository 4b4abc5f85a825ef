"""Schemas of requests for lists. The OpenAPI document is made from these."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, WithJsonSchema, model_validator

from app.schemas import MAX_LIST, WHICH_PLACEMENT, Id, Ids, Length, Request, Text
from src.core.domain import MAX_VALUE, EventKind, Query
from src.core.list_rules import RuleFields, check_prices
from src.core.shop_rules import PlacementName
from src.interactions.counted_history import CountedHistory
from src.models import MODELS
from src.recommendation.ensemble import ENSEMBLE

_LISTING = [*(name for name, kind in MODELS.items() if kind.lists), ENSEMBLE]
_WHICH_VARIANTS = "true: variants of one thing (colours, sizes) each by itself; else one of a group."
_BESIDE_TEXT = ("n", "top_k", "variants")
"""Fields that go with product_name."""
_WHICH_MODEL = "The model that makes the list, or the blend of several; the best one by default."

ModelName = Annotated[str, Field(max_length=64), WithJsonSchema({"type": "string", "enum": _LISTING})]
"""Any name passes here: which models there are depends on the release."""
_USER_OR_HISTORY: list[dict[str, Any]] = [
    {"required": ["user_id"], "properties": {"user_id": {"not": {"type": "null"}}}},
    {"required": ["history"], "properties": {"history": {"minItems": 1}}},
]
_ONE_LENGTH = [{"properties": {name: {"type": "null"}}} for name in ("n", "top_k")]


def _list_schema(schema: dict[str, Any]) -> None:
    """Add to a schema what the validators require: a user or a history, and one length."""
    schema["allOf"] = [{"anyOf": _USER_OR_HISTORY}, {"anyOf": _ONE_LENGTH}]


def _recommend_schema(schema: dict[str, Any]) -> None:
    """Add the same to a schema, or a text and a length and nothing else."""
    properties = schema["properties"]
    text = {
        "required": ["product_name"],
        "properties": {name: properties[name] for name in _BESIDE_TEXT} | {"product_name": {"type": "string"}},
        "additionalProperties": False,
    }
    listed = [
        {**one, "properties": {**one["properties"], "product_name": {"type": "null"}}} for one in _USER_OR_HISTORY
    ]
    schema["allOf"] = [{"anyOf": [*listed, text]}, {"anyOf": _ONE_LENGTH}]
    schema["examples"] = [
        {"user_id": "U00001", "n": 5},
        {"user_id": "U00001", "category": "Kitchen", "max_price": 50, "in_stock": True, "explain": True},
        {"history": ["P00008"], "max_per_category": 2, "boosts": [{"category": "Toys", "factor": 1.5}]},
    ]


class ListBody(RuleFields):
    """The user or history that a list is for, and its rules."""

    user_id: Id | None = Field(None, description="An unknown user without a history gets the popular products.")
    history: Ids = Field(
        default_factory=list,  # a default would be copied deeply for every request
        json_schema_extra={"default": []},
        description="Products that were bought, oldest first: instead of a user, or in addition to the stored history.",
    )
    n: Length | None = Field(None, description="How many products; 10 by default.")
    top_k: Length | None = Field(None, description="Another name for n.")
    exclude: Ids = Field(
        default_factory=list,
        json_schema_extra={"default": []},
        description="Products that must not appear.",
    )
    model: ModelName | None = Field(None, description=_WHICH_MODEL)
    placement: PlacementName | None = Field(None, description=WHICH_PLACEMENT)

    @model_validator(mode="after")
    def _one_length(self) -> ListBody:
        if self.n is not None and self.top_k is not None:
            raise ValueError("n and top_k mean the same; give one of them")
        return self

    def check_user_or_history(self) -> None:
        """Raise ValueError without a user and without a history."""
        if self.user_id is None and not self.history:
            raise ValueError("user_id is missing, and so is history; give one of them, or both")

    @property
    def length(self) -> int:
        """Length of the list."""
        return self.n or self.top_k or 10

    def query(self) -> Query:
        """Return the query without its rules, which are merged with those of the shop."""
        return Query(
            self.user_id,
            history=CountedHistory.of_purchases(self.history),
            n=self.length,
            exclude=frozenset(self.exclude),
            model=self.model,
        )


class RecommendBody(ListBody):
    """The user or history that a list is for, and its rules."""

    model_config = ConfigDict(json_schema_extra=_recommend_schema)

    product_name: Text | None = Field(
        None, description="Instead of a user: products for this text, as POST /search finds them."
    )
    detail: StrictBool = Field(False, description="Scores, titles and sources instead of a bare list.")
    explain: StrictBool = Field(
        False,
        description="For each product the component scores and the products of the history behind it; implies detail.",
    )

    @model_validator(mode="after")
    def _has_user_or_history(self) -> RecommendBody:
        if self.product_name is None:
            self.check_user_or_history()
        else:
            others = sorted(self.model_fields_set - {"product_name", *_BESIDE_TEXT})
            if others:
                raise ValueError(f"product_name and {', '.join(others)} do not go together; POST /search has filters")
        return self


class WhyNotBody(ListBody):
    """A request as of POST /recommend, and a product that may be missing in its list."""

    model_config = ConfigDict(json_schema_extra=_list_schema)

    product_id: Id = Field(description="The product in question.")

    @model_validator(mode="after")
    def _has_user_or_history(self) -> WhyNotBody:
        self.check_user_or_history()
        return self


class SimilarBody(Request):
    """The product that others should be similar to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item_id": "P00012", "n": 10}]})

    item_id: Id
    n: Length = Field(10, description="How many products.")
    variants: StrictBool = Field(False, description=_WHICH_VARIANTS)
    placement: PlacementName | None = Field(None, description=WHICH_PLACEMENT)


class UserBody(Request):
    """The user that a list is for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "U00001", "n": 10}]})

    user_id: Id = Field(description="An unknown user gets the popular products.")
    n: Length = Field(10, description="How many products.")
    filter_already_liked: StrictBool = Field(True, description="Leave out what the user rated or bought.")
    variants: StrictBool | None = Field(None, description=_WHICH_VARIANTS)


class RecommendQuery(Request):
    """The same request as a query string."""

    user_id: Id = Field(description="An unknown user gets the popular products.")
    n: int = Field(10, ge=1, le=MAX_LIST, description="How many products.")
    model: ModelName | None = Field(None, description=_WHICH_MODEL)
    placement: PlacementName | None = Field(None, description=WHICH_PLACEMENT)
    exclude_seen: bool | None = Field(None, description="Leave out what the user rated or bought.")
    category: str | None = Field(None, min_length=1, max_length=500, description="Only products of this category.")
    exclude_category: str | None = Field(None, min_length=1, max_length=500, description="None of this category.")
    min_price: float | None = Field(None, ge=0, le=MAX_VALUE, allow_inf_nan=False, description="The lowest price.")
    max_price: float | None = Field(None, ge=0, le=MAX_VALUE, allow_inf_nan=False, description="The highest price.")
    in_stock: bool | None = Field(None, description="Leave out what is known to be sold out.")
    max_per_category: int | None = Field(None, ge=1, le=1_000, description="At most so many of one category.")
    max_per_brand: int | None = Field(None, ge=1, le=1_000, description="At most so many of one brand.")
    variants: bool | None = Field(None, description=_WHICH_VARIANTS)
    seen_group: bool | None = Field(None, description="What is left out takes the variants of its group out, too.")

    @model_validator(mode="after")
    def _some_price(self) -> RecommendQuery:
        check_prices(self.min_price, self.max_price)
        return self

    def rule_fields(self) -> RuleFields:
        """Return the rules among the parameters."""
        names = set(RuleFields.model_fields)
        return RuleFields.model_validate(self.model_dump(include=names, exclude_unset=True))


class PredictBody(Request):
    """The user and the product of a rating to predict."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "U00001", "product_id": "P00001"}]})

    user_id: Id
    product_id: Id


class PopularQuery(Request):
    """The events that popular products are counted by."""

    n: int = Field(5, ge=1, le=MAX_LIST, description="How many products.")
    days: int | None = Field(None, ge=1, le=36_500, description="Only the last days before the newest event.")
    kind: EventKind | None = Field(None, description="Count these events; purchases and ratings by default.")
    variants: bool = Field(False, description=_WHICH_VARIANTS)
