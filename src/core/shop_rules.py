"""The shop's rules as data: pin, boost, bury, exclude and cap, for some time, for one placement or for all."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from src.core.domain import JsonDict, Rules
from src.core.errors import InputError
from src.core.ids import clean_id
from src.core.list_rules import MAX_FACTOR, AtMost, BoostFields, Name, RuleFields, whole

MAX_RULES = 500
PLACEMENT = r"^[a-z][a-z0-9_-]{0,31}$"
_BOOST, _BURY = 2.0, 0.5
"""Factors of a boost and a bury without one."""
_NAMED = ("category", "brand", "product_id")
_OWN = ("position", "factor", "by", "at_most")

PlacementName = Annotated[str, Field(pattern=PLACEMENT)]


def _moment(value: Any) -> Any:
    """Refuse numbers, and texts of digits, which pydantic would read as seconds since 1970."""
    if isinstance(value, dt.datetime) or (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt ]", value)):
        return value
    raise ValueError("expected a time with a zone, such as 2026-03-01T12:00:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


def _schema_of(action: str, name: str | None, **own: JsonValue) -> JsonValue:
    """Return the schema of the rules of an action that name a product, category or brand, or nothing.

    Args:
        action: what they do.
        name: the field that they are for; None for none.
        own: the fields that only some actions take: what they must be.
    """
    fields: dict[str, JsonValue] = {field: {"type": "null"} for field in (*_NAMED, *_OWN)}
    named: dict[str, JsonValue] = {} if name is None else {name: {"type": "string"}}
    needed: list[JsonValue] = [*named, *(field for field in own if action == "cap")]
    return {"required": needed, "properties": {**fields, **named, **own, "action": {"const": action}}}


def _factor(bound: str) -> JsonValue:
    """Return the schema of a factor with a bound of 1; flask-openapi3 knows no list of types."""
    return {"anyOf": [{"type": "number", bound: 1}, {"type": "null"}]}


_ACTIONS: list[JsonValue] = [
    _schema_of("pin", "product_id", position={}),
    *(_schema_of("boost", name, factor=_factor("minimum")) for name in _NAMED),
    *(_schema_of("bury", name, factor=_factor("exclusiveMaximum")) for name in _NAMED),
    *(_schema_of("exclude", name) for name in _NAMED),
    _schema_of("cap", None, by={"type": "string"}, at_most={"type": "integer"}),
]
"""What ShopRule checks beyond its fields, except that a rule ends after it begins."""


class ShopRule(BaseModel):
    """One rule.

    pin: the product stands at `position`. boost and bury: a score is multiplied by `factor` (2 and 0.5 by default).
    exclude: on no list. cap: at most `at_most` products of each category, or brand, on a list.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"anyOf": _ACTIONS})

    action: Literal["pin", "boost", "bury", "exclude", "cap"]
    product_id: Name | None = None
    category: Name | None = None
    brand: Name | None = None
    position: Annotated[int, Field(ge=1, le=100, strict=True), BeforeValidator(whole)] | None = Field(
        None, description="Of pin; 1 by default."
    )
    factor: Annotated[float, Field(ge=1 / MAX_FACTOR, le=MAX_FACTOR, allow_inf_nan=False, strict=True)] | None = None
    by: Literal["category", "brand"] | None = Field(None, description="What a cap counts.")
    at_most: AtMost | None = Field(None, description="Of cap.")
    placement: PlacementName | None = Field(None, description="Only lists for this placement; null for all.")
    from_: Moment | None = Field(None, alias="from", description="When it begins to hold; null for at once.")
    until: Moment | None = Field(None, description="When it ceases to hold; null for never.")
    note: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _is_whole(self) -> ShopRule:
        named = [name for name in _NAMED if getattr(self, name) is not None]
        expected = {"cap": (), "pin": ("product_id",)}.get(self.action, _NAMED)
        if len(named) != min(1, len(expected)) or not set(named) <= set(expected):
            what = f"exactly one of {', '.join(expected)}" if expected else "none of product_id, category and brand"
            raise ValueError(f"{self.action} takes {what}; found {', '.join(named) or 'none'}")
        own = {"pin": {"position"}, "boost": {"factor"}, "bury": {"factor"}, "cap": {"by", "at_most"}}
        for name in set(_OWN) - own.get(self.action, set()):
            if getattr(self, name) is not None:
                raise ValueError(f"{self.action} takes no {name}")
        if self.action == "cap" and (self.by is None or self.at_most is None):
            raise ValueError('cap takes by ("category" or "brand") and at_most')
        if self.factor is not None and (self.factor < 1) != (self.action == "bury"):
            raise ValueError(f"a factor of {self.factor:g} does not {self.action}: boost takes 1 or more, bury below 1")
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise ValueError("until is not after from, so the rule would never hold")
        return self

    def holds(self, placement: str, now: float) -> bool:
        """Tell whether the rule holds.

        Args:
            placement: of the list; "" without one.
            now: UTC seconds.

        Returns:
            True if it is for this placement and time.
        """
        if self.placement not in (None, placement):
            return False
        return not any(now < bound for bound in _seconds(self.from_)) and not any(
            now >= bound for bound in _seconds(self.until)
        )

    def changes_at(self) -> Iterable[float]:
        """Yield the times, in UTC seconds, at which the rule begins or ceases to hold."""
        yield from _seconds(self.from_)
        yield from _seconds(self.until)

    @property
    def target(self) -> str:
        """The id or name that the rule is about; of a cap, what it counts."""
        return self.product_id or self.category or self.brand or self.by or ""


