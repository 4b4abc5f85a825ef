"""The list cache: keys contain everything that shapes a list; values are JSON."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_caching import Cache

from app.context import context_of
from app.serving.cached_list import cache_key
from app.serving.list_cache import ListCache
from src.core.domain import Boost, Event, EventKind, Query, Rules
from src.core.list_rules import BoostFields, RuleFields
from src.core.settings import Settings
from src.recommendation.pipeline import Pipeline

USER = "U00003"


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    """Record the queries for which a list was computed."""
    queries: list[Query] = []
    recommend = Pipeline.recommend

    def spy(self: Pipeline, query: Query, **how: bool) -> Any:
        queries.append(query)
        return recommend(self, query, **how)

    monkeypatch.setattr(Pipeline, "recommend", spy)
    return queries


def ask(client: FlaskClient, **body: Any) -> Any:
    answer = client.post("/recommend", json={"user_id": USER, **body})
    assert answer.status_code == 200
    return answer


def test_the_same_question_is_answered_from_the_cache_with_the_same_answer(
    client: FlaskClient, computed: list[Query]
) -> None:
    first, second = ask(client), ask(client)
    assert len(computed) == 1
    assert second.get_json() == first.get_json()
    for header in ("X-Release", "X-Source"):
        assert second.headers[header] == first.headers[header]
    assert ask(client, detail=True).get_json()["recommendations"][0]["product_id"] == first.get_json()[0]
    assert len(computed) == 1


def test_a_cached_list_is_equal_to_the_list_that_was_made(flask_app: Flask, computed: list[Query]) -> None:
    recommender = context_of(flask_app).recommender
    boosted = RuleFields(boosts=[BoostFields(product_id="P00008", factor=2.0)])
    for query, wanted in ((Query(USER, explain=True), RuleFields()), (Query(USER, n=3), boosted)):
        made = recommender.recommend(query, wanted)
        n_made = len(computed)
        assert recommender.recommend(query, wanted) == made
        assert len(computed) == n_made


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "U00004"},
        {"user_id": "nobody"},
        {"n": 9},
        {"exclude": ["P00001"]},
        {"exclude_seen": False},
        {"exclude_seen": ["purchase"]},
        {"category": "Home"},
        {"max_per_brand": 1},
        {"boosts": [{"brand": "a", "factor": 2}]},
        {"explain": True},
        {"model": "svd"},
    ],
    ids=str,
)
def test_everything_that_shapes_a_list_is_part_of_the_key(
    client: FlaskClient, computed: list[Query], change: dict[str, Any]
) -> None:
    ask(client)
    ask(client, **change)
    assert len(computed) == 2
    ask(client)
    ask(client, **change)
    assert len(computed) == 2


def test_equal_histories_share_a_list_that_is_found_without_reading_them_again(
    flask_app: Flask, client: FlaskClient, computed: list[Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    for history in (["P00001", "P00002"], ["P00002", "P00001"]):
        assert client.post("/recommend", json={"history": history}).status_code == 200
    assert len(computed) == 1
    first = ask(client).get_json()
    monkeypatch.setattr(context_of(flask_app).store.events, "history", lambda user: pytest.fail("it was read again"))
    assert ask(client).get_json() == first
    assert len(computed) == 2


def test_the_order_of_excluded_products_does_not_change_the_key(client: FlaskClient, computed: list[Query]) -> None:
    ask(client, exclude=["P00001", "P00002"])
    ask(client, exclude=["P00002", "P00001", "P00001"])
    assert len(computed) == 1


@pytest.mark.parametrize("kind", [kind.value for kind in EventKind if kind is not EventKind.RETURN])
def test_every_new_event_of_the_user_makes_a_new_list(
    client: FlaskClient, computed: list[Query], as_writer: dict[str, str], kind: str
) -> None:
    ask(client)
    event = {"user_id": USER, "product_id": "another", "kind": kind, "value": 3}
    assert client.post("/events", json=event, headers=as_writer).get_json()["stored"] == 1
    ask(client)
    assert len(computed) == 2
    assert computed[1].history[-1].kind == kind


def test_a_return_makes_a_new_list_when_it_takes_something_back(
    client: FlaskClient, computed: list[Query], as_writer: dict[str, str]
) -> None:
    event = {"user_id": USER, "product_id": "bought", "kind": "purchase"}
    client.post("/events", json=event, headers=as_writer)
    ask(client)
    assert client.post("/events", json={**event, "kind": "return"}, headers=as_writer).get_json()["stored"] == 1
    ask(client)
    assert len(computed) == 2
    assert [each.history[-1].product_id == "bought" for each in computed] == [True, False]


def test_an_event_of_another_user_keeps_the_entry(
    client: FlaskClient, computed: list[Query], as_writer: dict[str, str]
) -> None:
    ask(client)
    client.post("/events", json={"user_id": "U00004", "product_id": "P00001", "kind": "view"}, headers=as_writer)
    ask(client)
    assert len(computed) == 1


def test_a_new_release_makes_a_new_list(
    client: FlaskClient, flask_app: Flask, computed: list[Query], publish_again: Callable[..., str]
) -> None:
    ask(client)
    version = publish_again()
    context_of(flask_app).recommender.refresh()
    assert ask(client).headers["X-Release"] == version
    assert len(computed) == 2


def test_popular_products_are_cached_by_length_days_and_kind(
    client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = context_of(flask_app).store
    popular, asked = store.events.popular, list[Any]()

    def spy(*arguments: Any) -> Any:
        asked.append(arguments)
        return popular(*arguments)

    monkeypatch.setattr(store.events, "popular", spy)
    queries = ["", "?n=6", "?days=3", "?days=300", "?kind=click", "?kind=cart"]
    first = [client.get(f"/popular{query}").get_json() for query in queries]
    assert len(asked) == len(queries)
    assert [client.get(f"/popular{query}").get_json() for query in queries] == first
    assert len(asked) == len(queries)


def test_errors_are_not_cached(client: FlaskClient, flask_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "recommend", lambda *_, **__: 1 / 0)
        assert client.post("/recommend", json={"user_id": USER}).status_code == 500
    assert ask(client).status_code == 200


def test_no_pickle_is_made_or_read(client: FlaskClient, monkeypatch: pytest.MonkeyPatch, computed: list[Query]) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a pickle")

    for name in ("dump", "dumps", "load", "loads"):
        monkeypatch.setattr(f"pickle.{name}", refuse)
    assert ask(client).get_json() == ask(client).get_json()
    assert client.get("/popular").status_code == client.get("/status").status_code == 200
    assert len(computed) == 1


def test_cached_values_are_json(flask_app: Flask, client: FlaskClient) -> None:
    ask(client)
    kept = context_of(flask_app).recommender._lists._cache._cache.cache._cache
    assert kept
    for _, value in kept.values():
        assert value[:1] in (b"[", b"{")


def test_with_0_seconds_nothing_is_cached(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], computed: list[Query]
) -> None:
    client = make_app(trained_settings.model_copy(update={"cache_seconds": 0})).test_client()
    assert ask(client).get_json() == ask(client).get_json()
    assert len(computed) == 2


def test_a_cache_that_fails_is_a_cache_that_is_empty(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, computed: list[Query]
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("redis is gone")

    monkeypatch.setattr(Cache, "get", fail)
    monkeypatch.setattr(Cache, "set", fail)
    assert ask(client).get_json() == ask(client).get_json()
    assert len(computed) == 2


def test_an_entry_ends_after_its_seconds(
    flask_app: Flask, trained_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("cachelib.simple.time", lambda: now[0])
    cache = ListCache(flask_app, trained_settings)
    cache.set({"a": 1}, ["kept"])
    now[0] += 59
    assert cache.get({"a": 1}) == ["kept"]
    now[0] += 2
    assert cache.get({"a": 1}) is None


def test_an_empty_list_is_kept_as_such(flask_app: Flask, trained_settings: Settings) -> None:
    cache = ListCache(flask_app, trained_settings)
    cache.set({"a": 1}, [])
    assert cache.get({"a": 1}) == []
    assert cache.get({"a": "1"}) is None


def test_threads_may_use_the_cache_together(flask_app: Flask, trained_settings: Settings) -> None:
    cache = ListCache(flask_app, trained_settings)
    wrong: list[Any] = []

    def work(number: int) -> None:
        for turn in range(200):
            key = {"number": number, "turn": turn}
            cache.set(key, [number, turn])
            if cache.get(key) != [number, turn]:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


HISTORY = (Event("u", "p", EventKind.RATING, 4.0, 5),)
QUERY = Query("u", HISTORY, 10, frozenset({"x"}), "svd")


@pytest.mark.parametrize(
    "other",
    [
        replace(QUERY, user_id="v"),
        replace(QUERY, user_id=None),
        replace(QUERY, n=11),
        replace(QUERY, exclude=frozenset()),
        replace(QUERY, exclude=frozenset({"x", "y"})),
        replace(QUERY, rules=Rules(seen=frozenset())),
        replace(QUERY, explain=True),
        *(
            replace(QUERY, rules=Rules(**change))  # type: ignore[arg-type]
            for change in (
                {"seen": frozenset({EventKind.VIEW})},
                {"categories": frozenset({"a"})},
                {"not_categories": frozenset({"a"})},
                {"min_price": 1.0},
                {"max_price": 1.0},
                {"in_stock": True},
                {"max_per_category": 1},
                {"max_per_brand": 1},
                {"boosts": (Boost("brand", "a", 2.0),)},
            )
        ),
        replace(QUERY, model=None),
        replace(QUERY, history=()),
        replace(QUERY, history=HISTORY * 2),
        *(
            replace(QUERY, history=(replace(HISTORY[0], **change),))  # type: ignore[arg-type]
            for change in ({"product_id": "q"}, {"kind": EventKind.CART}, {"value": 5.0}, {"at": 6}, {"at": None})
        ),
    ],
    ids=range(24),
)
def test_two_queries_that_differ_have_different_keys(other: Query) -> None:
    assert cache_key(other) != cache_key(QUERY)
    assert cache_key(replace(other)) == cache_key(other)
