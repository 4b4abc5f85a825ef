"""What events that are told, and the answers to them, look like."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, StrictInt

from app.schemas import Id, Request, Text
from src.domain import MAX_VALUE, EventKind
from src.rules import whole

MAX_EVENTS = 1_000


_OTHERS = [kind.value for kind in EventKind if kind is not EventKind.RATING]
_RATING = {
    "required": ["value"],
    "properties": {"kind": {"const": EventKind.RATING.value}, "value": {"type": "number"}},
}
"""Between which numbers a rating lies is for settings to say; app.description adds it."""
_OTHER = {
    "properties": {
        "kind": {"enum": _OTHERS},
        "value": {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": MAX_VALUE}, {"type": "null"}]},
    }
}


class EventBody(Request):
    """One thing a user did to a product."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [_RATING, _OTHER],
            "examples": [{"user_id": "U00001", "product_id": "P00001", "kind": "purchase"}],
        }
    )

    user_id: Id
    product_id: Id
    kind: EventKind
    value: float | None = Field(
        None,
        allow_inf_nan=False,
        strict=True,
        description="The rating given (needed), or how many were bought or brought back.",
    )
    at: Annotated[StrictInt, BeforeValidator(whole), Field(ge=0, le=2**53)] | AwareDatetime | None = Field(
        None, description="UTC seconds or ISO 8601 with a zone; now."
    )
    query: Text | None = Field(
        None, description="What the user had searched for when the product was shown: search learns from it."
    )
    event_id: Id | None = Field(None, description="Your own name for the event: the same one twice counts once.")


def _one_or_several(schema: dict[str, Any]) -> None:
    """One of a list's events must be right; the others are named in the answer if they are not."""
    one = {"$ref": "#/components/schemas/EventBody"}
    several = {"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "contains": one}
    schema["anyOf"] = [one, several]
    schema["examples"] = [
        {"user_id": "U00001", "product_id": "P00001", "kind": "purchase"},
        [{"user_id": "U00001", "product_id": "P00002", "kind": "rating", "value": 5, "event_id": "r-1"}],
    ]


class EventsBody(RootModel[dict[str, Any] | list[Any]]):
    """One event, or a list of up to 1,000. Each is checked on its own, and the good ones are stored."""

    model_config = ConfigDict(json_schema_extra=_one_or_several)


class EventError(BaseModel):
    """Why one event of a request was not stored. index: its place in the list, from 0."""

    index: int
    detail: str


class EventsAnswer(BaseModel):
    """received = stored + repeated + the number of errors. repeated: known already, or older than what is known."""

    received: int
    stored: int
    repeated: int
    errors: list[EventError]