def _seconds(moment: dt.datetime | None) -> list[float]:
    return [] if moment is None else [moment.timestamp()]


_RULES: TypeAdapter[list[ShopRule]] = TypeAdapter(Annotated[list[ShopRule], Field(max_length=MAX_RULES)])


def parse_rules(documents: Any) -> list[ShopRule]:
    """Parse rules. Raises InputError that names the rule and the field at fault."""
    try:
        return _RULES.validate_python(documents)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = first["loc"]
        where = f"rule {int(at[0]) + 1}" if at and isinstance(at[0], int) else "rules"
        field = ".".join(str(part) for part in at[1:])
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}{f', {field}' if field else ''}: {message}. /docs shows what a rule is.") from None


def rules_as_json(rules: Sequence[ShopRule]) -> list[JsonDict]:
    """Return rules as JSON, without the fields that are not set."""
    return [rule.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True) for rule in rules]


@dataclass(frozen=True)
class ActiveRules:
    """The rules of one placement that hold at a time, as lists are made with them.

    Attributes:
        fields: filters, caps and boosts, over those of AISLE_RULES.
        rules: the same, as lists are made with them.
        excluded: ids that are on no list.
        pins: (position, id), by position.
        until: when other rules hold, in UTC seconds; infinity for never.
    """

    fields: RuleFields
    rules: Rules
    excluded: frozenset[str]
    pins: tuple[tuple[int, str], ...]
    until: float

    @classmethod
    def of(cls, rules: Sequence[ShopRule], base: RuleFields, placement: str, now: float) -> ActiveRules:
        """Combine rules.

        Args:
            rules: all rules of the shop.
            base: the rules of AISLE_RULES, which they go over.
            placement: of the lists; "" without one.
            now: UTC seconds.

        Returns:
            Those that hold.
        """
        active = [rule for rule in rules if rule.holds(placement, now)]
        excluded = [rule for rule in active if rule.action == "exclude"]
        fields: dict[str, Any] = {f"max_per_{rule.by}": rule.at_most for rule in active if rule.action == "cap"}
        fields |= {
            "exclude_category": [rule.category for rule in excluded if rule.category is not None],
            "exclude_brand": [rule.brand for rule in excluded if rule.brand is not None],
            "boosts": [_boost(rule) for rule in active if rule.action in ("boost", "bury")],
        }
        own = RuleFields.model_construct(**{name: value for name, value in fields.items() if value})
        pins = {rule.position or 1: clean_id(rule.product_id or "") for rule in active if rule.action == "pin"}
        changes = (change for rule in rules for change in rule.changes_at() if change > now)
        ids = frozenset(clean_id(rule.product_id) for rule in excluded if rule.product_id is not None)
        both = own.over(base)
        return cls(both, both.rules(), ids, tuple(sorted(pins.items())), min(changes, default=float("inf")))


def _boost(rule: ShopRule) -> BoostFields:
    factor = rule.factor or (_BOOST if rule.action == "boost" else _BURY)
    return BoostFields(product_id=rule.product_id, category=rule.category, brand=rule.brand, factor=factor)
