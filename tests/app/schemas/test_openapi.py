"""GET /openapi.json describes every call, and strict readers accept it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from app.schemas.example import FINDING, RELEASE, RUNNING
from src.core.settings import Settings
from src.store import Store
from tests.curl import running_run, shop_of_examples

SCHEMAS = """
ActivateBody Arm AuditList BoostFields CanaryAnswer CanaryBody CanaryList Category CategoryList CompareBody
ComparisonAnswer DetailedList DetailedRecommendation ErasureAnswer EstimateAnswer EstimateBegun EventBody EventError
EventKind EventsAnswer EventsBody EventsRead ExperimentAnswer ExperimentList ExperimentReportAnswer ExplanationAnswer
FieldError FindingAnswer FindingList Health IdList ItemList ItemRecommendation ListedRelease
NewExperiment NoBody OpinionAnswer PersonAnswer PopularList PopularProduct PredictAnswer PredictBody PreviewAnswer
PreviewBody Problem ProductAnswer ProductList ReasonAnswer RecommendBody ReleaseAnswer ReleaseList
ReplayAnswer ReplayBody ReplayedProductAnswer RulesAnswer RulesBody RulesVersions RunAnswer SearchAnswer SearchBody
SearchHit ShadowAnswer ShadowBody ShopRule SimilarBody StatusAnswer TrainingAnswer TrainingBody UserBody
WhyNot WhyNotAnswer WhyNotBody WithdrawAnswer WithdrawBody
"""
"""Generated clients name their classes after these; a class of the program may have another name."""


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
    """Yield every value of a document at any depth, except examples."""
    yield node
    if isinstance(node, dict):
        node = [child for name, child in node.items() if name not in ("examples", "example")]
    for child in node if isinstance(node, list) else ():
        yield from values(child)


def test_the_description_is_valid_openapi(description: dict[str, Any]) -> None:
    validate(description)


def test_the_description_holds_no_null_but_as_a_default_or_in_an_example(description: dict[str, Any]) -> None:
    for node in values(description):
        assert not isinstance(node, list) or None not in node
        if isinstance(node, dict):
            assert {name for name, value in node.items() if value is None} <= {"default"}


def test_every_call_is_described_and_nothing_else(description: dict[str, Any], flask_app: Flask) -> None:
    there = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in flask_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith(("pages.", "docs.", "dashboard.", "actions.", "static"))
    }
    assert there == {(path, method) for path, method, _ in calls(description)}
    assert len(there) >= 8


def test_every_call_has_a_summary_a_tag_and_a_name_of_its_own(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in calls(description)]
    assert len(names) == len(set(names))
    for path, method, operation in calls(description):
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)


def test_every_call_describes_its_successful_answer(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert good, (path, method)
        for answer in good:
            kinds = {"/metrics": "text/plain"}
            assert answer["content"][kinds.get(path, "application/json")]["schema"]


def test_every_error_is_described_as_a_problem(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                assert list(answer["content"]) == ["application/problem+json"], (path, method, status)


def test_a_call_with_a_body_describes_the_refusals_of_a_body(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        if method in ("post", "put"):
            assert {"400", "411", "413", "415", "422"} <= set(operation["responses"]), path
            assert operation["requestBody"]["content"]["application/json"]["schema"]


ANY_KEY = [{"read_key": []}, {"write_key": []}, {"admin_key": []}]


def test_calls_that_need_a_key_say_whose(description: dict[str, Any]) -> None:
    schemes = description["components"]["securitySchemes"]
    assert {(scheme["type"], scheme["scheme"]) for scheme in schemes.values()} == {("http", "bearer")}
    for name, setting in {"read_key": "READ", "write_key": "WRITE", "admin_key": "ADMIN"}.items():
        assert f"AISLE_{setting}_KEYS" in schemes[name]["description"]
    paths = description["paths"]
    assert paths["/events"]["post"]["security"] == [{"write_key": []}, {"admin_key": []}]
    assert paths["/training"]["post"]["security"] == [{"admin_key": []}]
    for path in ("/events", "/training", "/releases/rollback"):
        assert {"401", "403", "429"} <= set(paths[path]["post"]["responses"])


def test_whether_reading_needs_a_key_is_described_as_it_is(
    description: dict[str, Any], trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    app = make_app(trained_settings.model_copy(update={"read_keys": "reader"}))
    keyed = app.test_client().get("/openapi.json").get_json()
    for path, method in (("/recommend", "post"), ("/popular", "get"), ("/status", "get")):
        assert description["paths"][path][method]["security"] == []
        assert "401" not in description["paths"][path][method]["responses"]
        assert keyed["paths"][path][method]["security"] == ANY_KEY
        assert "401" in keyed["paths"][path][method]["responses"]
    for document in (description, keyed):
        assert document["paths"]["/healthz"]["get"]["security"] == []


def test_headers_of_answers_are_described(description: dict[str, Any]) -> None:
    for path, method, operation in calls(description):
        for status, answer in operation["responses"].items():
            named = set(answer["headers"])
            assert named >= {"X-Release", "X-Request-Id"}, (path, method, status)
            assert ("Retry-After" in named) == (status in ("429", "503")), (path, method, status)
    assert "X-Source" in description["paths"]["/recommend"]["post"]["responses"]["200"]["headers"]
    assert "X-Source" in description["paths"]["/recommend"]["get"]["responses"]["200"]["headers"]
    assert "Location" in description["paths"]["/training"]["post"]["responses"]["202"]["headers"]


def test_a_rating_is_described_by_the_scale_of_the_settings(
    trained_settings: Settings, make_app: Callable[[Settings], Flask]
) -> None:
    app = make_app(trained_settings.model_copy(update={"rating_max": 10.0}))
    rating = app.test_client().get("/openapi.json").get_json()["components"]["schemas"]["EventBody"]["anyOf"][0]
    assert rating["properties"]["value"] == {"type": "number", "minimum": 1.0, "maximum": 10.0}


def test_the_schemas_have_the_names_that_generated_clients_know(description: dict[str, Any]) -> None:
    assert sorted(description["components"]["schemas"]) == SCHEMAS.split()


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
    as_writer: dict[str, str],
    as_admin: dict[str, str],
    publish_again: Callable[..., str],
    trained_store: Store,
) -> None:
    shop, tried = shop_of_examples(flask_app, trained_store, publish_again, as_writer, as_admin), 0
    named = {"version": shop.names[RELEASE], "finding_id": shop.names[FINDING], "run_id": RUNNING, "name": "holdout"}
    for path, method, operation in calls(description):
        if method not in ("post", "put"):
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for example in schema.get("examples", ()):
            address = path.format(product_id="P00001", **named)
            running_run(trained_store)
            sent = json.dumps(example)
            for name, real in shop.names.items():
                sent = sent.replace(name, real)
            kind = "application/json"
            answer = client.open(address, method=method, data=sent, content_type=kind, headers=as_admin)
            assert answer.status_code in (200, 201, 202), (path, example, answer.text)
            tried += 1
    assert tried >= 4


def test_an_id_may_be_text_or_an_integer_in_the_description(description: dict[str, Any]) -> None:
    body = description["components"]["schemas"]["RecommendBody"]
    assert {entry["type"] for entry in body["properties"]["user_id"]["anyOf"]} == {"string", "integer", "null"}
