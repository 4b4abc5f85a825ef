"""Parse list rules: those of a request, and those of the shop in AISLE_RULES. Both have the same fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from src.core.domain import MAX_VALUE, SEEN_KINDS, Boost, EventKind, Rules
from src.core.errors import InputError
from src.core.ids import clean_id

MAX_NAMES, MAX_BOOSTS, MAX_FACTOR = 100, 100, 1_000.0
_NAME = {"type": "string", "minLength": 1, "maxLength": 500}
_SEEN = ("rating", "purchase", "cart", "view", "click")

Name = Annotated[StrictStr, Field(min_length=1, max_length=500)]
Names = Annotated[
    list[Name],
    Field(max_length=MAX_NAMES),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [_NAME, {"type": "array", "items": _NAME, "maxItems": MAX_NAMES}]}),
]
"""One name, or several."""
Price = Annotated[float, Field(ge=0, le=MAX_VALUE, allow_inf_nan=False, strict=True)]


def whole(value: Any) -> Any:
    """Return a float without a fraction as an int, because JSON does not distinguish 5.0 from 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


AtMost = Annotated[int, Field(ge=1, le=1_000, strict=True), BeforeValidator(whole)]


def _seen(value: Any) -> Any:
    """Return the value of exclude_seen, or raise ValueError."""
    if isinstance(value, bool) or (isinstance(value, list) and all(isinstance(x, str) and x in _SEEN for x in value)):
        return value
    raise ValueError(f"expected true, false, or a list of kinds of events: {', '.join(_SEEN)}")


Seen = Annotated[
    bool | list[EventKind],
    BeforeValidator(_seen),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string", "enum": list(_SEEN)}}]}
    ),
]

_ADDED_UP = ("exclude_category", "exclude_brand", "boosts")
"""Fields in which a request adds to the shop's rules; in all others it replaces them."""
_NAMED = ("category", "brand", "product_id")


def _only(name: str) -> dict[str, Any]:
    """Return the schema of an object that has this one of the names of a boost, and no other."""
    others = {other: {"type": "null"} for other in _NAMED if other != name}
    return {"required": [name], "properties": {name: {"type": "string"}, **others}}


class BoostFields(BaseModel):
    """Boost the products of one category or brand, or one product: higher with a factor above 1, lower below."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"oneOf": [_only(name) for name in _NAMED]})

    category: Name | None = None
    brand: Name | None = None
    product_id: Name | None = None
    factor: Annotated[float, Field(ge=1 / MAX_FACTOR, le=MAX_FACTOR, allow_inf_nan=False, strict=True)] = Field(
        description="A score of 0 or more is multiplied by it, one below 0 divided."
    )

    @model_validator(mode="after")
    def _one_name(self) -> BoostFields:
        if sum(name is not None for name in (self.category, self.brand, self.product_id)) != 1:
            raise ValueError("a boost is for one of category, brand and product_id; give exactly one of them")
        return self

    def boost(self) -> Boost:
        """Return the boost as lists are made with it."""
        if self.product_id is not None:
            return Boost("product_id", clean_id(self.product_id), self.factor)
        if self.category is not None:
            return Boost("category", self.category, self.factor)
        assert self.brand is not None
        return Boost("brand", self.brand, self.factor)


class RuleFields(BaseModel):
    """Rules of a list. A field that is missing or null is no rule."""

    model_config = ConfigDict(extra="forbid")

    exclude_seen: Seen | None = Field(
        None,
        description="Leave out what the user rated or bought (true, the default), nothing (false), or the products of "
        'events of these kinds, such as ["purchase", "view"].',
    )
    category: Names | None = Field(
        None, description="Only products of this category, or of one of these; in any case, wide or narrow."
    )
    exclude_category: Names | None = Field(None, description="No products of this category, or of these.")
    exclude_brand: Names | None = Field(None, description="No products of this brand, or of these; in any case.")
    min_price: Price | None = Field(None, description="Only products that cost at least so much.")
    max_price: Price | None = Field(None, description="Only products that cost no more.")
    in_stock: StrictBool | None = Field(None, description="Leave out what is known to be sold out.")
    max_per_category: AtMost | None = Field(
        None, description="At most so many products with the same narrowest category, while others are left."
    )
    max_per_brand: AtMost | None = Field(
        None, description="At most so many products of one brand, while others are left."
    )
    boosts: Annotated[list[BoostFields], Field(max_length=MAX_BOOSTS)] | None = Field(
        None, description="What is to stand higher, or lower."
    )
    variants: StrictBool | None = Field(
        None, description="true: list variants of one thing (colours, sizes) each by itself; else one of a group."
    )
    seen_group: StrictBool | None = Field(
        None,
        description="true: what exclude_seen leaves out takes the other variants of its group out; else they stay.",
    )

    @model_validator(mode="after")
    def _some_price(self) -> RuleFields:
        check_prices(self.min_price, self.max_price)
        return self

    @property
    def has_rules(self) -> bool:
        """Whether any rule is given, null included."""
        return not self.model_fields_set.isdisjoint(_RULE_NAMES)

    def over(self, shop: RuleFields) -> RuleFields:
        """Return the rules of a request combined with those of the shop.

        A field of the request replaces the shop's, and null lifts it; excluded categories and brands and boosts are
        added to the shop's, unless they are null. Raises InputError if a price contradicts the shop's.
        """
        both = {name: getattr(shop, name) for name in RuleFields.model_fields}
        for name in self.model_fields_set & set(RuleFields.model_fields):
            value = getattr(self, name)
            if name in _ADDED_UP and value is not None and both[name] is not None:
                value = [*both[name], *value]
            both[name] = value
        try:
            check_prices(both["min_price"], both["max_price"])
        except ValueError as error:
            raise InputError(f"{error}. One is the shop's own; send the other, too, or null to lift it.") from None
        return RuleFields.model_construct(**both)

    def rules(self) -> Rules:
        """Return the rules as lists are made with them."""
        return Rules(
            seen=_kinds(self.exclude_seen),
            categories=frozenset(self.category or ()),
            not_categories=frozenset(self.exclude_category or ()),
            not_brands=frozenset(self.exclude_brand or ()),
            min_price=self.min_price,
            max_price=self.max_price,
            in_stock=bool(self.in_stock),
            max_per_category=self.max_per_category,
            max_per_brand=self.max_per_brand,
            boosts=tuple(boost.boost() for boost in self.boosts or ()),
            variants=bool(self.variants),
            seen_group=bool(self.seen_group),
        )


_RULE_NAMES = frozenset(RuleFields.model_fields)


def shop_rules(document: Mapping[str, Any]) -> RuleFields:
    """Parse AISLE_RULES. Raises pydantic's ValidationError, a ValueError."""
    return RuleFields.model_validate(document)


def check_prices(lowest: float | None, highest: float | None) -> None:
    """Check that a price can be in a range.

    Args:
        lowest: None for no bound.
        highest: None for no bound.

    Raises:
        ValueError: if no price can.
    """
    if lowest is not None and highest is not None and lowest > highest:
        raise ValueError(f"min_price {lowest:g} is above max_price {highest:g}; no price is both")


def _kinds(value: bool | list[EventKind] | None) -> frozenset[EventKind]:
    """Return the kinds of events that make a product seen."""
    if isinstance(value, list):
        return frozenset(value)
    return frozenset() if value is False else frozenset(SEEN_KINDS)
