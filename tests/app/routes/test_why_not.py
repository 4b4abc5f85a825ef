"""POST /why-not, and explanations of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.context import context_of
from app.texts import phrases_in
from src.core.domain import ExclusionReason, ListPosition, Product, Query, Rules
from src.models.settings import read_settings
from src.store import Store

USER = "U00003"
ENGLISH_TEXTS = phrases_in("en", read_settings())
Checker = Callable[[Any, int], dict[str, Any]]


def why_not(client: FlaskClient, product_id: str, **body: Any) -> dict[str, Any]:
    answer = client.post("/why-not", json={"user_id": USER, "product_id": product_id, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    assert found["release"] == answer.headers["X-Release"]
    assert found["product_id"] == product_id
    assert found["listed"] == (found["reason"] is None)
    return found


def listed(client: FlaskClient, **body: Any) -> list[str]:
    found: list[str] = client.post("/recommend", json={"user_id": USER, **body}).get_json()
    return found


def test_a_listed_product_has_its_place_and_the_next_ones_their_ranks(reader: FlaskClient) -> None:
    order = listed(reader, n=20)
    for place, product_id in enumerate(order[:10], 1):
        answer = why_not(reader, product_id)
        assert (answer["listed"], answer["rank"], answer["reason"]) == (True, place, None)
        assert answer["detail"] == f"it is on the list, at place {place} of 10"
    answer = why_not(reader, order[14])
    assert (answer["listed"], answer["rank"], answer["reason"]) == (False, 15, "rank")
    assert answer["detail"] == "it is ranked 15, and the list ends at 10"


def test_every_rule_that_takes_a_product_is_named_with_its_figures(
    client: FlaskClient, as_writer: dict[str, str], trained_store: Store, flask_app: Flask
) -> None:
    first = listed(client)[0]
    trained_store.products.add([Product(first, category="Rare", price=19.99, stock=0)])

    def answer(**body: Any) -> tuple[str, str]:
        found = why_not(client, first, **body)
        return found["reason"], found["detail"]

    assert answer(exclude=[first]) == ("excluded", "the request or a rule of the shop excludes it")
    assert answer(category=["Toys", "Pets"]) == ("category", "its category is 'Rare'; the list is for Pets, Toys")
    assert answer(exclude_category="rare") == ("category", "its category is 'Rare'; the list is for nothing of rare")
    assert answer(min_price=20) == ("price", "it costs 19.99; the list is for what costs at least 20.00")
    assert answer(in_stock=True) == ("stock", "it is sold out, and the list is for what is in stock")
    client.post("/events", json={"user_id": USER, "product_id": first, "kind": "purchase"}, headers=as_writer)
    reason, detail = answer()
    assert (reason, detail) == ("seen", "the customer has already bought it")
    clicked = {"user_id": "looks", "product_id": listed(client)[1], "kind": "click"}
    client.post("/events", json=clicked, headers=as_writer)
    found = why_not(client, clicked["product_id"], user_id="looks", exclude_seen=["click", "purchase"])
    assert found["detail"] == "the customer has clicked it, and the rules leave that out"
    trained_store.products.add([Product(first, withdrawn=True)])
    context_of(flask_app).recommender.refresh()
    assert answer()[0] == "withdrawn"


def test_a_product_newer_than_the_release_differs_from_an_unknown_one(
    client: FlaskClient, trained_store: Store
) -> None:
    trained_store.products.add([Product("brand new", title="New")])
    assert why_not(client, "brand new")["detail"].startswith("it came after the release was made")
    answer = why_not(client, "nobody's")
    assert (answer["reason"], answer["detail"]) == ("unknown_product", "nobody knows this id")


def test_a_session_may_ask_too(reader: FlaskClient) -> None:
    body = {"history": ["P00001"], "product_id": "P00001"}
    answer = reader.post("/why-not", json=body).get_json()
    assert (answer["user_id"], answer["reason"]) == (None, "seen")


def test_incomplete_requests_and_unknown_models_are_refused(reader: FlaskClient, is_problem: Checker) -> None:
    assert "user_id is missing" in is_problem(reader.post("/why-not", json={"product_id": "P00001"}), 422)["detail"]
    assert "product_id" in is_problem(reader.post("/why-not", json={"user_id": USER}), 422)["detail"]
    unknown = reader.post("/why-not", json={"user_id": USER, "product_id": "P00001", "model": "magic"})
    assert "no list model 'magic'" in is_problem(unknown, 422)["detail"]


def test_why_not_needs_a_release(untrained_client: FlaskClient, is_problem: Checker) -> None:
    is_problem(untrained_client.post("/why-not", json={"user_id": USER, "product_id": "P00001"}), 503)


_BODIES = st.fixed_dictionaries(
    {"n": st.integers(1, 20)},
    optional={
        "category": st.sampled_from(["Kitchen", "Home", "Toys", "Pets", "no such"]),
        "exclude_category": st.sampled_from([["Kitchen"], ["Home", "Toys"]]),
        "min_price": st.sampled_from([5.0, 20.0]),
        "max_price": st.sampled_from([25.0, 80.0]),
        "in_stock": st.booleans(),
        "max_per_category": st.integers(1, 4),
        "max_per_brand": st.integers(1, 2),
        "exclude_seen": st.sampled_from([True, False, ["click"]]),
        "model": st.sampled_from(["blend", "popularity", "svd", "item_graph"]),
        "boosts": st.just([{"category": "Toys", "factor": 3}]),
    },
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODIES, product=st.integers(1, 40).map(lambda number: f"P{number:05d}"))
def test_why_not_and_the_list_agree_over_http(reader: FlaskClient, body: dict[str, Any], product: str) -> None:
    names = listed(reader, **body)
    answer = why_not(reader, product, **body)
    assert answer["listed"] == (product in names), answer
    if answer["listed"]:
        assert names[answer["rank"] - 1] == product


@pytest.mark.parametrize("reason", ExclusionReason)
def test_every_reason_is_a_sentence(reason: ExclusionReason) -> None:
    from app.views.why_not_text import why_not_sentence

    detail = why_not_sentence(ListPosition(7, reason), Query("u", rules=Rules(max_price=1.0)), None, ENGLISH_TEXTS)
    assert len(detail) > 10
    assert "None" not in detail or reason in (ExclusionReason.MAX_PER_CATEGORY, ExclusionReason.MAX_PER_BRAND)


# explanations


def explained(client: FlaskClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/recommend", json={"user_id": USER, "explain": True, **body})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.get_json()["recommendations"]
    return rows


def test_an_explanation_brings_the_details_and_adds_up_to_the_score(client: FlaskClient, trained_store: Store) -> None:
    rows = explained(client, model="blend")
    assert [row["product_id"] for row in rows] == listed(client, model="blend")
    history = {event.product_id for event in trained_store.events.history(USER)}
    reasons = 0
    for row in rows:
        total = sum(opinion["contribution"] for opinion in row["explanation"]["opinions"])
        assert total == pytest.approx(row["score"], abs=1e-4)
        because = row["explanation"]["because"]
        assert {reason["product_id"] for reason in because} <= history
        assert all(reason["contribution"] > 0 and reason["title"] for reason in because)
        reasons += len(because)
    assert reasons > 0


def test_details_without_explain_explain_nothing(reader: FlaskClient) -> None:
    body = {"user_id": USER, "detail": True}
    rows = reader.post("/recommend", json=body).get_json()["recommendations"]
    assert not any("explanation" in row for row in rows)
    assert all("filled_by" in row for row in rows)


def test_an_explained_list_comes_out_of_the_cache_as_it_went_in(reader: FlaskClient) -> None:
    assert explained(reader, model="blend", n=4) == explained(reader, model="blend", n=4)
    plain = reader.post("/recommend", json={"user_id": USER, "model": "blend", "n": 4, "detail": True}).get_json()
    assert not any("explanation" in row for row in plain["recommendations"])


def test_for_an_unknown_user_popularity_is_the_only_explanation(reader: FlaskClient) -> None:
    for row in explained(reader, user_id="nobody", n=3):
        assert [opinion["model"] for opinion in row["explanation"]["opinions"]] == ["popularity"]
        assert row["explanation"]["because"] == []
