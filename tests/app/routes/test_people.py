"""Show and erase a person over HTTP."""

from __future__ import annotations

from flask.testing import FlaskClient

PERSON = "U00003"


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


def test_only_the_admin_may_look_and_erase(client: FlaskClient, as_writer: dict[str, str]) -> None:
    assert client.get(f"/users/{PERSON}/export").status_code == 401
    assert client.delete(f"/users/{PERSON}", headers=as_writer).status_code == 401
    assert client.post("/recommend", json={"user_id": PERSON}).status_code == 200
