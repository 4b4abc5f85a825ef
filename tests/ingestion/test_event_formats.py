"""The formats that shops send are read whole: every act is an event, everything else is counted or named."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from src.core.errors import InputError
from src.ingestion.event_formats import FORMATS, MAX_EVENTS, SentEvents, read_format
from src.ingestion.moments import read_moments
from src.ingestion.parsing import time_format

GA4 = {
    "client_id": "c.1",
    "timestamp_micros": 1_700_000_000_000_000,
    "events": [
        {"name": "view_item", "params": {"items": [{"item_id": "A", "item_name": "Mug"}], "search_term": "mug"}},
        {
            "name": "purchase",
            "params": {"transaction_id": "T1", "items": [{"item_id": "A", "quantity": 2}, {"item_id": "B"}]},
        },
        {"name": "page_view", "params": {"page_location": "https://shop.example"}},
        {"name": "session_start"},
        {"name": "spun_the_wheel"},
        {"name": "add_to_cart", "params": {}},
        {"params": {}},
        "no event",
    ],
}
UBI = {
    "action_name": "add_to_cart",
    "client_id": "c-1",
    "query_id": "00112233-4455",
    "timestamp": "2023-11-14T22:13:20Z",
    "message_type": "CONVERSION",
    "event_attributes": {"object": {"object_id": "A", "object_id_field": "sku"}, "position": {"ordinal": 3}},
}
SEGMENT = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "messageId": "m-1",
    "timestamp": "2023-11-14T22:13:20.000Z",
    "properties": {"order_id": "O1", "products": [{"product_id": "A", "quantity": 2}, {"sku": "B", "quantity": "1"}]},
}


def fields(name: str, body: object) -> list[dict[str, Any]]:
    return [each.fields for each in read_format(name, body).events]


def test_ga4_events_are_read_with_their_items_and_everything_else_is_named() -> None:
    sent = read_format("ga4", GA4)
    view, mugs, other = sent.events
    at = 1_700_000_000_000_000
    assert view.fields == {"user_id": "c.1", "product_id": "A", "kind": "view", "at": at, "query": "mug"}
    assert (mugs.index, mugs.item, mugs.fields["value"], mugs.fields["kind"]) == (1, 0, 2, "purchase")
    assert (other.index, other.item, other.fields["product_id"]) == (1, 1, "B")
    assert mugs.fields["event_id"] != other.fields["event_id"]
    assert sent.kinds == {"view_item": "view", "purchase": "purchase", "page_view": "view", "add_to_cart": "cart"}
    assert sent.ignored == Counter({"page_view": 1, "session_start": 1})
    assert sent.unknown == Counter({"spun_the_wheel": 1})
    assert [each.index for each in sent.problems] == [5, 6, 7]
    assert "names no product; expected params.items" in sent.problems[0].detail


def test_a_customer_goes_before_a_browser_and_an_event_before_its_body() -> None:
    event = {"name": "view_item", "timestamp_micros": 5, "params": {"items": [{"item_id": "A"}]}}
    (read,) = fields("ga4", {"client_id": "c", "user_id": "u", "timestamp_micros": 9, "events": [event]})
    assert (read["user_id"], read["at"]) == ("u", 5)
    assert fields("ga4", {"app_instance_id": "app", "events": [event]})[0]["user_id"] == "app"
    assert fields("ubi", {**UBI, "user_id": "u"})[0]["user_id"] == "u"
    assert fields("segment", {**SEGMENT, "userId": None, "anonymousId": "anon"})[0]["user_id"] == "anon"


def test_ubi_events_keep_the_query_that_showed_the_product() -> None:
    (read,) = fields("ubi", UBI)
    expected = {
        "user_id": "c-1",
        "product_id": "A",
        "kind": "cart",
        "at": UBI["timestamp"],
        "request_id": "00112233-4455",
    }
    assert read == expected
    assert "request_id" not in fields("ubi", {**UBI, "query_id": "not sane!"})[0]
    button = read_format(
        "ubi", [{**UBI, "action_name": "click", "event_attributes": {}}, {**UBI, "action_name": "on_search"}]
    )
    assert button.ignored == Counter({"click": 1, "on_search": 1})
    assert not button.unknown
    assert not button.problems


def test_segment_calls_are_read_alone_in_a_list_and_in_a_batch() -> None:
    for body in (SEGMENT, [SEGMENT], {"batch": [SEGMENT], "sentAt": "2023-11-14T22:13:21Z"}):
        one, two = fields("segment", body)
        assert (one["product_id"], one["value"], one["event_id"]) == ("A", 2, "segment:m-1:0")
        assert (two["product_id"], two["value"], two["kind"]) == ("B", 1.0, "purchase")
    names = ("Product Viewed", "Product Clicked", "Product Added", "Order Refunded")
    calls = [{**SEGMENT, "event": name, "properties": {"product_id": "A"}} for name in names]
    assert [each["kind"] for each in fields("segment", calls)] == ["view", "click", "cart", "return"]
    ignored = ("Cart Viewed", "Product Removed from Wishlist", "Products Searched", "Checkout Started")
    sent = read_format(
        "segment", [*({**SEGMENT, "event": name} for name in ignored), {"type": "identify", "userId": "u"}]
    )
    assert not sent.events
    assert sent.ignored == Counter([*ignored, "call identify"])


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("body", [1, "x", None, [], {}, [1], {"events": 1}, {"batch": 1}, {"events": [None]}, [[[]]]])
def test_any_json_is_read_or_refused_in_words(name: str, body: object) -> None:
    sent = SentEvents()
    with suppress(InputError):
        sent = read_format(name, body)
    assert not sent.events


@pytest.mark.parametrize("name", FORMATS)
def test_more_events_or_products_than_may_be_are_refused(name: str) -> None:
    many = {
        "ga4": {**GA4, "events": [{"name": "view_item", "params": {"items": [{"item_id": "A"}] * (MAX_EVENTS + 1)}}]},
        "ubi": [UBI] * (MAX_EVENTS + 1),
        "segment": {"batch": [SEGMENT] * MAX_EVENTS},
    }
    with pytest.raises(InputError, match="more than 1,000"):
        read_format(name, many[name])


HOSTILE: dict[str, Callable[[int], object]] = {
    "ga4": lambda n: {"events": [{"name": f"n{at}", "params": {"items": [{}] * 10}} for at in range(n)]},
    "ubi": lambda n: [{"action_name": "a " * 200 + str(at)} for at in range(n)],
    "segment": lambda n: {
        "batch": [{"event": f"E{at}" * 50, "properties": {"products": [[]] * 10}} for at in range(n)]
    },
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_cost_and_the_answer_are_bounded(name: str) -> None:
    read_format(name, HOSTILE[name](5))
    started = time.process_time()
    sent = read_format(name, HOSTILE[name](MAX_EVENTS))
    assert time.process_time() - started < 0.5
    assert len(sent.unknown) <= 101
    assert sum(sent.unknown.values()) == MAX_EVENTS, "counted, and not lost"


def test_times_are_read_as_the_column_of_a_file_is() -> None:
    for texts in (
        ["14.11.2023 22:13", "01.02.2024 10:00"],
        ["14/11/2023", "02/01/2024"],
        ["01.03.2024 12:00"],
        ["Nov 14, 2023", "Jan 2, 2024"],
        ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20+01:00", "2023-11-14"],
        ["1700000000", "1700000001"],
        ["1700000000123"],
        ["20231114", "20240102"],
    ):
        notation, _ = time_format(texts)
        expected, is_time = notation.seconds(texts)
        assert is_time.all()
        assert [moment.at for moment in read_moments(texts)] == expected.tolist()


def test_what_is_no_time_is_said_and_what_could_be_two_is_not_guessed() -> None:
    assert read_moments([None, ""]) == [(None, "", ""), (None, "", "")]
    assert "no time that is known" in read_moments(["tomorrow"])[0].problem
    assert "swapped" in read_moments(["03/04/2024"])[0].problem
    assert not read_moments(["03/04/2024", "14/04/2024"])[0].problem, "the other text tells"
    units = [moment.notation for moment in read_moments([1_700_000_000, 1.7e12, "1700000000000000", 17 * 10**17])]
    assert units == [f"unix time in {unit}" for unit in ("seconds", "milliseconds", "microseconds", "nanoseconds")]
