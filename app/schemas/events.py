"""Schemas of the call that records events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, RootModel, WithJsonSchema

from app.schemas import SANE_REQUEST_ID, Id, Request, Text
from src.core.domain import MAX_VALUE, EventKind
from src.ingestion.event_kind_names import kind_of

MOST_WORDS = 100
"""For kinds that an answer names."""


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
    """Refuse what is neither a number nor a text; texts are read all together, see read_moments."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (value != value):
        raise ValueError("expected unix time, or a text such as 2026-03-01T12:00:00Z")
    if isinstance(value, str) and not value.strip():
        raise ValueError("expected a time; leave it out for now")
    return value


Moment = Annotated[
    int | float | str,
    BeforeValidator(_moment),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "minLength": 1}]}),
]


def _kind(value: Any) -> Any:
    """Return the kind that a word means in files."""
    if not isinstance(value, str) or value in _KINDS:
        return value
    kind = kind_of(value)
    if not kind:
        raise ValueError(
            f"{value[:60]!r} is no kind of event; expected {', '.join(EventKind)}, or a word for one of them"
        )
    return kind


_KINDS = frozenset(EventKind)
Kind = Annotated[EventKind, BeforeValidator(_kind), WithJsonSchema({"type": "string", "minLength": 1})]


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
    kind: Kind = Field(
        description=f"One of {', '.join(EventKind)}, or a word for one as files may have it, such as add_to_cart, "
        "Order Completed or gekauft."
    )
    value: float | None = Field(
        None,
        allow_inf_nan=False,
        strict=True,
        description="The rating given (needed), or how many were bought or brought back.",
    )
    at: Moment | None = Field(
        None,
        description="Unix time in seconds, milli-, micro- or nanoseconds, or a text, best ISO 8601; UTC without zone. "
        "By default now.",
    )
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


class EventsQuery(Request):
    """How the body is written."""

    format: Literal["ga4", "ubi", "segment"] | None = Field(
        None, description="A format of others that the body has; by default the one below."
    )
    key: Annotated[str, Field(max_length=256)] | None = Field(
        None, description="A public key, for a browser's sendBeacon, which sends no headers."
    )


class EventError(BaseModel):
    """Why one event of a request was not stored.

    index: its place in the list, from 0. item: with a format, the place of the product in the event; absent where an
    event has one product.
    """

    index: int
    item: int | None = None
    detail: str


class EventsRead(BaseModel):
    """How the events were read.

    kinds: word → kind. times: notation → number of events. ignored: name of events that are no act on a product → how
    many. unknown: name that is not known → how many; these are not stored either.
    """

    kinds: dict[str, str]
    times: dict[str, int]
    ignored: dict[str, int]
    unknown: dict[str, int]


class EventsAnswer(BaseModel):
    """received = stored + repeated + the number of errors. repeated: known already, or older than what is known.

    With a format each product of an event is one, and what `read` counts as ignored or unknown is none. read: absent
    where the words are the names of kinds and no event has a time.
    """

    received: int
    stored: int
    repeated: int
    errors: list[EventError]
    read: EventsRead | None = None
