"""What recommendations earn, in a shop of a handful of events that are counted by hand."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from src.core.domain import Product
from src.core.progress import Silent
from src.core.records import ServedList
from src.core.settings import Settings
from src.store import Store
from src.workflows.explore import explore_store
from tests.conftest import AS_WRITER

MakeApp = Callable[[Settings], Flask]

ZONE = ZoneInfo("Europe/Berlin")
LISTS = (
    ("r1", "15 10:00", "user", "home", (("A", "als"), ("B", "als"))),
    ("r2", "15 11:00", "user", "basket", (("B", "text"), ("C", "text"))),
    ("r3", "15 12:00", "text", "", (("A", "words"),)),  # a search
    ("r4", "15 12:00", "product", "", (("C", "similar"),)),
    ("r5", "15 10:00", "user", "home", (("A", "als"),)),
)
EVENTS = (
    ("u1", "A", "click", 1, "15 10:01", "r1"),
    ("u1", "A", "purchase", 2, "16 00:30", None),  # follows the click; still the day before in UTC
    ("u2", "B", "view", 1, "15 11:00", "r1"),
    ("u2", "B", "click", 1, "15 12:00", "r2"),
    ("u2", "B", "purchase", 4, "15 13:00", None),  # the last click counts: basket
    ("u3", "C", "purchase", 1, "15 14:00", "r2"),  # names its request; has no price
    ("u4", "A", "click", 1, "15 14:30", "r3"),
    ("u4", "A", "purchase", 1, "15 15:00", None),  # followed a search
    ("u5", "A", "click", 1, "15 10:05", "r5"),
    ("u5", "A", "purchase", 1, "23 10:05", None),  # eight days after the click
    ("u6", "A", "purchase", 3, "15 16:00", None),
    ("u6", "A", "return", 1, "16 16:00", None),  # of three, two are left
    ("u7", "C", "click", 1, "15 16:00", "r4"),
)


def at(text: str, month: int = 7) -> int:
    day, clock = text.split()
    hour, minute = clock.split(":")
    return int(dt.datetime(2024, month, int(day), int(hour), int(minute), tzinfo=ZONE).timestamp())


@pytest.fixture
def shop(settings: Settings, store: Store, make_app: MakeApp) -> FlaskClient:
    """The shop: its lists, its events over HTTP, and its statistics."""
    settings = settings.model_copy(
        update={"timezone": "Europe/Berlin", "currency": "€", "log_served": "on", "attribution_days": 7}
    )
    client = make_app(settings).test_client()
    store.products.add([Product("A", "Lamp", price=10.0), Product("B", "Cup", price=2.5), Product("C", "Gift")])
    store.served_lists.add(
        [
            ServedList(id_, 1, at(when), "v", made_for, None, products, place)
            for id_, when, made_for, place, products in LISTS
        ],
        ZONE,
    )
    names = ("user_id", "product_id", "kind", "value", "at", "request_id")
    rows = [dict(zip(names, (*row[:3], float(row[3]), at(row[4]), row[5]), strict=True)) for row in EVENTS]
    rows.append({"user_id": "u8", "product_id": "B", "kind": "purchase", "value": 1.0, "at": at("10 23:30", month=1)})
    answer = client.post("/events", json=rows, headers=AS_WRITER)
    assert answer.status_code in (200, 201, 202), answer.text
    explore_store(settings, store, settings.reports_dir / "exploration.html", Silent())
    return client


def test_clicks_purchases_and_revenue_are_those_that_were_counted_by_hand(shop: FlaskClient) -> None:
    rows = shop.get("/operations/business.csv?from=2024-01-01&until=2024-12-31").text.split()
    assert rows[1:] == [
        "2024-01-10,1,2.5,0,0.0,0",  # late in the evening of a winter day
        "2024-07-15,4,40.0,2,10.0,5",
        "2024-07-16,1,20.0,1,20.0,0",
        "2024-07-23,1,10.0,0,0.0,0",
    ]
    page = shop.get("/operations/business?from=2024-07-01&until=2024-07-31").text
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ")
    for sentence in (
        "Clicks on recommendations 5 83.3 % of 6 places shown were clicked or viewed",
        "Purchases 3 50.0 % of 6 purchases (95 % interval 18.8 % to 81.2 %)",
        "€30.00 42.9 % of €70.00",
        "58.3 % of the clicks, views and purchases have named theirs (7 of 12)",
        "One purchase is of a product without a price, and counts as 0.",
        "basket 2 €10.00",
        "home 1 €20.00",
    ):
        assert sentence in said or re.search(re.escape(sentence), said, re.IGNORECASE), (sentence, said)
    money = re.search(r"Where it comes from(.*?)Recommendation results", said)
    assert money is not None
    assert re.search(r"Place on the list Purchases Revenue 1 2 €30.00 2 1 €0.00", money[1]), money[1]


def test_lists_and_clicks_after_the_shops_midnight_are_of_the_new_day(shop: FlaskClient, store: Store) -> None:
    late = ServedList("r6", 1, at("16 00:20"), "v", "user", None, (("A", "als"), ("B", "als")), "night")
    store.served_lists.add([late], ZONE)
    click = {"user_id": "u9", "product_id": "B", "kind": "click", "at": at("16 00:21"), "request_id": "r6"}
    assert shop.post("/events", json=click, headers=AS_WRITER).status_code == 201
    for day, expected in (("15", False), ("16", True)):
        page = shop.get(f"/operations/business?from=2024-07-{day}&until=2024-07-{day}").text
        said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ")
        assert ("night 2 50.0 %" in said) is expected, said
