"""Events that are posted over HTTP are training data of the next release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from test_list_order_learning import OF_EACH, WORDS, fill, trained

from app.context import context_of
from src.core.domain import EventKind
from src.core.settings import Settings
from src.store import Store


@pytest.fixture
def open_shop(settings: Settings, store: Store, make_app: Callable[[Settings], Flask]) -> Flask:
    """A service with its first release that stores its served lists."""
    settings = settings.model_copy(update={"ranker": "on", "log_served": "on"})
    fill(store)
    release = trained(settings, store)
    assert not release.manifest.to_json()["ranking"]["text"]["used"]  # type: ignore[index]
    return make_app(settings)


@pytest.mark.usefixtures("no_smoke")
def test_purchases_after_a_search_change_the_order_of_the_next_releases_search(
    open_shop: Flask, store: Store, as_writer: dict[str, str]
) -> None:
    client, aisle = open_shop.test_client(), context_of(open_shop)
    first = {}
    for number, word in enumerate(WORDS):
        found = client.post("/search", json={"query": f"{word} thing", "top_k": 20})
        ids = [row["product_id"] for row in found.get_json()["results"]]
        first[word] = ids[0]
        dearest = f"{word}-{OF_EACH - 1}"
        assert dearest in ids
        event = {"user_id": f"s{number}", "product_id": dearest, "kind": "purchase", "event_id": f"o{number}"}
        told = client.post("/events", json={**event, "request_id": found.headers["X-Request-Id"]}, headers=as_writer)
        assert told.get_json()["stored"] == 1
    assert aisle.served_list_log.flush()
    assert len(store.searches.newest(100)) == len(WORDS)
    release = trained(aisle.settings, store)
    about: dict[str, Any] = release.manifest.to_json()["ranking"]["text"]  # type: ignore[index, assignment]
    assert (about["used"], about["queries"]) == (True, len(WORDS)), about
    aisle.recommender.refresh()
    now_first = {}
    for word in WORDS:
        found = client.post("/search", json={"query": f"{word} thing"})
        assert found.headers["X-Release"] == release.version
        now_first[word] = found.get_json()["results"][0]["product_id"]
    dearest_first = [sum(ids[word] == f"{word}-{OF_EACH - 1}" for word in WORDS) for ids in (first, now_first)]
    assert dearest_first[1] > dearest_first[0]


@pytest.mark.usefixtures("no_smoke")
def test_events_of_every_kind_are_in_the_next_release(
    open_shop: Flask, store: Store, as_writer: dict[str, str]
) -> None:
    client, aisle = open_shop.test_client(), context_of(open_shop)
    before = aisle.recommender.release().manifest.to_json()["data"]
    kinds = [kind for kind in EventKind if kind is not EventKind.RETURN]
    events = [{"user_id": "me", "product_id": f"new-{kind}", "kind": kind, "value": 4} for kind in kinds]
    returned = {"user_id": "me", "product_id": "new-purchase", "kind": "return", "value": 1}
    answer = client.post("/events", json=[*events, returned], headers=as_writer)
    assert answer.get_json()["stored"] == len(events) + 1
    release = trained(aisle.settings, store)
    assert release.manifest.to_json()["data"]["n_events"] == before["n_events"] + len(events)  # type: ignore[index]
    for kind in kinds:
        assert release.pipeline.items.idx_of(f"new-{kind}") is not None
