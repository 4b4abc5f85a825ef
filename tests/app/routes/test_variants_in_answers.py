"""Every call that lists products shows one of a group, says how many there are, and shows all when asked to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.serving.recommender import Recommender
from src.core.domain import Product
from src.core.settings import Settings
from src.store import Store

USER = "U00003"
Checker = Callable[[Any, int], dict[str, Any]]


def group_of(product_id: str) -> str:
    return f"G{int(product_id[1:]) // 4}"


@pytest.fixture
def recommender(flask_app: Flask) -> Recommender:
    found: Recommender = context_of(flask_app).recommender
    return found


@pytest.fixture
def products(trained_store: Store, recommender: Recommender) -> list[str]:
    """Ids of all products, four of each group; those of the first are guessed."""
    ids = [product.product_id for page in trained_store.products.read() for product in page]
    given = [Product(id_, group_id=group_of(id_)) for id_ in ids if group_of(id_) != "G0"]
    trained_store.products.add(given)
    trained_store.products.set_guessed_groups((id_, "title: x (1)") for id_ in ids if group_of(id_) == "G0")
    recommender.refresh()
    return ids


def bare(client: FlaskClient, **body: Any) -> list[str]:
    answer = client.post("/recommend", json={"user_id": USER, "n": 20, **body})
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.get_json()
    return found


def most_of_a_group(ids: list[str]) -> int:
    return max(Counter(map(group_of, ids)).values())


def calls(client: FlaskClient, **more: Any) -> dict[str, list[str]]:
    """Return call → ids that it lists, for all calls that list products."""
    similar = client.post("/matrix_factor/similar", json={"item_id": "P00001", "n": 30, **more}).get_json()
    user = client.post("/matrix_factor/user", json={"user_id": USER, "n": 30, **more}).get_json()
    title = client.get("/products/P00001").get_json()["title"]
    search = client.post("/search", json={"query": title, "top_k": 50, **more}).get_json()
    named = client.post("/recommend", json={"product_name": title, "n": 50, **more}).get_json()
    query = "&".join(f"{name}={str(value).lower()}" for name, value in more.items())
    address = client.get(f"/recommend?user_id={USER}&n=30&{query}").get_json()
    popular = client.get(f"/popular?n=30&{query}").get_json()
    return {
        "bare": bare(client, n=30, **more),
        "filtered": bare(client, n=30, min_price=0, **more),
        "address": address,
        "user": [row["item_id"] for row in user["recommendations"]],
        "similar": [row["item_id"] for row in similar["recommendations"]],
        "search": [row["product_id"] for row in search["results"]],
        "named": named["recommendations"],
        "popular": [row["product_id"] for row in popular],
    }


def test_every_call_lists_one_of_a_group_and_all_when_asked(client: FlaskClient, products: list[str]) -> None:
    for name, ids in calls(client).items():
        assert len(ids) > 4, name
        assert most_of_a_group(ids) == 1, name
    for name, ids in calls(client, variants=True).items():
        assert most_of_a_group(ids) > 1, name


def test_the_product_itself_has_no_variant_among_the_similar_ones(client: FlaskClient, products: list[str]) -> None:
    assert group_of("P00001") not in map(group_of, calls(client)["similar"])


def test_answers_say_how_many_variants_there_are(
    client: FlaskClient, products: list[str], trained_store: Store, recommender: Recommender
) -> None:
    size = Counter(map(group_of, products))
    detailed = client.post("/recommend", json={"user_id": USER, "detail": True}).get_json()["recommendations"]
    expected = [size[group_of(row["product_id"])] for row in detailed]
    assert [row["variants"] or 1 for row in detailed] == expected
    assert max(expected) > 1
    title = client.get("/products/P00005").get_json()["title"]
    found = client.post("/search", json={"query": title}).get_json()["results"]
    assert [row.get("variants", 1) for row in found] == [size[group_of(row["product_id"])] for row in found]
    trained_store.products.add([Product("P00005", withdrawn=True), Product("P00006", group_id="alone")])
    recommender.refresh()
    found = client.post("/search", json={"query": title, "top_k": 50, "variants": True}).get_json()["results"]
    variants = {row["product_id"]: row.get("variants") for row in found}
    assert variants["P00004"] == size["G1"] - 2, "neither the withdrawn one nor the one that left"
    assert variants.get("P00006") is None


def test_a_product_tells_its_group_and_whether_it_is_guessed(client: FlaskClient, products: list[str]) -> None:
    given, guessed = (client.get(f"/products/{id_}").get_json() for id_ in ("P00005", "P00001"))
    assert (given["group_id"], given["group_guessed"], given["n_variants"]) == ("G1", False, 4)
    assert given["variants"] == ["P00004", "P00006", "P00007"]
    assert (guessed["group_id"], guessed["group_guessed"]) == ("title: x (1)", True)
    assert guessed["n_variants"] == 1 + len(guessed["variants"]) == sum(group_of(id_) == "G0" for id_ in products)


def test_of_a_group_what_is_in_stock_is_listed_at_once(
    client: FlaskClient, products: list[str], trained_store: Store, recommender: Recommender
) -> None:
    first = bare(client)[0]
    trained_store.products.add([Product(first, stock=0)])
    recommender.refresh()
    now = bare(client)[0]
    assert now != first
    assert group_of(now) == group_of(first)
    others = [id_ for id_ in products if group_of(id_) == group_of(first)]
    trained_store.products.add(Product(id_, stock=0) for id_ in others)
    recommender.refresh()
    assert bare(client)[0] == first, "if all are sold out, the one that fits best"


def test_a_search_names_the_variant_in_stock_where_the_words_fit_alike(
    client: FlaskClient, products: list[str], trained_store: Store, recommender: Recommender
) -> None:
    title = client.get("/products/P00009").get_json()["title"]
    best = client.post("/search", json={"query": title}).get_json()["results"][0]["product_id"]
    assert best == "P00009"
    trained_store.products.add([Product("P00009", stock=0)])
    recommender.refresh()
    again = client.post("/search", json={"query": title}).get_json()["results"]
    assert "P00009" in [row["product_id"] for row in again], "the words name this one, sold out or not"


def test_a_cached_list_follows_the_groups(
    client: FlaskClient, products: list[str], trained_store: Store, recommender: Recommender
) -> None:
    body = {"history": ["P00030", "P00011"]}
    before = client.post("/recommend", json=body).get_json()
    assert client.post("/recommend", json=body).get_json() == before
    trained_store.products.add(Product(id_, group_id="one") for id_ in before[:5])
    recommender.refresh()
    after = client.post("/recommend", json=body).get_json()
    assert len(set(before[:5]) & set(after)) == 1
    assert client.post("/recommend", json={**body, "variants": True}).get_json() != after


def test_rules_of_the_shop_may_list_all_variants_and_take_bought_groups_out(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], products: list[str]
) -> None:
    all_of_them = make_app(trained_settings.model_copy(update={"rules": {"variants": True}})).test_client()
    assert most_of_a_group(bare(all_of_them)) > 1
    assert most_of_a_group(bare(all_of_them, variants=False)) == 1
    seen = make_app(trained_settings.model_copy(update={"rules": {"seen_group": True}})).test_client()
    history = ["P00005"]
    assert "G1" not in map(group_of, seen.post("/recommend", json={"history": history, "n": 30}).get_json())
    stays = seen.post("/recommend", json={"history": history, "n": 30, "seen_group": False}).get_json()
    assert "G1" in map(group_of, stays)
    assert "P00005" not in stays


def test_why_not_says_that_a_variant_is_shown(client: FlaskClient, products: list[str]) -> None:
    shown = bare(client)[0]
    other = next(id_ for id_ in products if group_of(id_) == group_of(shown) and id_ not in bare(client, n=100))
    answer = client.post("/why-not", json={"user_id": USER, "product_id": other}).get_json()
    assert (answer["reason"], answer["listed"]) in {("variant", False), ("seen", False)}
    if answer["reason"] == "variant":
        assert "variants: true" in answer["detail"]


def test_a_pinned_variant_takes_the_place_of_the_listed_one(
    client: FlaskClient, products: list[str], as_admin: dict[str, str]
) -> None:
    shown = bare(client)[0]
    candidates = [id_ for id_ in bare(client, n=100, variants=True) if group_of(id_) == group_of(shown)]
    pinned = next(id_ for id_ in candidates if id_ != shown)
    rules = {"rules": [{"action": "pin", "product_id": pinned, "position": 2}]}
    assert client.put("/rules", json=rules, headers=as_admin).status_code == 200
    ids = bare(client, n=10)
    assert ids[1] == pinned
    assert most_of_a_group(ids) == 1


def test_popular_products_may_count_with_their_group(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], products: list[str]
) -> None:
    alone = make_app(trained_settings).test_client().get("/popular?n=100&variants=true").get_json()
    total: Counter[str] = Counter()
    for row in alone:
        total[group_of(row["product_id"])] += row["count"]
    by_group = make_app(trained_settings.model_copy(update={"learn_on": "group"})).test_client()
    rows = by_group.get("/popular?n=100").get_json()
    assert {group_of(row["product_id"]): row["count"] for row in rows} == dict(total)
    assert [row["count"] for row in rows] == sorted(total.values(), reverse=True)


@pytest.mark.parametrize("wrong", ["yes", 1, [True]])
def test_a_wrong_value_is_refused(reader: FlaskClient, wrong: Any, is_problem: Checker) -> None:
    for path, body in (("/recommend", {"user_id": USER}), ("/search", {"query": "x"})):
        assert "variants" in is_problem(reader.post(path, json={**body, "variants": wrong}), 422)["detail"]
    assert (
        "seen_group"
        in is_problem(reader.post("/recommend", json={"user_id": USER, "seen_group": wrong}), 422)["detail"]
    )


def test_pages_say_how_many_variants_there_are(client: FlaskClient, products: list[str]) -> None:
    title = client.get("/products/P00005").get_json()["title"]
    for path in ("/", f"/customers/{USER}", f"/shop/search?q={title}", "/shop/products/P00005"):
        answer = client.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        assert "4 variants" in answer.get_data(as_text=True), path
