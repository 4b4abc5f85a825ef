"""GET /openapi.json: a description that strict readers accept, of every call there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate


@pytest.fixture
def description(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.mimetype == "application/json"
    found: dict[str, Any] = answer.get_json()
    return found


def calls(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def values(node: Any) -> Iterator[Any]:
    """Every value of a document, at any depth."""
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from values(child)


def test_the_description_is_valid_openapi(description: dict[str, Any]) -> None:
    validate(description)


def test_the_description_holds_no_null_but_as_a_default(description: dict[str, Any]) -> None:
    for node in values(description):
        assert not isinstance(node, list) or None not in node
        if isinstance(node, dict):
            assert {name for name, value in node.items() if value is None} <= {"default"}


def test_every_call_is_described_and_nothing_else(description: dict[str, Any], flask_app: Flask) -> None:
    there = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in flask_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith(("pages.", "docs.", "static", "bootstrap."))
    }
    assert there == {(path, method) for path, method, _ in calls(description)}
    assert len(there) >= 8


def test_every_call_has_a_summary_a_tag_and_a_name_of_its_own(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in calls(description)]
    assert len(names) == len(set(names))
    for path, method, operation in calls(description):
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)


def test_every_call_says_what_it_answers_when_all_is_well(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert good, (path, method)
        for answer in good:
            assert answer["content"]["application/json"]["schema"]


def test_every_error_is_described_as_a_problem(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                assert list(answer["content"]) == ["application/problem+json"], (path, method, status)


def test_a_call_with_a_body_describes_the_refusals_of_a_body(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        if method == "post":
            assert {"400", "411", "413", "415", "422"} <= set(operation["responses"]), path
            assert operation["requestBody"]["content"]["application/json"]["schema"]


def test_calls_that_need_a_key_say_so(description: dict[str, Any]) -> None:
    scheme = description["components"]["securitySchemes"]["key"]
    assert scheme == {"type": "http", "scheme": "bearer"}
    assert description["paths"]["/events"]["post"]["security"] == [{"key": []}]
    assert {"401", "403"} <= set(description["paths"]["/events"]["post"]["responses"])


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    references = [node["$ref"] for node in values(description) if isinstance(node, dict) and "$ref" in node]
    assert references
    for reference in references:
        node: Any = description
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_examples_of_the_description_work(
    description: dict[str, Any],
    flask_app: Flask,
    client: FlaskClient,
    as_admin: dict[str, str],
    publish_again: Callable[..., str],
) -> None:
    flask_app.extensions["aisle"].start = lambda *_: SimpleNamespace(wait=lambda: 0)
    version, tried = publish_again(), 0
    for path, method, operation in calls(description):
        if method != "post":
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for example in schema["examples"]:
            answer = client.post(path.replace("{version}", version), json=example, headers=as_admin)
            assert answer.status_code in (200, 201, 202), (path, example, answer.text)
            tried += 1
    assert tried >= 4


def test_an_id_may_be_text_or_an_integer_in_the_description(description: dict[str, Any]) -> None:
    body = description["components"]["schemas"]["RecommendBody"]
    assert {entry["type"] for entry in body["properties"]["user_id"]["anyOf"]} == {"string", "integer", "null"}
