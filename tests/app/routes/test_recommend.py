"""POST and GET /recommend: a list of products for a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from app.context import context_of
from src.core.domain import SEEN_KINDS, EventKind
from src.core.settings import Settings
from src.releases.registry import Registry
from src.releases.release import Release
from src.store import Store
from src.store.tables import products

USER = "U00003"
Checker = Callable[[Any, int], dict[str, Any]]


@pytest.fixture
def release(trained_settings: Settings) -> Release:
    return Registry(trained_settings.releases_dir).active()


def seen_by(store: Store, user_id: str) -> set[str]:
    return {event.product_id for event in store.events.history(user_id) if event.kind in SEEN_KINDS}


def listed(client: FlaskClient, **body: Any) -> list[str]:
    answer = client.post("/recommend", json=body)
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.get_json()
    return found


def test_a_bare_list_of_ten_products_with_release_and_source(client: FlaskClient, release: Release) -> None:
    answer = client.post("/recommend", json={"user_id": USER})
    ids = answer.get_json()
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert isinstance(ids, list)
    assert all(isinstance(id_, str) for id_ in ids)
    assert len(ids) == len(set(ids)) == 10
    assert answer.headers["X-Release"] == release.version
    assert answer.headers["X-Source"] == release.manifest.to_json()["default_model"]


@pytest.mark.parametrize("name", ["n", "top_k"])
@pytest.mark.parametrize("n", [1, 7])
def test_the_list_is_as_long_as_asked_for_under_both_names(reader: FlaskClient, name: str, n: int) -> None:
    assert listed(reader, user_id=USER, **{name: n}) == listed(reader, user_id=USER)[:n]


def test_a_list_ends_where_the_products_end(client: FlaskClient, release: Release, trained_store: Store) -> None:
    ids = listed(client, user_id=USER, n=100)
    known = set(release.pipeline.items.ids_of(range(len(release.pipeline.items))))
    assert set(ids) == known - seen_by(trained_store, USER)
    assert len(ids) == len(set(ids))


def test_an_integer_is_accepted_where_an_id_is_asked_for(
    client: FlaskClient, as_writer: dict[str, str], trained_store: Store
) -> None:
    bought = listed(client, user_id="4711")[0]
    client.post("/events", json={"user_id": 4711, "product_id": bought, "kind": "purchase"}, headers=as_writer)
    assert [event.product_id for event in trained_store.events.history("4711")] == [bought]
    assert listed(client, user_id=4711) == listed(client, user_id=4711.0) == listed(client, user_id="4711")
    assert bought not in listed(client, user_id=4711)
    assert listed(client, user_id=4711, exclude=[17850]) == listed(client, user_id="4711")


@pytest.mark.parametrize("user_id", ["nobody", "💚", "Robert'); DROP TABLE events;--", "a b", "%", "ü" * 256])
def test_an_unknown_user_gets_popular_products(reader: FlaskClient, user_id: str) -> None:
    answer = reader.post("/recommend", json={"user_id": user_id})
    assert answer.status_code == 200
    assert answer.headers["X-Source"] == "popularity"
    assert answer.get_json() == listed(reader, user_id="somebody else", model="popularity")
    assert reader.get("/status").get_json()["database"]["n_events"] > 0


def test_excluded_products_are_left_out_and_the_list_is_filled_up(reader: FlaskClient) -> None:
    full = listed(reader, user_id=USER, n=15)
    assert listed(reader, user_id=USER, exclude=[*full[:3], "no such product"]) == full[3:13]


def test_a_history_stands_for_a_user_or_goes_beside_one(reader: FlaskClient) -> None:
    alone = listed(reader, history=["P00001", "P00002"], model="item_graph")
    beside = listed(reader, user_id=USER, history=["P00001"], model="item_graph")
    assert not {"P00001", "P00002"} & set(alone)
    assert "P00001" not in beside
    assert alone != beside


def test_what_a_user_rated_or_bought_is_left_out_unless_wanted(client: FlaskClient, trained_store: Store) -> None:
    seen = seen_by(trained_store, USER)
    assert seen
    assert not seen & set(listed(client, user_id=USER, n=100))
    assert seen <= set(listed(client, user_id=USER, n=100, exclude_seen=False))


def test_what_a_user_only_looked_at_stays_eligible(client: FlaskClient, trained_store: Store) -> None:
    looked_at = {e.product_id for e in trained_store.events.history(USER)} - seen_by(trained_store, USER)
    assert looked_at
    assert looked_at <= set(listed(client, user_id=USER, n=100))


@pytest.mark.parametrize("kind", ["purchase", "rating"])
def test_a_purchase_of_a_second_ago_leaves_the_next_list_though_it_was_cached(
    client: FlaskClient, as_writer: dict[str, str], kind: str
) -> None:
    before = listed(client, user_id=USER)
    assert listed(client, user_id=USER) == before
    event = {"user_id": USER, "product_id": before[0], "kind": kind, "value": 3}
    assert client.post("/events", json=event, headers=as_writer).status_code == 201
    after = listed(client, user_id=USER)
    assert after[:9] == before[1:]
    assert len(after) == 10
    assert before[0] not in after


def test_a_view_of_a_second_ago_leaves_the_product_in_the_list(client: FlaskClient, as_writer: dict[str, str]) -> None:
    before = listed(client, user_id=USER)
    client.post("/events", json={"user_id": USER, "product_id": before[0], "kind": "view"}, headers=as_writer)
    assert listed(client, user_id=USER) == before


@pytest.mark.parametrize("model", ["svd", "popularity"])
def test_the_list_of_one_model_is_its_own(reader: FlaskClient, model: str) -> None:
    answer = reader.post("/recommend", json={"user_id": USER, "model": model, "detail": True}).get_json()
    scores = [row["score"] for row in answer["recommendations"] if row["source"] == model]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert answer["source"] == model


def test_svd_and_popularity_do_not_make_the_same_list(reader: FlaskClient) -> None:
    assert listed(reader, user_id=USER, model="svd") != listed(reader, user_id=USER, model="popularity")


def test_the_list_of_svd_for_a_user_it_does_not_know_is_filled_with_popular_products(reader: FlaskClient) -> None:
    answer = reader.post("/recommend", json={"user_id": "nobody", "model": "svd"})
    assert answer.headers["X-Source"] == "popularity"
    assert answer.get_json() == listed(reader, user_id="nobody")


@pytest.mark.parametrize("default", ["svd", "popularity"])
def test_the_list_is_the_one_of_the_default_model_of_the_manifest(
    client: FlaskClient, flask_app: Flask, publish_again: Callable[..., str], default: str
) -> None:
    version = publish_again(default)
    context_of(flask_app).recommender.refresh()
    answer = client.post("/recommend", json={"user_id": USER})
    assert answer.headers["X-Release"] == version
    assert answer.headers["X-Source"] == default
    assert answer.get_json() == listed(client, user_id=USER, model=default)


@pytest.mark.parametrize("model", ["vbmf", "SVD", " svd", "../svd", "💚"])
def test_an_unknown_model_is_refused_and_the_known_ones_are_named(
    reader: FlaskClient, is_problem: Checker, model: str
) -> None:
    for answer in (
        reader.post("/recommend", json={"user_id": USER, "model": model}),
        reader.get("/recommend", query_string={"user_id": USER, "model": model}),
    ):
        assert "als, text, svd, blend" in is_problem(answer, 422)["detail"]


def test_details_contain_score_source_and_catalogue_fields(
    client: FlaskClient, release: Release, trained_store: Store
) -> None:
    answer = client.post("/recommend", json={"user_id": USER, "detail": True})
    body = answer.get_json()
    assert set(body) == {"user_id", "release", "source", "recommendations"}
    assert (body["user_id"], body["release"]) == (USER, release.version)
    assert [row["product_id"] for row in body["recommendations"]] == listed(client, user_id=USER)
    assert answer.headers["X-Release"] == release.version
    for row in body["recommendations"]:
        product = trained_store.products.get([row["product_id"]])[row["product_id"]]
        assert (row["title"], row["category"], row["price"]) == (product.title, product.category, product.price)
        assert row["image_url"] is None
        assert row["source"] in ("svd", "popularity")
        assert isinstance(row["score"], float)


def test_details_of_a_product_that_the_catalogue_does_not_have_are_null(
    client: FlaskClient, trained_store: Store
) -> None:
    with trained_store.database.write() as connection:
        connection.execute(delete(products))
    rows = client.post("/recommend", json={"user_id": USER, "detail": True}).get_json()["recommendations"]
    assert len(rows) == 10
    assert {row["title"] for row in rows} == {None}


def test_the_address_gives_the_same_list(reader: FlaskClient) -> None:
    answer = reader.get("/recommend", query_string={"user_id": USER, "n": 5})
    assert answer.get_json() == listed(reader, user_id=USER, n=5)
    assert "X-Release" in answer.headers
    assert "X-Source" in answer.headers
    by_svd = reader.get("/recommend", query_string={"user_id": USER, "model": "svd"})
    assert by_svd.get_json() == listed(reader, user_id=USER, model="svd")


def test_before_any_release_the_answer_says_how_to_get_one(untrained_client: FlaskClient, is_problem: Checker) -> None:
    for answer in (
        untrained_client.post("/recommend", json={"user_id": "a"}),
        untrained_client.get("/recommend?user_id=a"),
        untrained_client.get("/popular"),
        untrained_client.post("/predict", json={"user_id": "a", "product_id": "b"}),
    ):
        assert "python train_model.py" in is_problem(answer, 503)["detail"]
        assert answer.headers["Retry-After"]


def test_a_list_does_not_depend_on_earlier_requests(reader: FlaskClient) -> None:
    users = [f"U{number:05d}" for number in range(1, 21)]
    one_way = {user: listed(reader, user_id=user) for user in users}
    other_way = {user: listed(reader, user_id=user) for user in reversed(users)}
    assert one_way == other_way
    assert len({tuple(products) for products in one_way.values()}) > 1


def test_every_kind_of_event_is_there_for_the_tests_above(trained_store: Store) -> None:
    kinds = {event.kind for event in trained_store.events.history(USER)}
    assert {EventKind.CLICK, EventKind.PURCHASE, EventKind.RATING} <= kinds
