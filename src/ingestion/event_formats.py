"""Read the event formats that shops already send: GA4 Measurement Protocol, OpenSearch UBI 1.x, Segment's track.

Each is turned into events as POST /events takes them, one for each product, in time linear in the body. Names of events
are read as the kinds in files are. What is no act of a user on a product is counted by its name, and nothing is lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from src.core.domain import EventKind
from src.core.errors import InputError
from src.ingestion.event_kind_names import is_ignored_kind, kind_of

MAX_EVENTS = 1_000
"""Of one request."""
_NEEDS_PRODUCT = (EventKind.PURCHASE, EventKind.RETURN, EventKind.RATING, EventKind.CART)
"""Kinds that are always about products; a view or click may be one of a page or a button."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME_SHOWN, _NAMES_SHOWN = 60, 100
_OTHER_NAMES = "other names"


@dataclass(frozen=True)
class SentEvent:
    """One act in a format, with the fields that POST /events takes.

    Attributes:
        index: place of the event in the body, from 0.
        item: place of the product in the event, from 0; None where an event has one product.
        fields: its fields.
    """

    index: int
    item: int | None
    fields: dict[str, Any]


@dataclass(frozen=True)
class SentProblem:
    """Why an event of a body cannot be used.

    Attributes:
        index: place of the event in the body, from 0.
        detail: what was found, and what was expected.
    """

    index: int
    detail: str


@dataclass
class SentEvents:
    """What a body of a format says.

    Attributes:
        events: acts of users on products.
        problems: events that should have been such acts.
        kinds: name of an event → kind that it was read as.
        ignored: name of events that are no act on a product → how many.
        unknown: name that is not known → how many.
    """

    events: list[SentEvent] = field(default_factory=list)
    problems: list[SentProblem] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def kind(self, name: object, index: int) -> str:
        """Find the kind that a name means, and note it.

        Args:
            name: of an event.
            index: its place in the body.

        Returns:
            The kind; "" for none, which is counted.
        """
        if not isinstance(name, str) or not name.strip():
            self.problems.append(SentProblem(index, "it has no name of an event; expected such as view_item"))
            return ""
        kind = kind_of(name)
        if kind:
            if len(self.kinds) < _NAMES_SHOWN:
                self.kinds[name[:_NAME_SHOWN]] = kind
            return kind
        count_name(self.ignored if is_ignored_kind(name) else self.unknown, name)
        return ""

    def without_product(self, name: str, kind: str, index: int, expected: str) -> None:
        """Note an event without a product: a fault where there must be one, else no act on a product.

        Args:
            name: of the event.
            kind: that it was read as.
            index: its place in the body.
            expected: the fields that would name a product.
        """
        if kind in _NEEDS_PRODUCT:
            self.problems.append(SentProblem(index, f"{name[:_NAME_SHOWN]!r} names no product; expected {expected}"))
        else:
            count_name(self.ignored, name)


def count_name(counts: Counter[str], name: str) -> None:
    """Count a name of an event, shortened; of very many names the later ones together.

    Args:
        counts: name → how many.
        name: of the event.
    """
    shown = name[:_NAME_SHOWN]
    counts[shown if shown in counts or len(counts) < _NAMES_SHOWN else _OTHER_NAMES] += 1


def read_format(name: str, body: object) -> SentEvents:
    """Read a body in a format.

    Args:
        name: one of FORMATS.
        body: JSON.

    Returns:
        Its events.

    Raises:
        InputError: the body is none of this format, or holds more than MAX_EVENTS events or acts on products; the
            message says what was expected.
    """
    most = MAX_EVENTS
    sent = SentEvents()
    for index, each in enumerate(_EVENTS_OF[name](body)):
        if index == most or len(sent.events) > most:
            raise InputError(f"more than {most:,} events were found; expected at most so many. Send several requests.")
        if isinstance(each, Mapping):
            FORMATS[name](each, index, sent)
        else:
            sent.problems.append(SentProblem(index, f"{type(each).__name__} was found; expected an object"))
    if len(sent.events) > most:
        raise InputError(f"more than {most:,} products of events were found; expected at most so many.")
    return sent


def _ga4_events(body: object) -> Iterator[object]:
    """Yield the events of a body, each with the ids and the time of the body."""
    if not isinstance(body, Mapping) or not isinstance(body.get("events"), list):
        raise InputError(
            'this is no body of the GA4 Measurement Protocol. Expected {"client_id": …, "events": [{"name": …, '
            '"params": {"items": […]}}]}'
        )
    shared = {name: body.get(name) for name in ("user_id", "client_id", "app_instance_id", "timestamp_micros")}
    for event in body["events"]:
        yield {**shared, **_filled(event)} if isinstance(event, Mapping) else event


