"""The requests of the documented examples work, and their answers have the documented shape."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator

from app.context import context_of
from app.schemas.example import Example
from app.schemas.examples import EXAMPLES
from app.security.api_keys import Role
from src.releases.registry import Registry
from src.store import Store
from tests.conftest import AS_ADMIN, AS_WRITER, app_builder, publisher, small_settings
from tests.curl import Shop, curl_lines, read_curl, running_run, shop_of_examples

ROOT = Path(__file__).resolve().parents[3]
_EACH = [(call, example) for call, examples in EXAMPLES.items() for example in examples]
_IDS = [f"{call} {example.title}" for call, example in _EACH]
each_example = pytest.mark.parametrize(("call", "example"), _EACH, ids=_IDS)


@pytest.fixture
def served(
    flask_app: Flask,
    trained_store: Store,
    publish_again: Callable[..., str],
    as_writer: dict[str, str],
    as_admin: dict[str, str],
) -> Shop:
    return shop_of_examples(flask_app, trained_store, publish_again, as_writer, as_admin)


@pytest.fixture(scope="module")
def read_shop(trained_var: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for all examples that only read."""
    settings = small_settings(Path(shutil.copytree(trained_var, tmp_path_factory.mktemp("read") / "var")))
    with app_builder() as build, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Registry, "_smoke_test", lambda self, version: None)
        app = build(settings)
        yield shop_of_examples(app, context_of(app).store, publisher(settings), AS_WRITER, AS_ADMIN)


@pytest.fixture(scope="module")
def description(shared_app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = shared_app.test_client().get("/openapi.json").get_json()
    return found


def operation(description: dict[str, Any], call: str) -> dict[str, Any]:
    method, path = call.split(" ", 1)
    found: dict[str, Any] = description["paths"][path][method.lower()]
    return found


def calls(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def check(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> None:
    """Raise if a value does not match the schema."""
    OAS31Validator({**schema, "components": description["components"]}).validate(value)


def same_shape(shown: Any, found: Any, at: str = "answer") -> None:
    """Assert that both values have the same names and types at every depth; null matches everything."""
    if shown is None or found is None:
        return
    if isinstance(shown, float | int) and not isinstance(shown, bool):
        assert isinstance(found, float | int), at
        return
    assert type(shown) is type(found), at
    if isinstance(shown, dict):
        same_names = at.endswith((".by_kind", ".release")) or set(shown) == set(found)
        assert same_names, (at, set(shown) ^ set(found))
        for name in set(shown) & set(found):
            same_shape(shown[name], found[name], f"{at}.{name}")
    if isinstance(shown, list) and shown and found:
        same_shape(shown[0], found[0], f"{at}[0]")


@each_example
def test_an_example_works_and_is_answered_as_shown(
    read_shop: Shop, request: pytest.FixtureRequest, description: dict[str, Any], call: str, example: Example
) -> None:
    """The request is sent as its documented curl line."""
    method, path = call.split(" ", 1)
    routes = read_shop.app.url_map.bind("")
    role = context_of(read_shop.app).access.role_of(routes.match(example.address(path).partition("?")[0], method)[0])
    only_reads = method == "GET" or role is Role.READ
    served: Shop = read_shop if only_reads else request.getfixturevalue("served")
    running_run(context_of(served.app).store)
    if call == "GET /releases/comparison":
        served.send(EXAMPLES["POST /releases/compare"][0].curl("POST /releases/compare", Role.ADMIN))
    if example.path == {"name": "side-by-side"}:  # its users are those of the other example
        context_of(served.app).store.experiments.end("holdout", int(time.time()))
    answer = served.send(example.curl(call, role))
    assert answer.status_code == example.status, answer.text
    assert answer.mimetype == example.kind
    found = answer.get_json() if answer.is_json else answer.text
    same_shape(example.answer, found)
    schema = operation(description, call)["responses"][str(example.status)]["content"][example.kind]["schema"]
    check(found, schema, description)
    check(example.answer, schema, description)
    if example.has_body:
        asked = operation(description, call)["requestBody"]["content"]["application/json"]["schema"]
        check(example.body, asked, description)


def test_score_terms_of_an_example_add_up_to_its_score() -> None:
    answers = [example.answer for _, example in _EACH if isinstance(example.answer, dict)]
    explained = [row for answer in answers for row in answer.get("recommendations", ()) if "explanation" in row]
    assert explained
    for row in explained:
        opinions = row["explanation"]["opinions"]
        assert sum(each["contribution"] for each in opinions) == pytest.approx(row["score"], abs=1e-3)
        for each in opinions:
            assert each["weight"] * each["score"] == pytest.approx(each["contribution"], abs=1e-3)


def test_a_shape_that_differs_is_noticed() -> None:
    same_shape({"a": [1, "x"], "b": None}, {"a": [2.5], "b": {"c": 1}})
    for shown, found in [({"a": 1}, {"b": 1}), ([1], ["1"]), ({"a": {"b": 1}}, {"a": {"b": "1"}}), (True, 1)]:
        with pytest.raises(AssertionError):
            same_shape(shown, found)


def test_every_call_has_an_example_and_a_curl_line_in_its_description(description: dict[str, Any]) -> None:
    found = calls(description)
    assert set(found) == set(EXAMPLES)
    for call, described in found.items():
        lines = curl_lines(described["description"])
        assert len(lines) == len(EXAMPLES[call])
        for line in lines:
            shown = read_curl(line)
            assert shown.method == call.split(" ")[0]
            template = re.sub(r"\{\w+\}", ".+", call.split(" ", 1)[1])
            assert re.fullmatch(template, shown.address.partition("?")[0])


def test_every_call_is_documented_with_its_curl_lines(description: dict[str, Any]) -> None:
    """docs/http.md is written by python docs/write_http.py."""
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    told = "docs/http.md is out of date: python docs/write_http.py writes it anew"
    assert re.findall("^## (.+)$", page, re.MULTILINE) == list(calls(description)), told
    described = [line for call in calls(description).values() for line in curl_lines(call["description"])]
    assert curl_lines(page) == described, told


def test_the_description_contains_the_bodies_and_answers_of_the_examples(description: dict[str, Any]) -> None:
    for call, example in _EACH:
        described = operation(description, call)
        answers = described["responses"][str(example.status)]["content"][example.kind]["examples"].values()
        assert example.answer in [each["value"] for each in answers]
        if example.has_body:
            bodies = described["requestBody"]["content"]["application/json"]["examples"].values()
            assert example.body in [each["value"] for each in bodies]
        assert json.loads(json.dumps(example.answer, allow_nan=False)) == example.answer
