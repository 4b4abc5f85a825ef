"""Show and erase a person over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from src.core.settings import Settings

PERSON, NEWCOMER = "U00003", "zoe.the.newcomer"


def test_a_person_is_shown_and_erased_at_once(client: FlaskClient, as_admin: dict[str, str]) -> None:
    before = client.post("/recommend", json={"user_id": PERSON}).get_json()
    shown = client.get(f"/users/{PERSON}/export", headers=as_admin).get_json()
    assert shown["user_id"] == PERSON
    assert shown["events"]
    erased = client.delete(f"/users/{PERSON}", headers=as_admin).get_json()
    assert erased["events"] == len(shown["events"])
    assert erased["releases"] == shown["releases"]
    assert client.get(f"/users/{PERSON}/export", headers=as_admin).get_json()["events"] == []
    stranger = client.post("/recommend", json={"user_id": "nobody"}).get_json()
    after = client.post("/recommend", json={"user_id": PERSON}).get_json()
    assert after == stranger != before
    assert client.get("/suggest/users", query_string={"q": PERSON}).get_json() == []


def test_the_audit_log_proves_an_erasure_without_the_id(client: FlaskClient, as_admin: dict[str, str]) -> None:
    erased = client.delete(f"/users/{PERSON}", headers=as_admin).get_json()
    (entry,) = client.get("/audit", headers=as_admin).get_json()
    assert entry["subject"] == f"person {erased['person']} (events {erased['events']})"
    assert PERSON not in str(entry)


def test_who_read_all_that_is_stored_of_a_person_is_in_the_audit_log_without_the_id(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    client.get(f"/users/{PERSON}/export", headers=as_admin)
    (entry,) = client.get("/audit", headers=as_admin).get_json()
    assert (entry["action"], entry["subject"]) == ("GET /users/<id:user_id>/export", "a user")
    assert "Read all that is stored of a person" in client.get("/operations").text


def test_only_the_admin_may_look_and_erase(client: FlaskClient, as_writer: dict[str, str]) -> None:
    assert client.get(f"/users/{PERSON}/export").status_code == 401
    assert client.delete(f"/users/{PERSON}", headers=as_writer).status_code == 401
    assert client.post("/recommend", json={"user_id": PERSON}).status_code == 200


def test_no_file_names_an_erased_person_also_if_another_worker_writes_later(
    make_app: Callable[[Settings], Flask], trained_settings: Settings, as_admin: dict[str, str]
) -> None:
    """Everything that keeps lists is on, and a second worker holds lists that it has not written yet."""
    settings = trained_settings.model_copy(update={"log_requests": "on", "log_served": "on"})
    apps = [make_app(settings) for _ in range(2)]
    one, other = (app.test_client() for app in apps)
    arms = [{"name": "now", "share": 0.5}, {"name": "other", "share": 0.5, "model": "popularity"}]
    one.put("/experiments/tried", json={"arms": arms}, headers=as_admin)
    shadow = {"release": context_of(apps[0]).recommender.version, "share": 1}
    one.put("/shadow", json=shadow, headers=as_admin)
    context_of(apps[1]).recommender.follow()
    one.post("/events", json={"user_id": NEWCOMER, "product_id": "P00001", "kind": "view"}, headers=as_admin)

    def write(app: Flask) -> None:
        aisle = context_of(app)
        aisle.recommender.shadow.answer_waiting()
        aisle.recommender.follow()
        assert aisle.served_list_log.flush()

    for client in (one, other):
        listed = client.post("/recommend", json={"user_id": NEWCOMER}, headers={"X-Request-Id": "r1"}).get_json()
        told = {"user_id": NEWCOMER, "product_id": listed[0], "kind": "click", "request_id": "r1"}
        one.post("/events", json=told, headers=as_admin)
    write(apps[0])
    known = one.get(f"/users/{NEWCOMER}/export", headers=as_admin).get_json()
    assert all(known[name] for name in ("events", "experiments", "requests"))
    assert named_in(settings.var) == {"store.sqlite3"}
    one.delete(f"/users/{NEWCOMER}", headers=as_admin)
    assert named_in(settings.var) == set()
    write(apps[1])
    assert named_in(settings.var) == set()
    known = one.get(f"/users/{NEWCOMER}/export", headers=as_admin).get_json()
    assert not any(known[name] for name in ("events", "experiments", "requests"))


def named_in(folder: Path) -> set[str]:
    """Return the files below a folder that name the newcomer."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)) for path in files if NEWCOMER.encode() in path.read_bytes()}
