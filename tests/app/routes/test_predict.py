"""POST /predict answers the predicted rating and the numbers of ratings behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.settings import Settings
from src.releases.registry import Registry
from src.store import Store

Checker = Callable[[Any, int], dict[str, Any]]


@pytest.fixture
def a_rating(trained_store: Store) -> tuple[str, str]:
    """Return user and product of a stored rating."""
    for batch in trained_store.events.read():
        for user, product, kind in zip(batch.user_id, batch.product_id, batch.kind, strict=True):
            if kind == "rating":
                return user, product
    raise AssertionError("the small shop has no rating")


def predicted(client: FlaskClient, user_id: Any, product_id: Any) -> dict[str, Any]:
    answer = client.post("/predict", json={"user_id": user_id, "product_id": product_id})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    assert answer.headers["X-Release"] == body["release"]
    return body


def test_a_known_pair_gets_the_rating_of_the_best_rater_and_the_numbers_it_rests_on(
    client: FlaskClient, trained_settings: Settings, trained_store: Store, a_rating: tuple[str, str]
) -> None:
    user, product = a_rating
    by_user, by_product = Counter[str](), Counter[str]()
    for batch in trained_store.events.read():
        for one, other, kind in zip(batch.user_id, batch.product_id, batch.kind, strict=True):
            by_user[one] += kind == "rating"
            by_product[other] += kind == "rating"
    body = predicted(client, user, product)
    release = Registry(trained_settings.releases_dir).active()
    errors = {name: rmse for name, rmse in release.manifest.metrics.rmse.items() if name != "popularity"}
    best = min(errors, key=lambda name: errors[name])
    users, items = release.pipeline.users.idx_of(user), release.pipeline.items.idx_of(product)
    expected = float(release.pipeline.models[best].rate(np.array([users]), np.array([items]))[0])
    assert body == {
        "user_id": user,
        "product_id": product,
        "rating": round(expected, 4),
        "known_user": True,
        "known_product": True,
        "n_user_ratings": by_user[user],
        "n_product_ratings": by_product[product],
        "model": best,
        "low": None,  # the small shop holds out too few ratings
        "high": None,
        "release": body["release"],
    }


def test_ratings_stay_on_the_scale(client: FlaskClient, a_rating: tuple[str, str]) -> None:
    for number in range(1, 41):
        assert 1.0 <= predicted(client, a_rating[0], f"P{number:05d}")["rating"] <= 5.0


def test_an_unknown_user_gets_the_average_rating_and_the_answer_says_so(
    client: FlaskClient, a_rating: tuple[str, str]
) -> None:
    user, product = a_rating
    nobody = predicted(client, "nobody", product)
    assert (nobody["known_user"], nobody["n_user_ratings"]) == (False, 0)
    assert nobody["known_product"]
    nothing = predicted(client, user, "nothing")
    assert (nothing["known_product"], nothing["n_product_ratings"]) == (False, 0)
    assert nothing["known_user"]
    mean = client.get("/status").get_json()["database"]["avg_rating"]
    assert predicted(client, "nobody", "nothing")["rating"] == pytest.approx(mean, abs=0.05)


def test_integers_are_accepted_and_answered_as_strings(reader: FlaskClient) -> None:
    body = predicted(reader, 17, 4)
    assert (body["user_id"], body["product_id"]) == ("17", "4")


@pytest.mark.parametrize("missing", ["user_id", "product_id"])
def test_both_ids_are_needed(reader: FlaskClient, is_problem: Checker, missing: str) -> None:
    body = {"user_id": "a", "product_id": "b"}
    del body[missing]
    assert is_problem(reader.post("/predict", json=body), 422)["errors"] == [
        {"field": missing, "message": "Field required"}
    ]


def test_a_release_that_predicts_no_ratings_says_so(
    client: FlaskClient, flask_app: Flask, publish_again: Callable[..., str], is_problem: Checker
) -> None:
    publish_again(models=("popularity",))
    context_of(flask_app).recommender.refresh()
    body = is_problem(client.post("/predict", json={"user_id": "a", "product_id": "b"}), 503)
    assert "holds no model that predicts ratings" in body["detail"]
    assert "python train_model.py" in body["detail"]
    assert client.get("/status").get_json()["matrix_factorization"] == {"status": "not_loaded"}
