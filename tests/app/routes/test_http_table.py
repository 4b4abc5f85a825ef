"""Every row of the table of HTTP calls: a request and its exact answer."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from src.core.domain import Product
from src.store import Store
from tests.aisle_context import launch_trainings
from tests.curl import trained_at_once

Checker = Callable[[Any, int], dict[str, Any]]
USER, PRODUCT = "U00003", "P00012"
ITEM = {"item_id", "score", "title", "image_url", "source"}


def post(client: FlaskClient, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    return client.post(path, json=body, headers=headers)


def ids(answer: Any) -> list[str]:
    """Return the product ids of a bare list; check that its headers name release and model."""
    found = answer.get_json()
    assert answer.status_code == 200, answer.text
    assert isinstance(found, list)
    assert all(isinstance(product_id, str) for product_id in found)
    assert re.fullmatch(r"\d{8}T\d{6}Z-\w+", answer.headers["X-Release"])
    assert answer.headers["X-Source"]
    return found


# POST /recommend, a bare list


def test_recommend_answers_a_bare_list_of_ten(reader: FlaskClient) -> None:
    found = ids(post(reader, "/recommend", {"user_id": USER}))
    assert len(found) == len(set(found)) == 10


def test_recommend_takes_an_integer_for_an_id(client: FlaskClient, trained_store: Store) -> None:
    assert ids(post(client, "/recommend", {"user_id": 17850})) == ids(post(client, "/recommend", {"user_id": "17850"}))
    assert ids(post(client, "/recommend", {"user_id": 17850.0}))
    assert post(client, "/predict", {"user_id": 17850, "product_id": 5}).get_json()["user_id"] == "17850"
    assert post(client, "/predict", {"user_id": "17850.0", "product_id": 5}).get_json()["user_id"] == "17850"


@pytest.mark.parametrize("name", ["n", "top_k"])
@pytest.mark.parametrize("n", [1, 7, 25])
def test_recommend_answers_as_many_as_asked_for_by_either_name(reader: FlaskClient, name: str, n: int) -> None:
    assert len(ids(post(reader, "/recommend", {"user_id": USER, name: n}))) == n


@pytest.mark.parametrize("n", [0, 101])
def test_recommend_answers_one_to_a_hundred(reader: FlaskClient, is_problem: Checker, n: int) -> None:
    is_problem(post(reader, "/recommend", {"user_id": USER, "n": n}), 422)
    assert len(ids(post(reader, "/recommend", {"user_id": "somebody new", "n": 100}))) == 40, "the shop has so many"


def test_recommend_leaves_out_excluded_products(reader: FlaskClient) -> None:
    all_of_them = ids(post(reader, "/recommend", {"user_id": USER}))
    rest = ids(post(reader, "/recommend", {"user_id": USER, "exclude": all_of_them[:3]}))
    assert not set(rest) & set(all_of_them[:3])


def test_recommend_leaves_out_seen_products_unless_requested(client: FlaskClient, trained_store: Store) -> None:
    bought = {e.product_id for e in trained_store.events.history(USER) if e.kind.value in ("purchase", "rating")}
    assert bought
    assert not bought & set(ids(post(client, "/recommend", {"user_id": USER, "n": 40})))
    assert bought <= set(ids(post(client, "/recommend", {"user_id": USER, "n": 40, "exclude_seen": False})))


def test_recommend_keeps_to_a_category(client: FlaskClient, trained_store: Store) -> None:
    found = ids(post(client, "/recommend", {"user_id": USER, "category": "Kitchen", "exclude_seen": False}))
    assert found
    assert {product.category for product in trained_store.products.get(found).values()} == {"Kitchen"}


@pytest.mark.parametrize("model", ["popularity", "item_graph", "svd", "blend"])
def test_recommend_answers_by_the_model_that_is_wanted(reader: FlaskClient, model: str) -> None:
    answer = post(reader, "/recommend", {"user_id": USER, "model": model})
    assert len(ids(answer)) == 10
    assert answer.headers["X-Source"] == model


def test_recommend_takes_a_history_instead_of_a_user_or_beside(reader: FlaskClient) -> None:
    alone = ids(post(reader, "/recommend", {"history": ["P00001", "P00002"], "model": "item_graph"}))
    beside = ids(post(reader, "/recommend", {"user_id": USER, "history": ["P00001"], "model": "item_graph"}))
    assert not {"P00001", "P00002"} & set(alone)
    assert "P00001" not in beside
    assert alone != beside


def test_an_unknown_user_gets_the_popular_list(reader: FlaskClient) -> None:
    answer = post(reader, "/recommend", {"user_id": "nobody knows"})
    assert ids(answer) == ids(post(reader, "/recommend", {"user_id": "nor this one", "model": "popularity"}))


# POST /recommend, more than ids


def test_recommend_with_detail_contains_catalogue_fields(client: FlaskClient, trained_store: Store) -> None:
    trained_store.products.add([Product(PRODUCT, image_url="https://pictures.example/12.jpg")])
    answer = post(client, "/recommend", {"user_id": "nobody", "n": 40, "detail": True})
    body = answer.get_json()
    assert set(body) >= {"user_id", "release", "recommendations"}
    assert (body["user_id"], body["release"]) == ("nobody", answer.headers["X-Release"])
    for place in body["recommendations"]:
        assert set(place) >= {"product_id", "score", "title", "image_url", "source"}
        assert isinstance(place["product_id"], str)
        assert isinstance(place["score"], float)
        assert isinstance(place["title"], str)
        assert place["source"]
    scores = [place["score"] for place in body["recommendations"] if place["source"] == answer.headers["X-Source"]]
    assert scores == sorted(scores, reverse=True)
    pictures = {place["product_id"]: place["image_url"] for place in body["recommendations"]}
    assert pictures[PRODUCT] == "https://pictures.example/12.jpg"
    assert [p["product_id"] for p in body["recommendations"]] == ids(
        post(client, "/recommend", {"user_id": "nobody", "n": 40})
    )


def test_recommend_for_a_product_name_answers_ids_inside_an_object(reader: FlaskClient) -> None:
    body = post(reader, "/recommend", {"product_name": "nail paints", "top_k": 5}).get_json()
    assert list(body) == ["recommendations"]
    assert len(body["recommendations"]) <= 5
    assert body["recommendations"]
    assert all(isinstance(product_id, str) for product_id in body["recommendations"])
    found = post(reader, "/search", {"query": "nail paints", "top_k": 5}).get_json()["results"]
    assert body["recommendations"] == [hit["product_id"] for hit in found]


def test_recommend_by_address_answers_the_bare_list(reader: FlaskClient) -> None:
    assert ids(reader.get(f"/recommend?user_id={USER}&n=5")) == ids(
        post(reader, "/recommend", {"user_id": USER, "n": 5})
    )
    assert len(ids(reader.get(f"/recommend?user_id={USER}"))) == 10


# POST /predict, GET /popular, /matrix_factor, POST /search


def test_predict_answers_a_rating_and_its_numbers_of_ratings(client: FlaskClient, trained_store: Store) -> None:
    body = post(client, "/predict", {"user_id": USER, "product_id": PRODUCT}).get_json()
    assert isinstance(body["rating"], float)
    assert 1 <= body["rating"] <= 5
    given = sum(event.kind.value == "rating" for event in trained_store.events.history(USER))
    assert (body["known_user"], body["known_product"], body["n_user_ratings"]) == (True, True, given)
    assert isinstance(body["n_product_ratings"], int)
    unknown = post(client, "/predict", {"user_id": "nobody", "product_id": "nothing"}).get_json()
    assert (unknown["known_user"], unknown["known_product"]) == (False, False)
    assert (unknown["n_user_ratings"], unknown["n_product_ratings"]) == (0, 0)


def test_popular_answers_the_most_clicked_products(reader: FlaskClient) -> None:
    body = reader.get("/popular?n=5&days=30&kind=click").get_json()
    assert len(body) == 5
    for row in body:
        assert set(row) == {"product_id", "title", "count"}
        assert isinstance(row["count"], int)
    counts = [row["count"] for row in body]
    assert counts == sorted(counts, reverse=True)
    assert len(reader.get("/popular").get_json()) == 5


def test_similar_answers_items_that_go_with_one(reader: FlaskClient) -> None:
    body = post(reader, "/matrix_factor/similar", {"item_id": PRODUCT, "n": 10}).get_json()
    assert list(body) == ["recommendations"]
    assert len(body["recommendations"]) == 10
    assert all(set(item) == ITEM for item in body["recommendations"])
    assert PRODUCT not in [item["item_id"] for item in body["recommendations"]]


@pytest.mark.parametrize("filtered", [True, False])
def test_the_matrix_of_a_user_answers_items(client: FlaskClient, trained_store: Store, filtered: bool) -> None:
    asked = {"user_id": USER, "n": 10, "filter_already_liked": filtered}
    body = post(client, "/matrix_factor/user", asked).get_json()
    assert list(body) == ["recommendations"]
    assert len(body["recommendations"]) == 10
    assert all(set(item) == ITEM for item in body["recommendations"])
    plain = post(client, "/recommend", {"user_id": USER, "exclude_seen": filtered})
    assert [item["item_id"] for item in body["recommendations"]] == ids(plain)


def test_search_answers_results_best_first(reader: FlaskClient) -> None:
    body = post(reader, "/search", {"query": "washing machine", "top_k": 10}).get_json()
    assert list(body) == ["results"]
    assert 0 < len(body["results"]) <= 10
    for hit in body["results"]:
        assert set(hit) == {"product_id", "title", "score", "image_url"}
    scores = [hit["score"] for hit in body["results"]]
    assert scores == sorted(scores, reverse=True)


# POST /events, POST /training


def test_events_are_counted_and_the_same_one_twice_counts_once(
    client: FlaskClient, as_writer: dict[str, str], is_problem: Checker
) -> None:
    event = {"user_id": "new", "product_id": PRODUCT, "kind": "purchase", "event_id": "order-9"}
    first, second = (post(client, "/events", event, as_writer) for _ in range(2))
    assert (first.status_code, first.get_json()) == (201, {"received": 1, "stored": 1, "repeated": 0, "errors": []})
    assert (second.status_code, second.get_json()) == (201, {"received": 1, "stored": 0, "repeated": 1, "errors": []})
    several = [{**event, "event_id": f"order-{number}"} for number in range(9, 12)]
    assert post(client, "/events", several, as_writer).get_json()["stored"] == 2
    many = [{**event, "event_id": str(number)} for number in range(1_001)]
    assert post(client, "/events", many[:1_000], as_writer).get_json()["stored"] == 1_000
    is_problem(post(client, "/events", many, as_writer), 422)


@pytest.mark.parametrize("model_type", ["svd", "mf", "ss", "all"])
def test_a_training_is_accepted_with_its_run(
    flask_app: Flask, client: FlaskClient, trained_store: Store, as_admin: dict[str, str], model_type: str
) -> None:
    launch_trainings(flask_app, trained_at_once(trained_store))
    answer = post(client, "/training", {"model_type": model_type, "force_retrain": True, "wait": False}, as_admin)
    body = answer.get_json()
    assert answer.status_code == 202
    assert set(body) >= {"status", "run_id"}
    assert answer.headers["Location"] == f"/runs/{body['run_id']}"
    run = client.get(answer.headers["Location"]).get_json()
    assert (run["run_id"], run["model_type"]) == (body["run_id"], model_type)


def test_a_second_training_is_refused_while_one_is_under_way(
    flask_app: Flask, client: FlaskClient, as_admin: dict[str, str], is_problem: Checker
) -> None:
    started, ended = [], threading.Event()

    def start(*_: Any) -> Any:
        started.append(1)
        return SimpleNamespace(wait=lambda: int(not ended.wait(60)))

    launch_trainings(flask_app, start)
    body = {"model_type": "all", "force_retrain": True}
    try:
        assert post(client, "/training", body, as_admin).status_code == 202
        assert "under way" in is_problem(post(client, "/training", body, as_admin), 409)["detail"]
        assert started == [1]
    finally:
        ended.set()


@pytest.mark.parametrize("model_type", ["svd", "mf", "all"])
def test_a_training_that_is_waited_for_answers_its_outcome(
    flask_app: Flask, client: FlaskClient, trained_store: Store, as_admin: dict[str, str], model_type: str
) -> None:
    launch_trainings(flask_app, trained_at_once(trained_store))
    answer = post(client, "/training", {"model_type": model_type, "force_retrain": True, "wait": True}, as_admin)
    body = answer.get_json()
    assert answer.status_code == 200
    assert set(body) >= {"status", "message", "model_type", "stats"}
    assert (body["status"], body["model_type"]) == ("success", model_type)
    assert set(body["stats"]) == {"status", "n_users", "n_items", "n_factors"}
    assert (body["stats"]["status"], body["stats"]["n_users"], body["stats"]["n_items"]) == ("loaded", 60, 40)


def test_nothing_is_trained_when_nothing_is_new(client: FlaskClient, as_admin: dict[str, str]) -> None:
    body = post(client, "/training", {"model_type": "all"}, as_admin).get_json()
    assert body["status"] == "unchanged"
    assert "no event is newer" in body["message"]


# GET /status, releases, runs, the catalogue, health, pages


def test_the_status_has_every_part(reader: FlaskClient) -> None:
    body = reader.get("/status").get_json()
    assert {"n_ratings", "n_users", "n_products", "avg_rating"} <= set(body["database"])
    assert set(body["matrix_factorization"]) == {"status", "n_users", "n_items", "n_factors"}
    assert {"status", "n_products", "embedding_dimension"} <= set(body["similarity_search"])
    assert body["release"]["version"] == reader.get("/releases").get_json()[0]["version"]
    assert {"leader", "next_run", "last_run"} <= set(body["scheduler"])


def test_releases_are_listed_and_activated(
    client: FlaskClient, as_admin: dict[str, str], publish_again: Callable[..., str]
) -> None:
    (first,) = [row["version"] for row in client.get("/releases").get_json()]
    second = publish_again()
    answer = client.post(f"/releases/{first}/activate", headers=as_admin)
    assert answer.get_json() == {"release": first, "pinned": False}
    listed = {row["version"]: row["is_current"] for row in client.get("/releases").get_json()}
    assert listed == {first: True, second: False}


def test_a_run_has_its_outcome(reader: FlaskClient) -> None:
    run_id = reader.get("/status").get_json()["scheduler"]["last_run"]["run_id"]
    run = reader.get(f"/runs/{run_id}").get_json()
    assert (run["run_id"], run["status"]) == (run_id, "succeeded")


def test_the_catalogue_has_products_and_categories(client: FlaskClient, trained_store: Store) -> None:
    product = client.get(f"/products/{PRODUCT}").get_json()
    known = trained_store.products.get([PRODUCT])[PRODUCT]
    assert (product["product_id"], product["title"], product["price"]) == (PRODUCT, known.title, known.price)
    categories = client.get("/categories").get_json()
    assert all(set(row) == {"category", "count"} for row in categories)
    assert sum(row["count"] for row in categories) == 40


def test_healthz_and_readyz_answer(reader: FlaskClient, untrained_client: FlaskClient, is_problem: Checker) -> None:
    assert reader.get("/healthz").status_code == untrained_client.get("/healthz").status_code == 200
    assert reader.get("/readyz").status_code == 200
    is_problem(untrained_client.get("/readyz"), 503)


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [
        ("/metrics", "text/plain"),
        ("/docs", "text/html"),
        ("/openapi.json", "application/json"),
        ("/", "text/html"),
        (f"/shop/products/{PRODUCT}", "text/html"),
        ("/shop/search?q=mouse", "text/html"),
        ("/operations", "text/html"),
    ],
)
def test_pages_and_metrics_are_served(reader: FlaskClient, path: str, mimetype: str) -> None:
    with reader.get(path, buffered=True) as answer:
        assert (answer.status_code, answer.mimetype) == (200, mimetype)


# errors


def test_errors_are_answered_as_problems(reader: FlaskClient, is_problem: Checker) -> None:
    for answer in (
        reader.get("/recommend"),
        reader.get("/nowhere"),
        reader.delete("/recommend"),
        reader.get("/products/nothing"),
        reader.get("/runs/nothing"),
        post(reader, "/events", {}),
    ):
        found = is_problem(answer, answer.status_code)
        assert {"type", "title", "status", "detail"} <= set(found)


@pytest.mark.parametrize(("role", "path"), [("write", "/events"), ("admin", "/training")])
def test_without_any_key_set_writing_answers_403_and_names_the_setting(
    trained_settings: Any, make_app: Callable[..., Flask], is_problem: Checker, role: str, path: str
) -> None:
    app = make_app(trained_settings.model_copy(update={"write_keys": "", "admin_keys": ""}))
    said = is_problem(app.test_client().post(path, json={}), 403)["detail"]
    assert f"AISLE_{role.upper()}_KEYS" in said
