"""PUT /shadow lets a release answer unseen: nobody's list changes, no request waits, and the difference is counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.settings import Settings

USERS = [f"U{number:05d}" for number in range(1, 21)]


def ask(client: FlaskClient, **fields: Any) -> list[Any]:
    return [client.post("/recommend", json={"user_id": user, "n": 5, **fields}).get_json() for user in USERS]


def begin(client: FlaskClient, as_admin: dict[str, str], release: str | None, share: float = 1.0) -> Any:
    return client.put("/shadow", json={"release": release, "share": share}, headers=as_admin)


def test_a_shadow_changes_no_list_and_its_difference_is_told_by_slice(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], publish_again: Callable[..., str],
    make_app: Callable[[Settings], Flask], trained_settings: Settings,
) -> None:  # fmt: skip
    aisle = context_of(flask_app)
    older = aisle.recommender.version
    newer = publish_again()
    aisle.recommender.refresh()
    before = ask(client)
    assert client.get("/shadow").get_json()["state"] == "none"
    assert begin(client, as_admin, "gone").status_code == 422
    assert begin(client, as_admin, older).get_json()["state"] == "running"
    assert ask(client) == before
    client.post("/recommend", json={"history": [], "user_id": "nobody"})
    aisle.recommender.shadow.answer_waiting()
    found = client.get("/shadow").get_json()
    slices = {each["slice"]: each for each in found["slices"]}
    whole = slices["all"]
    assert (found["release"], whole["served_by"], whole["lists"]) == (older, newer, len(USERS) + 1)
    assert 0 < whole["overlap"] <= 1
    assert 0 < whole["agreement"] <= 1
    assert min(whole["ms"], whole["served_ms"]) > 0
    assert slices["new"]["lists"] == 1
    histories = sum(slices[name]["lists"] for name in ("new", "few", "some", "many") if name in slices)
    assert histories == sum(each["lists"] for name, each in slices.items() if name.startswith("category:")) == 21
    metrics = client.get("/metrics").text
    assert f'aisle_shadow_lists_total{{release="{older}",result="compared"}} 21.0' in metrics
    # Another worker, or this one after a restart, goes on; what is no longer current is kept on disk.
    second = make_app(trained_settings)
    ask(second.test_client())
    context_of(second).recommender.shadow.answer_waiting()
    assert second.test_client().get("/shadow").get_json()["slices"][0]["lists"] == 41
    for _ in range(2):
        publish_again()
    aisle.registry.keep = 1
    aisle.registry.prune()
    assert older in aisle.registry.versions()
    client.post("/shadow/end", headers=as_admin)
    aisle.registry.prune()
    assert older not in aisle.registry.versions()


def test_what_does_not_fit_in_the_queue_is_dropped_and_counted_and_arms_are_left_out(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str]
) -> None:
    recommender = context_of(flask_app).recommender
    begin(client, as_admin, recommender.version)
    arms = [{"name": "now", "share": 0.5}, {"name": "other", "share": 0.5, "model": "popularity"}]
    client.put("/experiments/home", json={"arms": arms, "placement": "home"}, headers=as_admin)
    answers = [client.post("/recommend", json={"user_id": user, "placement": "home"}) for user in USERS]
    n_control = [each.headers["X-Experiments"] for each in answers].count("home=now")
    recommender.shadow.answer_waiting()
    assert client.get("/shadow").get_json()["slices"][0]["lists"] == n_control
    for _ in range(11):
        ask(client)
    recommender.shadow.answer_waiting()
    found = client.get("/shadow").get_json()
    assert (found["slices"][0]["lists"], found["dropped"]) == (n_control + 200, 20)
    assert (found["slices"][0]["overlap"], found["slices"][0]["agreement"]) == (1, 1), "it was compared with itself"


def test_the_page_shows_the_shadow_and_ends_it_with_the_key(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str]
) -> None:
    version = context_of(flask_app).recommender.version
    assert "curl -s -X PUT localhost:5000/shadow" in client.get("/operations/experiments").text
    begin(client, as_admin, version, 0.25)
    assert "Answers 25\N{NO-BREAK SPACE}% of the requests" in client.get("/operations/experiments").text
    german = client.get("/operations/experiments", headers={"Accept-Language": "de"}).text
    assert "Beantwortet 25\N{NO-BREAK SPACE}% der Anfragen" in german
    form = client.get(f"/operations/do/end_shadow?subject={version}").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    answer = client.post("/operations/do/end_shadow", data={**fields, "key": "admin-key-of-the-tests"})
    assert f"The shadow {version} was ended." in client.get(answer.location).text
    assert client.get("/shadow").get_json()["state"] == "ended"
