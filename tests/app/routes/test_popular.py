"""GET /popular: the products with the most events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from src.core.domain import Event, EventKind
from src.store import Store
from src.workflows.record_events import record_events

DAY = 86_400


def counted(store: Store, kinds: set[str], since: int = 0) -> list[tuple[str, int]]:
    """Count events: (product, count), highest first, ties by id."""
    counts = Counter[str]()
    for batch in store.events.read():
        for product, kind, at in zip(batch.product_id, batch.kind, batch.at.tolist(), strict=True):
            if kind in kinds and at >= since:
                counts[product] += 1
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def popular(client: FlaskClient, **query: Any) -> list[tuple[str, int]]:
    answer = client.get("/popular", query_string=query)
    assert answer.status_code == 200, answer.text
    return [(row["product_id"], row["count"]) for row in answer.get_json()]


def test_the_five_products_most_bought_or_rated(client: FlaskClient, trained_store: Store) -> None:
    answer = client.get("/popular")
    rows = answer.get_json()
    assert [(row["product_id"], row["count"]) for row in rows] == counted(trained_store, {"purchase", "rating"})[:5]
    catalogue = trained_store.products.get(row["product_id"] for row in rows)
    assert [row["title"] for row in rows] == [catalogue[row["product_id"]].title for row in rows]
    assert set(rows[0]) == {"product_id", "title", "count"}
    assert answer.headers["X-Release"] == client.get("/status").get_json()["release"]["version"]


@pytest.mark.parametrize("kind", [kind.value for kind in EventKind])
def test_the_products_with_the_most_events_of_one_kind(client: FlaskClient, trained_store: Store, kind: str) -> None:
    assert popular(client, kind=kind, n=100) == counted(trained_store, {kind})[:100]


def test_days_count_back_from_the_newest_event(client: FlaskClient, trained_store: Store) -> None:
    newest = trained_store.summary().newest_at
    assert newest is not None
    everything = counted(trained_store, {"click"})
    for days in (1, 30, 36_500):
        assert popular(client, kind="click", days=days, n=100) == counted(trained_store, {"click"}, newest - days * DAY)
    assert popular(client, kind="click", days=30, n=100) != everything
    assert popular(client, kind="click", days=36_500, n=100) == everything


def test_a_product_that_the_catalogue_does_not_have_has_no_title(client: FlaskClient, trained_store: Store) -> None:
    record_events(trained_store, [Event("u", "unlisted", EventKind.VIEW, at=100)])
    assert client.get("/popular?kind=view").get_json() == [{"product_id": "unlisted", "title": None, "count": 1}]


@pytest.mark.parametrize(
    "query",
    ["n=0", "n=101", "n=abc", "n=1.5", "days=0", "days=-3", "days=x", "days=99999999", "kind=like", "x=1", "n="],
)
def test_a_wrong_query_is_refused(
    reader: FlaskClient, is_problem: Callable[[Any, int], dict[str, Any]], query: str
) -> None:
    body = is_problem(reader.get(f"/popular?{query}"), 422)
    assert [error["field"] for error in body["errors"]] == [query.partition("=")[0]]
