"""The typed Python client of examples/, against a running service: its calls, its errors, and when it tries again."""

from __future__ import annotations

import ast
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from examples.aisle_client import Aisle, AisleError
from examples.make_client import CLIENT, generated
from tests.conftest import ADMIN_KEY, WRITE_KEY, app_builder, small_settings

USER = "U00003"


@dataclass
class Busy:
    """A service that refuses the next requests, as an overloaded one does, and counts what it was asked."""

    application: Callable[..., Iterable[bytes]]
    refusals: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if not self.refusals:
            return self.application(environ, start)
        status, wait = self.refusals.pop()
        start(status, [("Content-Type", "application/problem+json"), ("Retry-After", wait)])
        return [b'{"detail": "busy"}']


@pytest.fixture(scope="module")
def service(trained_var: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Busy]]:
    """(address, service) of one running service for all tests of the file."""
    var = Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("client") / "var"))
    with app_builder() as build:
        app: Flask = build(small_settings(var, cache_seconds=0))
        busy = Busy(app.wsgi_app)
        app.wsgi_app = busy  # type: ignore[method-assign]
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.port}", busy
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def client(service: tuple[str, Busy]) -> Aisle:
    service[1].refusals.clear()
    service[1].asked.clear()
    return Aisle(service[0])


def test_the_client_is_the_one_that_the_description_of_the_calls_gives() -> None:
    assert ast.dump(ast.parse(CLIENT.read_text(encoding="utf-8"))) == ast.dump(ast.parse(generated()))


def test_lists_searches_and_products_are_asked_for_by_keyword(client: Aisle) -> None:
    listed = client.recommend(user_id=USER, n=4)
    assert len(listed) == 4
    assert client.request_id
    assert client.recommend_by_address(user_id=USER, n=4) == listed
    detailed = client.recommend(user_id=USER, n=2, detail=True, exclude=[str(listed[0])])
    assert isinstance(detailed, dict)
    assert [place["product_id"] for place in detailed["recommendations"]] != listed[:2]
    hits = client.search(query="paint", top_k=3)["results"]
    assert client.product(hits[0]["product_id"])["title"] == hits[0]["title"]
    assert client.why_not(user_id=USER, product_id=str(listed[2]))["rank"] == 3
    assert len(client.similar(item_id="P00012", n=5)["recommendations"]) == 5
    assert client.healthz()["status"]


def test_events_name_the_list_that_they_follow_and_rules_take_an_admins_key(service: tuple[str, Busy]) -> None:
    writer, admin = Aisle(service[0], WRITE_KEY), Aisle(service[0], ADMIN_KEY)
    (first, *_) = writer.recommend(user_id="new one", n=3)
    event = {"user_id": "new one", "product_id": first, "kind": "click", "request_id": writer.request_id}
    assert writer.add_events(event)["stored"] == 1
    saved = admin.replace_rules(rules=[{"action": "exclude", "product_id": str(first)}], note="by the client")
    assert first not in writer.recommend(user_id="new one", n=3)
    admin.replace_rules(rules=[], version=saved["version"])
    assert admin.rules()["rules"] == []


def test_a_refusal_is_an_error_with_its_status_and_its_problem(client: Aisle) -> None:
    with pytest.raises(AisleError, match="no list model 'magic'") as refused:
        client.recommend(user_id=USER, model="magic")  # type: ignore[arg-type]
    assert refused.value.status == 422
    with pytest.raises(AisleError) as unknown:
        client.product("nobody's")
    assert (unknown.value.status, unknown.value.problem["status"]) == (404, 404)
    with pytest.raises(AisleError) as keyless:
        client.replace_rules(rules=[])
    assert keyless.value.status == 401


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
def test_a_call_that_changes_nothing_is_tried_again_while_the_service_is_busy(
    client: Aisle, service: tuple[str, Busy], status: str
) -> None:
    service[1].refusals.extend([(status, "0")] * 2)
    assert len(client.recommend(user_id=USER, n=2)) == 2
    assert service[1].asked == ["POST /recommend"] * 3


def test_it_gives_up_after_its_retries_and_says_why(client: Aisle, service: tuple[str, Busy]) -> None:
    client.retries = 1
    service[1].refusals.extend([("503 Service Unavailable", "0")] * 5)
    with pytest.raises(AisleError, match="busy") as gave_up:
        client.search(query="paint")
    assert (gave_up.value.status, len(service[1].asked)) == (503, 2)


def test_a_call_that_changes_something_is_not_repeated(service: tuple[str, Busy]) -> None:
    service[1].refusals[:] = [("503 Service Unavailable", "0")]
    service[1].asked.clear()
    with pytest.raises(AisleError):
        Aisle(service[0], WRITE_KEY).add_events({"user_id": USER, "product_id": "P00012", "kind": "view"})
    assert service[1].asked == ["POST /events"]


def test_a_service_that_is_away_is_an_error_without_a_status() -> None:
    with pytest.raises(AisleError) as away:
        Aisle("http://127.0.0.1:9", retries=0, timeout=2).recommend(user_id=USER)
    assert away.value.status == 0
