"""Experiments over HTTP: users are divided, served what their arm says, and judged by what they do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.settings import Settings
from src.releases.registry import Registry

USERS = [f"U{number:05d}" for number in range(1, 41)]
PUBLIC_KEY = "a-public-key-of-the-tests"
HALVES = [{"name": "now", "share": 0.5}, {"name": "other", "share": 0.5}]


def begin(client: FlaskClient, as_admin: dict[str, str], name: str, other: dict[str, Any], **more: Any) -> Any:
    arms = [HALVES[0], HALVES[1] | other]
    return client.put(f"/experiments/{name}", json={"arms": arms, **more}, headers=as_admin)


def served(client: FlaskClient, user_id: str, **fields: Any) -> tuple[str | None, list[str]]:
    """Return the arms that an answer names, and its list."""
    answer = client.post("/recommend", json={"user_id": user_id, "n": 5, **fields})
    return answer.headers.get("X-Experiments"), answer.get_json()


def test_users_are_divided_for_good_and_each_arm_gets_its_lists(
    client: FlaskClient, flask_app: Flask, make_app: Callable[[Settings], Flask], trained_settings: Settings,
    as_admin: dict[str, str],
) -> None:  # fmt: skip
    before = {user: served(client, user)[1] for user in USERS}
    als = {user: served(client, user, model="als")[1] for user in USERS}
    assert begin(client, as_admin, "folded", {"model": "als"}).get_json()["state"] == "running"
    after = {user: served(client, user) for user in USERS}
    arms = {user: arm for user, (arm, _) in after.items()}
    assert set(arms.values()) == {"folded=now", "folded=other"}
    for user, (arm, listed) in after.items():
        assert listed == (before if arm == "folded=now" else als)[user]
    assert any(after[user][1] != before[user] for user in USERS)
    second = make_app(trained_settings)
    assert {user: served(second.test_client(), user)[0] for user in USERS} == arms
    # Without a user nobody takes part, and a model that the request names stays.
    assert client.post("/recommend", json={"history": ["P00001"]}).headers.get("X-Experiments") is None
    detailed = client.post("/recommend", json={"user_id": USERS[0], "detail": True}).get_json()
    assert detailed["experiments"] == {"folded": arms[USERS[0]].removeprefix("folded=")}
    assert client.post("/experiments/folded/end", headers=as_admin).get_json()["state"] == "ended"
    assert {user: served(client, user) for user in USERS} == {user: (None, listed) for user, listed in before.items()}


def test_a_holdout_is_shown_bestsellers(client: FlaskClient, as_admin: dict[str, str]) -> None:
    begin(client, as_admin, "holdout", {"holdout": "bestsellers"})
    answers = [client.post("/recommend", json={"user_id": user}) for user in USERS]
    held = [each.headers["X-Source"] for each in answers if each.headers["X-Experiments"] == "holdout=other"]
    assert held
    assert set(held) == {"popularity"}


def test_an_arm_adds_rules_only_for_its_users_and_why_not_says_the_same(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    first = served(client, USERS[0])[1][0]
    begin(client, as_admin, "without", {"rules": [{"action": "exclude", "product_id": first}]}, placement="home")
    assert served(client, USERS[0])[0] is None, "it is an experiment of the placement home"
    for user in USERS:
        arm, listed = served(client, user, placement="home")
        if arm == "without=other":
            assert first not in listed
            answer = client.post("/why-not", json={"user_id": user, "product_id": first, "placement": "home"})
            assert answer.get_json()["reason"] == "excluded"
    assert any(first in served(client, user, placement="home")[1] for user in USERS)


def test_an_arm_is_served_another_release_which_is_not_removed_meanwhile(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], publish_again: Callable[..., str],
    trained_settings: Settings,
) -> None:  # fmt: skip
    older = Registry(trained_settings.releases_dir).current_version()
    newer = publish_again()
    context_of(flask_app).recommender.refresh()
    begin(client, as_admin, "older", {"release": older})
    releases = {}
    for user in USERS:
        answer = client.post("/recommend", json={"user_id": user})
        releases[answer.headers["X-Experiments"]] = answer.headers["X-Release"]
    assert releases == {"older=now": newer, "older=other": older}
    for _ in range(3):
        publish_again()
    registry = Registry(trained_settings.releases_dir, keep=1)
    registry.prune()
    assert older in registry.versions()
    assert "not on disk" not in str(client.get("/experiments/older").get_json()["verdict"])
    (registry.folder / str(older)).rename(registry.folder / ".taken-away")
    told = client.get("/experiments/older").get_json()["verdict"][0]
    assert told.startswith(f"The release {older} of other is not on disk any more")
    (registry.folder / ".taken-away").rename(registry.folder / str(older))
    client.post("/experiments/older/end", headers=as_admin)
    registry.prune()
    assert older not in registry.versions()


def test_what_users_do_after_their_first_list_is_counted_and_judged(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], as_writer: dict[str, str]
) -> None:
    people = [f"{user}-again" for user in USERS] + USERS
    bought = {"product_id": "P00001", "kind": "purchase", "value": 2}
    client.post("/events", json={"user_id": USERS[0], **bought, "at": 1_700_000_000}, headers=as_writer)
    begin(client, as_admin, "judged", {"model": "popularity"})
    arms = {user: served(client, user)[0] for user in people}
    nothing = client.get("/experiments/judged").get_json()
    assert sum(arm["users"] for arm in nothing["arms"]) == len(people)
    assert {arm["purchases_per_user"] for arm in nothing["arms"]} == {0}
    assert "Too early" in nothing["verdict"][0]
    events = [
        {"user_id": user, **bought, "event_id": f"{user}-{number}"}
        for user in people
        for number in range((12 if arms[user] == "judged=other" else 4) + int(user[1:6]) % 3 - 1)
    ]
    assert client.post("/events", json=events, headers=as_writer).status_code == 201
    found = client.get("/experiments/judged").get_json()
    now, other = found["arms"]
    assert now["purchases_per_user"] == pytest.approx(4, abs=1)
    assert other["purchases_per_user"] == pytest.approx(12, abs=1)
    price = client.get("/products/P00001").get_json()["price"]
    assert now["revenue_per_user"] == pytest.approx(now["purchases_per_user"] * 2 * price)
    assert now["lists"] + other["lists"] == len(people)
    assert found["verdicts"][0]["finding"] == "better"
    assert found["verdict"][0].startswith("other is better than now: ")


def test_a_session_without_an_account_is_in_an_arm_as_a_customer_is(
    client: FlaskClient, flask_app: Flask, make_app: Callable[[Settings], Flask], trained_settings: Settings,
    as_admin: dict[str, str],
) -> None:  # fmt: skip
    settings = trained_settings.model_copy(update={"public_keys": PUBLIC_KEY, "log_served": "on"})
    app = make_app(settings)
    shop, aisle = app.test_client(), context_of(app)
    begin(shop, as_admin, "visitors", {"model": "popularity"})
    as_page = {"Authorization": f"Bearer {PUBLIC_KEY}"}
    arms = {}
    for number in range(12):
        session = f"session-{number:016}"
        asked = {"user_id": session, "history": ["P00001"], "n": 5}
        answers = [shop.post("/recommend", json=asked, headers=as_page) for _ in range(2)]
        (arms[session],) = {answer.headers["X-Experiments"] for answer in answers}
        about = {"user_id": session, "request_id": answers[0].headers["X-Request-Id"]}
        told = {**about, "product_id": answers[0].get_json()[0], "kind": "click"}
        assert shop.post("/events", json=told, headers=as_page).status_code == 201
    assert set(arms.values()) == {"visitors=now", "visitors=other"}
    assert aisle.served_list_log.flush()
    assert sorted(each.experiments for each in aisle.store.served_lists.followed()) == sorted(arms.values())
    found = shop.get("/experiments/visitors").get_json()["arms"]
    assert sum(arm["users"] for arm in found) == len(arms)
    assert sum(arm["users"] * arm["clicks_per_user"] for arm in found) == len(arms)


def test_an_interleaving_credits_clicks_to_the_arm_that_named_the_product(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], as_writer: dict[str, str]
) -> None:
    lists = {
        model: {user: served(client, user, n=10, model=model)[1] for user in USERS} for model in ("popularity", "als")
    }
    arms = [HALVES[0] | {"model": "popularity"}, HALVES[1] | {"model": "als"}]
    body = {"method": "interleave", "arms": arms, "layer": "drafts"}
    begun = client.put("/experiments/side-by-side", json=body, headers=as_admin)
    assert begun.get_json()["body"]["metric"] == "clicks"
    assert begun.get_json()["ended_at"] - begun.get_json()["started_at"] == 30 * 86_400, "follow-ups are kept so long"
    again = client.put("/experiments/side-by-side", json=body, headers=as_admin).get_json()
    assert again["ended_at"] == begun.get_json()["ended_at"]
    longer = client.put("/experiments/side-by-side", json=body | {"until": "2099-01-01T00:00:00Z"}, headers=as_admin)
    assert (longer.status_code, "AISLE_SERVED_DAYS" in longer.get_json()["detail"]) == (422, True)
    clicks = []
    for user in USERS:
        for number in range(4):
            answer = client.post("/recommend", json={"user_id": user, "detail": number == 0})
            assert answer.headers["X-Experiments"] == "side-by-side=now+other"
            document = answer.get_json()
            ids = [each["product_id"] for each in document["recommendations"]] if number == 0 else document
            named = {model: set(lists[model][user]) for model in lists}
            assert len(set(ids)) == len(ids) == len(named["als"])
            assert set(ids) <= named["popularity"] | named["als"]
            # Users click what als alone has named, and now and then what popularity alone has named.
            wanted = "popularity" if number == 3 and user < "U00016" else "als"
            chosen = next(
                (id_ for id_ in ids if id_ in named[wanted] and sum(id_ in each for each in named.values()) == 1), None
            )
            about = {"user_id": user, "request_id": answer.headers["X-Request-Id"]}
            if chosen is not None:
                clicks += [{**about, "product_id": chosen, "kind": kind} for kind in ("click", "view")]
    assert client.post("/events", json=clicks, headers=as_writer).status_code == 201
    found = client.get("/experiments/side-by-side").get_json()
    now, other = found["arms"]
    assert (now["users"], now["lists"]) == (len(USERS), 4 * len(USERS))
    assert round((now["clicks_per_user"] + other["clicks_per_user"]) * len(USERS)) == len(clicks) // 2
    assert other["clicks_per_user"] > 3 * now["clicks_per_user"]
    assert not found["broken"]
    person = client.get(f"/users/{USERS[0]}/export", headers=as_admin).get_json()
    assert len(person["interleaved"]) == 4
    assert client.delete(f"/users/{USERS[0]}", headers=as_admin).status_code == 200
    assert client.get("/experiments/side-by-side").get_json()["arms"][0]["users"] == len(USERS) - 1
    page = client.get("/operations/experiments").text
    assert "both in one list" in page


def test_a_running_experiment_changes_its_end_and_nothing_else(client: FlaskClient, as_admin: dict[str, str]) -> None:
    assert begin(client, as_admin, "fixed", {"model": "popularity"}).status_code == 200
    later = begin(client, as_admin, "fixed", {"model": "popularity"}, until="2099-01-01T00:00:00Z")
    assert later.get_json()["ended_at"] == 4_070_908_800
    assert begin(client, as_admin, "fixed", {"model": "trending"}).status_code == 409
    client.post("/experiments/fixed/end", headers=as_admin)
    assert begin(client, as_admin, "fixed", {"model": "popularity"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"arms": HALVES[:1]}, "at least 2"),
        ({"arms": [HALVES[0], HALVES[1] | {"share": 0.4}]}, "sum to 0.9"),
        ({"arms": [HALVES[0], HALVES[0]]}, "same name"),
        ({"arms": [HALVES[0], HALVES[1] | {"release": "gone"}]}, "GET /releases"),
        ({"arms": [HALVES[0], HALVES[1] | {"model": "magic"}]}, "no list model 'magic'"),
        ({"arms": [HALVES[0], HALVES[1] | {"model": "als", "holdout": "bestsellers"}]}, "neither model nor release"),
        ({"method": "interleave", "arms": [{**HALVES[0], "share": 0.4}, {**HALVES[1], "share": 0.6}]}, "0.5 each"),
        ({"method": "interleave", "arms": HALVES, "metric": "revenue"}, "clicks or purchases"),
        ({"arms": HALVES, "until": "2020-01-01T00:00:00Z"}, "has passed. Send a later one"),
        ({"arms": HALVES, "from": "2030-01-01T00:00:00Z", "until": "2029-01-01T00:00:00Z"}, "would never run"),
    ],
)
def test_what_cannot_be_an_experiment_is_refused_with_the_reason(
    client: FlaskClient, as_admin: dict[str, str], is_problem: Callable[[Any, int], dict[str, Any]],
    body: dict[str, Any], said: str,
) -> None:  # fmt: skip
    problem = is_problem(client.put("/experiments/odd", json=body, headers=as_admin), 422)
    assert said in str(problem)
    assert client.get("/experiments").get_json() == []


def test_experiments_of_a_layer_have_different_users_and_a_full_layer_is_said_so(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    for name in ("one", "two"):
        assert begin(client, as_admin, name, {"model": "popularity"}, traffic=0.5).status_code == 200
    assert all(arms is None or "," not in arms for arms in (served(client, user)[0] for user in USERS))
    full = begin(client, as_admin, "three", {"model": "popularity"}, traffic=0.1)
    assert full.status_code == 422
    assert "0% of its users free" in full.get_json()["detail"]
    clash = begin(client, as_admin, "three", {"model": "popularity"}, traffic=0.1, layer="next")
    assert "chooses the release or model" in clash.get_json()["detail"]
    rules = {"rules": [{"action": "exclude", "product_id": "P00001"}]}
    assert begin(client, as_admin, "three", rules, layer="next").status_code == 200
    named = {served(client, user)[0] for user in USERS}
    assert any("," in str(arms) for arms in named), "layers overlap"


def test_the_page_shows_verdicts_and_ends_an_experiment_with_the_key(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    assert "No experiment has been begun yet" in client.get("/operations/experiments").text
    begin(client, as_admin, "shown", {"holdout": "bestsellers"})
    page = client.get("/operations/experiments").text
    assert "Too early: no purchases can be compared yet between other and now." in page
    assert "curl -s -X PUT localhost:5000/experiments/holdout" in page
    german = client.get("/operations/experiments", headers={"Accept-Language": "de"}).text
    assert "Zu früh: Noch lassen sich keine Käufe zwischen other und now vergleichen." in german
    form = client.get("/operations/do/end_experiment?subject=shown").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    answer = client.post("/operations/do/end_experiment", data={**fields, "key": "admin-key-of-the-tests"})
    assert "The experiment shown was ended." in client.get(answer.location).text
    assert client.get("/experiments/shown").get_json()["state"] == "ended"
    assert client.get("/operations/do/end_experiment?subject=gone").status_code == 404
