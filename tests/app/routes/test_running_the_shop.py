"""Rules, findings, the audit log, withdrawals and comparisons, over HTTP and on the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.context import context_of
from app.views.finding_records import forget_look
from src.core.progress import Silent
from src.core.records import Load, Run, RunStatus
from src.core.settings import Settings
from src.store import Store
from src.workflows.compare_releases import compare_releases

USER = "U00003"


def listed(client: FlaskClient, **fields: Any) -> list[str]:
    return list(client.post("/recommend", json={"user_id": USER, "n": 10, **fields}).get_json())


def put_rules(client: FlaskClient, as_admin: dict[str, str], *rules: dict[str, Any], **more: Any) -> Any:
    return client.put("/rules", json={"rules": list(rules), **more}, headers=as_admin)


def test_rules_exclude_pin_and_bury_on_every_worker(
    client: FlaskClient, flask_app: Flask, make_app: Callable[[Settings], Flask], trained_settings: Settings,
    as_admin: dict[str, str],
) -> None:  # fmt: skip
    other = make_app(trained_settings)
    before = listed(client)
    wanted = next(id_ for id_ in client.get("/recommend?user_id=nobody&n=40").get_json() if id_ not in before[:3])
    pinned = {"action": "pin", "product_id": before[4], "position": 1}
    saved = put_rules(client, as_admin, {"action": "exclude", "product_id": before[0]}, pinned, note="why not")
    assert (saved.status_code, saved.get_json()["version"]) == (200, 1)
    after = listed(client)
    assert before[0] not in after
    assert after[0] == before[4]
    context_of(other).recommender.rules.refresh()
    assert listed(other.test_client()) == after
    why = client.post("/why-not", json={"user_id": USER, "product_id": before[0]}).get_json()
    assert why["reason"] == "excluded"
    assert client.get("/rules").get_json()["rules"][0] == {"action": "exclude", "product_id": before[0]}
    assert put_rules(client, as_admin).status_code == 200
    assert listed(client) == before
    assert wanted


def test_a_rule_holds_for_its_placement_and_its_time(client: FlaskClient, as_admin: dict[str, str]) -> None:
    first, second = listed(client)[:2]
    put_rules(
        client,
        as_admin,
        {"action": "exclude", "product_id": first, "placement": "basket"},
        {"action": "exclude", "product_id": second, "until": "2020-01-01T00:00:00Z"},
    )
    assert first in listed(client)
    assert first not in listed(client, placement="basket")
    assert second in listed(client, placement="basket")


def test_rules_of_another_version_and_wrong_ones_are_refused(client: FlaskClient, as_admin: dict[str, str]) -> None:
    assert put_rules(client, as_admin, version=7).status_code == 409
    wrong = put_rules(client, as_admin, {"action": "pin", "category": "Toys"})
    assert wrong.status_code == 422
    assert "product_id" in wrong.text
    assert client.put("/rules", json={"rules": []}).status_code == 401
    assert client.get("/rules").get_json()["version"] == 0


def test_a_preview_saves_nothing(client: FlaskClient, as_admin: dict[str, str]) -> None:
    first = listed(client)[0]
    body = {"rules": [{"action": "exclude", "product_id": first}], "user_ids": [USER]}
    (shown,) = client.post("/rules/preview", json=body, headers=as_admin).get_json()["lists"]
    assert first in shown["before"]
    assert first not in shown["after"]
    assert listed(client)[0] == first


def test_what_is_done_with_a_key_is_written_down_with_its_name(
    trained_settings: Settings, make_app: Callable[[Settings], Flask], as_admin: dict[str, str]
) -> None:
    client = make_app(trained_settings).test_client()
    put_rules(client, as_admin)
    (entry,) = client.get("/audit", headers=as_admin).get_json()
    digits = re.fullmatch(r"key ([0-9a-f]{8})", entry["who"])
    assert digits
    assert "admin-key-of-the-tests" not in str(entry)
    named = make_app(trained_settings.model_copy(update={"key_names": f"anna={digits[1]}"})).test_client()
    named.post("/products/P00012/withdraw", json={"withdrawn": True}, headers=as_admin)
    assert "P00012" not in listed(named, exclude_seen=False)
    newest = named.get("/audit", headers=as_admin).get_json()[0]
    assert (newest["who"], newest["action"], newest["status"]) == (
        "anna",
        "POST /products/<id:product_id>/withdraw",
        200,
    )


def bad_load(file: str, at: int) -> Load:
    return Load(f"{file}-{at}", file, "", at, 100, 60, 60, 60, 5, rejected={"no user": 40})


def test_a_bad_load_stays_a_finding_until_its_file_is_loaded_better(
    client: FlaskClient, flask_app: Flask, trained_store: Store, as_admin: dict[str, str]
) -> None:
    trained_store.runs.save_load(bad_load("orders.csv", 100))
    trained_store.runs.save_load(Load("good", "products.csv", "", 200, 5, 5, 0, 0, 5))

    def of_files() -> list[dict[str, Any]]:
        forget_look(context_of(flask_app))
        return [each for each in client.get("/findings").get_json() if each["kind"] == "LoadRejected"]

    (found,) = of_files()
    assert (found["subject"], found["state"], found["level"]) == ("orders.csv", "open", "warn")
    assert "orders.csv" in client.get("/operations").text
    assert 'aisle_findings{level="warn",state="open"} 1.0' in client.get("/metrics").text
    assert client.get("/status").get_json()["findings"][0]["finding_id"] == found["finding_id"]
    path = f"/findings/{found['finding_id']}/acknowledge"
    assert client.post(path, headers=as_admin).get_json()["state"] == "acknowledged"
    trained_store.runs.save_load(Load("better", "orders.csv", "", 300, 100, 100, 100, 100, 5))
    (past,) = of_files()
    assert (past["state"], past["resolved_by"]) == ("resolved", "load better")
    assert "the file was loaded again (load better)" in client.get("/operations").text


def test_a_damaged_file_of_the_store_is_a_finding_until_it_is_checked_again(
    client: FlaskClient, flask_app: Flask, trained_settings: Settings
) -> None:
    def of_the_file() -> list[dict[str, Any]]:
        forget_look(context_of(flask_app))
        found = client.get("/findings").get_json()
        return [each for each in found if each["kind"] == "StoreDamaged" and each["state"] == "open"]

    trained_settings.store_check_path.write_text('{"at": 1900000000, "fault": "Page 59 is broken"}')
    assert [each["level"] for each in of_the_file()] == ["bad"]
    assert "Page 59 is broken" in client.get("/operations").text
    trained_settings.store_check_path.write_text('{"at": 1900000001, "fault": ""}')
    assert of_the_file() == []


def test_a_finding_names_the_release_that_resolved_it_and_who_published_it(
    client: FlaskClient, flask_app: Flask, trained_store: Store, publish_again: Callable[..., str],
    as_admin: dict[str, str],
) -> None:  # fmt: skip
    failed = Run("r1", "night", 1_900_000_000, RunStatus.FAILED, finished_at=1_900_000_100, message="no space")
    trained_store.runs.save(failed)

    past = set()  # both findings may be opened in the same second

    def newest() -> dict[str, Any]:
        forget_look(context_of(flask_app))
        found = (each for each in client.get("/findings").get_json() if each["kind"] == "RunProblem")
        return next(each for each in found if each["finding_id"] not in past)

    assert newest()["state"] == "open"
    version = publish_again(activate=False)
    trained_store.runs.save(
        replace(failed, run_id="r2", started_at=1_900_000_300, status=RunStatus.SUCCEEDED, release=version)
    )
    context_of(flask_app).registry.activate(version)
    assert newest()["resolved_by"] == f"release {version} by night"
    assert f"release {version} became active (nightly training)" in client.get("/operations").text
    past.add(newest()["finding_id"])
    trained_store.runs.save(replace(failed, run_id="r3", started_at=1_900_000_400))
    assert newest()["state"] == "open"
    trained_store.runs.save(replace(failed, run_id="r4", started_at=1_900_000_500, status=RunStatus.SUCCEEDED))
    assert client.post("/releases/rollback", json={}, headers=as_admin).status_code == 200
    assert newest()["resolved_by"].partition(" by ")[2].startswith("key ")


def test_writing_events_is_in_the_audit_log_with_counts_and_without_ids(
    client: FlaskClient, flask_app: Flask, as_admin: dict[str, str], as_writer: dict[str, str]
) -> None:
    event = {"user_id": "secret-user", "product_id": "P00012", "kind": "view", "event_id": "secret-event"}
    assert client.post("/events", json=[event, event, {"kind": "?"}], headers=as_writer).status_code == 201
    for n in range(5):
        client.post("/events", json=event | {"event_id": str(n)}, headers=as_writer)
    (entry,) = client.get("/audit", headers=as_admin).get_json()
    assert (entry["action"], entry["status"]) == ("POST /events", 201)
    assert entry["subject"] == "1 stored, 1 repeated, 1 refused; requests: 1"
    context_of(flask_app).event_audit.flush()
    assert len(client.get("/audit", headers=as_admin).get_json()) == 1  # those of a minute share a line
    context_of(flask_app).event_audit.flush(force=True)
    entries = client.get("/audit", headers=as_admin).get_json()
    assert entries[0]["subject"] == "5 stored, 0 repeated, 0 refused; requests: 5"
    assert "secret" not in str(entries)
    assert "Events written with keys" in client.get("/operations").text
    page = client.get("/operations", headers={"Accept-Language": "de"}).text
    assert "5 gespeichert, 0 wiederholt, 0 abgelehnt; Anfragen: 5" in page


def do(client: FlaskClient, name: str, subject: str, key: str = "admin-key-of-the-tests") -> Any:
    form = client.get(f"/operations/do/{name}?subject={subject}").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    return client.post(f"/operations/do/{name}", data={**fields, "key": key})


def test_a_form_excludes_a_product_for_everybody_and_another_one_puts_it_back(client: FlaskClient) -> None:
    first = listed(client)[0]
    assert do(client, "exclude", first, "wrong").status_code == 403
    answer = do(client, "exclude", first)
    assert answer.status_code == 303
    assert first not in listed(client)
    assert "is excluded from all lists" in client.get(answer.headers["Location"]).text
    page = client.get(f"/shop/products/{first}").text
    assert "Excluded by a rule" in page
    assert f"/operations/do/include?subject={first}" in page
    assert do(client, "include", first).status_code == 303
    assert first in listed(client)
    assert "Excluded by a rule" not in client.get(f"/shop/products/{first}").text


def test_what_a_form_refuses_is_said_in_the_language_of_the_page(client: FlaskClient, trained_store: Store) -> None:
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    trained_store.runs.save(Run("queued", "api", 1_900_000_000, RunStatus.RUNNING))
    assert "Es läuft kein Training." in do(client, "stop", "queued").text
    rule = {"action-0": "exclude", "what-0": "product_id", "name-0": "P00001"}
    for row, said in (
        (rule | {"version": "7"}, "inzwischen gilt Version 0"),
        (rule | {"from-0": "morgen"}, "ist kein Tag"),
    ):
        page = client.get("/operations/rules").text
        (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page)
        form = row | {"csrf_token": token, "key": "admin-key-of-the-tests", "do": "save"}
        answer = client.post("/operations/rules", data=form)
        assert answer.status_code == 409
        assert said in answer.text


def test_a_release_that_a_pin_keeps_inactive_is_said_to_be_so(client: FlaskClient, trained_store: Store) -> None:
    verdict = {"promoted": True, "sentence": "promoted", "checks": [], "inactive_as_pinned": "the-old-one"}
    trained_store.runs.save(
        Run(
            "pinned",
            "api",
            1_900_000_000,
            RunStatus.SUCCEEDED,
            finished_at=1_900_000_009,
            message="promoted",
            verdict=verdict,
        )
    )
    assert "Published. Not active, as the-old-one is pinned" in client.get("/operations/releases").text
    assert "as the-old-one is pinned" in client.get("/operations/progress").get_json()["last"]["said"]


def found_by(client: FlaskClient, **more: Any) -> list[str]:
    answer = client.post("/search", json={"query": "paint", "top_k": 10, **more})
    return [hit["product_id"] for hit in answer.get_json()["results"]]


def beside(client: FlaskClient, product_id: str, **more: Any) -> list[str]:
    answer = client.post("/matrix_factor/similar", json={"item_id": product_id, "n": 10, **more})
    return [place["item_id"] for place in answer.get_json()["recommendations"]]


def test_rules_exclude_and_bury_in_search_and_beside_a_product_too(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    hits, near = found_by(client), beside(client, "P00012")
    rules = [{"action": "exclude", "product_id": id_} for id_ in (hits[0], near[0])]
    put_rules(client, as_admin, *rules)
    assert found_by(client)[0] == next(id_ for id_ in hits if id_ not in (hits[0], near[0]))
    assert len(beside(client, "P00012")) == len(near)
    assert near[0] not in beside(client, "P00012")
    put_rules(client, as_admin, *({**rule, "action": "bury", "factor": 0.001} for rule in rules))
    assert found_by(client)[0] != hits[0]
    assert beside(client, "P00012")[-1] == near[0]
    assert hits[0] in re.findall(r'href="/shop/products/(\w+)"', client.get("/shop/search?q=paint").text)
    put_rules(client, as_admin, *({**rule, "placement": "basket"} for rule in rules))
    assert (found_by(client), beside(client, "P00012")) == (hits, near)
    assert hits[0] not in found_by(client, placement="basket")
    assert near[0] not in beside(client, "P00012", placement="basket")


def test_the_page_of_products_shows_what_a_rule_keeps_from_customers(
    client: FlaskClient, as_admin: dict[str, str]
) -> None:
    category = client.get("/categories").get_json()[0]["category"]
    put_rules(client, as_admin, {"action": "exclude", "category": category})
    page = client.get("/shop/search", query_string={"category": category}).text
    assert "Excluded by a rule" in page
    word = re.findall(r'class="card-link"[^>]*>([^<]*)</a>', page)[0]
    assert found_by(client, query=word, category=category) == []


def test_two_releases_are_compared_on_events_that_neither_has_seen(
    client: FlaskClient, trained_settings: Settings, trained_store: Store, publish_again: Callable[..., str]
) -> None:
    one, other = str(context_of(client.application).registry.current_version()), publish_again()
    compared = compare_releases(trained_settings, trained_store, one, other, Silent())
    assert compared.result is not None
    assert compared.result["n_users"] == 0  # no event is new, so no figure of one test set exists
    assert compared.result["lists"]
    page = client.get(f"/operations/releases?one={one}&other={other}").text
    assert "No event is newer than both" in page
    known = next(row["one"] for row in compared.result["figures"] if row["name"] == "n_products")
    assert f">{known:,}</td>" in page  # a count has no decimals
    assert client.get(f"/releases/comparison?one={one}&other={other}").get_json()["result"]["n_users"] == 0


def test_a_public_key_asks_for_lists_and_tells_of_its_session_only(
    trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    changes = {"public_keys": "public", "read_keys": "reader", "origins": "https://shop.example"}
    client = make_app(trained_settings.model_copy(update=changes)).test_client()
    key, session = {"Authorization": "Bearer public", "Origin": "https://shop.example"}, "session-" + "a" * 20
    answer = client.post("/recommend", json={"user_id": session, "history": ["P00012"]}, headers=key)
    assert (answer.status_code, len(answer.get_json())) == (200, 10)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    event = {"user_id": session, "product_id": "P00012", "kind": "click"}
    assert client.post("/events?key=public", json=[event]).status_code == 201
    for refused in (
        client.post("/recommend", json={"user_id": USER}, headers=key),
        client.get(f"/recommend?user_id={USER}", headers=key),
        client.post("/events", json=[event, event | {"user_id": USER}], headers=key),
        client.get("/status", headers=key),
        client.put("/rules", json={"rules": []}, headers=key),
    ):
        assert refused.status_code == 403, refused.text
    elsewhere = client.post("/recommend", json={"user_id": session}, headers=key | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers
