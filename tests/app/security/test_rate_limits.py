"""Rate limits of all calls, of the admin's calls, and of wrong keys."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from src.core.errors import ConfigError
from src.core.settings import Settings
from src.models.settings import read_settings
from tests.app.redis_server import REDIS, SilentServer, redis_without

Checker = Callable[[Any, int], dict[str, Any]]
Client = Callable[..., FlaskClient]


@pytest.fixture
def client_of(trained_settings: Settings, make_app: Callable[[Settings], Flask]) -> Client:
    """Return a client of a worker with these settings."""

    def build(**changes: Any) -> FlaskClient:
        keys = {"write_keys": "writer,other", "admin_keys": "admin"}
        return make_app(trained_settings.model_copy(update={**keys, **changes})).test_client()

    return build


@pytest.fixture
def server() -> Iterator[redis.Redis]:
    """Return a Redis; the counts of the test are removed."""
    with redis_without("LIMITS:*") as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def statuses(client: FlaskClient, n: int, **kwargs: Any) -> list[int]:
    return [client.get("/popular?n=1", **kwargs).status_code for _ in range(n)]


def from_(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def test_reading_has_no_limit_unless_one_is_set(client_of: Client) -> None:
    assert read_settings().rate_limit == ""
    assert set(statuses(client_of(), 100)) == {200}


def test_a_client_over_its_limit_gets_the_time_to_retry(client_of: Client, is_problem: Checker) -> None:
    client = client_of(rate_limit="3/hour")
    assert statuses(client, 3) == [200] * 3
    refused = client.get("/categories")
    detail = is_problem(refused, 429)["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 3_601
    assert "at most 3 in 3,600 seconds" in detail
    assert "127.0.0.1" not in detail


def test_every_client_has_a_limit_of_its_own_by_its_key_or_else_its_address(client_of: Client) -> None:
    client = client_of(rate_limit="2/hour")
    assert statuses(client, 3) == [200, 200, 429]
    assert statuses(client, 3, **from_("10.0.0.7")) == [200, 200, 429]
    assert statuses(client, 1, headers=bearer("made up")) == [429], "a made-up key is no way round the limit"
    keyed = client_of(rate_limit="2/hour", read_keys="reader")
    assert statuses(keyed, 3, headers=bearer("writer")) == [200, 200, 429]
    assert statuses(keyed, 3, headers=bearer("reader")) == [200, 200, 429]
    assert statuses(keyed, 1, headers=bearer("made up")) == [401]


def test_several_rates_count_together(client_of: Client) -> None:
    assert statuses(client_of(rate_limit="100/minute, 2/hour"), 3) == [200, 200, 429]


def test_health_and_files_are_never_limited(client_of: Client) -> None:
    client = client_of(rate_limit="1/hour")
    for path in ("/healthz", "/readyz", "/openapi.json") * 3:
        assert client.get(path).status_code == 200


def test_trainings_and_releases_are_limited_by_default(client_of: Client, is_problem: Checker) -> None:
    limit = read_settings().admin_rate_limit
    client = client_of(admin_rate_limit=limit)
    answers = [client.post("/releases/pin", headers=bearer("admin")) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    assert "trainings and changes of releases" in is_problem(answers[-1], 429)["detail"]
    assert client.get("/popular").status_code == 200


def test_after_too_many_wrong_keys_no_key_of_an_address_is_looked_at(client_of: Client, is_problem: Checker) -> None:
    client = client_of(wrong_keys_limit=read_settings().wrong_keys_limit)
    event = {"user_id": "a", "product_id": "b", "kind": "click"}
    tries = [client.post("/events", json=event, headers=bearer(f"guess {number}")) for number in range(21)]
    assert [answer.status_code for answer in tries] == [401] * 20 + [429]
    assert "wrong keys" in is_problem(tries[-1], 429)["detail"]
    assert client.post("/events", json=event, headers=bearer("writer")).status_code == 429, "or guessing would go on"
    assert client.post("/events", json=event, headers=bearer("writer"), **from_("10.0.0.7")).status_code == 201
    assert client.get("/popular").status_code == 200


@pytest.mark.parametrize("limit", ["admin_rate_limit", "rate_limit"])
def test_a_limit_that_is_reached_is_no_way_to_guess_keys_without_their_being_counted(
    client_of: Client, limit: str
) -> None:
    client = client_of(**{limit: "3/hour", "wrong_keys_limit": "5/hour"})
    for _ in range(4):
        client.post("/releases/pin")
        client.get("/popular")
    tries = [client.post("/releases/pin", headers=bearer(f"guess {number}")) for number in range(6)]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429]
    refused = client.post("/releases/pin", headers=bearer("admin"))
    assert refused.status_code == 429, "it would tell that this guess was right"
    assert refused.get_json()["detail"].split("Try")[0] == tries[-1].get_json()["detail"].split("Try")[0]
    assert client.post("/releases/pin", headers=bearer("admin"), **from_("10.0.0.7")).status_code == 200


def test_where_no_key_is_needed_a_right_one_is_answered_like_a_guess(client_of: Client) -> None:
    client = client_of(rate_limit="1/hour")
    assert statuses(client, 2) == [200, 429]
    assert statuses(client, 1, headers=bearer("guess")) == statuses(client, 1, headers=bearer("admin")) == [429]


def test_a_wrong_key_typed_into_the_form_of_a_page_is_a_guess_like_any_other(client_of: Client) -> None:
    client = client_of(wrong_keys_limit="3/hour")
    form = client.get("/dashboard/releases/pin").text
    fields = {"csrf_token": re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', form)[0]}
    fields["before"] = re.findall(r'name="before"[^>]*value="([^"]+)"', form)[0]
    tries = [client.post("/dashboard/releases/pin", data={**fields, "key": f"guess {n}"}) for n in range(4)]
    assert [answer.status_code for answer in tries] == [403] * 3 + [429]
    assert client.post("/dashboard/releases/pin", data={**fields, "key": "admin"}).status_code == 429
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    told = client.post("/dashboard/releases/pin", data={**fields, "key": "guess"}, headers=browser)
    assert (told.status_code, told.mimetype) == (429, "text/html"), "people get a page"
    assert "Too many wrong keys from this address" in told.text
    assert "Retry-After" in told.headers
    assert client.post("/releases/pin", headers=bearer("admin")).status_code == 429, "by the call just as little"
    assert client.get("/operations").status_code == 200


def test_right_keys_and_missing_ones_are_no_guesses(client_of: Client) -> None:
    client = client_of(wrong_keys_limit="2/hour")
    event = {"user_id": "a", "product_id": "b", "kind": "click"}
    assert {client.post("/events", json=event).status_code for _ in range(5)} == {401}
    assert {client.post("/events", json=event, headers=bearer("writer")).status_code for _ in range(5)} == {201}


def test_the_address_behind_a_proxy_of_ours_is_the_client_and_a_made_up_one_is_not(client_of: Client) -> None:
    behind = client_of(rate_limit="1/hour", proxies=1)
    forwarded = [{"X-Forwarded-For": f"6.6.6.6, 10.0.0.{number}"} for number in (1, 1, 2)]
    assert [statuses(behind, 1, headers=headers) for headers in forwarded] == [[200], [429], [200]]
    alone = client_of(rate_limit="1/hour")
    assert [statuses(alone, 1, headers=headers) for headers in forwarded] == [[200], [429], [429]]


def test_workers_count_together_in_a_redis_and_keep_no_key_there(client_of: Client, server: redis.Redis) -> None:
    one, other = (client_of(rate_limit="3/hour", rate_storage=REDIS, read_keys="reader") for _ in range(2))
    headers = bearer("writer")
    assert statuses(one, 2, headers=headers) + statuses(other, 2, headers=headers) == [200, 200, 200, 429]
    kept = [key.decode() for key in server.scan_iter("LIMITS:*")]
    assert kept
    assert not any("writer" in key for key in kept)


def test_without_a_working_redis_the_worker_counts_requests_itself(
    client_of: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with SilentServer() as silent:
        client = client_of(rate_limit="3/hour", rate_storage=silent.url)
        with caplog.at_level(logging.INFO):
            assert statuses(client, 4) == [200, 200, 200, 429]
        connections = silent.new_connections()
    assert connections == 1
    assert "Traceback" not in caplog.text


def test_no_limit_is_written_to_the_log_with_an_address_or_a_key(
    client_of: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(rate_limit="1/hour", wrong_keys_limit="1/hour")
    with caplog.at_level(logging.DEBUG):
        statuses(client, 3, headers=bearer("writer"), **from_("203.0.113.9"))
        for _ in range(3):
            client.post("/events", headers=bearer("Gue55"), **from_("203.0.113.9"))
    assert "203.0.113.9" not in caplog.text
    assert "Gue55" not in caplog.text
    assert "writer" not in caplog.text


@pytest.mark.parametrize("rate", ["5", "minute", "0/minute", "-1/minute", "5/fortnight", "5 per minute", "1e3/hour"])
def test_an_invalid_rate_is_refused(rate: str) -> None:
    with pytest.raises(ConfigError, match="AISLE_RATE_LIMIT"):
        read_settings(rate_limit=rate)


def test_a_long_right_key_works_after_any_number_of_wrong_ones_of_its_address(client_of: Client) -> None:
    key = "a-long-key-that-nobody-guesses"
    client = client_of(wrong_keys_limit="3/hour", write_keys=key, admin_keys=key + "-admin")
    event = {"user_id": "a", "product_id": "b", "kind": "click"}
    guesses = [client.post("/events", json=event, headers=bearer(f"{key}{n}")).status_code for n in range(5)]
    assert guesses == [401] * 3 + [429] * 2
    assert client.post("/events", json=event, headers=bearer(key)).status_code == 201
    assert client.post("/events", json=event, headers=bearer(key + "-wrong")).status_code == 429
    form = client.get("/dashboard/releases/pin").text
    fields = {"csrf_token": re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', form)[0]}
    fields["before"] = re.findall(r'name="before"[^>]*value="([^"]+)"', form)[0]
    assert client.post("/dashboard/releases/pin", data={**fields, "key": key + "-no"}).status_code == 429
    assert client.post("/dashboard/releases/pin", data={**fields, "key": key + "-admin"}).status_code in (302, 303)