def _ga4(event: Mapping[str, Any], index: int, sent: SentEvents) -> None:
    name = event.get("name")
    if not (kind := sent.kind(name, index)):
        return
    params = _mapping(event.get("params"))
    items = [item for item in _sequence(params.get("items")) if isinstance(item, Mapping)]
    if not items:
        sent.without_product(str(name), kind, index, 'params.items with {"item_id": …}')
    user = _first(event, "user_id", "client_id", "app_instance_id")
    order = params.get("transaction_id") if kind in (EventKind.PURCHASE, EventKind.RETURN) else None
    for at, item in enumerate(items):
        fields = {"user_id": user, "product_id": _first(item, "item_id", "item_name"), "kind": kind}
        fields |= {
            "at": event.get("timestamp_micros"),
            "value": _quantity(item, kind),
            "query": params.get("search_term"),
        }
        if order:
            fields["event_id"] = f"ga4:{kind}:{order}:{fields['product_id']}:{at}"
        sent.events.append(SentEvent(index, at, _filled(fields)))


def _listed(body: object) -> Iterator[object]:
    """Yield the events of a list, or one event."""
    yield from body if isinstance(body, list) else [body]


def _ubi(event: Mapping[str, Any], index: int, sent: SentEvents) -> None:
    name = event.get("action_name")
    if not (kind := sent.kind(name, index)):
        return
    attributes = _mapping(event.get("event_attributes"))
    product = _mapping(attributes.get("object"))
    product_id = _first(product, "object_id", "internal_id")
    if product_id is None:
        sent.without_product(str(name), kind, index, "event_attributes.object.object_id")
        return
    fields = {"user_id": _first(event, "user_id", "client_id"), "product_id": product_id, "kind": kind}
    fields |= {"at": event.get("timestamp"), "query": event.get("user_query"), "value": attributes.get("quantity")}
    if kind == EventKind.RATING:
        fields["value"] = attributes.get("rating")
    query_id = event.get("query_id")
    if isinstance(query_id, str) and _REQUEST_ID.fullmatch(query_id):
        fields["request_id"] = query_id
    sent.events.append(SentEvent(index, None, _filled(fields)))


def _segment_events(body: object) -> Iterator[object]:
    """Yield the events of a batch, of a list, or one event."""
    batch = body.get("batch") if isinstance(body, Mapping) else None
    return _listed(batch if isinstance(batch, list) else body)


def _segment(event: Mapping[str, Any], index: int, sent: SentEvents) -> None:
    kind_of_call = event.get("type", "track")
    if kind_of_call != "track":
        count_name(sent.ignored, f"call {kind_of_call}")
        return
    name = event.get("event")
    if not (kind := sent.kind(name, index)):
        return
    properties = _mapping(event.get("properties"))
    products = [item for item in _sequence(properties.get("products")) if isinstance(item, Mapping)]
    is_list = bool(products)
    if not is_list and _first(properties, "product_id", "sku") is not None:
        products = [properties]
    if not products:
        sent.without_product(str(name), kind, index, "properties.product_id, or properties.products with product_id")
    shared = {"user_id": _first(event, "userId", "anonymousId"), "kind": kind, "query": properties.get("query")}
    shared["at"] = _first(event, "timestamp", "originalTimestamp", "sentAt")
    message = event.get("messageId")
    for at, product in enumerate(products):
        fields = {**shared, "product_id": _first(product, "product_id", "sku"), "value": _quantity(product, kind)}
        if message:
            fields["event_id"] = f"segment:{message}:{at}"
        sent.events.append(SentEvent(index, at if is_list else None, _filled(fields)))


FORMATS: dict[str, Callable[[Mapping[str, Any], int, SentEvents], None]] = {
    "ga4": _ga4,
    "ubi": _ubi,
    "segment": _segment,
}
"""Name of a format → what reads one event of it."""
_EVENTS_OF: dict[str, Callable[[object], Iterator[object]]] = {
    "ga4": _ga4_events,
    "ubi": _listed,
    "segment": _segment_events,
}


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _first(fields: Mapping[str, Any], *names: str) -> Any:
    """Return the first of these fields that has a value."""
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _quantity(item: Mapping[str, Any], kind: str) -> Any:
    """Return the rating, or how many: a number, also where it is written as text."""
    value = item.get("rating" if kind == EventKind.RATING else "quantity")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value
