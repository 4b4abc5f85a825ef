"""Rules in requests, in addresses, and in the settings of the shop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.domain import EventKind, Product, Query, Recommendation
from src.core.settings import Settings
from src.store import Store

USER, CATEGORY = "U00003", "Corner"
Checker = Callable[[Any, int], dict[str, Any]]


def listed(client: FlaskClient, **body: Any) -> list[str]:
    answer = client.post("/recommend", json={"user_id": USER, **body})
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.get_json()
    return found


def rows(client: FlaskClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/recommend", json={"user_id": USER, "detail": True, **body})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["recommendations"]
    return found


@pytest.fixture
def catalogue(trained_store: Store, flask_app: Flask) -> dict[str, Product]:
    """Return the stored products; ten of them get one category after the training."""
    corner = (Product(f"P{number:05d}", category=f"Garden > {CATEGORY}") for number in range(1, 41, 4))
    assert trained_store.products.add(corner) == 10
    context_of(flask_app).recommender.refresh()
    return {product.product_id: product for page in trained_store.products.read() for product in page}


def has(product: Product) -> bool:
    return product.category == f"Garden > {CATEGORY}"


def test_a_category_narrows_the_list_and_is_filled_from_the_whole_catalogue(
    client: FlaskClient, catalogue: dict[str, Product]
) -> None:
    found = listed(client, category=CATEGORY.upper(), n=100, exclude_seen=False)
    assert set(found) == {id_ for id_, product in catalogue.items() if has(product)}
    others = listed(client, exclude_category=CATEGORY, n=100, exclude_seen=False)
    assert set(others) == set(catalogue) - set(found)


def test_a_category_that_no_product_has_makes_an_empty_list(reader: FlaskClient) -> None:
    answer = reader.post("/recommend", json={"user_id": USER, "category": "no such thing"})
    assert (answer.status_code, answer.get_json()) == (200, [])


def test_prices_narrow_the_list(client: FlaskClient, catalogue: dict[str, Product]) -> None:
    found = listed(client, min_price=10, max_price=40, n=100, exclude_seen=False)
    assert set(found) == {id_ for id_, product in catalogue.items() if product.price and 10 <= product.price <= 40}
    assert found


def test_a_price_and_a_stock_of_a_second_ago_count(
    client: FlaskClient, trained_store: Store, catalogue: dict[str, Product], flask_app: Flask
) -> None:
    before = listed(client, in_stock=True, max_price=1_000, n=5)
    gone, dear = before[0], before[1]
    trained_store.products.add([replace(catalogue[gone], stock=0), replace(catalogue[dear], price=2_000.0)])
    # No worker has looked yet: what is listed is asked for at once. exclude makes a list that is not in the cache.
    after = listed(client, in_stock=True, max_price=1_000, n=5, exclude=["nothing"])
    assert after[:3] == before[2:]
    assert len(after) == 5
    context_of(flask_app).recommender.refresh()
    assert listed(client, in_stock=True, max_price=1_000, n=5) == after
    assert not {gone, dear} & set(listed(client, in_stock=True, max_price=1_000, n=100))


def test_what_came_back_into_stock_is_listed_after_the_next_look(
    client: FlaskClient, trained_store: Store, catalogue: dict[str, Product], flask_app: Flask
) -> None:
    first = listed(client, in_stock=True)[0]
    refresh = context_of(flask_app).recommender.refresh
    trained_store.products.add([replace(catalogue[first], stock=0)])
    refresh()
    assert first not in listed(client, in_stock=True)
    trained_store.products.add([replace(catalogue[first], stock=3)])
    refresh()
    assert listed(client, in_stock=True)[0] == first


def test_a_change_of_the_catalogue_makes_new_lists_only_where_rules_ask_for_it(
    client: FlaskClient, trained_store: Store, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from src.recommendation.pipeline import Pipeline

    made = list[Any]()
    recommend = Pipeline.recommend

    def recorded(self: Pipeline, query: Query, **how: bool) -> list[Recommendation]:
        made.append(query)
        return recommend(self, query, **how)

    monkeypatch.setattr(Pipeline, "recommend", recorded)
    for _ in range(2):
        listed(client)
        listed(client, in_stock=True)
    assert len(made) == 2
    trained_store.products.add([Product("P00001", price=1.0)])
    context_of(flask_app).recommender.refresh()
    listed(client)
    assert len(made) == 2
    listed(client, in_stock=True)
    assert len(made) == 3


def test_at_most_so_many_of_a_category_and_the_places_beyond_say_that_the_rule_gave_way(
    client: FlaskClient, catalogue: dict[str, Product]
) -> None:
    categories = {product.category for product in catalogue.values()}
    found = rows(client, max_per_category=1, n=len(categories) + 2, exclude_seen=False)
    assert [row["filled_by"] for row in found[-2:]] == ["relaxed", "relaxed"]
    assert "relaxed" not in [row["filled_by"] for row in found[:-2]]
    assert {row["category"] for row in found[:-2]} == categories


def test_a_boost_brings_a_category_up(client: FlaskClient, catalogue: dict[str, Product]) -> None:
    plain = [has(catalogue[id_]) for id_ in listed(client, n=5, exclude_seen=False)]
    boosts = [{"category": CATEGORY, "factor": 1_000}]
    boosted = [has(catalogue[id_]) for id_ in listed(client, n=5, exclude_seen=False, boosts=boosts)]
    assert all(boosted)
    assert not all(plain)


@pytest.mark.parametrize("kind", [EventKind.VIEW, EventKind.CLICK, EventKind.CART])
def test_seen_is_by_kind_of_event_where_a_request_says_so(
    client: FlaskClient, as_writer: dict[str, str], kind: EventKind
) -> None:
    first = listed(client)[0]
    client.post("/events", json={"user_id": USER, "product_id": first, "kind": kind}, headers=as_writer)
    assert first in listed(client)
    assert first not in listed(client, exclude_seen=["purchase", kind])
    assert first in listed(client, exclude_seen=["purchase"])


def test_an_anonymous_session_has_rules_too(client: FlaskClient, catalogue: dict[str, Product]) -> None:
    answer = client.post("/recommend", json={"history": ["P00001", "P00002"], "category": CATEGORY, "n": 3})
    found = answer.get_json()
    assert len(found) == 3
    assert all(has(catalogue[id_]) for id_ in found)
    assert not {"P00001", "P00002"} & set(found)


def test_an_address_takes_the_same_rules(client: FlaskClient, catalogue: dict[str, Product]) -> None:
    options = {"category": CATEGORY, "max_price": 60, "in_stock": True, "max_per_brand": 1, "exclude_seen": False}
    by_address = client.get("/recommend", query_string={"user_id": USER, "n": 4, **options})
    assert by_address.get_json() == listed(client, n=4, **options)
    assert listed(client, n=4, **options) != listed(client, n=4)


@pytest.fixture
def strict(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], catalogue: dict[str, Product]
) -> FlaskClient:
    """Return a client of a shop whose rules allow one category."""
    return make_app(trained_settings.model_copy(update={"rules": {"category": CATEGORY}})).test_client()


def test_the_shops_rules_hold_for_every_list(strict: FlaskClient, catalogue: dict[str, Product]) -> None:
    by_address = strict.get(f"/recommend?user_id={USER}&n=3").get_json()
    with_titles = strict.post("/matrix_factor/user", json={"user_id": USER, "n": 3}).get_json()["recommendations"]
    assert listed(strict, n=3) == by_address == [row["item_id"] for row in with_titles]
    assert all(has(catalogue[id_]) for id_ in by_address)


def test_a_request_lifts_a_rule_of_the_shop_by_null(strict: FlaskClient, client: FlaskClient) -> None:
    assert listed(strict, category=None) == listed(client)


def test_a_request_that_contradicts_the_rules_of_the_shop_is_refused(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], is_problem: Checker
) -> None:
    client = make_app(trained_settings.model_copy(update={"rules": {"max_price": 5}})).test_client()
    for answer in (
        client.post("/recommend", json={"user_id": USER, "min_price": 9}),
        client.get("/recommend", query_string={"user_id": USER, "min_price": 9}),
        client.post("/why-not", json={"user_id": USER, "product_id": "P00001", "min_price": 9}),
    ):
        assert "One is the shop's own" in is_problem(answer, 422)["detail"]
