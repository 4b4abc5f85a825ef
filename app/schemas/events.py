"""Schemas of the call that records events."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, RootModel

from app.schemas import SANE_REQUEST_ID, Id, Request, Text
from src.core.domain import MAX_VALUE, EventKind
from src.core.list_rules import whole

MAX_EVENTS = 1_000


_OTHERS: list[JsonValue] = [kind.value for kind in EventKind if kind is not EventKind.RATING]
_RATING: dict[str, JsonValue] = {
    "required": ["value"],
    "properties": {"kind": {"const": EventKind.RATING.value}, "value": {"type": "number"}},
}
"""app.schemas.description adds the range of a rating, which the settings define."""
_OTHER: dict[str, JsonValue] = {
    "properties": {
        "kind": {"enum": _OTHERS},
        "value": {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": MAX_VALUE}, {"type": "null"}]},
    }
}


def _moment(value: Any) -> Any:
    """Refuse 1.5, true and "5", which pydantic would accept as times."""
    value = whole(value)
    if isinstance(value, float | bool) or (isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value)):
        raise ValueError("expected whole UTC seconds, or a text such as 2026-03-01T12:00:00Z")
    return value


Moment = Annotated[Annotated[int, Field(strict=True, ge=0, le=2**53)] | AwareDatetime, BeforeValidator(_moment)]


class EventBody(Request):
    """One thing a user did to a product."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [_RATING, _OTHER],
            "examples": [{"user_id": "U00001", "product_id": "P00001", "kind": "purchase"}],
        }
    )

    user_id: Id = Field(description="Who did it.")
    product_id: Id = Field(description="To what; the catalogue need not know it yet.")
    kind: EventKind = Field(description=f"One of {', '.join(EventKind)}.")
    value: float | None = Field(
        None,
        allow_inf_nan=False,
        strict=True,
        description="The rating given (needed), or how many were bought or brought back.",
    )
    at: Moment | None = Field(None, description="UTC seconds or ISO 8601 with a zone; now.")
    query: Text | None = Field(
        None, description="What the user had searched for when the product was shown: search learns from it."
    )
    request_id: Annotated[str, Field(pattern=SANE_REQUEST_ID)] | None = Field(
        None,
        description="The X-Request-Id of the answer that had shown the product. With AISLE_LOG_SERVED=on the event is "
        "joined to its place in that list; where the list was for a text, search learns from it as by `query`.",
    )
    event_id: Id | None = Field(None, description="Your own name for the event: the same one twice counts once.")


ABOUT_EVENTS = "\n".join(
    f"- `{name}`{'' if field.is_required() else ' (optional)'}: {field.description}"
    for name, field in EventBody.model_fields.items()
)
"""The fields of an event in Markdown; the schema of a list is loose, as a list may contain wrong events."""


class EventsBody(RootModel[dict[str, Any] | list[Any]]):
    """One event, or a list of up to 1,000. Each is checked on its own, and the good ones are stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "U00001", "product_id": "P00001", "kind": "purchase"},
                [
                    {"user_id": "U00001", "product_id": "P00002", "kind": "rating", "value": 5, "event_id": "r-1"},
                    {
                        "user_id": "U00001",
                        "product_id": "P00003",
                        "kind": "click",
                        "at": "2026-11-20T18:02:11Z",
                        "query": "acrylic paint",
                        "request_id": "5c0f2a9d41be5c0f2a9d41be",
                    },
                ],
            ]
        }
    )


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
