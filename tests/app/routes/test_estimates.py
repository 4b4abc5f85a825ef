"""Exploration in answers, and what another release would have earned, from the log to the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import unescape
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.progress import Silent
from src.core.records import Run, RunStatus
from src.core.settings import Settings
from src.store import open_store
from src.workflows.off_policy import off_policy, sentences
from tests.aisle_context import exchange
from tests.conftest import ADMIN_KEY, AS_ADMIN, AS_WRITER, small_settings

USERS = [f"U{number:05d}" for number in range(1, 41)]


@pytest.fixture
def exploring(trained_settings: Settings, make_app: Callable[[Settings], Flask]) -> Flask:
    return make_app(small_settings(trained_settings.var, explore=0.3, explore_among=12, prepare_seconds=5))


def test_chance_changes_a_share_of_the_places_within_the_rules_and_both_ways_to_an_answer_do_it(
    exploring: Flask, trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    plain, client = make_app(trained_settings).test_client(), exploring.test_client()
    changed = n = 0
    for user in USERS[:20]:
        for more in ({}, {"detail": True}, {"max_per_category": 1}):
            body: dict[str, Any] = {"user_id": user, "n": 5, **more}
            expected, pool = (ids(plain.post("/recommend", json=body | {"n": length})) for length in (5, 12))
            listed = ids(client.post("/recommend", json=body))
            assert len(listed) == len(set(listed)) == len(expected)
            assert set(listed) <= set(pool)
            changed += sum(one != other for one, other in zip(listed, expected, strict=True))
            n += len(listed)
    # .3 is expected; places of one list depend on each other, so the standard deviation is about .033.
    assert 0.13 < changed / n < 0.47
    pinned = {"rules": [{"action": "pin", "product_id": "P00007", "position": 2}]}
    assert client.put("/rules", json=pinned, headers=AS_ADMIN).status_code == 200
    context_of(exploring).recommender.follow()
    assert len({tuple(ids(client.post("/recommend", json={"user_id": USERS[0]}))) for _ in range(5)}) == 1


def ids(answer: Any) -> list[str]:
    """Return the products of a list, detailed or not."""
    document = answer.get_json()
    return document if isinstance(document, list) else [each["product_id"] for each in document["recommendations"]]


def test_what_a_release_would_have_earned_is_estimated_from_the_log(
    exploring: Flask, publish_again: Callable[..., str], is_problem: Callable[[Any, int], dict[str, Any]]
) -> None:
    client, aisle = exploring.test_client(), context_of(exploring)
    other, served = publish_again("als", activate=False), aisle.recommender.version
    address = f"/releases/{other}/off-policy"
    assert "nobody asked" in is_problem(client.get(address), 404)["detail"]
    is_problem(client.post("/releases/gone/off-policy", json={}, headers=AS_ADMIN), 404)
    store = open_store(aisle.settings.store_url)
    clicks = []
    for number in range(300):
        user = USERS[number % 40]
        answer = client.post("/recommend", json={"user_id": user, "n": 6})
        listed, request_id = ids(answer), answer.headers["X-Request-Id"]
        clicks += [
            {"user_id": user, "request_id": request_id, "product_id": id_, "kind": "click"}
            for place, id_ in enumerate(listed)
            if (number + place) % 3 == 0
        ]
    aisle.served_list_log.flush()
    for begin in range(0, len(clicks), 500):
        part = clicks[begin : begin + 500]
        assert client.post("/events", json=part, headers=AS_WRITER).status_code == 201
    found = off_policy(aisle.settings, store, other, Silent())
    assert (found["lists"], found["users"]) == (300, 40)
    clicked: Any = found["outcomes"]["clicks"]  # type: ignore[index]
    assert clicked["outcomes"] == len(clicks)
    same: Any = off_policy(aisle.settings, store, str(served), Silent())
    assert (same["comparable"], same["differing"]) == (1, 0)
    lift = same["outcomes"]["clicks"]["lift"]
    assert lift["low"] == lift["value"] == lift["high"] == 0, "it is compared with itself"
    assert same["outcomes"]["clicks"]["estimates"]["dr"]["value"] == pytest.approx(2.0, abs=0.3)
    assert same["outcomes"]["purchases"]["missing"] == {"lists": None, "days": None}
    assert "purchases: the log is too thin" in " ".join(sentences(same))
    answer = client.get(address).get_json()
    assert answer["lists"] == 300
    page = client.get("/operations/experiments").text
    assert "What would another release have earned?" in page
    assert answer["said"][0] in page
    assert "/off-policy" in page
    run = Run("5f0c2a9d41be", "night", 1_800_000_000, RunStatus.SUCCEEDED, finished_at=1_800_000_100, release=other)
    aisle.store.runs.save(replace(run, verdict={"promoted": True, "figures": {}, "checks": []}))
    arms = [{"name": "now", "share": 0.5}, {"name": "new", "share": 0.5, "release": other}]
    assert client.put("/experiments/newer", json={"arms": arms}, headers=AS_ADMIN).status_code == 200
    outcomes = client.get(f"/runs/{run.run_id}").get_json()
    assert (outcomes["verdict"]["promoted"], outcomes["canary"]) == (True, None)
    assert [each["name"] for each in outcomes["experiments"]] == ["newer"]
    assert outcomes["off_policy"]["said"] == answer["said"]
    page = unescape(client.get("/operations/releases").text)
    assert all(sentence in page for sentence in (answer["said"][0], outcomes["experiments"][0]["verdict"][0]))
    store.close()


def test_a_button_starts_an_estimate_in_the_background_and_the_page_says_so_meanwhile(exploring: Flask) -> None:
    client, aisle = exploring.test_client(), context_of(exploring)
    version = str(aisle.recommender.version)
    assert f"do/estimate?subject={version}" in client.get("/operations/experiments").text
    started: list[list[str]] = []
    ends = Event()

    def launch(command: Sequence[str], *_: Any) -> Any:
        started.append(list(command)[2:])
        return SimpleNamespace(wait=ends.wait, poll=lambda: None, pid=0)

    aisle = exchange(exploring, comparing=replace(aisle.comparing, launch=launch))
    form = client.get(f"/operations/do/estimate?subject={version}").text
    token = re.findall(r'name="csrf_token" value="([^"]*)"', form)[0]
    sent = {"csrf_token": token, "subject": version, "key": ADMIN_KEY}
    assert client.post("/operations/do/estimate", data=sent | {"subject": "gone"}).status_code == 404
    assert client.post("/operations/do/estimate", data=sent | {"key": "wrong"}).status_code == 403
    begun = client.post("/operations/do/estimate", data=sent)
    assert begun.status_code == 303
    assert started == [["--off-policy", version]]
    assert "data-look-again" in client.get(begun.headers["Location"]).text
    assert client.post("/operations/do/estimate", data=sent).status_code == 409
    assert any(entry["subject"] == version for entry in client.get("/audit", headers=AS_ADMIN).get_json())
    ends.set()


def test_a_log_without_chance_is_refused_with_what_to_do(
    trained_settings: Settings, client: FlaskClient, flask_app: Flask
) -> None:
    aisle = context_of(flask_app)
    with pytest.raises(Exception, match="AISLE_EXPLORE is 0"):
        off_policy(trained_settings, aisle.store, str(aisle.recommender.version), Silent())
    said = client.get(f"/releases/{aisle.recommender.version}/off-policy").get_json()
    assert "AISLE_EXPLORE=0.05" in said["problem"]
